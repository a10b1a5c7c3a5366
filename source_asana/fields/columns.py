"""Fills columns that Asana names differently or does not have.

Two tables decide for all streams: `ALIASES` fills a column from other fields of the same object or
from the partition, and `ALWAYS_NULL` lists columns that are declared and always null.
`opt_fields` asks for neither, but for the sources of the aliases.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Record = dict[str, Any]
Shaper = Callable[[Record, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Alias:
    """One column, and what it is filled from.

    Attributes:
        column: its dotted path.
        sources: names of fields in the same object.
        convert: returns its value, None for none; takes the values of `sources`, then those of
            `partition`, in order.
        partition: keys of the partition whose values are used as well.
    """

    column: str
    sources: tuple[str, ...]
    convert: Callable[..., Any] = lambda value: value
    partition: tuple[str, ...] = ()


STATUS_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "green": "on_track",
        "yellow": "at_risk",
        "red": "off_track",
        "blue": "on_hold",
        "complete": "complete",
    }
)
"""Colour of a legacy project status -> the status type that replaced it."""


def status_type(color: str | None) -> str | None:
    """Return the status type of a colour; one that Asana adds later is handed on as it is."""
    return None if color is None else STATUS_TYPES.get(color, color)


def workspace(gid: str | None, name: str | None) -> Record | None:
    """Return a compact workspace, without a name where that is not known, None without a gid."""
    if gid is None:
        return None
    compact = {"gid": gid, "resource_type": "workspace"}
    return compact if name is None else {**compact, "name": name}


def present(*values: Any) -> list[Any] | None:
    """Return the values that are not empty, in order, None where all are."""
    return [value for value in values if value] or None


def readable(*values: Any) -> str | None:
    """Return the first value as a text, the way the story's own text shows it.

    Resources, such as enum options and people, become their names; lists are joined by commas;
    dates become their due or start day or instant.
    """
    for value in values:
        # No call for what most of them are.
        if value is not None and (text := _text(value)) is not None:
            return text
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value))) or None
    if isinstance(value, dict):
        # Dates have no name, resources have no due day.
        names = ("name", "due_at", "due_on", "date_time", "date", "start_on")
        return next((str(value[name]) for name in names if value.get(name)), None)
    return None if value is None else str(value)


def _changed_values(age: str) -> tuple[str, ...]:
    kinds = ("text_value", "number_value", "enum_value", "multi_enum_values", "date_value")
    return tuple(f"{age}_{kind}" for kind in (*kinds, "people_value"))


ALIASES: Mapping[str, tuple[Alias, ...]] = MappingProxyType(
    {
        "goals": (
            Alias("metric.type", ("resource_type",)),
            Alias("metric.subtype", ("resource_subtype",)),
            Alias("metric.initial", ("initial_number_value",)),
            Alias("metric.target", ("target_number_value",)),
            Alias("metric.current", ("current_number_value",)),
        ),
        "portfolios": (Alias("current_status_update.type", ("resource_subtype",)),),
        "portfolio_custom_field_settings": (Alias("portfolio", ("parent",)),),
        "project_statuses": (Alias("status_type", ("color",), status_type),),
        "stories": (
            Alias("old_text", ("old_text_value",)),
            Alias("new_text", ("new_text_value",)),
            Alias("old_custom_field_value", _changed_values("old"), readable),
            Alias("new_custom_field_value", _changed_values("new"), readable),
            Alias("previews.links", ("header_link", "title_link"), present),
            Alias("previews.headers", ("header",), present),
        ),
        "time_tracking_entries": (
            Alias("notes", ("description",)),
            Alias("project", ("attributable_to",)),
            Alias("user", ("created_by",)),
            Alias("workspace", (), workspace, ("workspace_gid", "name")),
        ),
    }
)

ALWAYS_NULL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "portfolio_custom_field_settings": ("created_at", "created_by"),
        "project_custom_field_settings": ("created_at", "created_by"),
        "project_statuses": ("hearts", "liked", "likes", "num_hearts", "num_likes"),
        # Airbyte's agents look for it; templates are objects of their own now.
        "projects": ("is_template",),
        "stories": ("action_taken", "attachments", "new_dates.start_at", "old_dates.start_at"),
        "tags": ("created_by",),
        "teams": ("created_at", "updated_at"),
        "time_tracking_entries": ("completed", "completed_at", "html_notes", "time_period"),
    }
)
"""Columns that are declared because users were promised them; Asana has no value for them."""


def unknown_columns(stream: str) -> frozenset[str]:
    """Return the dotted columns that Asana does not know and must never be asked for.

    It does not know what lies below them either. Parent columns are not among them.
    """
    aliases = (alias.column for alias in ALIASES.get(stream, ()))
    return frozenset((*aliases, *ALWAYS_NULL.get(stream, ())))


def sources(stream: str, columns: Iterable[str] | None) -> set[str]:
    """Return the dotted fields that fill the aliases among the selected top-level columns.

    Args:
        stream: stream name.
        columns: selected top-level columns, None or empty for all.
    """
    return {
        _beside(alias.column, name)
        for alias in _selected(stream, columns)
        for name in alias.sources
    }


def shaper(stream: str, columns: frozenset[str] | None, extra: frozenset[str]) -> Shaper | None:
    """Return the function that finishes a record in place, None where nothing is to be done.

    It takes the record and its partition, fills the selected alias columns, then drops the names in
    `extra` and the top-level fields that were asked for as sources only.

    Args:
        stream: stream name.
        columns: selected top-level columns, None or empty for all.
        extra: top-level names that were asked for for technical reasons and are not selected.
    """
    steps = [(alias.column.split(".")[:-1], _step(alias)) for alias in _selected(stream, columns)]
    borrowed = {name.split(".")[0] for name in sources(stream, columns)}
    drop = tuple(sorted(extra | (borrowed - columns if columns else set())))
    if not steps and not drop:
        return None

    own = [step for path, step in steps if not path]
    below = [(path[0], path[1:], step) for path, step in steps if path]

    def shape(record: Record, partition: Mapping[str, Any]) -> None:
        for step in own:
            step(record, partition)
        for first, path, step in below:
            if record.get(first):
                _each(record[first], path, step, partition)
        for name in drop:
            record.pop(name, None)

    return shape


def _selected(stream: str, columns: Iterable[str] | None) -> list[Alias]:
    aliases = ALIASES.get(stream, ())
    wanted = set(columns or ())
    if not wanted:
        return list(aliases)
    return [alias for alias in aliases if alias.column.split(".")[0] in wanted]


def _beside(column: str, name: str) -> str:
    above, dot, _ = column.rpartition(".")
    return f"{above}{dot}{name}"


def _step(alias: Alias) -> Shaper:
    name, convert = alias.column.rpartition(".")[2], alias.convert
    fields, keys = alias.sources, alias.partition

    def fill(item: Record, partition: Mapping[str, Any]) -> None:
        # Most objects have none of them, and nothing comes of nothing.
        for field in fields:
            if item.get(field) is not None:
                break
        else:
            if not keys:
                return
        value = convert(*[item.get(f) for f in fields], *[partition.get(k) for k in keys])
        if value is not None:
            item[name] = value

    return fill


def _each(item: Any, path: list[str], step: Shaper, partition: Mapping[str, Any]) -> None:
    """Call `step` with every object that a path of names leads to, through lists as well."""
    if isinstance(item, list):
        for part in item:
            _each(part, path, step, partition)
    elif isinstance(item, dict):
        if path:
            _each(item.get(path[0]), path[1:], step, partition)
        else:
            step(item, partition)
