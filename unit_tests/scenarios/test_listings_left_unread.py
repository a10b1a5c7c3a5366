"""Later syncs read listings of tasks that were filtered, refused, failed or excluded."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    ALWAYS,
    DAY,
    FAMILY,
    HARDLY,
    HOUR,
    asked,
    new_world,
    sent,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

LONG_AGO = "2020-01-01T00:00:00.000Z"
SINCE = {"start_date": "2023-01-01T00:00:00Z", "change_detection": "auto", **HARDLY}
NO_ACCESS = {"status": 403, "message": "You do not have access to this project."}
THREE_PAGES = 201


def project_of(world: World, tasks: int, **fields: Any) -> str:
    """Return a project with so many old tasks."""
    project = world.add_project("Old", **fields)
    for _ in range(tasks):
        world.add_task("Old", projects=[project], created_at=LONG_AGO)
    return project


def listed(asana: Sandbox, project: str) -> int:
    """Return how many requests the listing of a project's tasks took."""
    return asked(asana, rf"^/tasks\?.*project={project}\b")


@pytest.mark.parametrize("plan", ["free", "paid"])
def test_with_a_start_date_a_new_project_costs_one_request(plan: str) -> None:
    world = new_world()
    known = project_of(world, THREE_PAGES)
    later = project_of(world, THREE_PAGES, private=True)
    tasks = [world.add_task("New", projects=[project]) for project in (known, later)]
    with Sandbox(world, plan=plan) as asana:
        destination = Destination()
        first = destination.sync(asana, ("tasks",), **SINCE)
        assert listed(asana, known) == 1
        asana.clock.advance(DAY)
        destination.sync(asana, ("tasks",), **SINCE)
        asana.clock.advance(DAY)
        world.share_project(later)
        asana.reset_log()
        shared = destination.sync(asana, ("tasks",), **SINCE)
        assert listed(asana, later) == 1
    assert sent(first) == {"tasks": tasks[:1]}
    assert sent(shared) == {"tasks": tasks[1:]}


@pytest.mark.parametrize("plan", ["free", "paid"])
def test_with_a_start_date_the_second_sync_reads_no_project_completely(plan: str) -> None:
    world = new_world()
    project = project_of(world, THREE_PAGES)
    with Sandbox(world, plan=plan) as asana:
        destination = Destination()
        destination.sync(asana, ("tasks",), **SINCE)
        asana.clock.advance(DAY)
        asana.reset_log()
        destination.sync(asana, ("tasks",), **SINCE)
        assert listed(asana, project) <= 1


@pytest.mark.parametrize(
    ("plan", "streams", "track_deletions"),
    [
        ("free", ("tasks",), False),
        ("paid", FAMILY, False),
        ("paid", FAMILY, True),
    ],
)
def test_twenty_refused_projects_cause_no_full_scan(
    plan: str, streams: tuple[str, ...], *, track_deletions: bool
) -> None:
    world = new_world()
    good = project_of(world, 2 if "stories" in streams else THREE_PAGES)
    parent = world.add_task("Parent", projects=[good])
    world.comment(world.add_task("Below it", parent=parent))
    refused = [world.add_project(f"Refused {number}") for number in range(20)]
    for project in refused:
        world.add_task("Never seen", projects=[project])
    options = {"track_deletions": track_deletions, "change_detection": "auto", **HARDLY}
    with Sandbox(world, plan=plan) as asana:
        asana.fault("status", rf"^/tasks\?.*project=({'|'.join(refused)})", times=None, **NO_ACCESS)
        destination = Destination()
        requests = []
        for _ in range(4):
            asana.clock.advance(HOUR)
            asana.reset_log()
            done = destination.sync(asana, streams, **options)
            assert not done.failed, done.errors
            requests.append(len(asana.log))
        assert listed(asana, good) == (1 if plan == "free" else 0)
        assert asked(asana, "/tasks/{task_gid}/subtasks") == 0
    assert requests[2] == requests[3]
    assert sent(done) == {}


@pytest.mark.parametrize(("plan", "streams"), [("free", ("tasks",)), ("paid", FAMILY)])
@pytest.mark.parametrize("has_been_read", [True, False])
def test_a_project_that_failed_and_was_excluded_is_read_completely_again(
    plan: str, streams: tuple[str, ...], *, has_been_read: bool
) -> None:
    world = new_world()
    fans = [world.add_user(f"Fan {number}") for number in range(3)]
    fails, other = world.add_project("Fails"), world.add_project("Other")
    for project in (fails, other):
        parent = world.add_task("Parent", projects=[project])
        for task in (parent, world.add_task("Below it", parent=parent)):
            world.comment(task)
            world.add_attachment(task)
    loud = world.listed("project.tasks", fails).gids[0]
    # A like moves no time of theirs.
    silent = [world.add_task("Liked", projects=[fails]), *world.listed("task.subtasks", loud)]
    world.clock.advance(DAY)
    options = {"change_detection": "auto"}
    with Sandbox(world, plan=plan) as asana:
        destination = Destination()
        if has_been_read:
            destination.sync(asana, streams, **options, **HARDLY)
        failing = asana.fault("status", rf"^/tasks\?.*project={fails}\b", times=None, status=400)
        for step, excluded in enumerate(([], [fails], [])):
            asana.clock.advance(DAY)
            world.edit_task(loud, name=f"Edited {step}")
            world.comment(loud)
            for task in silent:
                world.like(task, fans[step])
            asana.clock.advance(HOUR)
            # Where changes come from a search, a listing can fail in a full scan only.
            often = ALWAYS if step == 0 else HARDLY
            done = destination.sync(
                asana, streams, exclude_project_ids=excluded, **options, **often
            )
            assert done.failed is (step == 0)
            failing.times = 0
        assert unlike_asana(asana, destination, *streams) == []
