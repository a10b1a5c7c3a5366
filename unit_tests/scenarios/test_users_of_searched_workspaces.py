"""In a searched workspace users are listed only where somebody needs them, and nobody waits."""

from __future__ import annotations

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
    tombstones,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

SEARCH = "/workspaces/{workspace_gid}/tasks/search"
OF_USERS = ("users", "user_task_lists", "workspace_memberships")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("search", ["answers", "is refused", "fails", "breaks off"])
@pytest.mark.parametrize("streams", [FAMILY, (*OF_USERS, *FAMILY)])
def test_one_worker_is_enough_for_users_search_and_listings(
    search: str, streams: tuple[str, ...]
) -> None:
    world = new_world()
    project = world.add_project("P")
    lone = world.add_task("Lone", assignee=world.add_user("Uma"))
    inside = world.add_task("Inside", projects=[project])
    for task in (lone, inside):
        world.comment(world.add_task("Below it", parent=task))
        world.add_attachment(task)
    options = {"change_detection": "auto", "num_workers": 1, **HARDLY}
    with Sandbox(world) as asana:
        destination = Destination()
        asana.clock.advance(DAY)
        destination.sync(asana, streams, **options)
        asana.clock.advance(HOUR)
        for task in (lone, inside):
            world.edit_task(task, name=f"Edited {task}")
            world.comment(task)
        asana.clock.advance(HOUR)
        asana.reset_log()
        match search:
            case "is refused":
                words = "Search is only available to premium users."
                asana.fault("status", SEARCH, times=None, status=402, message=words)
            case "fails":
                asana.fault("status", SEARCH, times=None, status=400, message="Bad")
            case "breaks off":
                asana.fault("status", SEARCH, times=None, status=400, message="Bad", skip=1)
        done = destination.sync(asana, streams, **options)
        assert not done.failed, done.errors
        assert unlike_asana(asana, destination, *streams) == []
        needs_users = search != "answers" or "users" in streams
        assert asked(asana, SEARCH) > 0
        assert asked(asana, "/users") == needs_users
        assert (asked(asana, "/tasks") == 0) is (search == "answers")


@pytest.mark.parametrize("track_deletions", [False, True])
def test_a_task_of_nobody_in_no_project_comes_with_a_full_scan_too(
    *, track_deletions: bool
) -> None:
    world = new_world()
    world.add_task("Inside", projects=[world.add_project("P")])
    options = {"change_detection": "auto", "track_deletions": track_deletions}
    with Sandbox(world) as asana:
        destination = Destination()
        asana.clock.advance(DAY)
        destination.sync(asana, FAMILY, **options, **HARDLY)
        # No list shows it, neither a project's nor a user's.
        task = world.add_task("Nobody's")
        below = world.add_task("Below it", parent=task)
        for number, often in enumerate((ALWAYS, ALWAYS, HARDLY, ALWAYS)):
            for one in (task, below):
                world.edit_task(one, name=f"{number}")
                world.comment(one, f"{number}")
            asana.clock.advance(DAY)
            asana.reset_log()
            done = destination.sync(asana, FAMILY, **options, **often)
            assert not done.failed, done.errors
            assert (asked(asana, "/tasks") > 0) is (often is ALWAYS)
            assert destination.rows["tasks"][task]["name"] == f"{number}"
            assert destination.rows["subtasks"][below]["name"] == f"{number}"
            texts = sorted(
                (row["task_id"], row["text"]) for row in destination.rows["stories"].values()
            )
            assert texts == [(one, f"{n}") for one in (task, below) for n in range(number + 1)]
            assert tombstones(done) == {}


@pytest.mark.slow
def test_users_that_a_full_scan_could_not_list_are_read_by_the_next_sync() -> None:
    world = new_world()
    world.add_task("In a project", projects=[world.add_project("P")])
    task = world.add_task("Lone", assignee=world.me)
    options = {"change_detection": "search", "full_scan_interval_hours": 24}
    with Sandbox(world) as asana:
        destination = Destination()
        destination.sync(asana, FAMILY, **options)
        asana.clock.advance(DAY)
        fault = asana.fault("status", r"^/users\?", times=None, status=500)
        world.like(task)
        destination.sync(asana, FAMILY, **options)
        fault.times = 0
        asana.clock.advance(60)
        destination.sync(asana, FAMILY, **options)
        assert unlike_asana(asana, destination, *FAMILY) == []
