"""Incremental runs make the same tables as one full build, whatever happened between them."""

import random
from collections.abc import Sequence

import pytest

from integration_tests.warehouse.engines import DuckDb, Engine, PostgreSql
from integration_tests.warehouse.scenario import History
from integration_tests.warehouse.worlds import World

ROUNDS = {"duckdb": 20, "postgresql": 4}
SCHEMAS = ("asana_staging", "asana_intermediate", "asana_marts", "fivetran_asana")
# What counts the rows of each run; it tells of runs, not of Asana.
OF_RUNS = {"int_asana__row_count"}
# All that is incremental, with what hangs on it.
MODELS = (
    *("+asana__task_history", "+asana__time_in_section", "+asana__project"),
    *("+asana__custom_field_item", "+asana__custom_field_value", "+fivetran_asana__story"),
)


def _happen(world: World, dice: random.Random) -> None:
    """Let things happen, and a sync that is complete, late, partial, or a refresh."""
    world.live(40)
    for _ in range(dice.randint(0, 2)):
        world.delete_task(world.tasks[dice.choice(sorted(world.tasks))])
    if dice.random() < 0.3:
        world.delete_section()
    if dice.random() < 0.2:
        world.delete_project()
    if dice.random() < 0.2:
        world.add_project()
    refreshed: Sequence[Sequence[str]] = ((), (), ("stories",), ("tasks",), ("projects", "stories"))
    streams: Sequence[Sequence[str]] = ((), (), ("tasks",), ("stories", "projects"))
    world.sync(
        hard=dice.random() < 0.4,
        late=dice.choice([0, 0, 0.3]),
        refreshed=dice.choice(refreshed),
        streams=dice.choice(streams),
    )
    if dice.random() < 0.5:
        for table in world.raw.values():
            if table.key:
                table.dedupe()


@pytest.mark.parametrize("name", ROUNDS)
def test_random_rounds(request: pytest.FixtureRequest, history: History, name: str) -> None:
    engine: Engine = request.getfixturevalue(name)
    seed = 5
    world, dice = World(history.schemas, history.keys, seed), random.Random(seed)  # noqa: S311
    for _ in range(4):
        world.add_project()
    world.live(300)
    world.sync()
    for number in range(ROUNDS[name]):
        _happen(world, dice)
        engine.write(world.raw)
        run = engine.dbt().run("run", "--select", *MODELS)
        assert run.failed == {}, number
    step_by_step = _tables(engine)
    # The tables go, so that nothing of them can be left in those of the full build.
    run = engine.dbt().run("run", "--full-refresh", "--select", *MODELS)
    assert run.failed == {}
    at_once = _tables(engine)
    assert step_by_step.keys() == at_once.keys()
    assert len(at_once["asana_marts.asana__task_history"]) > 100
    for table, rows in at_once.items():
        assert step_by_step[table] == rows, table


def _tables(engine: Engine) -> dict[str, list[dict[str, object]]]:
    return {
        f"{schema}.{name}": engine.table(schema, name)
        for schema in SCHEMAS
        for name in engine.names(schema)
        if name not in OF_RUNS
    }


def test_a_stream_whose_table_is_gone_keeps_its_rows(
    engine: DuckDb | PostgreSql, history: History
) -> None:
    raw = history.tables(deduped=True)
    engine.write(raw)
    models = ("+asana__story", "+asana__project_member", "+asana__task", "+asana__task_tag")
    assert engine.dbt("gone").run("run", "--full-refresh", "--select", *models).failed == {}
    names = ("asana__story", "asana__project_member", "asana__task", "asana__task_tag")
    before = {name: engine.table("asana_marts", name) for name in names}
    assert all(before.values())
    for gone, options in (
        (("project_memberships", "stories", "tags"), ()),
        (("subtasks", "tasks"), ("--full-refresh",)),
    ):
        for stream in gone:
            del raw[stream]
        engine.write(raw)
        run = engine.dbt("gone").run("run", *options, "--select", *models)
        assert run.failed == {}
        [warning] = run.warnings
        assert all(f" {stream}," in warning or f" {stream}:" in warning for stream in gone)
        assert {name: engine.table("asana_marts", name) for name in names} == before


def test_stories_go_with_their_task_when_their_table_is_gone(
    engine: Engine, history: History
) -> None:
    raw = history.tables(deduped=True)
    engine.write(raw)
    dbt = engine.dbt("orphans")
    assert dbt.run("run", "--full-refresh", "--select", "+asana__story").failed == {}
    before = engine.table("asana_marts", "asana__story")
    [gone, *_] = sorted({str(row["task_id"]) for row in before})
    del raw["stories"]
    for stream in ("tasks", "subtasks"):
        raw[stream].rows = [row for row in raw[stream].rows if row["gid"] != gone]
    engine.write(raw)
    assert dbt.run("run", "--select", "+asana__story").failed == {}
    expected = [row for row in before if row["task_id"] != gone]
    assert engine.table("asana_marts", "asana__story") == expected


def test_full_refresh_append_counts_the_newest_refresh_only(
    engine: Engine, history: History
) -> None:
    raw = history.tables(deduped=True)
    users = raw["users"]
    rows = [row | {"_airbyte_generation_id": 7, "synced_at": "2027-01-01"} for row in users.rows]
    users.rows = [*users.rows, *rows[1:]]
    engine.write(raw)
    variables = {"asana_airbyte_full_refresh_append": ["users"]}
    dbt = engine.dbt("appended", variables=variables)
    assert dbt.run("run", "--select", "+asana__user").failed == {}
    found = {row["user_id"] for row in engine.table("asana_marts", "asana__user")}
    assert found == {row["gid"] for row in rows[1:]}
    assert engine.dbt("whole").run("run", "--select", "+asana__user").failed == {}
    found = {row["user_id"] for row in engine.table("asana_marts", "asana__user")}
    assert found == {row["gid"] for row in rows}
