"""What was deleted together with its task comes back together with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.findings.copies import (
    DAILY,
    DAY,
    HOUR,
    NO_ACCESS,
    TRACKED,
    TREE,
    Copy,
    ghosts,
    is_tombstone,
    new_world,
    tree,
    wrong,
)
from unit_tests.properties.runs import Record

slow = pytest.mark.slow
LISTING = ("paid", {**TRACKED, "change_detection": "listing"})
# The audit log tells of a deletion, and the full scan of the next day of its end.
AUDIT = ("service", DAILY)
How = tuple[str, dict[str, Any]]


def given() -> tuple[World, str, str]:
    """Return a world, a project, and a task in it that will be deleted; another one stays."""
    world = new_world()
    project = world.add_project("P")
    tree(world, project)
    task = tree(world, project)
    tree(world, world.add_project("Other"))
    world.clock.advance(DAY)
    return world, project, task


@pytest.mark.parametrize(
    ("how", "what"),
    [
        pytest.param(LISTING, "task", id="listing"),
        pytest.param(LISTING, "project", id="listing-project"),
        pytest.param(AUDIT, "task", id="audit"),
    ],
)
def test_a_deletion_that_is_taken_back_after_a_sync(how: How, what: str) -> None:
    world, project, task = given()
    gid = {"task": task, "project": project}[what]
    (plan, options), copy = how, Copy()
    with Sandbox(world, plan=plan) as asana:
        copy.sync(asana, TREE, **options)
        for change, pause in ((world.delete, HOUR), (world.undelete, DAY)):
            asana.clock.advance(HOUR)
            change(gid)
            asana.clock.advance(pause)
            copy.sync(asana, TREE, **options)
        assert wrong(asana, copy) == {}


def test_a_refused_project_beside_it() -> None:
    world, _, task = given()
    copy = Copy()
    with Sandbox(world, plan="service") as asana:
        copy.sync(asana, TREE, **DAILY)
        other = world.find("Other")
        asana.fault("status", rf"/tasks\?.*project={other}", times=None, **NO_ACCESS)
        for change, pause in ((world.delete, HOUR), (world.undelete, DAY)):
            asana.clock.advance(HOUR)
            change(task)
            asana.clock.advance(pause)
            copy.sync(asana, TREE, **DAILY)
        assert wrong(asana, copy) == {}


@pytest.mark.parametrize(
    ("how", "stream"),
    [
        pytest.param(LISTING, "tasks", id="listing-tasks", marks=slow),
        pytest.param(LISTING, "subtasks", id="listing-subtasks"),
        pytest.param(LISTING, "stories", id="listing-stories"),
        pytest.param(LISTING, "attachments", id="listing-attachments", marks=slow),
        pytest.param(AUDIT, "tasks", id="audit-tasks"),
        pytest.param(AUDIT, "stories", id="audit-stories"),
    ],
)
def test_a_kill_between_the_first_tombstone_and_the_state_that_knows_of_it(
    how: How, stream: str
) -> None:
    world, _, task = given()
    (plan, options), copy = how, Copy()
    with Sandbox(world, plan=plan) as asana:
        copy.sync(asana, TREE, **options)
        asana.clock.advance(HOUR)
        world.delete(task)
        asana.clock.advance(HOUR)
        copy.kill_at = lambda message: is_tombstone(message, stream)
        assert copy.sync(asana, TREE, **options).killed
        world.undelete(task)
        asana.clock.advance(DAY)
        copy.sync(asana, TREE, **options)
        assert wrong(asana, copy, [stream]) == {}


@slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [LISTING, AUDIT], ids=["listing", "audit"])
def test_a_kill_at_any_message(how: How) -> None:
    (plan, options), failures = how, {}
    for number in count(1):
        world, _, task = given()
        copy, seen = Copy(), count(1)
        with Sandbox(world, plan=plan) as asana:
            copy.sync(asana, TREE, **options)
            asana.clock.advance(HOUR)
            world.delete(task)
            asana.clock.advance(HOUR)
            copy.kill_at = partial(is_the_nth, seen, number)
            was_killed = copy.sync(asana, TREE, **options).killed
            copy.kill_at = None
            world.undelete(task)
            asana.clock.advance(DAY)
            copy.sync(asana, TREE, **options)
            if found := wrong(asana, copy):
                failures[number] = found
        if not was_killed:
            break
    assert failures == {}


def is_the_nth(seen: Iterator[int], number: int, message: Record) -> bool:
    """Return whether a message is the record or state of this number."""
    return message["type"] in {"RECORD", "STATE"} and next(seen) == number


def test_a_workspace_that_was_not_selected_for_one_sync() -> None:
    world = new_world()
    away = world.add_workspace("Away")
    tree(world, world.add_project("Here"))
    project = world.add_project("There", workspace=away)
    deleted, commented = tree(world, project), tree(world, project)
    world.clock.advance(DAY)
    copy = Copy()
    with Sandbox(world) as asana:
        for chosen in ([], [world.workspace], []):
            copy.sync(asana, TREE, workspace_ids=chosen, **TRACKED)
            asana.clock.advance(HOUR)
        world.delete(deleted)
        world.delete(world.listed("task.stories", commented).gids[0])
        asana.clock.advance(HOUR)
        copy.sync(asana, TREE, **TRACKED)
        assert ghosts(asana, copy) == {}


@slow
def test_a_project_that_is_deleted_just_before_its_tasks_are_read() -> None:
    world, project, task = given()
    copy, options = Copy(), {**TRACKED, "full_scan_interval_hours": 24}
    gone = {"status": 404, "message": "Unknown object", "times": None}
    with Sandbox(world) as asana:
        copy.sync(asana, ["tasks"], **options)
        asana.clock.advance(DAY)
        for path in (rf"/tasks\?.*project={project}", rf"^/tasks/{task}(\?|$)"):
            asana.fault("status", path, **gone)
        assert copy.sync(asana, ["tasks"], **options).gids("tasks") == [task]
        # It is undeleted, and no stamp moves.
        asana.clear_faults()
        asana.clock.advance(HOUR)
        copy.sync(asana, ["tasks"], **options)
        assert wrong(asana, copy, ["tasks"]) == {}
