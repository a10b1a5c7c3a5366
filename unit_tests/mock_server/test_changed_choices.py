"""Choices in the configuration that change between syncs, and users that go."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.lab import DELETED, Lab
from unit_tests.properties.runs import Destination
from unit_tests.sync import read, streams

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
        options = {"incremental": True, "full_scan_interval_hours": 0}
        first = read(asana, ["tasks"], **options)
        key = f"{made.workspace}/{gone}"
        assert key in first.instants_of("tasks")
        made.deactivate_user(gone)
        asana.clock.advance(DAY)
        second = read(asana, ["tasks"], state=first.state, **options)
        assert asana.requests(SEARCH)
    assert key not in second.instants_of("tasks")


def test_what_belongs_to_tasks_that_are_not_wanted_is_not_found_either() -> None:
    made, _, lone = world()
    narrow: dict[str, Any] = {"incremental": True, "include_tasks_without_project": False}
    names = ["tasks", "subtasks", "stories"]
    with Sandbox(made, plan="paid") as asana:
        state = read(asana, names, **narrow).state
        asana.clock.advance(DAY)
        made.edit_task(lone, name="Lone2")
        made.add_task("Below", parent=lone)
        made.comment(lone)
        asana.clock.advance(DAY)
        second = read(asana, names, state=state, **narrow)
        assert [second.gids(name) for name in names] == [[], [], []]
        assert not asana.requests(SEARCH)


@pytest.mark.parametrize("plan", ["free", "paid"])
@pytest.mark.parametrize("track_deletions", [False, True])
def test_a_further_column_of_stories_arrives_for_all_of_them(
    plan: str, *, track_deletions: bool
) -> None:
    made, project, lone = world()
    for task in (lone, *made.listed("project.tasks", project)):
        made.comment(task)
        made.add_attachment(task)
    made.clock.advance(DAY)
    every: dict[str, Any] = {"incremental": True, "track_deletions": track_deletions}
    names = ["stories", "attachments"]
    few = ["gid", "created_at", "task_id", "synced_at", "_ab_cdc_deleted_at"]
    fewer = few if track_deletions else few[:-1]
    narrow = {"stories": fewer, "attachments": [one for one in fewer if one != "task_id"]}
    more = {"stories": [*fewer, "text"], "attachments": [*narrow["attachments"], "name"]}
    with Sandbox(made, plan=plan) as asana:
        sync = read(asana, names, columns=narrow, **every)
        assert all(sync.records[name] for name in names)
        rounds = []
        for columns in (narrow, more, more, narrow):
            asana.clock.advance(3600)
            rounds.append(sync := read(asana, names, state=sync.state, columns=columns, **every))
        whole = {name: sorted(r["gid"] for r in asana.truth(name)) for name in names}
    assert [{n: one.gids(n) for n in names if one.gids(n)} for one in rounds] == [
        {},
        whole,
        {},
        {},
    ]
    assert all(record["text"] for record in rounds[1].records["stories"])


# Whether deletions are tracked in a sync: they are, they are not, or the catalog lacks the column.
# The text of everything alternates, so each pair of a mode's neighbors hides a change or shows it.
TRACKING = "on off on bare on"
MORE_TRACKING = "on off off on bare bare on off bare off on on"
SWITCHED = ["projects", "tasks", "subtasks", "stories", "attachments", "portfolio_items"]


@pytest.mark.parametrize("modes", [TRACKING, pytest.param(MORE_TRACKING, marks=pytest.mark.slow)])
def test_what_changes_back_while_deletions_are_not_tracked_comes_again(modes: str) -> None:
    made, project, lone = world()
    made.add_portfolio("Kept", items=[project])
    below = made.add_task("Below", parent=lone)
    texts = [made.comment(task) for task in (lone, below)]
    names = [made.add_attachment(one) for one in (lone, below, project)]
    lab, destination = Lab.around(made), Destination()
    with Sandbox(made, plan="paid") as asana:
        for number, tracking in enumerate(modes.split()):
            text = f"text {number % 2}"
            for gid in texts:
                made.edit(gid, text=text)
            for gid in (*names, project, lone, below):
                made.edit(gid, name=text)
            asana.clock.advance(DAY)
            is_tracked = tracking != "off"
            columns = {
                name: [
                    column
                    for column in streams(track_deletions=True)[name]["json_schema"]["properties"]
                    if column != DELETED
                ]
                for name in (SWITCHED if tracking == "bare" else ())
            }
            sync = destination.sync(asana, SWITCHED, columns=columns, track_deletions=is_tracked)
            assert sync.errors == []
            stale = [line for name in SWITCHED for line in lab.missing(asana, destination, name)]
            assert (number, tracking, stale) == (number, tracking, [])


def test_a_task_missed_before_deletions_were_tracked_is_not_missed_twice_afterwards() -> None:
    made, project, _ = world()
    made.comment(made.listed("project.tasks", project).gids[0])
    made.clock.advance(DAY)
    every: dict[str, Any] = {"incremental": True, "change_detection": "listing"}
    with Sandbox(made, plan="paid") as asana:
        sync = read(asana, ["stories"], **every)
        assert sync.records["stories"]
        # Two syncs that miss it are needed to have its stories sent again; these are one and one.
        for change, tracked in (("leave", False), ("come", True), ("leave", False)):
            if change == "leave":
                made.withdraw_project(project)
            else:
                made.share_project(project)
            asana.clock.advance(DAY)
            sync = read(asana, ["stories"], state=sync.state, track_deletions=tracked, **every)
        made.share_project(project)
        asana.clock.advance(DAY)
        sync = read(asana, ["stories"], state=sync.state, **every)
    assert sync.errors == []
    assert sync.gids("stories") == []
