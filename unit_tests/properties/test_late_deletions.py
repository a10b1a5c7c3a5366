"""Deletions that no search shows come with the listing pass, a week after them at the latest."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.warehouses import Warehouses, all_wrong

DAY = 86_400
DAYS = 9
FAMILY = ("projects", "tasks", "subtasks", "stories", "attachments")


def a_week_after(plan: str, streams: tuple[str, ...]) -> dict[str, list[str]]:
    """Delete tasks and a project with all in them; return what is wrong after a week's syncs."""
    world = World.empty()
    projects = [world.add_project(f"P{number}") for number in range(5)]
    top = [world.add_task("T", projects=[projects[number % 5]]) for number in range(10)]
    below = [world.add_task("S", parent=task) for task in top]
    deep = [world.add_task("SS", parent=task) for task in below]
    lone = world.add_task("Lone", assignee=world.me)
    for task in (*top, *below, *deep, lone):
        world.comment(task)
        world.add_attachment(task)
    with Sandbox(world, plan=plan) as asana:
        destination = Warehouses()
        for day in range(DAYS):
            asana.clock.advance(DAY)
            done = destination.sync(asana, streams, change_detection="search", track_deletions=True)
            assert not done.failed, done.errors
            if day == 0:
                for gid in (top[0], below[1], deep[3], lone, projects[2]):
                    world.delete(gid)
        return {name: lines for name, lines in all_wrong(asana, destination, streams) if lines}


@pytest.mark.parametrize("plan", ["paid", "service"])
def test_tasks(plan: str) -> None:
    assert a_week_after(plan, ("projects", "tasks")) == {}


@pytest.mark.parametrize("plan", ["paid", "service"])
def test_what_goes_along_with_them(plan: str) -> None:
    assert a_week_after(plan, FAMILY) == {}
