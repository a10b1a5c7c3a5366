"""Reading schemas: complete, without references, once."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from source_asana.fields import schemas
from source_asana.fields.schemas import load_schema

FOLDER = Path(schemas.__file__).parent.parent / "schemas"
STREAMS = sorted(path.stem for path in FOLDER.glob("*.json"))


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield the schema and every schema inside it."""
    yield schema
    for field in schema.get("properties", {}).values():
        yield from nodes(field)
    if "items" in schema:
        yield from nodes(schema["items"])


@pytest.mark.parametrize("stream", STREAMS)
def test_schema_is_valid_open_and_nullable(stream: str) -> None:
    schema = load_schema(stream)
    Draft7Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is True
    for node in list(nodes(schema))[1:]:
        assert "$ref" not in node
        assert "enum" not in node
        null, kind = node["type"]
        assert null == "null"
        assert node.get("additionalProperties") is (True if kind == "object" else None)
        assert ("items" in node) == (kind == "array")
        assert node.get("format") in {None, "date", "date-time"}


@pytest.mark.parametrize(
    ("stream", "record"),
    [
        ("stories", {"gid": "1", "old_number_value": 1.5, "new_number_value": None}),
        ("tasks", {"gid": "1", "assignee": None, "custom_fields": [{"number_value": 0.1}]}),
        ("goals", {"metric": {"current": 0.5, "unit": "a unit added later"}, "new": {"a": 1}}),
        ("events", {"change": {"new_value": {"gid": "1", "resource_type": "user"}}}),
        ("audit_log_events", {"details": {"group": {"x": [1]}, "other": True}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_schema_accepts_what_asana_sends(stream: str, record: dict[str, Any]) -> None:
    Draft7Validator(load_schema(stream)).validate(record)


def test_schema_is_read_once() -> None:
    assert load_schema("tasks") is load_schema("tasks")


def test_all_schemas_load_quickly() -> None:
    load_schema.cache_clear()
    schemas._load.cache_clear()
    begun = time.perf_counter()
    for stream in STREAMS:
        load_schema(stream)
    assert time.perf_counter() - begun < 0.3


@pytest.mark.parametrize("stream", ["nothing", "", "../manifest"])
def test_unknown_stream_is_refused(stream: str) -> None:
    with pytest.raises(ValueError, match="No schema"):
        load_schema(stream)
