"""Custom fields as columns: their types, and their values out of what Asana sends anyway.

The column's property in the schema carries the gid of its field, as a keyword of its own and, in
case something between discover and read drops keywords it does not know, at the beginning of the
description. Reading goes by that gid alone: neither a renamed field nor a second one of the same
name changes what a column holds.

A field's name is free text, neither unique nor stable; a column's must be both, in every
destination. Letters of other scripts are written in Latin ones, emoji by their names: BigQuery,
Redshift and data lakes put `_` in the place of each character that is not an ASCII letter or digit
(Airbyte's `toAlphanumericAndUnderscore`), so that two Arabic names of the same length would be one
column there. Snowflake, Postgres and DuckDB would keep them, but a query that is written for one
destination is to run on the others. 63 bytes is what Postgres takes, the least of all.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from anyascii import anyascii

from source_asana.fields.opt_fields import opt_fields

PREFIX = "custom_"
MOST_BYTES = 63
# What tells fields of one name apart: the end of the gid, and all of it where that is not enough.
CLASH_DIGITS = 6
WHOLE_GID = 2
CAMEL = re.compile(r"([a-z])([A-Z])")
OTHER = re.compile(r"[^a-z0-9]+")


def column_names(labels: Mapping[str, str], taken: Collection[str]) -> dict[str, str]:
    """Return the column's name of every field.

    The result does not depend on any order. Fields whose names would be the same all get the end of
    their gid, so that none of them is taken for another once one is deleted.

    Args:
        labels: gid of a field -> its name.
        taken: names of the stream's other columns, none of which ends in a gid.
    """
    words = {gid: snake_case(label) for gid, label in labels.items()}
    digits = {gid: 0 if word else 1 for gid, word in words.items()}
    while True:
        names = {gid: _name(words[gid], gid, digits[gid]) for gid in labels}
        times = Counter(names.values())
        clashing = [
            gid
            for gid, name in names.items()
            if (times[name] > 1 or name in taken) and digits[gid] < WHOLE_GID
        ]
        if not clashing:
            return names
        for gid in clashing:
            digits[gid] += 1


def snake_case(label: str) -> str:
    """Return a text as lower-case ASCII words joined by `_`, empty for one without any."""
    plain = CAMEL.sub(r"\1_\2", anyascii(label).replace("'", ""))
    return OTHER.sub("_", plain.lower()).strip("_")


def _name(word: str, gid: str, digits: int) -> str:
    end = ("", gid[-CLASH_DIGITS:], gid)[digits]
    room = MOST_BYTES - len(PREFIX) - len(end) - bool(end)
    return PREFIX + "_".join(filter(None, (word[:room].rstrip("_"), end)))


Record = dict[str, Any]
Value = Callable[[Mapping[str, Any]], Any]

STREAMS = frozenset({"tasks", "subtasks", "projects", "portfolios", "goals"})
"""The streams whose records have custom fields."""

COLUMN = "custom_fields"
GID_KEYWORD = "asana_custom_field_gid"
DESCRIPTION = re.compile(r"Custom field (\d+)\b")

TYPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "text": {"type": ["null", "string"]},
        "number": {"type": ["null", "number"]},
        "names": {"type": ["null", "array"], "items": {"type": ["null", "string"]}},
        "date": {"type": ["null", "string"], "format": "date"},
        "date-time": {"type": ["null", "string"], "format": "date-time"},
    }
)
"""Kind of a column -> its JSON schema."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "number": "number",
        "multi_enum": "names",
        "people": "names",
        "reference": "names",
        "date": "date",
    }
)
"""Asana's `resource_subtype` (of a formula: its result's) -> kind; all others are texts."""

LISTS = ("multi_enum_values", "people_value", "reference_value")
SOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text": ("display_value", "enum_value.name", "text_value"),
        "number": ("number_value",),
        "names": tuple(f"{name}.name" for name in LISTS),
        "date": ("date_value.date", "date_value.date_time"),
        "date-time": ("date_value.date", "date_value.date_time"),
    }
)
"""Kind -> the parts of a custom field that its value is made of."""


@dataclass(frozen=True)
class CustomColumn:
    """A column that shows one custom field.

    Attributes:
        name: of the column.
        gid: of the field.
        kind: a key of `TYPES`.
    """

    name: str
    gid: str
    kind: str


