"""What a sync must have given: the records of the sandbox's world, whole and once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

from sandbox import Sandbox
from sandbox.server_time import parse_moment
from source_asana.fields.schemas import load_schema
from unit_tests.sync import Record, Sync, streams

# It differs from one moment to the next, and is no field of the resource but a way to it.
VOLATILE = frozenset({"download_url", "synced_at"})
PARENTS = ("goal_id", "parent_id", "portfolio_id", "project_id", "task_id", "team_id")
FORMATS = FormatChecker(())


@FORMATS.checks("date-time", ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value and parse_moment(value) > 0)


@FORMATS.checks("date", ValueError)
def _is_day(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 10 and parse_moment(value) > 0)


def key_of(stream: str, record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells a record from the others of its stream: its key and its parent columns."""
    columns = [path[0] for path in streams()[stream]["source_defined_primary_key"]]
    return tuple(record.get(name) for name in dict.fromkeys([*columns, *PARENTS]))


def whole(asana: Sandbox, sync: Sync, names: Iterable[str], *, token: str | None = None) -> None:
    """Assert that the streams are complete and hold what the token can see, each record once."""
    for name in names:
        assert sync.complete(name), (name, sync.statuses[name], sync.errors)
        same(name, sync.records[name], asana.truth(name, token))


def same(stream: str, found: list[Record], wanted: list[Record]) -> None:
    """Assert that two lists hold the same records, in any order, nested ones by gid and name."""
    got = Counter(key_of(stream, record) for record in found)
    assert got == Counter(key_of(stream, record) for record in wanted), stream
    assert max(got.values(), default=1) == 1, f"{stream} has duplicates"
    records = {key_of(stream, record): record for record in found}
    for truth in wanted:
        agrees(stream, records[key_of(stream, truth)], truth)


def agrees(stream: str, record: Record, truth: Record) -> None:
    """Assert that a record has every declared column of the truth, with the same value."""
    columns = load_schema(stream)["properties"]
    for name, value in truth.items():
        if name in columns and name not in VOLATILE:
            assert essence(record.get(name)) == essence(value), (stream, name, record, truth)


def essence(value: Any) -> Any:
    """Return a value to compare: of a resource its gid, of other objects what is not null."""
    if isinstance(value, list):
        return [essence(item) for item in value]
    if isinstance(value, dict):
        if "gid" in value:
            return value["gid"]
        return {name: essence(item) for name, item in value.items() if item is not None}
    return value


def declared(sync: Sync) -> None:
    """Assert that every record keeps to its stream's schema: no other names, no other types."""
    for stream, records in sync.records.items():
        for record in records:
            problems = [
                f"{list(error.path)}: {error.message}"
                for error in _validator(stream).iter_errors(record)
            ]
            assert not problems, (stream, problems, record)
            assert list(undeclared(record, load_schema(stream))) == [], (stream, record)


@cache
def _validator(stream: str) -> Draft7Validator:
    return Draft7Validator(load_schema(stream), format_checker=FORMATS)


def undeclared(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterable[str]:
    """Yield the dotted names in a record that its schema does not have, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from undeclared(item, schema.get("items", {}), path)
    elif isinstance(value, dict) and "properties" in schema:
        for name, below in value.items():
            if name not in schema["properties"]:
                yield f"{path}{name}"
            else:
                yield from undeclared(below, schema["properties"][name], f"{path}{name}.")


def asked_once(asana: Sandbox) -> None:
    """Assert that no page was asked for twice: same path, same parameters, same offset."""
    pages = Counter(
        (entry.path, tuple(sorted(entry.params.items())))
        for entry in asana.log
        if entry.status == 200
    )
    assert [page for page, times in pages.items() if times > 1] == []


def asked_well(asana: Sandbox) -> None:
    """Assert that nothing was asked for that the API lacks, and that pages are full."""
    assert asana.unknown_params == []
    assert asana.unknown_fields == []
    assert {entry.params.get("limit", "100") for entry in asana.log} == {"100"}
