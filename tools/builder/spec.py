"""The specification: keys of ours where a stock part does what they say."""

from typing import Any

from tools.builder.ours import Json, Parts
from tools.builder.transport import IN_FLIGHT, REQUESTS_PER_MINUTE

# In the order of ours. What is missing here is accepted and has no effect.
SAME = (
    "organization_export_ids",
    "workspace_ids",
    "project_ids",
    "exclude_project_ids",
    "team_ids",
    "include_archived_projects",
    "start_date",
    "include_tasks_without_project",
    "time_entries_lookback_days",
    "api_url",
)
# Stock components send an id as it is written, so it cannot be the URL of a page.
IDS = {"pattern": "^[0-9]{1,32}$", "pattern_descriptor": "the digits of an Asana ID"}
TITLE = "Asana (low-code)"
DESCRIPTION = (
    "Incremental where Asana's API and stock components allow it. docs/airbyte-cloud.md of "
    "source-asana lists the changes that an incremental sync misses, and the streams to refresh."
)


def spec(ours: Parts) -> Json:
    """Return the specification.

    Args:
        ours: the specification of this connector.
    """
    schema = ours["connection_specification"]
    return {
        "type": "Spec",
        "connection_specification": {
            "$schema": schema["$schema"],
            "title": TITLE,
            "description": DESCRIPTION,
            "type": "object",
            "additionalProperties": True,
            "required": ["credentials"],
            "properties": _properties(schema["properties"]),
        },
    }


def _properties(ours: Parts) -> Json:
    kept = {"credentials": _credentials(ours["credentials"])}
    kept["requests_per_minute"] = {
        **ours["requests_per_minute"],
        "description": "What Asana allows the token: 1500 on a paid plan, 150 on a free one.",
        "default": REQUESTS_PER_MINUTE,
    }
    kept["portfolio_owner"] = {
        "type": "string",
        "title": "Portfolio owner",
        "description": "me for a user's token; leave it empty for a service account's.",
        "default": "me",
    }
    kept |= {name: _same(ours[name]) for name in SAME if name in ours}
    kept["change_detection"] = {
        **ours["change_detection"],
        "description": (
            "Auto and search: the first sync lets a search name the tasks with attachments, which "
            "needs a paid plan. Listing: it asks every task."
        ),
    }
    kept["num_workers"] = {**ours["num_workers"], "default": IN_FLIGHT}
    return {name: _ordered(order, node) for order, (name, node) in enumerate(kept.items())}


def _same(node: Any) -> Any:
    return {**node, "items": {**node["items"], **IDS}} if "items" in node else node


def _credentials(ours: Parts) -> Json:
    """Return the kinds of credentials; which one it is must be told by its name here."""
    kinds = [
        {**kind, "required": ["option_title", *kind["required"]]}
        for kind in ours["oneOf"]
        if "option_title" in kind["properties"]
    ]
    return {**ours, "oneOf": kinds}


def _ordered(order: int, node: Any) -> Json:
    """Return a key of the form at its place; with so few keys no group is folded up."""
    kept = {name: value for name, value in node.items() if name not in {"group", "always_show"}}
    return {**kept, "order": order}
