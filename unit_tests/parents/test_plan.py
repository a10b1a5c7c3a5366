"""The plan of a sync: parents first, hidden where nobody selected them, with what is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana import SourceAsana
from source_asana.config import parse_config
from source_asana.parents.plan import Step, plan
from source_asana.parents.routers import AsanaRouter
from source_asana.runtime import Runtime
from source_asana.source import _router
from unit_tests.sync import catalog, streams

TASK_FIELDS = frozenset({"modified_at", "num_subtasks", "parent.gid", "projects.gid"})


def bound(**settings: Any) -> Mapping[str, AsanaRouter]:
    """Return the router of every stream, bound to settings."""
    config = {"credentials": {"personal_access_token": "the-token"}, **settings}
    found = {name: _router(stream) for name, stream in SourceAsana()._declared(config).items()}
    runtime = Runtime(parse_config(config))
    for router in found.values():
        router.bind(runtime)
    return found


@cache
def routers() -> Mapping[str, AsanaRouter]:
    """Return the routers under default settings."""
    return bound()


def loaded(content: Any) -> ConfiguredAirbyteCatalog:
    found: ConfiguredAirbyteCatalog = ConfiguredAirbyteCatalogSerializer.load(content)
    return found


def planned(*names: str) -> list[Step]:
    return plan(loaded(catalog(names)), routers())


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
    assert {step.name for step in planned(name) if step.wanted.hidden} == parents


@pytest.mark.parametrize(
    "settings", [{"include_tasks_without_project": False}, {"project_ids": ["1"]}]
)
def test_users_are_no_parents_of_tasks_without_their_listings(settings: dict[str, Any]) -> None:
    steps = plan(loaded(catalog(["tasks"])), bound(**settings))
    assert {step.name for step in steps} == {"workspaces", "projects", "tasks"}


def test_parents_come_before_children_whatever_the_catalogs_order() -> None:
    for names in (list(streams()), list(streams())[::-1]):
        steps = planned(*names)
        order = {step.name: place for place, step in enumerate(steps)}
        assert set(order) == set(streams())
        for name, router in routers().items():
            for parent in router.parents():
                assert order[parent] < order[name] or parent == name, (parent, name)
        assert not any(step.wanted.hidden for step in steps)


def test_a_parent_brings_what_its_children_need() -> None:
    also = {step.name: step.wanted.also for step in planned("stories", "project_status_updates")}
    assert also["tasks"] == also["subtasks"] == TASK_FIELDS
    assert "current_status_update.gid" in also["projects"]
    assert also["stories"] == frozenset()
    also = {step.name: step.wanted.also for step in planned("attachments", "project_briefs")}
    assert "project_brief.gid" in also["projects"]


def test_what_feeds_and_what_does_not() -> None:
    feeds = {step.name: step.wanted.feeds for step in planned("tasks", "tags", "sections")}
    assert feeds == {
        "workspaces": True,
        "projects": True,
        "users": True,
        "tasks": False,
        "tags": False,
        "sections": False,
    }


def test_inline_streams_travel_with_their_parent() -> None:
    steps = {step.name: step for step in planned("project_custom_field_settings", "projects")}
    [inline] = steps["projects"].wanted.inline
    assert (inline.stream, inline.column, inline.add) == (
        "project_custom_field_settings",
        "custom_field_settings",
        "project_id",
    )
    assert "custom_field.name" in inline.fields
    assert steps["workspaces"].wanted.inline == ()


def test_columns_and_modes_come_from_the_catalog() -> None:
    wanted = catalog(["tasks", "tags"], incremental=True, columns={"tasks": ["gid", "name"]})
    steps = {step.name: step for step in plan(loaded(wanted), routers())}
    assert steps["tasks"].wanted.columns == {"gid", "name"}
    assert steps["tasks"].incremental
    assert not steps["tags"].incremental
    assert not steps["projects"].incremental
    assert steps["projects"].wanted.columns is None


@pytest.mark.parametrize("schema", [{}, {"properties": {}}, {"type": "object"}])
def test_no_columns_are_all_columns(schema: dict[str, Any]) -> None:
    wanted = catalog(["tags"])
    wanted["streams"][0]["stream"]["json_schema"] = schema
    [tags] = [step for step in plan(loaded(wanted), routers()) if step.name == "tags"]
    assert tags.wanted.columns is None


@pytest.mark.parametrize("properties", [1, "gid", ["gid"], True])
def test_a_schema_with_odd_properties_is_a_mistake(properties: Any) -> None:
    wanted = catalog(["tags"])
    wanted["streams"][0]["stream"]["json_schema"] = {"properties": properties}
    with pytest.raises(AirbyteTracedException, match="has no object `properties`"):
        plan(loaded(wanted), routers())


def test_an_unknown_stream_is_a_mistake() -> None:
    wanted = catalog(["tags"])
    wanted["streams"][0]["stream"]["name"] = "taskz"
    with pytest.raises(AirbyteTracedException, match="names a stream `taskz`"):
        plan(loaded(wanted), routers())


def test_an_empty_catalog_is_an_empty_plan() -> None:
    assert planned() == []
