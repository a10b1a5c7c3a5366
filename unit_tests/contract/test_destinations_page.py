"""The queries of docs/destinations.md, on DuckDB as they stand, hide what is deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "destinations.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?);\n```", PAGE, re.DOTALL)
VIEWS = [query for query in QUERIES if query.startswith("CREATE VIEW")]
SEEN, GONE, BACK = ("2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-03 00:00:00")


@pytest.fixture
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return tables in append mode: one task stayed, one is gone, one came back."""
    columns = "gid VARCHAR, name VARCHAR, synced_at TIMESTAMP, _ab_cdc_deleted_at TIMESTAMP"
    with duckdb.connect() as connection:
        for table in ("tasks", "subtasks"):
            connection.execute(f"CREATE TABLE {table} ({columns})")
        connection.execute("CREATE TABLE stories (gid VARCHAR, task_id VARCHAR)")
        rows = [
            ("stays", "A", SEEN, None),
            ("gone", "B", SEEN, None),
            ("gone", None, GONE, GONE),
            ("back", "C", SEEN, None),
            ("back", None, GONE, GONE),
            ("back", "C", BACK, None),
        ]
        connection.executemany("INSERT INTO tasks VALUES (?, ?, ?, ?)", rows)
        stories = [("1", "stays"), ("2", "never there"), ("3", "back")]
        connection.executemany("INSERT INTO stories VALUES (?, ?)", stories)
        yield connection


@pytest.mark.parametrize("view", VIEWS, ids=range(len(VIEWS)))
def test_views_hide_tombstones(tables: duckdb.DuckDBPyConnection, view: str) -> None:
    # Only ClickHouse knows FINAL: one row a key, which is the newest.
    tables.execute(view.replace(" FINAL", ""))
    found = tables.execute("SELECT gid, name FROM living_tasks").fetchall()
    assert len(found) == 4
    assert all(name for _, name in found)


def test_the_current_rows_of_a_table_in_append_mode(tables: duckdb.DuckDBPyConnection) -> None:
    [query] = [query for query in QUERIES if "row_number()" in query]
    rows = tables.execute(query).fetchall()
    assert sorted(row[:2] for row in rows) == [("back", "C"), ("stays", "A")]


def test_stories_of_what_is_gone(tables: duckdb.DuckDBPyConnection) -> None:
    [query] = [query for query in QUERIES if "FROM stories" in query]
    assert sorted(row[0] for row in tables.execute(query).fetchall()) == ["1", "3"]


def test_there_are_queries() -> None:
    assert len(VIEWS) == 3
    assert len(QUERIES) == 5
