"""Knows which fields, and which streams, need a scope of the OAuth app.

Related objects without their scope come back with gid, name and type only, and asking for more of
them is a 403 for the whole request. Sources: the scopes of the OpenAPI operations, and Asana's page
"OAuth scopes".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from source_asana.fields.schemas import load_schema
from source_asana.http.errors import Verdict

SCOPE = re.compile(r"\b[a-z_]+:read\b")

FIELDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "attachments:read": frozenset({"previews"}),
        "custom_fields:read": frozenset({"custom_field", "custom_field_settings", "custom_fields"}),
        "custom_types:read": frozenset({"custom_type", "custom_type_status_option"}),
        "project_sections:read": frozenset({"memberships"}),
        "projects:read": frozenset({"memberships"}),
        "task_custom_types:read": frozenset({"custom_type", "custom_type_status_option"}),
        "teams:read": frozenset({"team"}),
        "time_periods:read": frozenset({"time_period"}),
        "time_tracking_entries:read": frozenset({"actual_time_minutes"}),
        "users:read": frozenset({"email", "photo"}),
    }
)
"""Scope -> the top-level fields of other streams' records that need it."""

STREAMS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "attachments:read": frozenset({"attachments"}),
        "custom_fields:read": frozenset({"custom_fields", "project_custom_field_settings"}),
        "goals:read": frozenset({"goal_custom_field_settings", "goals"}),
        "ooo_entries:read": frozenset({"ooo_entries"}),
        "portfolios:read": frozenset(
            {"portfolio_custom_field_settings", "portfolio_items", "portfolios"}
        ),
        "project_portfolio_settings:read": frozenset({"project_portfolio_settings"}),
        "project_templates:read": frozenset({"project_templates"}),
        "projects:read": frozenset({"projects", "task_counts"}),
        "roles:read": frozenset({"roles"}),
        "stories:read": frozenset({"goal_stories", "stories"}),
        "tags:read": frozenset({"tags"}),
        "task_templates:read": frozenset({"task_templates"}),
        "tasks:read": frozenset({"subtasks", "tasks", "user_task_lists"}),
        "team_memberships:read": frozenset({"team_memberships"}),
        "teams:read": frozenset({"team_custom_field_settings", "teams"}),
        "time_tracking_categories:read": frozenset({"time_tracking_categories"}),
        "time_tracking_entries:read": frozenset({"time_tracking_entries"}),
        "timesheet_approval_statuses:read": frozenset({"timesheet_approval_statuses"}),
        "users:read": frozenset({"users"}),
        "workspaces:read": frozenset({"workspaces"}),
    }
)
"""Scope -> the streams that cannot be read without it."""


COMPACT = frozenset({"gid", "name", "resource_subtype", "resource_type", "title"})
"""The fields that related objects show whatever the scopes are."""


def without_scope(stream: str, opt_fields: str, verdict: Verdict) -> tuple[str, list[str]]:
    """Return the fields that remain after a refusal for scope, and the names of those that go.

    Nothing goes when the scope is the stream's own, or when there is nothing to leave out: then the
    whole request is refused.

    Args:
        stream: stream name.
        opt_fields: the fields that were asked for, separated by commas.
        verdict: the refusal. Where its message names no scope that tells which fields it is about,
            all but the compact form of related objects goes first, then that of all objects.

    Returns:
        The fields to ask for, separated by commas; and the top-level names of the others, some of
            which remain in their compact form.
    """
    named = SCOPE.findall(verdict.message)
    if (
        verdict.rule.reason != "scope"
        or not opt_fields
        or any(stream in STREAMS.get(scope, ()) for scope in named)
    ):
        return opt_fields, []
    paths = opt_fields.split(",")
    costs = {name for scope in named for name in FIELDS.get(scope, ())}
    schema = load_schema(stream)
    steps: tuple[Callable[[str], bool], ...] = (
        lambda path: path.split(".")[0] not in costs,
        lambda path: _is_compact(path) or not _is_related(path, schema),
        _is_compact,
    )
    for keeps in steps:
        kept = [path for path in paths if keeps(path)]
        missing = sorted({path.split(".")[0] for path in set(paths) - set(kept)})
        if missing:
            return (",".join(kept), missing) if kept else (opt_fields, [])
    return opt_fields, []


def _is_compact(path: str) -> bool:
    _, *below = path.split(".")
    return not below or (len(below) == 1 and below[0] in COMPACT)


def _is_related(path: str, schema: Mapping[str, Any]) -> bool:
    """Return whether a dotted field is that of a related object, which has a type of its own."""
    node = schema
    for name in path.split(".")[:-1]:
        child = (node.get("properties") or {}).get(name, {})
        node = child.get("items", child)
        if "resource_type" in (node.get("properties") or {}):
            return True
    return False
