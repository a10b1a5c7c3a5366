"""opt_fields: compact, full, nested, groups, unknown names."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from sandbox.optfields import flat, parse
from unit_tests.sandbox.client import get


@pytest.fixture
def world() -> World:
    world = World.empty()
    project = world.add_project("P")
    world.add_task("T", projects=[project], assignee=world.me)
    return world


def test_lists_are_compact_and_single_reads_full_without_opt_in(world: World) -> None:
    with Sandbox(world) as asana:
        compact = get(asana, "/tasks", project=world.find("P"), limit=1).data[0]
        assert set(compact) == {"gid", "name", "resource_type", "resource_subtype"}
        full = get(asana, f"/tasks/{compact['gid']}").data
        assert {"modified_at", "assignee", "memberships", "custom_fields"} <= set(full)
        assert not {"num_subtasks", "html_notes", "dependencies", "created_by"} & set(full)


def test_named_fields_come_with_gid_and_relations_compact(world: World) -> None:
    with Sandbox(world) as asana:
        record = get(
            asana, "/tasks", project=world.find("P"), opt_fields="name,assignee,workspace.name"
        ).data[0]
        assert set(record) == {"gid", "name", "assignee", "workspace"}
        assert set(record["assignee"]) == {"gid", "name", "resource_type"}
        assert set(record["workspace"]) == {"gid", "name"}


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("memberships.(project|section).gid", "memberships.project.gid,memberships.section.gid"),
        ("this.name,this.assignee.name", "name,assignee.name"),
        ("(name|notes)", "name,notes"),
        ("a.(b|c.(d|e))", "a.b,a.c.d,a.c.e"),
    ],
)
def test_groups_and_this(text: str, same: str) -> None:
    assert flat(parse(text)) == flat(parse(same))


def test_an_unknown_field_shrinks_the_record_and_is_noted(world: World) -> None:
    with Sandbox(world) as asana:
        record = get(asana, "/tasks", project=world.find("P"), opt_fields="name,nonsense").data[0]
        assert set(record) == {"gid"}
        nested = get(
            asana, "/tasks", project=world.find("P"), opt_fields="name,assignee.nonsense"
        ).data[0]
        assert set(nested) == {"gid", "name", "assignee"}
        assert set(nested["assignee"]) == {"gid"}
        assert asana.unknown_fields == ["TaskCompact.nonsense", "assignee.nonsense"]
        asana.reset_log()
        get(asana, "/tags", workspace=world.workspace, opt_fields="workspace.name")
        get(asana, "/tags", workspace=world.workspace, opt_fields="followers.workspaces.nonsense")
        assert asana.unknown_fields == ["workspaces.nonsense"]
        asana.reset_log()
        assert asana.unknown_fields == []


def test_strict_fields_answer_400(world: World) -> None:
    with Sandbox(world, strict_fields=True) as asana:
        assert get(asana, "/tasks", project=world.find("P"), opt_fields="nonsense").status == 400
        assert get(asana, "/tags", workspace=world.workspace, opt_fields="nonsense").status == 400


def test_unknown_parameters_are_ignored_and_noted(world: World) -> None:
    with Sandbox(world) as asana:
        assert (
            len(get(asana, "/tasks", project=world.find("P"), created_since="2030-01-01").data) == 1
        )
        assert asana.unknown_params == ["/tasks?created_since"]


def test_records_follow_edits_of_what_they_embed(world: World) -> None:
    with Sandbox(world) as asana:
        project = world.find("P")

        def name() -> str:
            fields = "projects.name,num_subtasks"
            return str(
                get(asana, "/tasks", project=project, opt_fields=fields).data[0]["projects"][0][
                    "name"
                ]
            )

        assert name() == "P"
        world.edit_project(project, name="Q")
        assert name() == "Q"


def test_custom_field_values_of_every_subtype() -> None:
    world = World.empty()
    project = world.add_project("P")
    values = {}
    for subtype, value in (
        ("text", "hé"),
        ("number", 1.5),
        ("date", "2026-01-02"),
        ("people", [world.me]),
        ("reference", [project]),
    ):
        field = world.add_custom_field(
            subtype, subtype, precision=1 if subtype == "number" else None
        )
        world.set_custom_field(project, field)
        values[field] = value
    choice = world.add_custom_field("enum", "enum", options=["A", "B"])
    world.set_custom_field(project, choice)
    values[choice] = world[choice]["enum_options"][1]["gid"]
    world.add_task("T", projects=[project], custom_fields=values)
    with Sandbox(world) as asana:
        fields = get(asana, "/tasks", project=project, opt_fields="custom_fields").data[0][
            "custom_fields"
        ]
        shown = {field["name"]: field["display_value"] for field in fields}
        assert shown == {
            "text": "hé",
            "number": "1.5",
            "date": "2026-01-02T00:00:00.000Z",
            "people": "Ada Owner",
            "reference": "P",
            "enum": "B",
        }
        by_name = {field["name"]: field for field in fields}
        assert by_name["enum"]["enum_value"]["name"] == "B"
        assert "number_value" not in by_name["text"]
        some = get(
            asana,
            "/tasks",
            project=project,
            opt_fields="custom_fields.number_value,custom_fields.name",
        )
        assert (
            {"gid", "name"}
            <= set(some.data[0]["custom_fields"][0])
            <= {"gid", "name", "number_value"}
        )
