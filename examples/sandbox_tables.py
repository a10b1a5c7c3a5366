"""Sync a made-up workspace into a DuckDB file: `python -m examples.sandbox_tables FILE`."""

import sys
from pathlib import Path

from examples.cumulative_flow import make_project
from integration_tests.warehouse import duckdb_files
from integration_tests.warehouse.asana import Asana
from integration_tests.warehouse.tables import empty


def main() -> None:
    """Write the tables of all streams as the only ones of the file's main schema."""
    file = Path(sys.argv[1])
    file.parent.mkdir(parents=True, exist_ok=True)
    with Asana("--tasks", "300", "--plan", "service") as asana:
        make_project(asana)
        records = asana.sync().records
        tables = {name: empty(schema, asana.keys[name]) for name, schema in asana.schemas.items()}
    for name, table in tables.items():
        table.append(records.get(name, []), "2026-03-21T00:00:00Z")
    duckdb_files.write(file, "main", tables)


if __name__ == "__main__":
    main()
