"""What moves no timestamp arrives with the next sync, as the events of its project tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import Sandbox, World
from source_asana.cursors.states import States
from source_asana.http.budget import Budget
from source_asana.tasks import hinted
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    DAY,
    FAMILY,
    HOUR,
    asked,
    new_world,
    tombstones,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

AUTO: dict[str, Any] = {"change_detection": "auto", "track_deletions": True}
Change = Callable[[World], object]


def prepared() -> World:
    """Return a world of two projects, where each task has a subtask, comments and files."""
    world = new_world()
    ann = world.add_user("Ann")
    projects = [world.add_project(name) for name in ("One", "Two", "Three")]
    for project in projects:
        world.add_section(project, f"Done {project}")
        world.add_attachment(project)
    for number in range(6):
        task = world.add_task(f"Task {number}", projects=[projects[number % 3]], assignee=ann)
        below = world.add_task(f"Below {number}", parent=task)
        world.add_task(f"Further below {number}", parent=below)
        for one in (task, below):
            world.comment(one)
            world.add_attachment(one)
    world.add_task("Alone", assignee=ann)
    world.add_tag("Tag")
    return world


def story_of(world: World, name: str) -> str:
    return next(s for s in world.of_kind("story") if s["_within"] == world.find(name))["gid"]


def file_of(world: World, name: str) -> str:
    return next(a for a in world.of_kind("attachment") if a["_within"] == world.find(name))["gid"]


def section_of(world: World, project: str) -> str:
    return world.find(f"Done {world.find(project)}")


CHANGES: dict[str, Change] = {
    "moved to another section": lambda w: w.move_to_section(w.find("Task 0"), section_of(w, "One")),
    "moved to another project": lambda w: w.move_task(
        w.find("Task 0"), add_project=w.find("Two"), remove_project=w.find("One")
    ),
    "added to a second project": lambda w: w.move_task(w.find("Task 0"), add_project=w.find("Two")),
    "taken out of all projects": lambda w: w.move_task(
        w.find("Task 0"), remove_project=w.find("One")
    ),
    "edited": lambda w: w.edit_task(w.find("Task 0"), notes="Edited"),
    "renamed": lambda w: w.edit_task(w.find("Task 0"), name="Renamed"),
    "subtask edited": lambda w: w.edit_subtask(w.find("Below 0"), notes="Edited"),
    "subtask renamed": lambda w: w.edit_subtask(w.find("Below 0"), name="Renamed"),
    "new task": lambda w: w.add_task("New", projects=[w.find("One")]),
    "new subtask": lambda w: w.add_task("New", parent=w.find("Task 0")),
    "new subtask below a subtask": lambda w: w.add_task("New", parent=w.find("Further below 0")),
    "subtask moved below another task": lambda w: w.set_parent(
        w.find("Below 0"), w.find("Task 1"), moves_stamp=False
    ),
    "subtask became a task": lambda w: (
        w.move_task(w.find("Below 0"), add_project=w.find("One")),
        w.set_parent(w.find("Below 0"), None, moves_stamp=False),
    ),
    "task became a subtask": lambda w: (
        w.set_parent(w.find("Task 0"), w.find("Task 1"), moves_stamp=False),
        w.move_task(w.find("Task 0"), remove_project=w.find("One")),
    ),
    "comment": lambda w: w.comment(w.find("Task 0")),
    "comment on a subtask": lambda w: w.comment(w.find("Below 0")),
    "comment edited": lambda w: w.edit_comment(story_of(w, "Task 0")),
    "comment on a subtask edited": lambda w: w.edit_comment(story_of(w, "Below 0")),
    "comment deleted": lambda w: w.delete_story(story_of(w, "Task 0")),
    "file": lambda w: w.add_attachment(w.find("Below 0")),
    "file deleted": lambda w: w.delete_attachment(file_of(w, "Task 0")),
    "file of a project": lambda w: w.add_attachment(w.find("One"), "new.pdf"),
    "task deleted": lambda w: w.delete(w.find("Task 0")),
    "subtask deleted": lambda w: w.delete(w.find("Below 0")),
    "last subtask deleted": lambda w: w.delete(w.find("Further below 0")),
    "deleted and restored": lambda w: (w.delete(g := w.find("Task 0")), w.undelete(g)),
    "project deleted": lambda w: w.delete(w.find("One")),
    "project renamed": lambda w: w.edit_project(w.find("One"), name="Renamed"),
    "section renamed": lambda w: w.rename_section(section_of(w, "One"), "Renamed"),
    "section deleted": lambda w: w.delete_section(
        w[w.find("Task 0")]["_sections"][w.find("One")], into=section_of(w, "One")
    ),
}


@pytest.mark.parametrize("plan", ["advanced", "free"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_arrives_with_the_next_sync(change: str, plan: str) -> None:
    world = prepared()
    with Sandbox(world, plan=plan) as asana:
        destination = Destination()
        for _ in range(2):
            destination.sync(asana, FAMILY, **AUTO)
            asana.clock.advance(HOUR)
        CHANGES[change](world)
        asana.clock.advance(HOUR)
        done = destination.sync(asana, FAMILY, **AUTO)
        assert not done.errors
        assert unlike_asana(asana, destination, *FAMILY) == []
        asana.clock.advance(HOUR)
        asana.reset_log()
        done = destination.sync(asana, FAMILY, **AUTO)
        assert not any(done.records.values())
        if plan == "advanced":
            assert asked(asana, "/tasks") == 0


def synced(asana: Sandbox, *streams: str, times: int = 2, **settings: Any) -> Destination:
    """Return what so many syncs, an hour apart, have brought."""
    destination = Destination()
    for _ in range(times):
        destination.sync(asana, streams or FAMILY, **{**AUTO, **settings})
        asana.clock.advance(HOUR)
    return destination


EASY = ("moved to another section", "edited", "comment edited", "subtask renamed", "task deleted")


@pytest.mark.parametrize("kept", ["tasks", "subtasks", "stories", "attachments"])
def test_a_state_that_was_not_committed_loses_nothing(kept: str) -> None:
    """States are committed one by one: each has the tokens that it needs."""
    world = prepared()
    with Sandbox(world, plan="advanced", sync_forward=True) as asana:
        destination = synced(asana)
        for change in ("moved to another section", "comment edited", "subtask renamed"):
            CHANGES[change](world)
        asana.clock.advance(HOUR)
        before = dict(destination.states)
        rows = {stream: dict(held) for stream, held in destination.rows.items()}
        destination.sync(asana, FAMILY, **AUTO)
        # Only one stream's records and state have reached the destination.
        destination.states = {**before, kept: destination.states[kept]}
        destination.rows |= {stream: rows[stream] for stream in FAMILY if stream != kept}
        asana.clock.advance(HOUR)
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []


@pytest.mark.parametrize("kill_after", range(1, 12, 2))
def test_a_kill_between_answer_and_state_loses_nothing(kill_after: int) -> None:
    world = prepared()
    with Sandbox(world, plan="advanced", sync_forward=True) as asana:
        destination = synced(asana)
        for change in EASY:
            CHANGES[change](world)
        asana.clock.advance(HOUR)
        destination.sync(asana, FAMILY, kill_after=kill_after, **AUTO)
        asana.clock.advance(HOUR)
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []


@pytest.mark.parametrize("how", ["lost", "repeated", "late"])
def test_what_events_do_not_tell_comes_with_the_full_scan(how: str) -> None:
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana)
        world.deliver_events(**{how: 1.0}, delay=10 * DAY)
        for change in ("moved to another section", "subtask deleted", "new subtask", "renamed"):
            CHANGES[change](world)
        asana.clock.advance(HOUR)
        done = destination.sync(asana, FAMILY, **AUTO)
        wrong_now = unlike_asana(asana, destination, *FAMILY)
        assert bool(wrong_now) == (how != "repeated")
        assert set(tombstones(done)) <= {"subtasks", "stories", "attachments"}
        asana.clock.advance(8 * DAY)
        destination.sync(asana, FAMILY, **AUTO)
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_likes_and_tags_come_when_asana_tells_of_them() -> None:
    world = prepared()
    world.deliver_events(silent=True)
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana)
        world.like(world.find("Task 0"))
        world.tag(world.find("Task 1"), world.find("Tag"))
        world.add_dependency(world.find("Task 2"), world.find("Task 3"))
        asana.clock.advance(HOUR)
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_syncs_more_than_a_day_apart_ask_no_events() -> None:
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana)
        for _ in range(2):
            asana.clock.advance(26 * HOUR)
            asana.reset_log()
            CHANGES["edited"](world)
            done = destination.sync(asana, FAMILY, **AUTO)
            assert not done.errors
            assert asked(asana, "/events") == 0
            assert unlike_asana(asana, destination, *FAMILY) == []


def test_a_refused_token_has_its_project_listed() -> None:
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana)
        asana.api.settings.sync_lives[world.find("One")] = 0
        CHANGES["moved to another section"](world)
        asana.clock.advance(HOUR)
        asana.reset_log()
        done = destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert asked(asana, "/tasks") == 1
        assert not done.errors


def test_a_token_without_the_scope_is_refused_once(caplog: pytest.LogCaptureFixture) -> None:
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        asana.fault("status", "/events", status=403, message="Missing scope: events", times=None)
        destination = synced(asana)
        CHANGES["edited"](world)
        asana.clock.advance(HOUR)
        asana.reset_log()
        caplog.clear()
        destination.sync(asana, FAMILY, **AUTO)
        assert asked(asana, "/events") == 1
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert caplog.text.count("The token may not read events") == 1


def test_a_busy_project_is_listed_instead() -> None:
    """A long chain of events costs no more than the listing."""
    world = prepared()
    project = world.find("One")
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana)
        for number in range(1_000):
            world.edit_task(world.find("Task 0"), notes=str(number))
        world.move_to_section(world.find("Task 3"), section_of(world, "One"))
        asana.clock.advance(HOUR)
        asana.reset_log()
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert sum(e.path == "/events" and e.params["resource"] == project for e in asana.log) < 8


def test_a_task_that_leaves_for_a_project_that_is_not_read() -> None:
    world = prepared()
    other = world.add_project("Other")
    settings = {**AUTO, "exclude_project_ids": [other]}
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana, exclude_project_ids=[other])
        world.move_task(world.find("Task 0"), add_project=other, remove_project=world.find("One"))
        world.move_task(world.find("Task 1"), add_project=other)
        asana.clock.advance(HOUR)
        done = destination.sync(asana, FAMILY, **settings)
        assert tombstones(done) == {}
        held = destination.rows["tasks"][world.find("Task 0")]
        assert [one["gid"] for one in held["projects"]] == [other]
        asana.clock.advance(HOUR)
        done = destination.sync(asana, FAMILY, **settings)
        assert not any(done.records.values())


def test_only_what_was_selected_is_read() -> None:
    """Without `tasks` its tasks are read for their comments all the same."""
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana, "stories")
        CHANGES["comment on a subtask edited"](world)
        CHANGES["comment deleted"](world)
        asana.clock.advance(HOUR)
        asana.reset_log()
        destination.sync(asana, ["stories"], **AUTO)
        assert unlike_asana(asana, destination, "stories") == []
        assert len(asana.log) < 20


@pytest.mark.parametrize("mode", ["search", "listing"])
def test_no_events_are_asked_where_the_user_says_so(mode: str) -> None:
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        synced(asana, change_detection=mode)
        assert asked(asana, "/events") == 0


def test_a_first_sync_asks_for_no_more_tokens_than_the_next_one_would_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = prepared()
    for number in range(9):
        world.add_project(f"Project {number}")
    monkeypatch.setattr(Budget, "per_minute", 5)
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana, times=1)
        assert asked(asana, "/events") <= 5
        assert "tokens" not in destination.state_of("tasks")
        asana.reset_log()
        CHANGES["edited"](world)
        destination.sync(asana, FAMILY, **AUTO)
        assert asked(asana, "/events") == 0
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_tokens_that_asana_no_longer_takes_leave_the_state() -> None:
    with Sandbox(prepared(), plan="advanced") as asana:
        destination = synced(asana)
        assert "tokens" in destination.state_of("tasks")
        asana.clock.advance(26 * HOUR)
        destination.sync(asana, FAMILY, **{**AUTO, "change_detection": "search"})
        assert "tokens" not in destination.state_of("tasks")


def test_a_full_refresh_asks_no_events() -> None:
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        Destination().sync(asana, FAMILY, refreshed=FAMILY, **AUTO)
        assert asked(asana, "/events") == 0


def test_events_replace_listings_that_have_subtasks_which_only_stories_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A full scan takes more than five minutes of it, but the listings alone do not.
    monkeypatch.setattr(Budget, "per_minute", 3)
    streams = ("tasks", "stories")
    with Sandbox(prepared(), plan="free") as asana:
        destination = synced(asana, *streams, times=3)
        asana.reset_log()
        destination.sync(asana, streams, **AUTO)
        assert asked(asana, "/events") == 3
        assert asked(asana, "/tasks/{task_gid}/subtasks") == 0


def test_events_replace_listings_on_a_free_plan() -> None:
    world = prepared()
    settings = {**AUTO, "change_detection": "events"}
    with Sandbox(world, plan="free") as asana:
        destination = synced(asana, change_detection="events")
        for change in (
            "moved to another section",
            "edited",
            "comment edited",
            "subtask deleted",
            "new subtask",
        ):
            CHANGES[change](world)
        world.edit_task(world.find("Alone"), notes="Edited")
        asana.clock.advance(HOUR)
        asana.reset_log()
        destination.sync(asana, FAMILY, **settings)
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert not [e for e in asana.log if "project" in e.params and e.path == "/tasks"]
        # The tokens are still good when the daily full scan comes.
        for listed in (0, 3):
            asana.clock.advance(12 * HOUR)
            asana.reset_log()
            done = destination.sync(asana, FAMILY, **settings)
            projects = [e for e in asana.log if "project" in e.params and e.path == "/tasks"]
            assert len(projects) == listed
            assert not any(done.records.values())


@pytest.mark.parametrize("plan", ["advanced", "free"])
@pytest.mark.parametrize("how", ["enters", "leaves", "is listed"])
def test_a_subtask_in_a_project_is_current_in_both_streams(how: str, plan: str) -> None:
    """A walk shows it as a subtask alone, and a listing as a task alone."""
    world = prepared()
    alone, project = world.find("Alone"), world.find("Two")
    below = world.add_task("Below alone", parent=alone)
    if how != "enters":
        world.move_task(below, add_project=project)
    settings = {**AUTO, "change_detection": "events"}
    with Sandbox(world, plan=plan) as asana:
        destination = synced(asana, **settings)
        if how == "is listed":
            world.move_to_section(below, done := section_of(world, "Two"))
            world.rename_section(done, "Renamed")
        else:
            # Its parent, of which no event tells, is walked.
            world.edit_task(alone, notes="Edited")
            if how == "enters":
                world.move_task(below, add_project=project)
            else:
                world.move_task(below, remove_project=project)
        asana.clock.advance(HOUR)
        assert not destination.sync(asana, FAMILY, **settings).errors
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_many_silent_moves_have_their_project_listed() -> None:
    """Tasks that a search shows anyway do not count: they cost no request."""
    world = prepared()
    project, done = world.find("One"), section_of(world, "One")
    gids = [world.add_task(f"Further {number}", projects=[project]) for number in range(30)]
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana)
        for gid in gids:
            world.edit_task(gid, notes="Edited")
        asana.clock.advance(HOUR)
        asana.reset_log()
        destination.sync(asana, FAMILY, **AUTO)
        assert asked(asana, "/tasks") + asked(asana, "/tasks/{task_gid}") == 0
        for gid in gids:
            world.move_to_section(gid, done)
        asana.clock.advance(HOUR)
        asana.reset_log()
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert asked(asana, "/tasks") == 1
        assert asked(asana, "/tasks/{task_gid}") == 0


def test_a_walk_that_is_tried_again_does_not_hide_that_its_task_moved() -> None:
    world = prepared()
    task = world.find("Task 0")
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana)
        world.add_task("New", parent=task)
        asana.fault("status", f"/tasks/{task}/subtasks", status=500, times=None)
        asana.clock.advance(HOUR)
        # A full scan walks all tasks; only then the walk of this one is due again.
        destination.sync(asana, FAMILY, **AUTO, full_scan_interval_hours=0)
        asana.clear_faults()
        CHANGES["moved to another section"](world)
        asana.clock.advance(HOUR)
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_a_stream_that_is_added_leaves_the_others_their_events() -> None:
    """Its listings are read, but of an edited comment only the events of the others tell."""
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana, "tasks", "stories")
        CHANGES["comment edited"](world)
        asana.clock.advance(HOUR)
        destination.sync(asana, FAMILY, **AUTO)
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_many_renamed_tasks_have_their_project_listed() -> None:
    """The listing shows their names, and walking it those of their parents."""
    world = prepared()
    project = world.find("One")
    gids = [world.add_task(f"Further {number}", projects=[project]) for number in range(30)]
    for gid in gids[:3]:
        world.add_task(f"Below {gid}", parent=gid)
    with Sandbox(world, plan="free") as asana:
        destination = synced(asana, change_detection="events")
        for gid in gids:
            world.edit_task(gid, name=f"Renamed {gid}")
        asana.clock.advance(HOUR)
        asana.reset_log()
        destination.sync(asana, FAMILY, **{**AUTO, "change_detection": "events"})
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert asked(asana, "/tasks/{task_gid}") == 0


def test_a_hint_whose_answer_cannot_be_used_is_followed_by_the_next_sync(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = prepared()
    settings = {**AUTO, "change_detection": "events"}
    with Sandbox(world, plan="free") as asana:
        destination = synced(asana, change_detection="events")
        CHANGES["moved to another section"](world)
        CHANGES["comment on a subtask edited"](world)
        world.edit_task(world.find("Task 1"), name="Renamed")
        asana.clock.advance(HOUR)
        with monkeypatch.context() as patch:
            patch.setattr(hinted, "partitions_of", broken)
            done = destination.sync(asana, FAMILY, **settings)
        assert done.errors
        asana.clock.advance(HOUR)
        done = destination.sync(asana, FAMILY, **settings)
        assert not done.errors
        assert unlike_asana(asana, destination, *FAMILY) == []


ODD = (
    b"{}",
    b'{"data":[]}',
    b'{"data":null,"sync":null}',
    b'{"data":null,"sync":"1:2"}',
    b'{"data":[],"sync":7}',
    b'{"data":[null,{}],"sync":"1:2"}',
    b'{"data":[{"action":"changed","resource":"5","parent":[],"change":[]}],"sync":"1:2"}',
    b'{"data":[{"action":"changed","resource":{"gid":"5","resource_type":"task"}}],"sync":"1:2"}',
)


@pytest.mark.parametrize("body", ODD)
def test_answers_about_events_that_say_nothing_end_no_sync(body: bytes) -> None:
    world = prepared()
    with Sandbox(world, plan="free") as asana:
        destination = synced(asana, **AUTO)
        asana.fault("status", "^/events", times=None, status=200, body=body)
        world.edit_task(world.find("Task 0"), name="Renamed")
        done = destination.sync(asana, FAMILY, **AUTO)
        assert not done.errors
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_a_child_of_an_unknown_task_is_asked_for_until_there_is_an_answer() -> None:
    world = prepared()
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana, **AUTO)
        states = [destination.states[name]["stream"]["stream_state"] for name in FAMILY]
        world.deliver_events(lost=1.0)
        edited = story_of(world, "Task 0")
        world.edit_comment(edited, "Edited")
        # As a sync leaves them that could not ask for a file it never sent, and for the comment.
        for state in states:
            state["failed"] = {"attachment/404": "", f"story/{edited}": ""}
        fault = asana.fault("status", "^/attachments/404", times=None, status=500)
        destination.sync(asana, FAMILY, **AUTO)
        assert fault.hits
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert destination.state_of("stories")["failed"] == {"attachment/404": ""}
        asana.clear_faults()
        destination.sync(asana, FAMILY, **AUTO)
        assert "failed" not in destination.state_of("stories")


def broken(*_: object) -> None:
    raise ValueError("an answer as no other")


def test_an_export_of_another_workspace_leaves_a_renamed_section_to_its_listing() -> None:
    """The tokens of all projects are taken before an export begins, and what they tell is kept."""
    world = prepared()
    CHANGES["moved to another section"](world)
    settings = {**AUTO, "bulk_export": True}
    with Sandbox(world, plan="service") as asana:
        destination = synced(asana, bulk_export=True)
        there = world.add_project("There", workspace=world.add_workspace("Second"))
        world.add_task("There", projects=[there])
        CHANGES["section renamed"](world)
        asana.clock.advance(HOUR)
        asana.reset_log()
        done = destination.sync(asana, FAMILY, **settings)
        assert not done.errors
        assert asked(asana, "/exports/resource") == 1
        assert unlike_asana(asana, destination, *FAMILY) == []


def test_events_that_tell_nothing_print_no_states(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {
        "change_detection": "events",
        "full_scan_interval_hours": 8760,
        "include_tasks_without_project": False,
    }
    with Sandbox(prepared(), plan="free") as asana:
        destination = synced(asana, "tasks", **options)
        printed: list[str] = []
        emit = States.emit

        def counted(states: States, stream: str, *args: Any) -> int:
            printed.append(stream)
            return emit(states, stream, *args)

        monkeypatch.setattr("source_asana.cursors.states.pause", lambda _: 0.0)
        monkeypatch.setattr(States, "emit", counted)
        destination.sync(asana, ["tasks"], **{**AUTO, **options})
    assert printed.count("tasks") == 1


@pytest.mark.parametrize("refused", [3, 1])
def test_a_sync_that_is_refused_events_and_listings_fails_where_all_are_refused(
    refused: int,
) -> None:
    options = {
        "change_detection": "events",
        "full_scan_interval_hours": 8760,
        "include_tasks_without_project": False,
    }
    world = prepared()
    projects = "|".join([world.find(name) for name in ("One", "Two", "Three")][:refused])
    with Sandbox(world, plan="free") as asana:
        destination = synced(asana, **options)
        path = rf"^/(tasks|events)\?.*(project|resource)=({projects})\b"
        asana.fault("status", path, times=None, status=403, message="Forbidden")
        done = destination.sync(asana, FAMILY, **{**AUTO, **options})
    said = [one for one in done.errors if "Asana refuses everything" in str(one)]
    assert len(said) == (refused == 3)


@pytest.mark.parametrize("streams", [("tasks",), FAMILY], ids="+".join)
@pytest.mark.parametrize("why", ["section deleted", "token refused", "busy"])
def test_a_listing_that_events_ask_for_and_that_fails_is_read_by_the_next_sync(
    why: str, streams: tuple[str, ...]
) -> None:
    world = prepared()
    project, done = world.find("One"), section_of(world, "One")
    further = [world.add_task(f"Further {number}", projects=[project]) for number in range(30)]
    with Sandbox(world, plan="advanced") as asana:
        destination = synced(asana, *streams)
        match why:
            case "section deleted":
                CHANGES["section deleted"](world)
            case "token refused":
                CHANGES["moved to another section"](world)
                asana.api.settings.sync_lives[project] = 0
            case _:
                for gid in further:
                    world.move_to_section(gid, done)
        asana.clock.advance(HOUR)
        fault = asana.fault("status", rf"/tasks\?.*project={project}", times=None, status=500)
        assert destination.sync(asana, streams, **AUTO).failed
        assert fault.hits
        asana.clear_faults()
        asana.api.settings.sync_lives.clear()
        asana.clock.advance(HOUR)
        asana.reset_log()
        assert not destination.sync(asana, streams, **AUTO).errors
        assert unlike_asana(asana, destination, *streams) == []
        assert asked(asana, "/tasks") == 1


@pytest.mark.parametrize("plan", ["advanced", "free"])
def test_a_hinted_task_that_cannot_be_read_nor_walked_is_read_by_the_next_sync(plan: str) -> None:
    world = prepared()
    task = world.find("Task 0")
    settings = {**AUTO, **({} if plan == "advanced" else {"change_detection": "events"})}
    with Sandbox(world, plan=plan) as asana:
        destination = synced(asana, **settings)
        # A full scan walks all tasks; only then the walk of this one is due again.
        asana.fault("status", f"/tasks/{task}/subtasks", status=500, times=None)
        destination.sync(asana, FAMILY, **{**settings, "full_scan_interval_hours": 0})
        asana.clock.advance(HOUR)
        CHANGES["moved to another section"](world)
        CHANGES["comment edited"](world)
        asana.clock.advance(HOUR)
        fault = asana.fault("status", rf"^/tasks/{task}(\?|$)", status=500, times=None)
        assert destination.sync(asana, FAMILY, **settings).failed
        assert fault.hits
        asana.clear_faults()
        asana.clock.advance(HOUR)
        assert not destination.sync(asana, FAMILY, **settings).errors
        assert unlike_asana(asana, destination, *FAMILY) == []
