"""Choices in the configuration that change between syncs, and users that go."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.sync import read

DAY = 86_400
SEARCH = "/workspaces/{workspace_gid}/tasks/search"


def world() -> tuple[World, str, str]:
    """Return a world with a task in a project and one in none, its project and the latter."""
    made = World.empty()
    project = made.add_project("P")
    made.add_task("T", projects=[project])
    lone = made.add_task("Lone", assignee=made.me)
    made.clock.advance(DAY)
    return made, project, lone


@pytest.mark.parametrize("by", ["setting", "projects"])
def test_tasks_in_no_project_come_once_they_are_wanted(by: str) -> None:
    made, project, lone = world()
    narrow: dict[str, Any] = (
        {"include_tasks_without_project": False} if by == "setting" else {"project_ids": [project]}
    )
    with Sandbox(made, plan="paid") as asana:
        first = read(asana, ["tasks"], incremental=True, **narrow)
        assert lone not in first.gids("tasks")
        asana.clock.advance(DAY)
        second = read(asana, ["tasks"], incremental=True, state=first.state)
        assert second.gids("tasks") == [lone]
        assert asana.requests(SEARCH)


def test_what_changed_while_tasks_in_no_project_were_not_wanted_comes_afterwards() -> None:
    made, _, lone = world()
    with Sandbox(made, plan="paid") as asana:
        state = read(asana, ["tasks"], incremental=True).state
        asana.clock.advance(DAY)
        made.edit_task(lone, name="Lone2")
        asana.clock.advance(DAY)
        state = read(
            asana, ["tasks"], incremental=True, state=state, include_tasks_without_project=False
        ).state
        asana.clock.advance(DAY)
        last = read(asana, ["tasks"], incremental=True, state=state)
    assert last.gids("tasks") == [lone]


def test_a_user_who_left_leaves_the_state_of_a_searched_workspace() -> None:
    made, _, _ = world()
    gone = made.add_user("Gone")
    made.add_task("Of Gone", assignee=gone)
    with Sandbox(made, plan="paid") as asana:
        options = {"incremental": True, "listing_pass_hours": 0}
        first = read(asana, ["tasks"], **options)
        key = f"{made.workspace}/{gone}"
        assert key in first.bounds_of("tasks")
        made.deactivate_user(gone)
        asana.clock.advance(DAY)
        second = read(asana, ["tasks"], state=first.state, **options)
        assert asana.requests(SEARCH)
    assert key not in second.bounds_of("tasks")
