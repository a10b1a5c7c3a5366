"""A first sync is killed, tasks change their listing without a new stamp, and nothing is lost."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination

STREAMS = ("tasks", "subtasks", "stories", "attachments")
TASKS = 12


def unfinished(world: World) -> tuple[str, list[str]]:
    """Return a project, and its tasks with a subtask, a comment and an attachment each."""
    project = world.add_project("First")
    tasks = [world.add_task(f"T{number}", projects=[project]) for number in range(TASKS)]
    for task in tasks:
        world.comment(task)
        world.comment(world.add_task("Below", parent=task))
        world.add_attachment(task)
    return project, tasks


@pytest.mark.parametrize("mode", ["listing", "auto"])
@pytest.mark.parametrize("how", ["moved", "deleted"])
@pytest.mark.parametrize("kills", [(35,), (15, 25, 35)])
def test_nothing_is_lost(mode: str, how: str, kills: tuple[int, ...]) -> None:
    world = World.empty()
    project, tasks = unfinished(world)
    other = world.add_project("Other")
    world.add_task("There before", projects=[other])
    world.clock.advance(3600)
    with Sandbox(world, plan="paid") as asana:
        destination = Destination()
        for kill_after in kills:
            done = destination.sync(asana, STREAMS, kill_after=kill_after, change_detection=mode)
            assert done.killed
            asana.clock.advance(60)
        for task in tasks:
            world.move_task(task, add_project=other, remove_project=project)
        if how == "deleted":
            world.delete_project(project)
        asana.clock.advance(60)
        # Known listings are read as ever: nothing but the state tells what is still to be read.
        last = destination.sync(asana, STREAMS, change_detection=mode)
        assert not last.failed, last.errors
        lab = Lab.around(world)
        for stream in STREAMS:
            assert lab.missing(asana, destination, stream) == []
