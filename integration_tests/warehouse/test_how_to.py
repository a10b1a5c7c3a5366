"""The queries of docs/how-to.md, on both warehouses as they stand."""

import re

import pytest

from integration_tests.warehouse.asana import ROOT
from integration_tests.warehouse.engines import Engine
from integration_tests.warehouse.scenario import STREAMS, History
from integration_tests.warehouse.tables import Table

QUERIES = re.findall(
    r"```sql\n(.*?);\n```", (ROOT / "docs" / "how-to.md").read_text("utf-8"), re.DOTALL
)
# A column that is null in all rows is most likely a wrong path or join.
MAY_BE_EMPTY = {"due_on", "section"}


@pytest.fixture(scope="module")
def warehouse(engine: Engine, history: History) -> Engine:
    names = (*STREAMS, "audit_log_events", "events")
    tables = history.tables(deduped=True, streams=names)
    fresh = Table(tables["tasks"].columns, ["gid"], tables["tasks"].rows[:10])
    engine.write(tables | {"snapshot_tasks": fresh})
    assert engine.dbt().run("run").failed == {}
    return engine


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_it_answers(warehouse: Engine, query: str) -> None:
    rows = warehouse.search(query)
    assert rows
    for column in set(rows[0]) - MAY_BE_EMPTY:
        assert any(row[column] is not None for row in rows), column


def test_there_are_queries() -> None:
    assert len(QUERIES) == 15
