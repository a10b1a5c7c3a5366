"""Schemas, aliases and opt_fields against Asana's API description and the promised columns.

The description is read here by code of its own, so that a mistake of the generator shows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import pytest

from source_asana.fields.columns import unknown_columns
from source_asana.fields.opt_fields import (
    PARENT_COLUMNS,
    REPEATED,
    REPEATED_IN,
    WHOLE,
    opt_fields,
)
from source_asana.fields.schemas import SYNC_COLUMNS, load_schema
from tools.schemas import ARTEFACTS, CORRECTIONS, DECLARED, SHARED, generate, main
from unit_tests.contract.test_agents import COLUMNS

Streams = dict[str, dict[str, Any]]
FORMATS = {"date", "date-time"}
INLINE_PARENTS = ("goals", "portfolios", "projects", "teams")


@dataclass(frozen=True)
class Described:
    """One field of the description: its types, its format, and where each member defines it."""

    type: str | None
    format: str | None
    origin: tuple[str, str]


def described(description: Mapping[str, Any], stream: Mapping[str, Any]) -> dict[str, Described]:
    """Return every field of a stream's response schemas by dotted path."""
    names = stream["schema"] if isinstance(stream["schema"], list) else [stream["schema"]]
    components = description["components"]["schemas"]
    return {
        path: field
        for name in names
        for path, field in walk(components, components[name], (name, ""), "")
    }


