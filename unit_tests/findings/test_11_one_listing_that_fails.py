"""One listing, or one walk, that fails for ever must not have everything read in every sync."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.findings.copies import (
    BROKEN,
    DAILY,
    DAY,
    HOUR,
    NO_ACCESS,
    TREE,
    Copy,
    new_world,
    tree,
    wrong,
)

slow = pytest.mark.slow
PROJECTS = 4
SYNCS = 4
# One sync of them is at the daily full scan.
DAILY_AT = 2


def others(asana: Sandbox) -> int:
    """Return how many listings and walks were read whole, and forget all requests."""
    count = asana.requests("/tasks") + asana.requests("/tasks/{task_gid}/subtasks")
    asana.reset_log()
    return count


def case(trouble: dict[str, Any], where: str, streams: tuple[str, ...], *marks: Any) -> Any:
    """Return one case; its id says what fails how, and which streams are selected."""
    how = "refused" if trouble is NO_ACCESS else "fails"
    chosen = "all" if streams == TREE else "-".join(streams)
    return pytest.param(trouble, where, streams, id=f"{where}-{how}-{chosen}", marks=marks)


@pytest.mark.parametrize(
    ("trouble", "where", "streams"),
    [
        case(BROKEN, "listing", TREE),
        case(BROKEN, "walk", TREE),
        case(BROKEN, "listing", ("tasks", "subtasks"), slow),
        case(BROKEN, "listing", ("stories",), slow),
        case(BROKEN, "walk", ("subtasks",), slow),
        case(BROKEN, "listing", ("tasks",), slow),
        case(NO_ACCESS, "listing", TREE, slow),
        case(NO_ACCESS, "walk", TREE, slow),
    ],
)
def test_the_requests_of_each_sync(
    trouble: dict[str, Any], where: str, streams: tuple[str, ...]
) -> None:
    world, copy, counts = new_world(), Copy(), []
    projects = [world.add_project(f"P{number}") for number in range(PROJECTS)]
    tasks = [tree(world, project) for project in projects]
    world.clock.advance(DAY)
    path = {"listing": rf"/tasks\?.*project={projects[0]}", "walk": f"/tasks/{tasks[0]}/subtasks"}
    with Sandbox(world) as asana:
        asana.fault("status", path[where], times=None, **trouble)
        for number in range(SYNCS):
            asana.clock.advance(DAY if number == DAILY_AT else HOUR)
            copy.sync(asana, streams, **DAILY)
            counts.append(others(asana))
        asana.clear_faults()
        asana.clock.advance(HOUR)
        copy.sync(asana, streams, **DAILY)
        assert wrong(asana, copy, streams) == {}
    first, scan = counts.pop(0), counts.pop(DAILY_AT - 1)
    assert first == scan >= PROJECTS
    # What is outstanding alone is asked for; a walk that was refused, through its listing.
    assert max(counts) <= (where == "walk")


@slow
@pytest.mark.parametrize("where", ["listing", "walk"])
def test_deletions_elsewhere_arrive_with_the_full_scan(where: str) -> None:
    world, copy = new_world(), Copy()
    projects = [world.add_project(f"P{number}") for number in range(2)]
    tasks = [tree(world, project) for project in (*projects, projects[1])]
    world.clock.advance(DAY)
    path = {"listing": rf"/tasks\?.*project={projects[0]}", "walk": f"/tasks/{tasks[0]}/subtasks"}
    with Sandbox(world) as asana:
        copy.sync(asana, TREE, **DAILY)
        asana.fault("status", path[where], times=None, **BROKEN)
        world.delete(tasks[1])
        asana.clock.advance(DAY)
        copy.sync(asana, TREE, **DAILY)
        assert wrong(asana, copy) == {}
