"""What stands in the state, when it moves, and when it is sent."""

from __future__ import annotations

import json

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.happenings import NO_ACCESS
from unit_tests.properties.lab import CHILDREN, EVERY, Lab
from unit_tests.properties.runs import Destination
from unit_tests.sync import streams

TASKS = ("tasks", "subtasks", "stories", "attachments")
NO_PASS = {"full_scan_interval_hours": 8760}
STORIES = "/tasks/{task_gid}/stories"


@pytest.fixture
def world() -> World:
    return World.empty()


def nothing_missing(asana: Sandbox, destination: Destination, streams: tuple[str, ...]) -> None:
    lab = Lab.around(asana.world)
    assert [line for s in streams for line in lab.missing(asana, destination, s)] == []


def test_a_newly_shared_project_comes_whole(world: World) -> None:
    known, hidden = world.add_project("Known"), world.add_project("Hidden", private=True)
    for project in (known, hidden):
        for number in range(3):
            task = world.add_task(f"T{number}", projects=[project])
            world.comment(world.add_task("Below", parent=task))
            world.add_attachment(task)
    world.clock.advance(10)
    with Sandbox(world) as asana:
        destination = Destination()
        destination.sync(asana, TASKS)
        asana.clock.advance(3600)
        world.share_project(hidden)
        done = destination.sync(asana, TASKS, **NO_PASS)
        assert {stream: len(done.records[stream]) for stream in TASKS} == dict.fromkeys(TASKS, 3)
        nothing_missing(asana, destination, TASKS)


def test_a_stream_that_is_added_later_starts_from_nothing() -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        destination = Destination()
        destination.sync(asana, ("tasks",), **NO_PASS)
        asana.clock.advance(3600)
        for streams in (TASKS[:3], TASKS):
            done = destination.sync(asana, streams, **NO_PASS)
            assert done.gids("tasks") == []
            assert done.gids(streams[-1]) == sorted(r["gid"] for r in asana.truth(streams[-1]))
            asana.clock.advance(3600)


@pytest.mark.parametrize("stream", TASKS)
def test_a_stream_that_is_reset_alone_reads_only_itself_again(stream: str) -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        destination = Destination()
        destination.sync(asana, TASKS, **NO_PASS)
        asana.clock.advance(3600)
        del destination.states[stream]
        done = destination.sync(asana, TASKS, **NO_PASS)
        assert done.gids(stream) == sorted(r["gid"] for r in asana.truth(stream))
        assert [other for other in TASKS if other != stream and done.records[other]] == []


def test_a_vanished_project_leaves_the_state_after_a_complete_list_only() -> None:
    lab = Lab()
    world, streams = lab.world, EVERY
    gone = lab.projects[0]
    keyed = ("tasks", "subtasks", "stories", "attachments")
    with Sandbox(world, plan="service") as asana:
        asana.before_request(lambda _path, params: params.update({"limit": "2"} if params else {}))
        destination = Destination()
        destination.sync(asana, streams, **NO_PASS)
        assert all(gone in destination.instants(stream) for stream in keyed)
        world.delete_project(gone)
        asana.clock.advance(60)
        asana.fault("status", r"/projects\?.*offset", times=None)
        assert destination.sync(asana, streams, **NO_PASS).failed
        assert all(gone in destination.instants(stream) for stream in keyed)
        asana.clear_faults()
        assert not destination.sync(asana, streams, **NO_PASS).failed
        assert not any(gone in destination.instants(stream) for stream in keyed)


def test_a_project_list_that_fails_half_way_moves_what_it_named_and_keeps_the_rest() -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        asana.before_request(lambda _path, params: params.update({"limit": "2"} if params else {}))
        destination = Destination()
        destination.sync(asana, TASKS, **NO_PASS)
        before = destination.instants("tasks")
        first, second, third = lab.projects[:3]
        for gid in lab.tasks():
            lab.world.edit_task(gid, name="Changed")
        asana.clock.advance(60)
        asana.fault("status", r"/projects\?.*offset", times=None)
        done = destination.sync(asana, TASKS, **NO_PASS)
        assert done.failed
        assert not any(done.complete(stream) for stream in TASKS)
        after = destination.instants("tasks")
        assert min(after[first], after[second]) > max(before.values())
        assert after[third] == before[third]
        asana.clear_faults()
        assert not destination.sync(asana, TASKS, **NO_PASS).failed
        nothing_missing(asana, destination, TASKS)


