"""The plan of a sync: parents first, hidden where nobody selected them, with what is needed."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana import SourceAsana
from source_asana.components.retriever import AsanaRetriever
from source_asana.parents.plan import StreamPlan
from source_asana.runtime import Runtime
from source_asana.wiring import planned as planned_by_wiring
from unit_tests.given import CONFIG, settings
from unit_tests.sync import catalog, streams

TASK_FIELDS = frozenset({"modified_at", "num_subtasks", "parent.gid", "projects.gid"})


def plan(wanted: Any, **further: Any) -> list[StreamPlan]:
    """Return what a sync reads for a catalog, under default settings and these."""
    catalog: ConfiguredAirbyteCatalog = ConfiguredAirbyteCatalogSerializer.load(wanted)
    return planned_by_wiring(Runtime(settings(**further)), _retrievers(), catalog)


@cache
def _retrievers() -> dict[str, AsanaRetriever]:
    return SourceAsana()._retrievers(CONFIG)


def planned(*names: str) -> dict[str, StreamPlan]:
    return {one.name: one for one in plan(catalog(names))}


@pytest.mark.parametrize(
    ("name", "parents"),
    [
        ("workspaces", set()),
        ("tags", {"workspaces"}),
        ("teams", {"workspaces"}),
        ("team_custom_field_settings", {"workspaces", "teams"}),
        ("user_task_lists", {"workspaces", "users"}),
        ("sections", {"workspaces", "projects"}),
        ("project_custom_field_settings", {"workspaces", "projects"}),
        ("tasks", {"workspaces", "projects", "users"}),
        ("subtasks", {"workspaces", "projects", "users", "tasks"}),
        ("stories", {"workspaces", "projects", "users", "tasks", "subtasks"}),
        ("attachments", {"workspaces", "projects", "users", "tasks", "subtasks"}),
        ("portfolios", {"workspaces", "portfolio_items"}),
        ("portfolio_memberships", {"workspaces", "portfolios", "portfolio_items"}),
        ("goal_stories", {"workspaces", "goals"}),
        ("organization_exports", set()),
    ],
)
def test_the_parents_of_a_stream_alone(name: str, parents: set[str]) -> None:
    assert {one.name for one in planned(name).values() if one.parent_only} == parents


@pytest.mark.parametrize(
    "further", [{"include_tasks_without_project": False}, {"project_ids": ["1"]}]
)
def test_users_are_no_parents_of_tasks_without_their_listings(further: dict[str, Any]) -> None:
    plans = plan(catalog(["tasks"]), **further)
    assert {one.name for one in plans} == {"workspaces", "projects", "tasks"}


def test_parents_come_before_children_whatever_the_catalogs_order() -> None:
    for names in (list(streams()), list(streams())[::-1]):
        plans = plan(catalog(names))
        order = {one.name: place for place, one in enumerate(plans)}
        assert set(order) == set(streams())
        for one in plans:
            assert all(order[one.name] < order[r] or r == one.name for r in one.readers), one.name
        assert not any(one.parent_only for one in plans)


def test_a_parent_brings_what_its_children_need() -> None:
    needed = {
        name: one.needed for name, one in planned("stories", "project_status_updates").items()
    }
    assert needed["tasks"] == needed["subtasks"] == TASK_FIELDS
    assert "current_status_update.gid" in needed["projects"]
    assert needed["stories"] == frozenset()
    assert "project_brief.gid" in planned("attachments", "project_briefs")["projects"].needed


def test_who_is_a_parent_and_whose() -> None:
    plans = planned("tasks", "tags", "sections")
    assert {name: set(one.readers) for name, one in plans.items()} == {
        "workspaces": {"projects", "users", "tags"},
        "projects": {"tasks", "sections"},
        "users": {"tasks"},
        "tasks": set(),
        "tags": set(),
        "sections": set(),
    }
    assert plans["projects"].is_parent
    assert not plans["tags"].is_parent


def test_inline_streams_travel_with_their_parent() -> None:
    plans = planned("project_custom_field_settings", "projects")
    [inline] = plans["projects"].inline
    assert (inline.stream, inline.column, inline.parent_column) == (
        "project_custom_field_settings",
        "custom_field_settings",
        "project_id",
    )
    assert "custom_field.name" in inline.fields
    assert plans["workspaces"].inline == ()


def test_columns_and_modes_come_from_the_catalog() -> None:
    wanted = catalog(["tasks", "tags"], incremental=True, columns={"tasks": ["gid", "name"]})
    plans = {one.name: one for one in plan(wanted)}
    assert plans["tasks"].columns == frozenset({"gid", "name"})
    assert plans["tasks"].is_incremental
    assert not plans["projects"].is_incremental
    assert plans["projects"].columns is None


@pytest.mark.parametrize("schema", [{}, {"properties": {}}, {"type": "object"}])
def test_no_columns_are_all_columns(schema: dict[str, Any]) -> None:
    wanted = catalog(["tags"])
    wanted["streams"][0]["stream"]["json_schema"] = schema
    [tags] = [one for one in plan(wanted) if one.name == "tags"]
    assert tags.columns is None


@pytest.mark.parametrize("properties", [1, "gid", ["gid"], True])
def test_a_schema_with_odd_properties_is_a_mistake(properties: Any) -> None:
    wanted = catalog(["tags"])
    wanted["streams"][0]["stream"]["json_schema"] = {"properties": properties}
    with pytest.raises(AirbyteTracedException, match="has no object `properties`"):
        plan(wanted)


def test_an_unknown_stream_is_a_mistake() -> None:
    wanted = catalog(["tags"])
    wanted["streams"][0]["stream"]["name"] = "taskz"
    with pytest.raises(AirbyteTracedException, match="names a stream `taskz`"):
        plan(wanted)


def test_an_empty_catalog_is_an_empty_plan() -> None:
    assert planned() == {}