def walk(
    components: Mapping[str, Any], node: Mapping[str, Any], origin: tuple[str, str], path: str
) -> Iterator[tuple[str, Described]]:
    """Yield the fields below a node, depth first."""
    if "$ref" in node:
        name = node["$ref"].split("/")[-1]
        yield from walk(components, components[name], (name, ""), path)
    for member in (*node.get("allOf", ()), *node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from walk(components, member, origin, path)
    for name, child in node.get("properties", {}).items():
        if name in ARTEFACTS:
            continue
        below = (origin[0], f"{origin[1]}.{name}".lstrip("."))
        at = f"{path}.{name}".lstrip(".")
        yield at, Described(type_of(components, child), child.get("format"), below)
        yield from walk(components, child, below, at)
        if "items" in child:
            yield from walk(components, child["items"], below, at)


def type_of(components: Mapping[str, Any], node: Mapping[str, Any]) -> str | None:
    """Return the type of a node, looked up through references."""
    if "properties" in node:
        return "object"
    if "type" in node:
        return str(node["type"])
    if "$ref" in node:
        return type_of(components, components[node["$ref"].split("/")[-1]])
    members = (*node.get("allOf", ()), *node.get("anyOf", ()), *node.get("oneOf", ()))
    return next((t for t in (type_of(components, m) for m in members) if t), None)


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every field of one of our schemas by dotted path."""
    for name, field in schema.get("items", schema).get("properties", {}).items():
        at = f"{path}.{name}".lstrip(".")
        yield at, field
        yield from fields(field, at)


def is_below(path: str, tops: frozenset[str] | set[str]) -> bool:
    """Tell whether a path is one of `tops` or lies below one."""
    return any(path == top or path.startswith(f"{top}.") for top in tops)


def test_generated_files_are_current(reference: Any) -> None:
    assert main([str(reference), "--check"]) == 0


def test_there_is_a_schema_for_every_stream_and_no_other(
    description: dict[str, Any], catalogue: Streams
) -> None:
    files = set(generate(description, list(catalogue.values())))
    assert {f for f in files if "/" not in f} == {f"{stream}.json" for stream in catalogue}
    assert len(catalogue) == 52


def test_shared_parts_are_used_more_than_once(
    description: dict[str, Any], catalogue: Streams
) -> None:
    text = str(generate(description, list(catalogue.values())))
    uses = {name: text.count(f"shared/{name}.json") for name in SHARED.values()}
    # Each part's own file name is one occurrence.
    assert {name for name, count in uses.items() if count < 3} == set()


def test_schemas_differ_from_the_description_by_the_corrections_only(
    description: dict[str, Any], catalogue: Streams
) -> None:
    different = set()
    for stream, entry in catalogue.items():
        ours = dict(fields(load_schema(stream)))
        for path, field in described(description, entry).items():
            assert path in ours, f"{stream}: {path} is missing"
            kept = field.format if field.format in FORMATS else None
            if (ours[path]["type"], ours[path].get("format")) != (["null", field.type], kept):
                different.add(field.origin)
    assert different == {(c.schema, f) for c in CORRECTIONS for f in c.fields}


def test_schemas_add_to_the_description_what_is_declared_only(
    description: dict[str, Any], catalogue: Streams
) -> None:
    for stream, entry in catalogue.items():
        theirs = described(description, entry)
        corrected = {p for p, f in theirs.items() if f.type is None}
        expected = {*entry.get("add", ()), "synced_at", *DECLARED.get(stream, ()), *corrected}
        added = {path for path, _ in fields(load_schema(stream)) if path not in theirs}
        assert {path for path in added if not is_below(path, expected)} == set()
        assert {path for path in expected if path not in added} == corrected


def test_promised_columns_are_declared(promised: dict[str, list[str]]) -> None:
    missing = {
        f"{stream}: {column}"
        for stream, columns in promised.items()
        for column in set(columns) - {path for path, _ in fields(load_schema(stream))}
    }
    assert missing == set()


def test_columns_not_asked_for_are_those_that_the_description_lacks(
    description: dict[str, Any], catalogue: Streams, promised: dict[str, list[str]]
) -> None:
    for stream, entry in catalogue.items():
        known = {*described(description, entry), *entry.get("add", ())}
        wanted = {*promised.get(stream, ()), *COLUMNS.get(stream, "").split()}
        lacking = wanted - known
        unknown = unknown_columns(stream)
        assert unknown <= lacking
        assert {column for column in lacking if not is_below(column, unknown)} == set()
        assert unknown == set(DECLARED.get(stream, ()))


def test_keys_parents_and_cursor_fields_are_columns(catalogue: Streams) -> None:
    for stream, entry in catalogue.items():
        columns = load_schema(stream)["properties"]
        cursor = [entry["cursor_field"]] if "cursor_field" in entry else []
        assert {*entry["key"], *cursor, *entry.get("add", ())} <= set(columns), stream
        for parent in entry.get("add", ()):
            assert columns[parent]["type"] == ["null", "string"]
            assert "format" not in columns[parent]


def test_parent_columns_are_the_catalogue_s(
    description: dict[str, Any], catalogue: Streams
) -> None:
    assert {name for entry in catalogue.values() for name in entry.get("add", ())} == PARENT_COLUMNS
    for entry in catalogue.values():
        assert not PARENT_COLUMNS & set(described(description, entry))


def known_fields(
    description: dict[str, Any], catalogue: Streams, endpoints: list[dict[str, Any]], stream: str
) -> set[str]:
    """Return what may be asked for: the operation's list, the response fields, and corrections."""
    entry = catalogue[stream]
    theirs = described(description, entry)
    corrected = {path for path, field in theirs.items() if field.type is None}
    below = {path for path, _ in fields(load_schema(stream)) if is_below(path, corrected)}
    blank = re.sub(r"{\w+}", "{}", entry.get("path", ""))
    listed = [e["opt_fields"] for e in endpoints if re.sub(r"{\w+}", "{}", e["path"]) == blank]
    return {*theirs, *below, *(name for names in listed for name in names or ())}


def test_every_field_asked_for_is_known(
    description: dict[str, Any], catalogue: Streams, endpoints: list[dict[str, Any]]
) -> None:
    for stream in catalogue:
        known = known_fields(description, catalogue, endpoints, stream)
        assert {f for f in opt_fields(stream, None) if f not in known} == set(), stream


def test_objects_asked_for_whole_have_no_listed_fields(
    endpoints: list[dict[str, Any]],
) -> None:
    listed = {
        name
        for endpoint in endpoints
        if endpoint["path"] in {"/tasks/{task_gid}/stories", "/events"}
        for name in endpoint["opt_fields"]
    }
    assert {name for name in listed if is_below(name, WHOLE)} == WHOLE


def test_everything_is_asked_for_except_what_the_tables_say(catalogue: Streams) -> None:
    for stream in catalogue:
        asked = set(opt_fields(stream, None))
        silent = REPEATED | REPEATED_IN.get(stream, frozenset()) | unknown_columns(stream)
        for path, field in fields(load_schema(stream)):
            is_leaf = "properties" not in field.get("items", field)
            is_made = path in PARENT_COLUMNS | SYNC_COLUMNS
            if is_leaf and path.split(".")[-1] != "gid" and not is_made:
                assert is_below(path, asked) != is_below(path, silent), f"{stream}: {path}"


def test_promised_columns_are_asked_for(promised: dict[str, list[str]]) -> None:
    for stream, columns in promised.items():
        asked = set(opt_fields(stream, None))
        for column in columns:
            comes_along = column.split(".")[-1] == "gid" or column in PARENT_COLUMNS
            if not comes_along and not is_below(column, unknown_columns(stream)):
                assert any(is_below(field, {column}) for field in asked), f"{stream}: {column}"


def test_the_tables_name_fields_that_exist(catalogue: Streams) -> None:
    paths = {stream: {path for path, _ in fields(load_schema(stream))} for stream in catalogue}
    assert {row for row in REPEATED if not any(row in known for known in paths.values())} == set()
    assert {stream: set(rows) - paths[stream] for stream, rows in REPEATED_IN.items()} == {
        stream: set() for stream in REPEATED_IN
    }


def test_requests_fit_into_a_url(catalogue: Streams) -> None:
    sizes = {stream: len(",".join(opt_fields(stream, None))) for stream in catalogue}
    for parent in INLINE_PARENTS:
        inner = opt_fields(f"{parent[:-1]}_custom_field_settings", None)
        asked = opt_fields(parent, None, [f"custom_field_settings.{path}" for path in inner])
        # As it is sent: commas are escaped.
        sizes[f"{parent} with settings"] = len(quote_plus(",".join(asked)))
    assert {name: size for name, size in sizes.items() if size >= 6_500} == {}


@pytest.mark.parametrize("parent", INLINE_PARENTS)
def test_settings_read_inline_are_known_to_the_parent(
    parent: str,
    description: dict[str, Any],
    catalogue: Streams,
    endpoints: list[dict[str, Any]],
) -> None:
    known = known_fields(description, catalogue, endpoints, parent)
    inner = opt_fields(f"{parent[:-1]}_custom_field_settings", None)
    assert {f"custom_field_settings.{path}" for path in inner} <= known
