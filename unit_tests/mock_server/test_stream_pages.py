"""The example query of each stream's page answers, on tables of what a sync gives."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox, World
from tools.docs import DOCS
from tools.docs_streams import facts_of_pages
from unit_tests.conftest import quicken
from unit_tests.sync import Record, read, streams

NAMES = sorted(streams())


@pytest.fixture(scope="module")
def warehouse() -> Iterator[sqlite3.Connection]:
    """Return a database with a table for each stream, as a destination would write it."""
    world = World.generate(tasks=50)
    exports = [export["gid"] for export in world.of_kind("organization_export")]
    with pytest.MonkeyPatch.context() as patch, Sandbox(world, plan="service") as asana:
        quicken(patch)
        first = read(asana, NAMES, incremental=True, organization_export_ids=exports)
        world.edit_task(world.of_kind("task")[0]["gid"], name="renamed")
        later = read(asana, ["events"], incremental=True, state=first.state)
    with closing(sqlite3.connect(":memory:")) as connection:
        for name in NAMES:
            _create(connection, name, [*first.records[name], *later.records[name]])
        yield connection


def _create(connection: sqlite3.Connection, name: str, records: list[Record]) -> None:
    columns = list(streams()[name]["json_schema"]["properties"])
    named = ", ".join(f'"{column}"' for column in columns)
    connection.execute(f'CREATE TABLE "{name}" ({named})')
    connection.executemany(
        f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(columns))})',  # noqa: S608
        [[_cell(record.get(column)) for column in columns] for record in records],
    )


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def query_of(page: Path) -> str:
    """Return the query that a page shows."""
    [query] = re.findall(r"^```sql\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(query)


def wrong(warehouse: sqlite3.Connection, stream: str) -> str:
    """Return what is wrong with the answer to a page's query, empty for nothing."""
    query = query_of(DOCS / "streams" / f"{stream}.md")
    if not re.search(rf"\b(FROM|JOIN) {stream}\b", query):
        return "is about another stream"
    try:
        answer = warehouse.execute(query)
    except sqlite3.Error as error:
        return str(error)
    rows = answer.fetchall()
    if not rows:
        return "has no rows"
    # A column that is null in all rows is most likely a wrong path.
    columns = enumerate(column[0] for column in answer.description)
    empty = [name for at, name in columns if all(row[at] is None for row in rows)]
    return f"has no values for {', '.join(empty)}" if empty else ""


def test_the_query_of_each_page_answers(warehouse: sqlite3.Connection) -> None:
    found = {stream: wrong(warehouse, stream) for stream in NAMES}
    assert {stream: problem for stream, problem in found.items() if problem} == {}


def test_every_page_says_what_to_watch_out_for() -> None:
    texts = facts_of_pages()
    assert texts.keys() == set(NAMES)
    for name, page in texts.items():
        assert page["watch"], name
        assert all(
            text.endswith(".") and text[0] in "`" + text[0].upper() for text in page["watch"]
        )
        assert not page["rows"].endswith("."), name
