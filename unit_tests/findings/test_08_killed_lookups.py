"""A kill while what is missing is looked up, and deletions while a sync goes on, lose none."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from source_asana.cursors import states
from unit_tests.findings.copies import (
    DAILY,
    DAY,
    HOUR,
    NO_ACCESS,
    TREE,
    YEARLY,
    Copy,
    ghosts,
    is_tombstone,
    new_world,
    state_in,
    tree,
    wrong,
)
from unit_tests.properties.runs import Record

slow = pytest.mark.slow
# More than one slice of them: the last one is answered late.
DELETED_TASKS = 30
SEARCH = "/workspaces/{workspace_gid}/tasks/search"


def deleted_in(asana: Sandbox, copy: Copy, stream: str, options: dict[str, Any]) -> None:
    """Sync, delete tasks, and have Asana answer late for the last one."""
    world = asana.world
    project = world.add_project("P")
    world.add_task(projects=[world.add_project("Other")])
    tasks = [world.add_task(projects=[project]) for _ in range(DELETED_TASKS + 10)]
    for task in tasks:
        world.comment(task)
    world.clock.advance(DAY)
    copy.sync(asana, [stream], **options)
    asana.clock.advance(DAY)
    for task in tasks[:DELETED_TASKS]:
        world.delete(task)
    asana.clock.advance(HOUR)
    asana.fault("slow", f"^/tasks/{tasks[DELETED_TASKS - 1]}", seconds=0.5, times=None)


@pytest.mark.parametrize(
    ("plan", "options", "stream", "refused"),
    [
        pytest.param("paid", DAILY, "tasks", False, id="tasks"),
        pytest.param("paid", DAILY, "stories", False, id="stories"),
        pytest.param("service", YEARLY, "tasks", False, id="audit"),
        pytest.param("paid", DAILY, "tasks", True, id="refused", marks=slow),
        pytest.param("service", YEARLY, "tasks", True, id="refused-audit", marks=slow),
    ],
)
def test_a_kill_while_the_last_of_them_are_looked_up(
    monkeypatch: pytest.MonkeyPatch,
    plan: str,
    options: dict[str, Any],
    stream: str,
    refused: bool,  # noqa: FBT001 - a case's
) -> None:
    copy = Copy()
    monkeypatch.setattr(states, "SHORTEST_SILENCE_SECONDS", 0)
    with Sandbox(new_world(), plan=plan) as asana:
        deleted_in(asana, copy, stream, options)
        if refused:
            path = rf"/tasks\?.*project={asana.world.find('Other')}"
            asana.fault("status", path, times=None, **NO_ACCESS)
        seen: list[Record] = []

        def at(message: Record) -> bool:
            seen.extend([message] * is_tombstone(message, stream))
            return bool(seen) and state_in(message, stream) is not None

        copy.kill_at = at
        assert copy.sync(asana, [stream], **options).killed
        assert 0 < len(ghosts(asana, copy, [stream])[stream]) < DELETED_TASKS
        asana.clear_faults()
        asana.clock.advance(HOUR)
        copy.sync(asana, [stream], **options)
        assert ghosts(asana, copy, [stream]) == {}


def test_a_task_that_is_shown_and_then_deleted_while_the_sync_goes_on() -> None:
    world, copy = new_world(), Copy()
    project = world.add_project("P")
    task = tree(world, project)
    tree(world, project)
    world.clock.advance(DAY)

    def delete() -> None:
        world.clock.advance(60)
        world.delete(task)
        world.clock.advance(60)

    with Sandbox(world, plan="service") as asana:
        copy.sync(asana, TREE, **YEARLY)
        asana.clock.advance(HOUR)
        world.edit_task(task, name="Edited")
        # The first page of the search has shown it.
        hook = asana.before_nth(2, delete, path=SEARCH)
        copy.sync(asana, TREE, **YEARLY)
        assert hook.hits == 1
        asana.clock.advance(HOUR)
        copy.sync(asana, TREE, **YEARLY)
        assert wrong(asana, copy) == {}
