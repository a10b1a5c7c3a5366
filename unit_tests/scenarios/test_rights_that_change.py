"""Another token, a narrower one, or a further column spoils no row and leaves none behind."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.properties.lab import DELETED
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    ALWAYS,
    DAY,
    FAMILY,
    HARDLY,
    HOUR,
    new_world,
    print_every_state,
    sent,
    tombstones,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

STREAMS = ("tags", "projects", "sections", "project_status_updates", "portfolio_items", *FAMILY)


def test_nothing_counts_as_deleted_for_a_guest_to_whom_asana_answers_404(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    print_every_state(monkeypatch)
    world = new_world()
    guest = world.add_user("Guest")
    world.make_guest(guest)
    shown, other = world.add_project("Shown", members=[world.me, guest]), world.add_project("Other")
    world.add_portfolio("Portfolio", items=[shown, other])
    world.add_tag("Tag")
    for project in (shown, other):
        world.add_status_update(project)
        parent = world.add_task("Parent", projects=[project])
        for task in (parent, world.add_task("Below it", parent=parent)):
            world.comment(task)
            world.add_attachment(task)
    options: dict[str, Any] = {"track_deletions": True, **ALWAYS}
    with Sandbox(world, plan="advanced") as asana:
        asana.add_token("the-guests", user=guest)
        swapped = {"credentials": {"personal_access_token": "the-guests"}}
        destination = Destination()
        for _ in range(2):
            asana.clock.advance(DAY)
            destination.sync(asana, STREAMS, **options)
        unknown = {"status": 404, "message": "task: Unknown object: 1"}
        fault = asana.fault("status", r"^/[a-z_]+/\d+(\?|$)", times=None, **unknown)
        for kill_after in (3, None, None):
            asana.clock.advance(DAY)
            done = destination.sync(asana, STREAMS, kill_after=kill_after, **options, **swapped)
            assert tombstones(done) == {}
        assert asana.truth("tasks", "the-guests") != asana.truth("tasks")
        fault.times = 0
        asana.clock.advance(DAY)
        done = destination.sync(asana, STREAMS, **options)
        assert tombstones(done) == {}
        assert unlike_asana(asana, destination, *STREAMS) == []
        world.delete(world.find("Below it"))
        asana.clock.advance(DAY)
        done = destination.sync(asana, STREAMS, **options)
        assert unlike_asana(asana, destination, *STREAMS) == []
    assert set(tombstones(done)) == {"subtasks", "stories", "attachments"}


@pytest.mark.parametrize("status", [500, pytest.param(403, marks=pytest.mark.slow)])
def test_nor_does_what_a_list_shows_that_failed_when_the_token_was_swapped(status: int) -> None:
    world = new_world()
    guest = world.add_user("Guest")
    world.make_guest(guest)
    project = world.add_project("Shown", members=[world.me, guest])
    hidden, kept = (world.add_task(name, projects=[project]) for name in ("Hidden", "Kept"))
    for task in (hidden, kept):
        world.comment(task)
    world.hide(hidden, guest)
    options: dict[str, Any] = {"track_deletions": True, **ALWAYS}
    with Sandbox(world) as asana:
        asana.add_token("the-guests", user=guest)
        swapped = {"credentials": {"personal_access_token": "the-guests"}}
        destination = Destination()
        destination.sync(asana, FAMILY, **options)
        unknown = {"status": 404, "message": "task: Unknown object: 1"}
        asana.fault("status", rf"^/tasks/{hidden}(\?|$)", times=None, **unknown)
        trouble = {"status": status, "message": "No"}
        fault = asana.fault("status", rf"/tasks\?.*project={project}", times=None, **trouble)
        for times in (None, 0, 0):
            fault.times = times
            asana.clock.advance(DAY)
            done = destination.sync(asana, FAMILY, **options, **swapped)
            assert tombstones(done) == {}
        # What the guest sees is tracked as before.
        world.delete(kept)
        asana.clock.advance(DAY)
        done = destination.sync(asana, FAMILY, **options, **swapped)
    assert set(tombstones(done)) == {"tasks", "stories"}


@pytest.mark.parametrize("track_deletions", [False, True])
def test_a_further_column_reaches_the_children_of_tasks_that_do_not_change(
    monkeypatch: pytest.MonkeyPatch, *, track_deletions: bool
) -> None:
    print_every_state(monkeypatch)
    world = new_world()
    project = world.add_project("P")
    for _ in range(3):
        task = world.add_task("T", projects=[project])
        world.comment(task)
        world.add_attachment(task)
    streams = ("stories", "attachments")
    few = ["gid", "created_at", "task_id", "parent_id", "synced_at"]
    few += [DELETED] if track_deletions else []
    narrow = {
        "stories": [name for name in few if name != "parent_id"],
        "attachments": [name for name in few if name != "task_id"],
    }
    wide = {
        "stories": [*narrow["stories"], "text"],
        "attachments": [*narrow["attachments"], "name"],
    }
    options = {"change_detection": "auto", "track_deletions": track_deletions, **HARDLY}
    with Sandbox(world) as asana:
        destination = Destination()
        for _ in range(2):
            asana.clock.advance(DAY)
            destination.sync(asana, streams, columns=narrow, **options)
        for kill_after in (4, None):
            asana.clock.advance(HOUR)
            destination.sync(asana, streams, kill_after=kill_after, columns=wide, **options)
        assert len(destination.rows["stories"]) == len(destination.rows["attachments"]) == 3
        assert all(row.get("text") for row in destination.rows["stories"].values())
        assert all(row.get("name") for row in destination.rows["attachments"].values())
        asana.clock.advance(HOUR)
        quiet = destination.sync(asana, streams, columns=wide, **options)
    assert sent(quiet) == {}


@pytest.mark.parametrize("change_detection", ["listing", "search"])
def test_a_scope_that_was_taken_away_ends_the_stream_and_spoils_no_row(
    change_detection: str,
) -> None:
    world = new_world()
    project = world.add_project("P")
    field = world.add_custom_field("Cost", "number")
    world.set_custom_field(project, field)
    task = world.add_task("T", projects=[project], custom_fields={field: 5})
    world.add_tag("Tag")
    streams = ("tags", "tasks")
    options = {"change_detection": change_detection, **HARDLY}
    with Sandbox(world) as asana:
        destination = Destination()
        asana.clock.advance(DAY)
        destination.sync(asana, streams, **options)
        before = destination.rows["tasks"][task]
        assert before["custom_fields"]
        world.edit_task(task, name="Edited")
        asana.clock.advance(DAY)
        refusal = asana.fault(
            "status",
            r"opt_fields=[^&]*\bcustom_fields\b",
            times=None,
            status=403,
            message="Forbidden: missing the scope custom_fields:read.",
        )
        done = destination.sync(asana, streams, **options)
        assert done.failed
        assert done.complete("tags")
        assert not done.complete("tasks")
        assert any("custom_fields" in error for error in done.errors)
        assert destination.rows["tasks"][task] == before
        refusal.times = 0
        asana.clock.advance(HOUR)
        done = destination.sync(asana, streams, **options)
        assert not done.failed, done.errors
        assert unlike_asana(asana, destination, *streams) == []