@pytest.mark.parametrize("others", [0, 3])
def test_a_task_whose_stories_fail_for_good_is_pending_and_holds_nobody(
    world: World, others: int
) -> None:
    project = world.add_project("P")
    tasks = [world.add_task(f"T{n}", projects=[project]) for n in range(4)]
    for gid in tasks:
        world.comment(gid)
    world.clock.advance(60)
    with Sandbox(world) as asana:
        destination = Destination()
        destination.sync(asana, TASKS, **NO_PASS)
        bad = tasks[0]
        for gid in tasks[: 1 + others]:
            world.comment(gid, "Later")
        asana.clock.advance(60)
        fault = asana.fault("status", f"/tasks/{bad}/stories", times=None)
        for _ in range(3):
            before, hits = destination.instants("stories"), fault.hits
            done = destination.sync(asana, TASKS, **NO_PASS)
            assert done.failed
            assert destination.instants("stories")[project] > before[project]
            due = [gid for gid, how in destination.tasks("stories").items() if how == "due"]
            assert due == [bad]
            assert fault.hits > hits
            asana.clock.advance(60)
        asana.clear_faults()
        done = destination.sync(asana, TASKS, **NO_PASS)
        assert not done.failed
        assert {record["task_id"] for record in done.records["stories"]} == {bad}
        assert set(destination.tasks("stories").values()) == {"read"}
        nothing_missing(asana, destination, TASKS)
        asana.reset_log()
        asana.clock.advance(60)
        destination.sync(asana, TASKS, **NO_PASS)
        assert asana.requests(STORIES) == 0


def test_many_tasks_whose_stories_are_refused_are_all_read_later(world: World) -> None:
    project = world.add_project("P")
    for number in range(130):
        world.add_story(world.add_task(f"T{number}", projects=[project]), "A comment")
    world.clock.advance(60)
    with Sandbox(world) as asana:
        destination = Destination()
        asana.fault("status", "/stories", times=None, **NO_ACCESS)
        destination.sync(asana, ("tasks", "stories"), **NO_PASS)
        assert set(destination.tasks("stories").values()) == {"due"}
        asana.clear_faults()
        assert not destination.sync(asana, ("tasks", "stories"), **NO_PASS).failed
        nothing_missing(asana, destination, ("tasks", "stories"))
        assert set(destination.tasks("stories").values()) == {"read"}


@pytest.mark.slow
def test_a_state_takes_few_characters_a_record(world: World) -> None:
    for number in range(150):
        project = world.add_project(f"P{number}")
        world.add_status_update(project)
        for _ in range(4):
            world.comment(world.add_task("T", projects=[project]))
    with Sandbox(world, plan="service") as asana:
        destination = Destination()
        done = destination.sync(asana, EVERY)
        for stream in EVERY:
            size = len(json.dumps(destination.state_of(stream), separators=(",", ":")))
            rows = len(done.records["tasks" if stream in CHILDREN else stream])
            # Of a gate, the parent and its newest child; of a listing, its instant.
            kept = rows if "gates" in destination.state_of(stream) else 0
            kept += len(destination.instants(stream))
            columns = 6 * len(streams()[stream]["json_schema"]["properties"])
            assert size <= 11 * (rows + kept) + columns + 1000, (stream, size, rows)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_a_killed_first_read_of_one_big_project_repeats_little(world: World, share: float) -> None:
    project = world.add_project("Big")
    count = 300
    for number in range(count):
        stamp = f"2026-01-{1 + number // 24:02d}T{number % 24:02d}:00:00.000Z"
        task = world.add_task(f"T{number}", projects=[project], created_at=stamp)
        world.add_story(task, created_at=stamp)
    with Sandbox(world) as asana:
        destination = Destination()
        kill_after = count + int(share * 2 * count)
        killed = destination.sync(asana, ("tasks", "stories"), kill_after=kill_after)
        committed = {record["gid"] for record in killed.before_last_state["stories"]}
        assert len(committed) > share * count / 4
        asana.clock.advance(60)
        done = destination.sync(asana, ("tasks", "stories"))
        assert not done.failed
        repeated = [gid for gid in done.gids("stories") if gid in committed]
        # What eight workers had under way when the last state was printed, and a tenth.
        assert len(repeated) <= 8 + 0.1 * len(committed), (len(repeated), len(committed))
        nothing_missing(asana, destination, ("tasks", "stories"))


@pytest.mark.parametrize("start", [0])
def test_every_state_comes_after_the_records_that_it_covers(start: int) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced") as asana:
        streams = (*TASKS, "projects", "project_status_updates", "sections", "goal_memberships")
        whole = Destination().sync(asana, streams)
        for kill_after in range(1 + start, whole.messages, 9):
            destination = Destination()
            destination.sync(asana, streams, kill_after=kill_after)
            asana.clock.advance(3600)
            assert not destination.sync(asana, streams).failed
            found = [line for s in streams for line in lab.missing(asana, destination, s)]
            assert found == [], kill_after
