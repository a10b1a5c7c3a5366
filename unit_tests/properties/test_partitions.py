"""Partitions that come, go, fail and come back: what the next sync reads."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.happenings import GONE
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination

TASKS = ("tasks", "subtasks", "stories", "attachments")
HOUR = 3600


@pytest.fixture
def world() -> World:
    return World.empty()


def settle(asana: Sandbox, destination: Destination, streams: tuple[str, ...] = TASKS) -> None:
    """Sync, and let enough time go by for the overlap to be over."""
    asana.clock.advance(HOUR)
    done = destination.sync(asana, streams)
    assert not done.failed, done.errors
    asana.clock.advance(HOUR)


def missing(asana: Sandbox, destination: Destination, stream: str) -> list[str]:
    return Lab.around(asana.world).missing(asana, destination, stream)


def test_a_user_who_comes_back_is_read_whole(world: World) -> None:
    user = world.add_user("Uma")
    task = world.add_task("T", assignee=user)
    with Sandbox(world, plan="free") as asana:
        destination = Destination()
        settle(asana, destination)
        world.comment(task)
        world.deactivate_user(user)
        settle(asana, destination)
        settle(asana, destination)
        world.join(user, world.workspace)
        settle(asana, destination)
        assert [missing(asana, destination, s) for s in TASKS] == [[], [], [], []]


def test_a_user_whose_first_listing_failed_is_read_whole_by_the_next_sync(world: World) -> None:
    user = world.add_user("Uma")
    world.comment(world.add_task("T", assignee=user))
    world.add_project("P")
    with Sandbox(world, plan="free") as asana:
        destination = Destination()
        asana.clock.advance(3600)
        asana.fault("status", f"assignee={user}", times=None)
        assert destination.sync(asana, TASKS).failed
        asana.clear_faults()
        settle(asana, destination)
        assert [missing(asana, destination, s) for s in TASKS] == [[], [], [], []]


@pytest.mark.parametrize("mode", ["listing", "auto"])
def test_a_project_whose_first_read_was_killed_goes_on_where_it_was(
    world: World, mode: str
) -> None:
    world.add_project("P")
    with Sandbox(world, plan="paid") as asana:
        destination = Destination()
        settle(asana, destination)
        new = world.add_project("New")
        for number in range(30):
            stamp = f"2026-01-{number + 1:02d}T00:00:00.000Z"
            task = world.add_task(f"T{number}", projects=[new], created_at=stamp)
            world.add_story(task, created_at=stamp)
        asana.clock.advance(3600)
        killed = destination.sync(
            asana, ("tasks", "stories"), kill_after=55, change_detection=mode, num_workers=4
        )
        assert killed.killed
        asana.clock.advance(3600)
        last = destination.sync(asana, ("tasks", "stories"), change_detection=mode)
        assert not last.failed
        assert missing(asana, destination, "stories") == []


def test_a_new_project_comes_whole_with_the_subtasks_of_tasks_that_a_known_one_lists_first(
    world: World,
) -> None:
    known = world.add_project("Known")
    hidden = world.add_project("Hidden", private=True)
    task = world.add_task("T", projects=[hidden])
    below = world.add_task("Below", parent=task)
    world.add_task("Below below", parent=below)
    with Sandbox(world) as asana:
        destination = Destination()
        settle(asana, destination)
        world.move_task(task, add_project=known)
        world.share_project(hidden)
        asana.fault("slow", f"project={hidden}", seconds=0.5, times=None)
        settle(asana, destination)
        assert missing(asana, destination, "subtasks") == []


def test_what_failed_in_one_project_is_found_there_though_another_lists_its_task_first(
    world: World,
) -> None:
    first, second = world.add_project("First"), world.add_project("Second")
    task = world.add_task("T", projects=[second])
    below = world.add_task("Below", parent=task)
    with Sandbox(world) as asana:
        destination = Destination()
        settle(asana, destination)
        world.edit_task(below, name="Changed")
        asana.fault("status", f"project={second}", times=None)
        asana.clock.advance(10)
        assert destination.sync(asana, TASKS).failed
        asana.clear_faults()
        world.move_task(task, add_project=first)
        asana.fault("slow", f"project={second}", seconds=0.5, times=None)
        settle(asana, destination)
        assert missing(asana, destination, "subtasks") == []


def test_a_project_that_is_gone_for_the_moment_keeps_its_bounds(world: World) -> None:
    project = world.add_project("P")
    task = world.add_task("T", projects=[project])
    below = world.add_task("Below", parent=task)
    with Sandbox(world) as asana:
        destination = Destination()
        settle(asana, destination)
        for gid in (task, below):
            world.comment(gid)
        asana.fault("status", f"/tasks.*project={project}", times=None, **GONE)
        asana.clock.advance(10)
        assert not destination.sync(asana, TASKS).failed
        asana.clear_faults()
        settle(asana, destination)
        assert [missing(asana, destination, s) for s in TASKS] == [[], [], [], []]


@pytest.mark.parametrize("last", [0, 1])
def test_a_task_that_changes_between_two_listings_comes_in_its_newer_version(
    world: World, last: int
) -> None:
    first, second = world.add_project("First"), world.add_project("Second")
    task = world.add_task("T", projects=[first, second])
    listed = []

    with Sandbox(world) as asana:

        def before(path: str, params: dict[str, str]) -> None:
            if path == "/tasks" and "project" in params:
                if len(listed) == last:
                    asana.fault("slow", f"project={params['project']}", seconds=0.3, times=None)
                if len(listed) == 1:
                    world.edit_task(task, name="Newer")
                    world.move_task(task, remove_project=listed[0])
                listed.append(params["project"])

        destination = Destination()
        asana.before_request(before)
        settle(asana, destination)
        assert destination.rows["tasks"][task]["name"] == "Newer"


def test_tasks_that_change_places_while_they_are_walked_do_not_stop_the_sync(world: World) -> None:
    project, other = world.add_project("P"), world.add_project("Q")
    upper = world.add_task("Upper", projects=[project, other])
    lower = world.add_task("Lower", parent=upper, projects=[project, other])
    lowest = world.add_task("Lowest", parent=lower)
    world.add_task("Beside lower", parent=upper)

    def swap(path: str, params: dict[str, str]) -> None:
        del params
        if path == f"/tasks/{lower}/subtasks" and world[lower]["parent"]:
            world.leave(lower, "task.subtasks", upper)
            world[lower]["parent"] = None
            world[upper]["parent"] = lower
            world.enter(upper, "task.subtasks", lower)
            world.touch_all()

    with Sandbox(world) as asana:
        destination = Destination()
        asana.before_request(swap)
        settle(asana, destination)
        assert lowest in destination.rows["subtasks"]
