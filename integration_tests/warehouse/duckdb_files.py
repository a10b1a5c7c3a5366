"""A DuckDB file with tables as PyAirbyte and Airbyte's DuckDB destination write them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from integration_tests.warehouse.tables import Table

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


def write(path: Path, schema: str, tables: Mapping[str, Table]) -> None:
    """Write the tables as the only ones of the schema."""
    with duckdb.connect(str(path)) as database:
        # The schema itself stays: `main` cannot be dropped.
        database.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        query = "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?"
        for (name,) in database.execute(query, [schema]).fetchall():
            database.execute(f'DROP TABLE "{schema}"."{name}"')
        for name, table in tables.items():
            place = f'"{schema}"."{name}"'
            declared = ", ".join(f'"{one}" {TYPES[kind]}' for one, kind in table.columns.items())
            database.execute(f"CREATE TABLE {place} ({declared})")
            if table.rows:
                marks = ", ".join("?" * len(table.columns))
                database.executemany(
                    f"INSERT INTO {place} VALUES ({marks})",  # noqa: S608
                    [[row.get(column) for column in table.columns] for row in table.rows],
                )


def rows(path: Path, query: str, *before: str) -> list[dict[str, Any]]:
    """Return a query's rows; the statements `before` it prepare the session."""
    with duckdb.connect(str(path), read_only=True) as database:
        for statement in before:
            database.execute(statement)
        answer = database.execute(query)
        names = [one[0] for one in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
