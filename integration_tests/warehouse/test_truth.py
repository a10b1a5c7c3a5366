"""The package's tables equal Asana's truth, on both warehouses."""

import pytest

from integration_tests.warehouse import expected
from integration_tests.warehouse.engines import DuckDb, Engine, PostgreSql, Row, ordered
from integration_tests.warehouse.scenario import MOVES, History

SCHEMAS = ("asana_marts", "fivetran_asana")


@pytest.fixture(scope="module")
def built(history: History, duckdb: DuckDb, postgresql: PostgreSql) -> dict[str, Engine]:
    """Build everything: on DuckDB from the newest versions only, on PostgreSQL from all of them."""
    engines: dict[str, Engine] = {"duckdb": duckdb, "postgresql": postgresql}
    for name, engine in engines.items():
        engine.write(history.tables(deduped=name == "duckdb"))
        run = engine.dbt().run("build")
        assert run.failed == {}
        assert run.warnings == []
        assert set(run.statuses) == {"success", "pass"}
    return engines


@pytest.fixture(params=["duckdb", "postgresql"])
def warehouse(request: pytest.FixtureRequest, built: dict[str, Engine]) -> Engine:
    return built[request.param]


def test_the_marts_equal_asana(warehouse: Engine, history: History) -> None:
    wanted = expected.marts(history.truth)
    for name, rows in wanted.items():
        found = warehouse.table("asana_marts", f"asana__{name}")
        assert rows, name
        columns = list(rows[0])
        narrowed = expected.comparable({key: row[key] for key in columns} for row in found)
        assert narrowed == rows, name


def test_both_warehouses_give_the_same(built: dict[str, Engine]) -> None:
    for schema in SCHEMAS:
        names = built["duckdb"].names(schema)
        assert names == built["postgresql"].names(schema)
        for name in names:
            one, other = (_without_versions(built[at].table(schema, name)) for at in built)
            assert one == other, name


def _without_versions(rows: list[Row]) -> list[Row]:
    # Each warehouse has a hash function of its own.
    return ordered([{key: row[key] for key in row if key != "task_version"} for row in rows])


def test_a_subtask_that_left_its_project_is_there_once_and_current(
    warehouse: Engine, history: History
) -> None:
    leaver = history.board["leaver"]
    tasks = warehouse.table("asana_marts", "asana__task")
    [row] = [row for row in tasks if row["task_id"] == leaver]
    assert row["name"] == "Leaver, renamed"
    places = warehouse.table("asana_marts", "asana__task_membership")
    assert leaver not in {place["task_id"] for place in places}


def test_time_in_section_follows_the_moves(warehouse: Engine, history: History) -> None:
    stays = warehouse.table("asana_marts", "asana__time_in_section")
    moved = sorted(
        (row["entered_at"], row["section_name"], row["left_at"], row["is_current"])
        for row in stays
        if row["task_id"] == history.board["moved"]
    )
    assert moved == [(since, name, until, until is None) for name, since, until in MOVES]
    seconds = {row["section_name"]: row["seconds"] for row in stays if row["seconds"]}
    assert seconds == {"first": 3 * 86_400 + 1_800, "second": 4 * 86_400 + 30_615}


def test_every_task_stands_in_its_present_sections(warehouse: Engine) -> None:
    now = {
        (row["task_id"], row["section_id"])
        for row in warehouse.table("asana_marts", "asana__time_in_section")
        if row["is_current"]
    }
    places = warehouse.table("asana_marts", "asana__task_membership")
    assert now == {(row["task_id"], row["section_id"]) for row in places if row["section_id"]}


def test_nested_portfolios_are_flattened(warehouse: Engine, history: History) -> None:
    items = warehouse.table("asana_marts", "asana__portfolio_item")
    outer = [row for row in items if row["portfolio_id"] == history.board["outer"]]
    assert sorted((row["item_name"], row["depth"]) for row in outer) == [
        ("Board", 1.0),
        ("Inner", 2.0),
        ("Middle", 1.0),
    ]
