"""Reads the JSON schemas of the streams from the package's files, once per process.

The CDK's file loader, which is deprecated, resolves the references of every stream again; its
inline one would have the schemas in the manifest, which every start parses.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

SYNC_COLUMNS = frozenset({"synced_at", "_ab_cdc_deleted_at"})
"""Columns about the sync itself; they are no part of a record's version."""

SYNCED_AT: dict[str, Any] = {
    "type": ["null", "string"],
    "format": "date-time",
    "airbyte_type": "timestamp_with_timezone",
    "description": "When the connector read this version of the record, in UTC by Asana's clock.",
}
DELETED_AT: dict[str, Any] = {
    **SYNCED_AT,
    "description": "When the connector found the record deleted, in UTC; null while it exists.",
}
_FOLDER = Path(__file__).parent.parent / "schemas"


@cache
def load_schema(stream: str) -> dict[str, Any]:
    """Return the draft 7 schema of a stream, with every reference replaced by what it names.

    Every caller gets the same object, and equal parts inside it are one object: treat it as
    read-only, and copy it deeply before you change anything.

    Raises:
        ValueError: there is no schema of that name.
    """
    return with_columns(_load(f"{stream}.json"), {})


def with_columns(schema: dict[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a stream with further columns before `synced_at`, the last one."""
    made = {**schema["properties"], **columns}
    made.pop("synced_at", None)
    return {**schema, "properties": {**made, "synced_at": SYNCED_AT}}


@cache
def _load(name: str) -> dict[str, Any]:
    try:
        content = (_FOLDER / name).read_bytes()
    except FileNotFoundError as error:
        message = f"No schema {name} in the package."
        raise ValueError(message) from error
    schema: dict[str, Any] = _inlined(orjson.loads(content))
    return schema


def _inlined(node: Any) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            # The column says what it refers to, the part what each of its fields is.
            own = {key: value for key, value in node.items() if key != "$ref"}
            return {**_load(node["$ref"]), **own}
        return {key: _inlined(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_inlined(value) for value in node]
    return node
