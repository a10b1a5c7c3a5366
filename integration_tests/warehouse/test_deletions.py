"""What the option track_deletions marks as deleted is in no table, on both warehouses."""

import copy

import pytest

from integration_tests.warehouse.engines import Engine
from integration_tests.warehouse.scenario import History
from integration_tests.warehouse.tables import DELETED, Table, with_deletions

SCHEMAS = ("asana_marts", "fivetran_asana")
SEEN, GONE, BACK = "2026-06-01T04:00:00Z", "2026-06-09T04:00:00Z", "2026-06-10T04:00:00Z"


@pytest.fixture(scope="module")
def tables(history: History) -> dict[str, Table]:
    """Return tables with the column of deletions, in which every row was seen once."""
    found = {name: with_deletions(table) for name, table in history.tables(deduped=True).items()}
    originals = history.tables(deduped=True)
    for name, table in found.items():
        table.rows = [row | {"synced_at": SEEN} for row in originals[name].rows]
    return found


def _delete(table: Table, gid: str, at: str = GONE) -> None:
    """Add a tombstone, as the connector sends it: key, synced_at and the time of deletion."""
    [old] = [row for row in table.rows if row["gid"] == gid and not row.get(DELETED)]
    kept = {name: old[name] for name in table.key}
    table.append([kept | {"synced_at": at, DELETED: at}], at)


def _below(subtasks: Table, gid: str) -> list[str]:
    """Return the subtasks of a task, at every depth; the connector marks them as well."""
    direct = [row["gid"] for row in subtasks.rows if row["task_id"] == gid]
    return direct + [below for one in direct for below in _below(subtasks, one)]


@pytest.fixture(scope="module")
def doomed(history: History) -> str:
    """Return a task that has stories, a project, and a task that waits for it."""
    waited_for: set[str] = {
        one["gid"]
        for task in history.truth["tasks"]
        for one in task["dependencies"]
        if task["projects"]
    }
    in_both = {one["gid"] for one in history.truth["subtasks"]}
    return min(waited_for - in_both)


@pytest.fixture(scope="module")
def warehouse(engine: Engine, tables: dict[str, Table], history: History, doomed: str) -> Engine:
    """Return a warehouse where one task was deleted, and another deleted and brought back."""
    raw = copy.deepcopy(tables)
    _delete(raw["tasks"], doomed)
    for gid in _below(raw["subtasks"], doomed):
        _delete(raw["subtasks"], gid)
    _delete(raw["tasks"], history.board["moved"])
    [row] = [row for row in raw["tasks"].rows if row.get("name") == "Moved"]
    back = row | {"synced_at": BACK, "_airbyte_extracted_at": BACK, "name": "Back again"}
    raw["tasks"].rows.append(back)
    engine.write(raw)
    run = engine.dbt().run("build")
    assert run.failed == {}
    assert run.warnings == []
    return engine


def test_a_deleted_task_is_in_no_table(
    warehouse: Engine, tables: dict[str, Table], doomed: str
) -> None:
    assert any(row["gid"] == doomed for row in tables["tasks"].rows)
    assert any(row["task_id"] == doomed for row in tables["stories"].rows)
    for schema in SCHEMAS:
        for name in warehouse.names(schema):
            if "audit_log" in name:
                continue  # A log of deletions names what was deleted.
            hits = [row for row in warehouse.table(schema, name) if doomed in row.values()]
            assert hits == [], name


def test_only_the_deleted_task_is_gone(
    warehouse: Engine, tables: dict[str, Table], history: History, doomed: str
) -> None:
    wanted = {one["gid"] for one in history.truth["tasks"] + history.truth["subtasks"]}
    found = warehouse.table("asana_marts", "asana__task")
    gone = {doomed, *_below(tables["subtasks"], doomed)}
    assert {row["task_id"] for row in found} == wanted - gone


def test_a_task_brought_back_is_there(warehouse: Engine, history: History) -> None:
    tasks = warehouse.table("asana_marts", "asana__task")
    [row] = [row for row in tasks if row["task_id"] == history.board["moved"]]
    assert row["name"] == "Back again"
    assert row["synced_at"] == "2026-06-10 04:00:00"


def test_fivetran_s_tables_say_when_a_row_was_read(warehouse: Engine) -> None:
    for name in warehouse.names("fivetran_asana"):
        rows = warehouse.table("fivetran_asana", name)
        assert {row["_fivetran_deleted"] for row in rows} == {False}
        assert {row["_fivetran_synced"] for row in rows} <= {
            "2026-06-01 04:00:00",
            "2026-06-10 04:00:00",
        }


def test_a_subtask_deleted_in_one_stream_lives_in_the_other(
    engine: Engine, tables: dict[str, Table], history: History
) -> None:
    raw = copy.deepcopy(tables)
    leaver = history.board["leaver"]
    _delete(raw["tasks"], leaver)
    engine.write(raw)
    assert engine.dbt().run("run").failed == {}
    tasks = engine.table("asana_marts", "asana__task")
    assert [row["name"] for row in tasks if row["task_id"] == leaver] == ["Leaver, renamed"]
