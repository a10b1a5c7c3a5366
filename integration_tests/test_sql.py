"""The SQL of the documentation, run in DuckDB on what the connector reads from the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from source_asana.fields.schemas import load_schema
from tools import connector
from tools.sandbox_process import SandboxProcess

DOCS = Path(__file__).parents[1] / "docs"
QUERIES = re.findall(r"```sql\n(.*?)```", (DOCS / "how-to.md").read_text("utf-8"), re.DOTALL)
# The column types of Airbyte's DuckDB destination and of PyAirbyte.
TYPES = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "number": "DECIMAL(38, 9)",
    "string": "VARCHAR",
    "object": "JSON",
    "array": "JSON",
    "date": "DATE",
    "date-time": "TIMESTAMP",
}
EXTRACTED = "2026-01-01T00:00:00Z"

Record = Mapping[str, Any]


def _load(warehouse: duckdb.DuckDBPyConnection, stream: str, records: Iterable[Record]) -> None:
    """Write records as a destination does."""
    columns = {
        name: TYPES[node.get("format") or next(t for t in node["type"] if t != "null")]
        for name, node in load_schema(stream)["properties"].items()
    }
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    warehouse.execute(f'CREATE TABLE "{stream}" ({declared}, _airbyte_extracted_at TIMESTAMP)')
    places = ", ".join("?" * (len(columns) + 1))
    for record in records:
        row = [_value(record.get(name), kind) for name, kind in columns.items()]
        warehouse.execute(f'INSERT INTO "{stream}" VALUES ({places})', [*row, EXTRACTED])  # noqa: S608


def _value(value: Any, kind: str) -> Any:
    return json.dumps(value) if kind == "JSON" and value is not None else value


@pytest.fixture(scope="module")
def read() -> Mapping[str, list[dict[str, Any]]]:
    """Return what the connector reads of a workspace, all streams."""
    with SandboxProcess("--tasks", "60", "--plan", "service") as asana:
        credentials = {"personal_access_token": asana.token}
        config = {"credentials": credentials, "api_url": asana.url}
        catalog = connector.configured(connector.run("discover", config=config).catalog)
        output = connector.run("read", config=config, catalog=catalog, keep_records=True)
    assert not output.problem
    return output.records


@pytest.fixture
def warehouse(
    read: Mapping[str, list[dict[str, Any]]],
) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as warehouse:
        for path in sorted((DOCS.parent / "source_asana" / "schemas").glob("*.json")):
            _load(warehouse, path.stem, read[path.stem])
        yield warehouse


def test_the_queries_of_the_how_to_answer(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("CREATE TABLE snapshot_tasks AS FROM tasks LIMIT 10")
    answers = [len(warehouse.execute(query).fetchall()) for query in QUERIES]
    assert len(answers) == 10
    [gone, *_] = answers
    assert gone == warehouse.table("tasks").count("*").fetchall()[0][0] - 10
    fields = warehouse.execute("SELECT count(*), count(value) FROM task_custom_fields").fetchall()
    assert min(fields[0]) > 0
