"""A task whose stories are due has them read, and nothing of it counts as missing before."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    ALWAYS,
    DAY,
    FAMILY,
    HARDLY,
    HOUR,
    asked,
    new_world,
    print_every_state,
    sent,
    tombstones,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

NO_ACCESS = {"status": 403, "message": "You do not have access to this task."}
BOTH = ("stories", "attachments")


@pytest.mark.parametrize(
    ("how", "track_deletions"), [("failed", False), ("failed", True), ("killed", True)]
)
def test_children_of_a_task_that_left_every_list_while_they_were_due_come(
    how: str, monkeypatch: pytest.MonkeyPatch, *, track_deletions: bool
) -> None:
    print_every_state(monkeypatch)
    world = new_world()
    project = world.add_project("P")
    task = world.add_task("T", projects=[project])
    old = world.comment(task, "Said and deleted")
    for number in range(3):
        world.add_task(f"Other {number}", projects=[project])
    options = {"track_deletions": track_deletions, **ALWAYS}
    with Sandbox(world) as asana:
        destination = Destination()
        for _ in range(2):
            asana.clock.advance(DAY)
            destination.sync(asana, ("stories",), **options)
        world.delete_story(old)
        new = world.comment(task, "Said now")
        asana.clock.advance(HOUR)
        path = rf"^/tasks/{task}/stories"
        asana.fault("status", path, times=None, status=400, message="Bad")
        for number in range(3 if how == "killed" else 0):
            # Three stories, and two states at least, are printed meanwhile.
            world.comment(world.find(f"Other {number}"))
        kill_after = 5 if how == "killed" else None
        unread = destination.sync(asana, ("stories",), kill_after=kill_after, **options)
        assert unread.killed if how == "killed" else unread.failed
        assert new not in sent(unread).get("stories", [])
        assert tombstones(unread) == {}
        asana.clear_faults()
        world.move_task(task, remove_project=project)
        asana.clock.advance(HOUR)
        done = destination.sync(asana, ("stories",), **options)
        assert not done.failed, done.errors
    assert new in sent(done)["stories"]
    assert tombstones(done) == ({"stories": [old]} if track_deletions else {})


def test_a_task_that_is_read_twice_in_a_sync_is_not_complete() -> None:
    world = new_world()
    first, second = world.add_project("First"), world.add_project("Second")
    task = world.add_task("T", projects=[first, second])
    deleted, _ = world.comment(task, "Deleted between both reads"), world.comment(task, "Stays")
    stories = f"/tasks/{task}/stories"
    with Sandbox(world) as asana:
        destination = Destination()
        for _ in range(2):
            asana.clock.advance(DAY)
            destination.sync(asana, ("stories",), track_deletions=True, **ALWAYS)
        world.comment(task, "New")
        asana.clock.advance(HOUR)
        asana.reset_log()

        # The second listing has to wait until the first one's task was read.
        wait = asana.fault("rate_limited", rf"project={second}\b", times=None)

        def delete_after_the_first_read(path: str, params: dict[str, str]) -> None:
            del path
            if params.get("project") == second and asked(asana, stories) and deleted in world:
                world.delete_story(deleted)
                wait.times = 0

        asana.before_request(delete_after_the_first_read)
        destination.sync(asana, ("stories",), track_deletions=True, **ALWAYS)
        asana.before_request(None)
        assert asked(asana, stories) == 2
        asana.clock.advance(HOUR)
        destination.sync(asana, ("stories",), track_deletions=True, **HARDLY)
        assert unlike_asana(asana, destination, "stories") == []
    assert deleted not in world


@pytest.mark.parametrize("track_deletions", [False, True])
def test_a_refusal_for_a_task_that_was_shown_may_pass(*, track_deletions: bool) -> None:
    world = new_world()
    project = world.add_project("P")
    task = world.add_task("T", projects=[project])
    below = world.add_task("Below it", parent=task)
    for one in (task, below, world.add_task("Other", projects=[project])):
        world.comment(one)
        world.add_attachment(one)
    options: dict[str, Any] = {
        "track_deletions": track_deletions,
        "change_detection": "auto",
        **HARDLY,
    }
    with Sandbox(world) as asana:
        destination = Destination()
        asana.clock.advance(DAY)
        destination.sync(asana, FAMILY, **options)
        for one in (task, below):
            world.comment(one)
            world.add_attachment(one)
        asana.clock.advance(DAY)
        refusal = asana.fault(
            "status", rf"(/tasks/|parent=)({task}|{below})(/stories|$|&)", times=None, **NO_ACCESS
        )
        destination.sync(asana, FAMILY, **options)
        hits = refusal.hits
        asana.clear_faults()
        asana.clock.advance(HOUR)
        done = destination.sync(asana, FAMILY, **options)
        assert unlike_asana(asana, destination, *FAMILY) == []
        asana.clock.advance(HOUR)
        quiet = destination.sync(asana, FAMILY, **options)
    assert hits == 4
    assert set(sent(done)) == set(BOTH)
    assert (sent(quiet), tombstones(done), tombstones(quiet)) == ({}, {}, {})
