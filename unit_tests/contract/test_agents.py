"""The columns that Airbyte's agents look for: those of its own Asana source, by stream.

Taken from the entities of the Asana connector in `airbyte-agent-connectors`, version 0.1.20.
"""

from __future__ import annotations

import pytest

from source_asana.fields.schemas import load_schema

COLUMNS = {
    "attachments": (
        "connected_to_app created_at download_url gid host name parent permanent_url "
        "resource_subtype resource_type size view_url"
    ),
    "projects": (
        "archived color created_at current_status custom_field_settings custom_fields "
        "default_view due_date due_on followers gid html_notes icon is_template members "
        "modified_at name notes owner permalink_url public resource_type start_on team workspace"
    ),
    "sections": "created_at gid name project resource_type",
    "tags": "color followers gid name permalink_url resource_type workspace",
    "tasks": (
        "actual_time_minutes approval_status assignee completed completed_at completed_by "
        "created_at custom_fields dependencies dependents due_at due_on external followers gid "
        "hearted hearts html_notes is_rendered_as_separator liked likes memberships modified_at "
        "name notes num_hearts num_likes num_subtasks parent permalink_url projects "
        "resource_subtype resource_type start_on tags workspace"
    ),
    "teams": "description gid html_description name organization permalink_url resource_type",
    "users": "email gid name photo resource_type workspaces",
    "workspaces": "email_domains gid is_organization name resource_type",
}
OBJECTS = {
    "assignee", "completed_by", "current_status", "external", "organization", "owner", "parent",
    "photo", "project", "team", "workspace",
}  # fmt: skip
LISTS = {
    "custom_field_settings", "custom_fields", "dependencies", "dependents", "email_domains",
    "followers", "hearts", "likes", "memberships", "members", "projects", "tags", "workspaces",
}  # fmt: skip
FLAGS = {
    "archived", "completed", "connected_to_app", "hearted", "is_organization",
    "is_rendered_as_separator", "is_template", "liked", "public",
}  # fmt: skip


def kind(column: str) -> set[str]:
    """Return the types that the agents take a column for; numbers may be of either kind."""
    if column in OBJECTS | LISTS:
        return {"object"} if column in OBJECTS else {"array"}
    if column in FLAGS:
        return {"boolean"}
    is_number = column == "size" or column.startswith("num_") or column.endswith("_minutes")
    return {"integer", "number"} if is_number else {"string"}


@pytest.mark.parametrize("stream", COLUMNS)
def test_columns_of_the_agents_are_there_in_their_types(stream: str) -> None:
    properties = load_schema(stream)["properties"]
    odd = {
        column: properties.get(column, {}).get("type")
        for column in COLUMNS[stream].split()
        if not kind(column) & set(properties.get(column, {}).get("type", ()))
    }
    assert not odd