def kind_of(definition: Mapping[str, Any]) -> str:
    """Return the kind of a field's column; a type that Asana adds later is shown as a text."""
    if definition.get("representation_type") == "custom_id":
        return "text"
    subtype = definition.get("resource_subtype") or definition.get("type")
    return KINDS.get(subtype or "", "text")


def property_of(gid: str, label: str, kind: str) -> dict[str, Any]:
    """Return the JSON schema of a field's column."""
    return {**TYPES[kind], "description": f"Custom field {gid}: {label}", GID_KEYWORD: gid}


# ── the configured catalog ─────────────────────────────────────────────────────────────────────


def columns_in(stream: str, schema: Mapping[str, Any]) -> tuple[CustomColumn, ...]:
    """Return the columns of custom fields in a stream's configured schema."""
    if stream not in STREAMS:
        return ()
    found = (_column(name, node) for name, node in (schema.get("properties") or {}).items())
    return tuple(filter(None, found))


def _column(name: str, node: Any) -> CustomColumn | None:
    if not name.startswith(PREFIX) or not isinstance(node, Mapping):
        return None
    gid = node.get(GID_KEYWORD)
    if not isinstance(gid, str):
        described = DESCRIPTION.match(str(node.get("description") or ""))
        if not described:
            return None
        gid = described[1]
    return CustomColumn(name, gid, _kind_in(node))


def _kind_in(node: Mapping[str, Any]) -> str:
    types = node.get("type") or ()
    named = {types} if isinstance(types, str) else set(types)
    if "array" in named:
        return "names"
    if named & {"number", "integer"}:
        return "number"
    form = node.get("format")
    return form if form in ("date", "date-time") else "text"


def sources(stream: str, columns: Iterable[CustomColumn]) -> frozenset[str]:
    """Return the dotted opt_fields that these columns are made of."""
    kinds = {column.kind for column in columns}
    if not kinds:
        return frozenset()
    offered = frozenset(opt_fields(stream, {COLUMN}))
    wanted = {f"{COLUMN}.{name}" for kind in kinds for name in SOURCES[kind]}
    if wanted - offered:
        # Projects, portfolios and goals name people and references in the displayed text only.
        wanted.add(f"{COLUMN}.display_value")
    return frozenset(wanted & offered)


# ── values ─────────────────────────────────────────────────────────────────────────────────────


def filler(columns: Iterable[CustomColumn]) -> Callable[[Record], None] | None:
    """Return what fills the columns of a record from its `custom_fields`; None without columns.

    The column of a field that the record does not have stays away, which is what the CDK makes of
    every null.
    """
    values: dict[str, list[tuple[str, Value]]] = defaultdict(list)
    for column in columns:
        values[column.gid].append((column.name, VALUES[column.kind]))
    if not values:
        return None

    def fill(record: Record) -> None:
        for field in record.get(COLUMN) or ():
            for name, value in values.get(field["gid"], ()):
                record[name] = value(field)

    return fill


def _text(field: Mapping[str, Any]) -> str | None:
    text: str | None = field.get("text_value")
    if text is None:
        text = (field.get("enum_value") or {}).get("name")
    return field.get("display_value") if text is None else text


def _number(field: Mapping[str, Any]) -> float | None:
    number: float | None = field.get("number_value")
    return number


def _names(field: Mapping[str, Any]) -> list[str]:
    lists = [field[name] for name in LISTS if field.get(name) is not None]
    if lists:
        return [_label(item) for items in lists for item in items]
    shown = field.get("display_value")
    return shown.split(", ") if shown else []


def _label(item: Mapping[str, Any]) -> str:
    return str(item.get("email") or item.get("name") or item.get("gid"))


def _day(field: Mapping[str, Any]) -> str | None:
    value = field.get("date_value") or {}
    return value.get("date") or (value.get("date_time") or "")[:10] or None


def _instant(field: Mapping[str, Any]) -> str | None:
    value = field.get("date_value") or {}
    day = value.get("date")
    return value.get("date_time") or (f"{day}T00:00:00.000Z" if day else None)


VALUES: Mapping[str, Value] = MappingProxyType(
    {"text": _text, "number": _number, "names": _names, "date": _day, "date-time": _instant}
)
"""Kind -> what makes a value of a custom field as Asana sends it."""
