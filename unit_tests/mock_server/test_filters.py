"""What the configuration leaves out is not read, and costs no request."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import command, config_for, read

NAMES = ("projects", "sections", "tasks", "subtasks", "stories", "task_counts", "teams")


def test_project_ids_choose_from_the_listing(asana: Sandbox, small: Small) -> None:
    sync = read(asana, NAMES, project_ids=[small.second])
    assert sync.gids("projects") == [small.second]
    assert sync.gids("tasks") == sorted([small.other, small.both])
    assert {r["project_id"] for r in sync.records["sections"]} == {small.second}
    assert asana.requests("/tasks") == 1
    assert asana.requests("/projects") == 1
    assert asana.requests("/projects/{project_gid}") == 0
    assert asana.requests("/users") == 0


def test_excluded_projects_are_not_read(asana: Sandbox, small: Small) -> None:
    sync = read(asana, NAMES, exclude_project_ids=[small.first])
    assert sync.gids("projects") == [small.second]
    # The task in none is there still: only lists of what to read leave it out.
    assert sync.gids("tasks") == sorted([small.other, small.both, small.loose])
    assert {r["project_id"] for r in sync.records["sections"]} == {small.second}


def test_a_project_both_named_and_excluded_is_left_out(asana: Sandbox, small: Small) -> None:
    both = [small.first, small.second]
    sync = read(asana, NAMES, project_ids=both, exclude_project_ids=[small.first])
    assert sync.errors == []
    assert sync.gids("projects") == [small.second]


@pytest.mark.parametrize("value", [True, "true", None, False, "false"])
def test_a_flag_that_comes_as_a_text_is_the_flag(
    asana: Sandbox, small: Small, *, value: bool | str | None
) -> None:
    old = small.world.add_project("Old", archived=True)
    sync = read(asana, ["projects"], include_archived_projects=value)
    assert sync.errors == []
    found = {record["gid"] for record in sync.records["projects"]}
    assert (old in found) is (value not in (False, "false"))


@pytest.mark.parametrize("by", ["archived", "team"])
def test_a_named_project_that_another_setting_leaves_out_is_said_once(
    asana: Sandbox, small: Small, by: str
) -> None:
    team = small.world.add_team("T")
    third = small.world.add_project("Third", archived=by == "archived")
    first = small.world.add_project("Read", team=team)
    more = {"include_archived_projects": False} if by == "archived" else {"team_ids": [team]}
    settings = {"project_ids": [first, third], **more}
    assert command("check", config_for(asana, **settings)).connection["status"] == "SUCCEEDED"
    sync = read(asana, NAMES, incremental=True, **settings)
    assert sync.errors == []
    assert sync.gids("projects") == [first]
    [said] = [line for line in sync.warnings if "project_ids" in line]
    assert said.startswith(f"Config key `project_ids` names {third}, which is not read: `team_ids`")
    again = read(asana, NAMES, incremental=True, state=sync.state, **settings)
    assert again.errors == again.warnings == []


def test_team_ids_choose_their_projects(asana: Sandbox, small: Small) -> None:
    third = small.world.add_project("Third", team=small.team)
    task = small.world.add_task("in Third", projects=[third])
    other = small.world.add_team("Others")
    sync = read(asana, NAMES, team_ids=[small.team])
    assert sync.gids("teams") == [small.team]
    assert other not in sync.gids("teams")
    assert sync.gids("projects") == [third]
    assert sync.gids("tasks") == [task]
    assert asana.requests("/users") == 0


def test_team_ids_work_where_no_team_column_is_selected(asana: Sandbox, small: Small) -> None:
    third = small.world.add_project("Third", team=small.team)
    sync = read(asana, ["projects"], team_ids=[small.team], columns={"projects": ["gid", "name"]})
    assert sync.records["projects"] == [{"gid": third, "name": "Third"}]


def test_archived_projects_can_be_left_out(asana: Sandbox, small: Small) -> None:
    old = small.world.add_project("Old", archived=True)
    kept = small.world.add_task("in Old", projects=[old])
    sync = read(asana, ["projects", "tasks"])
    assert old in sync.gids("projects")
    assert kept in sync.gids("tasks")
    sync = read(asana, ["projects", "tasks"], include_archived_projects=False)
    assert sync.gids("projects") == [small.first, small.second]
    assert sync.gids("tasks") == sorted(small.tasks)
    assert [e.params.get("archived") for e in asana.log if e.path == "/projects"] == [None, "false"]


def test_workspace_ids_choose_the_workspaces(asana: Sandbox, small: Small) -> None:
    world = small.world
    second = world.add_workspace("Second", is_organization=True)
    project = world.add_project("There", workspace=second)
    task = world.add_task("There", projects=[project])
    tag = world.add_tag("there", workspace=second)
    asana.reset_log()
    names = ("workspaces", "users", "projects", "tags", "tasks")
    sync = read(asana, names, workspace_ids=[second])
    assert sync.gids("workspaces") == [second]
    assert sync.gids("users") == [world.me]
    assert sync.gids("projects") == [project]
    assert sync.gids("tags") == [tag]
    assert sync.gids("tasks") == [task]
    asked = {e.params["workspace"] for e in asana.log if "workspace" in e.params}
    assert asked == {second}


def test_a_user_of_two_workspaces_is_one_record_and_asked_about_in_both(
    asana: Sandbox, small: Small
) -> None:
    world = small.world
    second = world.add_workspace("Second", is_organization=True)
    world.join(small.colleague, second)
    task = world.add_task("There", workspace=second, assignee=small.colleague)
    world.add("ooo_entry", user=small.colleague, workspace=second, start_date="2024-01-01")
    names = ("users", "user_task_lists", "ooo_entries", "workspace_memberships", "tasks")
    sync = read(asana, names)
    assert sync.gids("users") == sorted([world.me, small.colleague])
    homes = {r["gid"]: {w["gid"] for w in r["workspaces"]} for r in sync.records["users"]}
    assert homes[small.colleague] == {world.workspace, second}
    assert len(sync.records["user_task_lists"]) == 4
    assert len(sync.records["ooo_entries"]) == 2
    assert len(sync.records["workspace_memberships"]) == 4
    assert task in sync.gids("tasks")
    expect.whole(asana, sync, names)


def test_null_settings_are_defaults(asana: Sandbox, small: Small) -> None:
    sync = read(
        asana,
        ["projects"],
        project_ids=None,
        team_ids=None,
        include_archived_projects=None,
        start_date=None,
        num_workers=None,
    )
    assert sync.errors == []
    assert sync.gids("projects") == [small.first, small.second]


def test_organization_exports_are_read_by_their_ids_only(small: Small) -> None:
    with Sandbox(small.world, plan="service") as asana:
        sync = read(asana, ["organization_exports"])
        assert sync.complete("organization_exports")
        assert asana.requests("/organization_exports/{organization_export_gid}") == 0
        sync = read(asana, ["organization_exports"], organization_export_ids=[small.export] * 2)
        assert sync.gids("organization_exports") == [small.export]
        assert asana.requests("/organization_exports/{organization_export_gid}") == 1
        assert {entry.method for entry in asana.log} == {"GET"}
