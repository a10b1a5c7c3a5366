"""Changes without a timestamp, where search and listing pass meet."""

from __future__ import annotations

from typing import Any

from sandbox import Sandbox, World
from source_asana.http.clock import from_millis, to_millis
from unit_tests.sync import Sync, read

DAY = 86_400
EVERY_SYNC = {"incremental": True, "full_scan_interval_hours": 0}
BOTH = ["tasks", "subtasks"]


def world() -> tuple[World, str, str, str]:
    """Return a world of yesterday, its project, a task and a subtask of another one."""
    made = World.empty()
    project = made.add_project("P")
    task = made.add_task("T", projects=[project])
    parent = made.add_task("Parent", projects=[project])
    subtask = made.add_task("S", parent=parent)
    made.clock.advance(DAY)
    return made, project, task, subtask


def likes(sync: Sync) -> dict[str, int]:
    """Return the likes of every record, the last one of each name."""
    return {r["name"]: r["num_likes"] for stream in BOTH for r in sync.records[stream]}


def test_a_like_after_a_change_that_a_search_sent_lately_is_sent_by_the_pass() -> None:
    made, _, task, subtask = world()
    with Sandbox(made, plan="paid") as asana:
        state = read(asana, BOTH, **EVERY_SYNC).state
        asana.clock.advance(30)
        made.edit_task(task, name="T2")
        made.edit_subtask(subtask, name="S2")
        asana.clock.advance(30)
        changed = read(asana, BOTH, state=state, **EVERY_SYNC)
        assert {"T2", "S2"} <= likes(changed).keys()
        asana.clock.advance(30)
        made.like(task)
        made.like(subtask)
        liked = likes(read(asana, BOTH, state=changed.state, **EVERY_SYNC))
    assert (liked["T2"], liked["S2"]) == (1, 1)


def test_a_like_between_search_and_listing_is_not_lost_in_the_digest() -> None:
    made, _, task, subtask = world()
    liked: list[str] = []

    def like(path: str, params: Any) -> None:
        if path.endswith("/tasks") and params.get("project") and not liked:
            liked.extend((task, subtask))
            for gid in liked:
                made.like(gid)

    with Sandbox(made, plan="paid") as asana:
        state = read(asana, BOTH, **EVERY_SYNC).state
        asana.clock.advance(DAY)
        made.edit_task(task, name="T2")
        made.edit_subtask(subtask, name="S2")
        asana.before_request(like)
        changed = read(asana, BOTH, state=state, **EVERY_SYNC)
        asana.before_request(None)
        asana.clock.advance(DAY)
        later = read(asana, BOTH, state=changed.state, **EVERY_SYNC)
    assert liked
    arrived = {**likes(changed), **likes(later)}
    assert (arrived["T2"], arrived["S2"]) == (1, 1)


def test_a_pass_sends_nothing_older_than_the_start_date() -> None:
    made = World.empty()
    project = made.add_project("P")
    made.add_task("Old", projects=[project])
    made.clock.advance(DAY)
    new = made.add_task("New", projects=[project])
    start = from_millis(to_millis(made[new]["modified_at"]) or 0)
    options = {**EVERY_SYNC, "start_date": start}
    for streams in (["tasks"], BOTH):
        with Sandbox(made, plan="free") as asana:
            first = read(asana, streams, **options)
            asana.clock.advance(DAY)
            second = read(asana, streams, state=first.state, **options)
        assert [record["name"] for record in first.records["tasks"]] == ["New"]
        assert second.gids("tasks") == []


def test_a_task_that_came_silently_is_whole_when_its_own_project_is_shared() -> None:
    made = World.empty()
    seen, hidden = made.add_project("Seen"), made.add_project("Hidden", private=True)
    made.clock.advance(DAY)
    options = {"incremental": True, "full_scan_interval_hours": 8760}
    with Sandbox(made, plan="free") as asana:
        first = read(asana, ["tasks"], **options)
        asana.clock.advance(60)
        task = made.add_task("T", projects=[hidden])
        asana.clock.advance(60)
        second = read(asana, ["tasks"], state=first.state, **options)
        made.move_task(task, add_project=seen)
        asana.clock.advance(60)
        third = read(asana, ["tasks"], state=second.state, **options)
        made.share_project(hidden)
        last = read(asana, ["tasks"], state=third.state, **options)
    assert last.gids("tasks") == [task]


def test_a_listing_that_is_refused_in_its_turn_is_passed_by_the_next_sync() -> None:
    made, project, _, subtask = world()
    options = {"incremental": True, "full_scan_interval_hours": 24}
    with Sandbox(made, plan="free") as asana:
        first = read(asana, BOTH, **options)
        made.like(subtask)
        asana.clock.advance(DAY)
        asana.fault(
            "status", f"/tasks?.*project={project}", times=None, status=403, message="No access"
        )
        refused = read(asana, BOTH, state=first.state, **options)
        asana.clear_faults()
        asana.clock.advance(60)
        last = read(asana, BOTH, state=refused.state, **options)
    assert refused.warnings
    assert likes(last).get("S") == 1


def test_a_second_walk_does_not_repeat_what_the_first_one_sent() -> None:
    made, _, _, subtask = world()
    with Sandbox(made, plan="free") as asana:
        first = read(asana, BOTH, **EVERY_SYNC)
        asana.clock.advance(DAY)
        made.edit_subtask(subtask, name="S2")
        asana.clock.advance(60)
        second = read(asana, BOTH, state=first.state, **EVERY_SYNC)
    assert second.gids("subtasks") == [subtask]


def test_a_task_that_slips_through_between_two_listings_is_not_sent_again() -> None:
    made = World.empty()
    listed, unlisted = made.add_project("Listed first"), made.add_project("Listed later")
    task = made.add_task("T", projects=[unlisted])
    made.add_task("Other", projects=[listed])
    made.add_task("S", parent=task)
    made.comment(task, "Hello")
    made.clock.advance(DAY)
    streams = [*BOTH, "stories"]
    slipped: list[str] = []

    def move(path: str, params: Any) -> None:
        if path == "/tasks" and params.get("project") == unlisted and not slipped:
            slipped.append(task)
            made.move_task(task, add_project=listed, remove_project=unlisted)

    with Sandbox(made, plan="free") as asana:
        sync = read(asana, streams, num_workers=1, **EVERY_SYNC)
        asana.clock.advance(DAY)
        asana.before_request(move)
        missed = read(asana, streams, state=sync.state, num_workers=1, **EVERY_SYNC)
        asana.before_request(None)
        asana.clock.advance(DAY)
        last = read(asana, streams, state=missed.state, num_workers=1, **EVERY_SYNC)
    assert slipped
    sent = [{name: made_of.gids(name) for name in streams} for made_of in (missed, last)]
    nothing: dict[str, list[str]] = {name: [] for name in streams}
    assert sent == [nothing, {**nothing, "tasks": [task]}]
