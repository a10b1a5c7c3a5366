"""A search or an export shows a task without its subtasks: a listing has them found all the same.

Neither tells of what its index, or its file, did not have yet.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from sandbox import Sandbox, World
from sandbox.exports import CREATE
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_a import FAMILY, HARDLY, send_at_once, wrong

HOUR = 3600
LAG = 60
ALWAYS = 10**6
SEARCH = "/workspaces/{workspace_gid}/tasks/search"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_once(monkeypatch)


@pytest.mark.parametrize("subtask", ["indexed late", "moved without a timestamp"])
@pytest.mark.parametrize("bulk_export", [False, True], ids=["listings first", "an export first"])
def test_a_new_project_shows_what_a_search_shows(subtask: str, *, bulk_export: bool) -> None:
    world = World.empty()
    known = world.add_project("Known")
    task, other = (world.add_task(f"T{number}", projects=[known]) for number in range(2))
    below = world.add_task("Below", parent=other)
    world.comment(below)
    world.clock.advance(HOUR)
    options: dict[str, Any] = {"change_detection": "search", "bulk_export": bulk_export, **HARDLY}
    with Sandbox(world, plan="service", search_lag=LAG) as asana:
        destination = Destination()
        assert not destination.sync(asana, FAMILY, **options).failed
        assert bool(asana.requests(CREATE)) is bulk_export
        asana.clock.advance(HOUR)
        for changed in (task, other):
            world.edit_task(changed, name="Changed")
        asana.clock.advance(HOUR)
        new = world.add_project("New")
        world.move_task(task, add_project=new)
        if subtask == "indexed late":
            below = world.add_task("New", parent=task)
            world.comment(below)
        else:
            world.set_parent(below, task, moves_stamp=False)
        asana.reset_log()
        done = destination.sync(asana, FAMILY, **options)
        assert not done.failed, done.errors
        assert asana.requests(SEARCH)
        assert not asana.requests(CREATE)
        assert below in done.gids("subtasks")
        assert wrong(asana, destination, FAMILY) == []


def test_listings_show_what_a_broken_export_showed() -> None:
    """The file breaks off in its middle; then each of its tasks gets a subtask and is listed."""
    world, noise = World.empty(), Random(1)  # noqa: S311  # what does not compress
    project = world.add_project("P")
    tasks = [
        world.add_task("T", projects=[project], notes=noise.randbytes(20_000).hex())
        for _ in range(80)
    ]
    world.clock.advance(HOUR)
    by_export: list[int] = []
    streams = ("tasks", "subtasks", "stories")
    with Sandbox(world, plan="service") as asana:
        destination = Destination()

        def before_the_listing() -> None:
            by_export.append(len(destination.history["tasks"]))
            for task in tasks:
                world.comment(world.add_task("Below", parent=task))

        asana.exports.trouble.cut = ALWAYS
        asana.exports.trouble.no_ranges = True
        asana.before_nth(1, before_the_listing, path=rf"/tasks\?.*project={project}")
        done = destination.sync(asana, streams, bulk_export=True, **HARDLY)
        assert not done.failed, done.errors
        assert len(asana.exports.downloads) > 1
        assert by_export
        assert 0 < by_export[0] < len(tasks)
        assert len(done.gids("subtasks")) == len(tasks)
        assert wrong(asana, destination, streams) == []
