"""Fewer columns: less is asked for, and only what is selected is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from sandbox import Sandbox
from source_asana.fields.schemas import load_schema
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import Record, catalog, command, config_for, read, streams

INLINE = {
    "team_custom_field_settings": "teams",
    "project_custom_field_settings": "projects",
    "portfolio_custom_field_settings": "portfolios",
    "goal_custom_field_settings": "goals",
}


@pytest.fixture(scope="module")
def small() -> Small:
    return Small()


@pytest.fixture
def asana(small: Small) -> Iterator[Sandbox]:
    with Sandbox(small.world, plan="service") as sandbox:
        yield sandbox


def asked(asana: Sandbox, path: str) -> set[str]:
    """Return the opt_fields of the requests for a path; they must all be the same."""
    fields = {e.params.get("opt_fields", "") for e in asana.log if e.path_template == path}
    assert len(fields) == 1, fields
    return set(fields.pop().split(","))


def test_names_come_along_with_gids(asana: Sandbox, small: Small) -> None:
    names = ("tasks", "stories", "projects", "time_tracking_entries", "goals", "sections")
    sync = read(asana, names)
    [task] = [r for r in sync.records["tasks"] if r["gid"] == small.task]
    assert task["assignee"]["name"] == "Ada Owner"
    assert task["memberships"][0]["project"]["name"] == "First"
    assert task["memberships"][0]["section"]["name"] == "To do"
    assert task["projects"][0]["name"] == "First"
    assert task["tags"][0]["name"] == "urgent"
    assert task["workspace"]["name"] == "Acme"
    assert task["custom_fields"][0]["name"] == "Priority"
    assert task["custom_fields"][0]["enum_value"]["name"] == "High"
    assert task["custom_fields"][0]["display_value"] == "High"
    story = sync.records["stories"][0]
    assert story["created_by"]["name"] == "Ada Owner"
    assert story["target"]["name"]
    project = sync.records["projects"][0]
    assert project["owner"]["name"] == "Ada Owner"
    assert project["current_status_update"]["title"].endswith("is fine")
    assert project["members"][0]["name"] == "Ada Owner"
    entry = sync.records["time_tracking_entries"][0]
    assert entry["task"]["name"] == "in First"
    assert entry["created_by"]["name"] == entry["user"]["name"] == "Ada Owner"
    assert entry["project"]["name"] == "First"
    assert entry["workspace"]["gid"] == small.world.workspace
    assert entry["workspace"]["name"] == small.world[small.world.workspace]["name"]
    assert {r["project"]["name"] for r in sync.records["sections"]} == {"First", "Second"}
    assert sync.records["goals"][0]["owner"]["name"] == "Ada Owner"


def test_one_column_of_a_task_is_all_that_is_asked_for_and_sent(asana: Sandbox) -> None:
    sync = read(asana, ["tasks"], columns={"tasks": ["gid", "name"]})
    assert {frozenset(record) for record in sync.records["tasks"]} == {frozenset({"gid", "name"})}
    # Whether a task comes in several listings, and which version is the newest, is needed too.
    assert asked(asana, "/tasks") <= {"name", "modified_at", "projects.gid", "parent.gid"}
    assert {e.params["opt_fields"] for e in asana.log if e.path == "/users"} == {"gid"}
    assert {e.params["opt_fields"] for e in asana.log if e.path == "/projects"} == {"gid"}


def test_children_that_need_more_do_not_show_it(asana: Sandbox) -> None:
    columns = {"tasks": ["gid", "name"], "subtasks": ["gid"], "projects": ["gid", "name"]}
    names = ("projects", "tasks", "subtasks", "stories", "attachments", "project_status_updates")
    sync = read(asana, names, columns=columns)
    assert {frozenset(r) for r in sync.records["tasks"]} == {frozenset({"gid", "name"})}
    assert {frozenset(r) for r in sync.records["projects"]} == {frozenset({"gid", "name"})}
    assert {frozenset(r) - {"task_id"} for r in sync.records["subtasks"]} == {frozenset({"gid"})}


@pytest.mark.parametrize(
    ("stream", "column", "fields"),
    [
        ("goals", "metric", "metric."),
        ("stories", "new_custom_field_value", "new_"),
        ("project_statuses", "status_type", "color"),
        ("time_tracking_entries", "user", "created_by."),
        ("portfolio_custom_field_settings", "portfolio", "custom_field_settings.parent."),
    ],
)
def test_an_alias_asks_for_its_source_and_hides_it(
    asana: Sandbox, stream: str, column: str, fields: str
) -> None:
    sync = read(asana, [stream], columns={stream: ["gid", column]})
    records = sync.records[stream]
    assert records
    parents = {name for name in load_schema(stream)["properties"] if name.endswith("_id")}
    assert {name for r in records for name in r} - parents <= {"gid", column}
    sent = ",".join(e.params.get("opt_fields", "") for e in asana.log)
    assert any(field.startswith(fields) for field in sent.split(","))
    assert asana.unknown_fields == []


def test_every_stream_with_its_key_alone(asana: Sandbox, small: Small) -> None:
    keys = {
        name: [path[0] for path in stream.get("source_defined_primary_key", [["type"]])]
        for name, stream in streams().items()
    }
    sync = read(asana, streams(), columns=keys, organization_export_ids=[small.export])
    assert sync.errors == []
    for name, records in sync.records.items():
        assert {e for r in records for e in undue(r, keys, name)} == set(), name
        assert all(set(keys[name]) <= set(r) for r in records), name
    assert asana.unknown_fields == []


def undue(record: Record, keys: Mapping[str, list[str]], stream: str) -> set[str]:
    """Return the columns of a record beyond the selected ones; parent columns always come."""
    return {n for n in record if n not in keys[stream] and not n.endswith("_id")} - {"gid"}


def test_less_is_sent_for_fewer_columns(asana: Sandbox) -> None:
    read(asana, ["tasks"])
    whole = len(max((e.params.get("opt_fields", "") for e in asana.log), key=len))
    asana.reset_log()
    read(asana, ["tasks"], columns={"tasks": ["gid", "name", "assignee"]})
    some = len(max((e.params.get("opt_fields", "") for e in asana.log), key=len))
    assert some * 5 < whole
    assert "assignee.name" in asked(asana, "/tasks")


def test_columns_of_an_old_catalog_are_passed_over(asana: Sandbox) -> None:
    columns = {"tags": ["gid", "name"]}
    sync = read(asana, ["tags"], columns=columns)
    assert sync.records["tags"][0].keys() == {"gid", "name"}
    old = catalog(["tags"], columns=columns)
    old["streams"][0]["stream"]["json_schema"]["properties"]["colour_of_old"] = {"type": "string"}
    sync = command("read", config_for(asana), catalog=old)
    assert sync.records["tags"][0].keys() == {"gid", "name"}
    assert asana.unknown_fields == []


def test_an_empty_schema_selects_everything(asana: Sandbox) -> None:
    bare = catalog(["tags"])
    bare["streams"][0]["stream"]["json_schema"] = {}
    sync = command("read", config_for(asana), catalog=bare)
    assert "color" in sync.records["tags"][0]


@pytest.mark.parametrize(("inline", "parent"), INLINE.items())
def test_a_record_is_the_same_whether_the_stream_that_lies_in_it_is_read(
    asana: Sandbox, inline: str, parent: str
) -> None:
    alone, both = read(asana, [parent]), read(asana, [parent, inline])
    volatile = {"synced_at": None}
    assert [r | volatile for r in both.records[parent]] == [
        r | volatile for r in alone.records[parent]
    ]
    assert any(
        one["custom_field"].keys() - {"gid", "name", "resource_type"}
        for one in both.records[inline]
    )
