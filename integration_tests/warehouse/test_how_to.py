"""The queries of docs/how-to.md and of the streams' pages, on both warehouses as they stand."""

import re
from pathlib import Path

import pytest

from integration_tests.warehouse.asana import ROOT
from integration_tests.warehouse.engines import Engine
from integration_tests.warehouse.expected import answered
from integration_tests.warehouse.scenario import History
from integration_tests.warehouse.tables import Table

QUERY = re.compile(r"```sql\n(.*?);\n```", re.DOTALL)
QUERIES = QUERY.findall((ROOT / "docs" / "how-to.md").read_text("utf-8"))
PAGES = sorted((ROOT / "docs" / "streams").glob("*.md"))
# A column that is null in all rows is most likely a wrong path or join.
MAY_BE_EMPTY = {"due_on", "section"}


@pytest.fixture(scope="module")
def warehouse(engine: Engine, history: History) -> Engine:
    tables = history.tables(deduped=True)
    fresh = Table(tables["tasks"].columns, ["gid"], tables["tasks"].rows[:10])
    engine.write(tables | {"snapshot_tasks": fresh})
    assert engine.dbt().run("run").failed == {}
    return engine


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_it_answers(warehouse: Engine, query: str) -> None:
    answered(warehouse.search(query), MAY_BE_EMPTY)


def test_there_are_queries() -> None:
    assert len(QUERIES) == 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_query_of_a_page_runs(warehouse: Engine, page: Path) -> None:
    # What it answers is tested on SQLite, with rows of every stream.
    for query in QUERY.findall(page.read_text("utf-8")):
        warehouse.search(query)
