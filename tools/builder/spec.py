"""The specification: keys of ours where a stock part does what they say."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.builder.ours import Json, Parts
from tools.builder.transport import IN_FLIGHT, REQUESTS_PER_MINUTE

# What is missing here is accepted and has no effect.
SAME: Mapping[str, Parts] = {
    "project_ids": {},
    "start_date": {},
    "workspace_ids": {},
    "exclude_project_ids": {},
    "team_ids": {},
    "include_archived_projects": {},
    "include_tasks_without_project": {},
    "organization_export_ids": {},
    "change_detection": {
        "description": (
            "Auto and search: the first sync lets a search name the tasks with attachments, which "
            "needs a paid plan. Listing: it asks every task."
        ),
    },
    "time_entries_lookback_days": {},
    "requests_per_minute": {
        "description": "What Asana allows the token: 1500 on a paid plan, 150 on a free one.",
        "default": REQUESTS_PER_MINUTE,
        "always_show": True,
    },
    "num_workers": {"default": IN_FLIGHT},
    "api_url": {},
}
"""Keys of ours, and what is different about them."""
# Airbyte's form leaves out what is empty, so the owner of a service account has a name.
PORTFOLIO_OWNER: Parts = {
    "type": "string",
    "title": "Portfolio owner",
    "description": "me for a user's token, all for a service account's.",
    "default": "me",
    "group": "scope",
    "always_show": True,
}
# Stock components send an id as it is written, so it cannot be the URL of a page.
IDS = {"pattern": "^[0-9]{1,32}$", "pattern_descriptor": "the digits of an Asana ID"}
FROM_OTHER_TYPES: Mapping[str, tuple[str, str]] = {
    "integer": ("VALUE is string and VALUE.strip().isdigit()", "VALUE | int"),
    "boolean": (
        "VALUE is string and VALUE.strip() in ('true', 'false')",
        "VALUE.strip() == 'true'",
    ),
    "array": (
        "VALUE is sequence and VALUE is not string and VALUE is not mapping",
        "VALUE | map('trim') | list",
    ),
}
"""Type of a key -> whether a value of another type can be taken for it, and its value then."""
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
    properties = _properties(schema)
    return {
        "type": "Spec",
        "connection_specification": {
            "$schema": schema["$schema"],
            "title": TITLE,
            "description": DESCRIPTION,
            "type": "object",
            "additionalProperties": True,
            "required": ["credentials"],
            "groups": schema["groups"],
            "properties": properties,
        },
        "config_normalization_rules": {
            "type": "ConfigNormalizationRules",
            "transformations": [
                step for name, node in properties.items() for step in _made_plain(name, node)
            ],
        },
    }


def _properties(schema: Parts) -> Json:
    ours = schema["properties"]
    kept = {"credentials": _credentials(ours["credentials"])}
    kept |= {name: _same(ours[name], changes) for name, changes in SAME.items() if name in ours}
    kept["portfolio_owner"] = dict(PORTFOLIO_OWNER)
    groups = [group["id"] for group in schema["groups"]]
    ordered = sorted(kept, key=lambda name: groups.index(kept[name]["group"]))
    return {name: {**kept[name], "order": order} for order, name in enumerate(ordered)}


def _same(node: Any, changes: Parts) -> Any:
    same = {**node, **changes}
    return {**same, "items": {**same["items"], **IDS}} if "items" in same else same


def _made_plain(name: str, node: Parts) -> Iterator[Json]:
    """Yield the steps that give a value the type of its key, as `source_asana.config.plain` does.

    The CDK takes them before it compares a configuration with the specification.
    """
    value = f"config.get('{name}')"
    yield {
        "type": "ConfigRemoveFields",
        "field_pointers": [[name]],
        "condition": f"{{{{ {value} is none }}}}",
    }
    if node["type"] in FROM_OTHER_TYPES:
        applies, plain = (text.replace("VALUE", value) for text in FROM_OTHER_TYPES[node["type"]])
        # The CDK evaluates the value before the condition.
        yield {
            "type": "ConfigAddFields",
            "fields": [
                {
                    "type": "AddedFieldDefinition",
                    "path": [name],
                    "value": f"{{{{ ({plain}) if {applies} else '' }}}}",
                }
            ],
            "condition": f"{{{{ {applies} }}}}",
        }


def _credentials(ours: Parts) -> Json:
    """Return the kinds of credentials; which one it is must be told by its name here."""
    kinds = [
        {**kind, "required": ["option_title", *kind["required"]]}
        for kind in ours["oneOf"]
        if "option_title" in kind["properties"]
    ]
    return {**ours, "oneOf": kinds}
