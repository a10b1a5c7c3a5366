"""Tables of records as Airbyte's destinations write them, before they are in any database."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

DELETED = "_ab_cdc_deleted_at"
META = {
    "_airbyte_raw_id": "string",
    "_airbyte_extracted_at": "date-time",
    "_airbyte_meta": "object",
    "_airbyte_generation_id": "integer",
}
_ids = count(1)

Record = Mapping[str, Any]


@dataclass
class Table:
    """One stream's table.

    Attributes:
        columns: name -> type or format of the JSON schema.
        key: the primary key's columns.
        rows: column -> value, objects and lists as JSON texts.
    """

    columns: dict[str, str]
    key: Sequence[str]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def append(self, records: Iterable[Record], extracted_at: str) -> None:
        """Add a row for each record, as the mode Append does."""
        for record in records:
            row = {name: _stored(record.get(name), kind) for name, kind in self.columns.items()}
            row |= {
                "_airbyte_raw_id": f"raw-{next(_ids):08}",
                "_airbyte_extracted_at": extracted_at,
                "_airbyte_meta": '{"sync_id": 1, "changes": []}',
                "_airbyte_generation_id": 1,
            }
            self.rows.append(row)

    def dedupe(self) -> None:
        """Keep the newest row of each key, as the mode Append + Deduped does with soft deletion."""
        newest: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in sorted(self.rows, key=_age):
            newest[tuple(row[name] for name in self.key)] = row
        self.rows = list(newest.values())

    def without(self, *names: str) -> "Table":
        """Return the table with some columns less."""
        columns = {name: kind for name, kind in self.columns.items() if name not in names}
        return Table(columns, self.key, self.rows)


def _age(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row.get("synced_at") or ""), str(row["_airbyte_extracted_at"])


def _stored(value: Any, kind: str) -> Any:
    if value is None or kind not in {"object", "array"}:
        return value
    return json.dumps(value, ensure_ascii=False)


def empty(schema: Mapping[str, Any], key: Sequence[str]) -> Table:
    """Return a table without rows for a stream's JSON schema."""
    columns = {name: _kind(node) for name, node in schema["properties"].items()}
    return Table(columns | META, key)


def _kind(node: Mapping[str, Any]) -> str:
    kinds = [kind for kind in node["type"] if kind != "null"]
    return str(node.get("format") or kinds[0])


def with_deletions(table: Table) -> Table:
    """Return the table with the column that the option track_deletions adds."""
    return Table({DELETED: "date-time", "synced_at": "date-time"} | table.columns, table.key)
