"""Computes from a stream's schema what Asana is asked for: the selected columns as `opt_fields`.

Every leaf is named, such as `assignee.name` and `assignee.resource_type`: a relation that is named
alone comes back compact, and Asana decides what compact is.
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from source_asana.fields.columns import sources, unknown_columns
from source_asana.fields.schemas import SYNC_COLUMNS, load_schema

PARENT_COLUMNS = frozenset(
    {"goal_id", "parent_id", "portfolio_id", "project_id", "task_id", "team_id", "workspace_id"}
)
"""Top-level columns that are filled from the partition; no resource has them."""

WHOLE = frozenset(
    {
        "change.added_value",
        "change.new_value",
        "change.removed_value",
        "new_date_value",
        "old_date_value",
    }
)
"""Objects that are asked for by their own name: Asana's list of fields names nothing below them."""

_SETTING = "custom_field_settings."
_DEFINITION = f"{_SETTING}custom_field."

REPEATED = frozenset(
    {
        # A value repeats the options and the author of its field in every record; the streams
        # custom_fields and *_custom_field_settings have them once.
        "custom_fields.created_by",
        "custom_fields.enum_options",
        # A setting tells which field is enabled and has no values; its parent is the record.
        f"{_SETTING}parent",
        f"{_SETTING}project",
        f"{_DEFINITION}created_by",
        f"{_DEFINITION}date_value",
        f"{_DEFINITION}display_value",
        f"{_DEFINITION}enum_options",
        f"{_DEFINITION}enum_value",
        f"{_DEFINITION}html_text_value",
        f"{_DEFINITION}multi_enum_values",
        f"{_DEFINITION}number_value",
        f"{_DEFINITION}people_value",
        f"{_DEFINITION}reference_value",
        f"{_DEFINITION}text_value",
    }
)
"""Paths that no stream asks for, nor what lies below them, unless `also` names them."""

_STORY = frozenset(
    {
        "custom_field.enum_options",
        "dependency.created_by",
        "duplicate_of.created_by",
        "duplicated_from.created_by",
        "target.created_by",
        "task.created_by",
    }
)

REPEATED_IN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "attachments": frozenset({"parent.created_by"}),
        "goal_memberships": frozenset({"goal.owner", "parent.owner"}),
        "goal_stories": _STORY,
        "stories": _STORY,
        "task_templates": frozenset({"template.custom_fields.enum_options"}),
        "time_tracking_entries": frozenset({"task.created_by"}),
        "workspace_memberships": frozenset({"user_task_list.owner", "user_task_list.workspace"}),
    }
)
"""Paths that single streams do not ask for: they repeat a parent, or another stream's record."""


def opt_fields(
    stream: str, columns: Collection[str] | None, also: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the dotted fields to ask for, sorted.

    For resources there is always one: where no field is wanted, it is `gid`, as without any Asana
    would send what it likes.

    Args:
        stream: stream name.
        columns: selected top-level columns, None or empty for all. Columns that are not in the
            schema, as in an old catalog, and those that the connector fills itself do not count.
        also: dotted fields that are needed for technical reasons, asked for as they are.
    """
    properties = load_schema(stream)["properties"]
    made = PARENT_COLUMNS | SYNC_COLUMNS
    left_out = REPEATED | REPEATED_IN.get(stream, frozenset()) | unknown_columns(stream) | made
    selected = set(columns or properties) | {
        path.split(".")[0] for path in sources(stream, columns or None)
    }
    asked = {
        path
        for column in selected & set(properties)
        for path in _leaves(column, properties[column], left_out)
    }
    asked |= set(also)
    above = {path[:end] for path in asked for end, char in enumerate(path) if char == "."}
    asked -= above
    # Asana sends the gid unasked.
    if len(asked) > 1 or "gid" not in properties:
        asked.discard("gid")
    return tuple(sorted(asked)) or (("gid",) if "gid" in properties else ())


def _leaves(path: str, schema: Mapping[str, Any], left_out: frozenset[str]) -> Iterator[str]:
    if path in left_out:
        return
    fields = schema.get("items", schema).get("properties")
    if fields is None or path in WHOLE:
        yield path
        return
    # A resource's gid comes unasked; that of other objects (likes, external data) may not.
    named = [name for name in fields if name != "gid" or "resource_type" not in fields]
    below = [leaf for name in named for leaf in _leaves(f"{path}.{name}", fields[name], left_out)]
    yield from below or [f"{path}.gid"]
