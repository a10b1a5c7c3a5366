"""The package on tables that lack streams or columns, or have more of them."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from integration_tests.warehouse.dbt_runs import PACKAGE, Dbt
from integration_tests.warehouse.engines import DuckDb, Engine, PostgreSql
from integration_tests.warehouse.scenario import History
from integration_tests.warehouse.tables import Table
from tools import dbt_docs

SCHEMAS = ("asana_staging", "asana_marts", "fivetran_asana")
KINDS = {
    "text": {"string"},
    "boolean": {"boolean"},
    "integer": {"integer"},
    "number": {"number"},
    "date": {"date"},
    "time": {"date-time"},
    "json": {"object", "array"},
}


@pytest.fixture
def raw(history: History) -> dict[str, Table]:
    return copy.deepcopy(history.tables(deduped=True))


def _foreign() -> dict[str, Table]:
    """Return tables of another source that are named like streams."""
    columns = {"id": "string", "name": "string", "_airbyte_extracted_at": "date-time"}
    rows = [{"id": "1", "name": "of another source", "_airbyte_extracted_at": "2026-06-01"}]
    return {"users": Table(columns, ["id"], rows), "projects": Table(columns, ["id"], rows)}


def test_a_wrong_place_fails_and_changes_no_table(engine: Engine, raw: dict[str, Table]) -> None:
    names = ("task", "user", "project")
    engine.write({f"{name}s": raw[f"{name}s"] for name in names})
    select = [f"+asana__{name}" for name in names]
    assert engine.dbt().run("run", "--select", *select).failed == {}
    before = {name: engine.table("asana_marts", f"asana__{name}") for name in names}
    assert all(before.values())
    for command, schema, prefix in (
        ("build", "elsewhere", ""),
        ("run --select asana__task", engine.raw, "crm_"),
        ("run --select +asana__user", "elsewhere", "crm_"),
    ):
        variables = {"asana_airbyte_schema": schema, "asana_airbyte_prefix": prefix}
        failed = engine.dbt(variables=variables).run(command).failed
        assert list(failed) == ["dbt"]
        [told] = [line.strip() for line in failed["dbt"].splitlines() if "no table was" in line]
        assert told.startswith(f"No table of source-asana, such as {prefix}tasks, is in the schema")
        assert f".{schema}: set the variable asana_airbyte_schema (and " in told
        after = {name: engine.table("asana_marts", f"asana__{name}") for name in names}
        assert after == before


def test_tables_of_another_source_are_not_asana_s(duckdb: DuckDb) -> None:
    duckdb.write(_foreign())
    failed = duckdb.dbt().run("build").failed
    assert f".{duckdb.raw}: set the variable asana_airbyte_schema" in failed["dbt"]


def test_missing_tables_are_named_in_one_warning(engine: Engine, raw: dict[str, Table]) -> None:
    del raw["goals"], raw["users"]
    engine.write(raw)
    run = engine.dbt().run("run", "--select", "+asana__user", "+asana__goal_tree")
    assert run.failed == {}
    [warning] = run.warnings
    assert f".{engine.raw} has no table goals, users: what comes from there is empty" in warning


def test_what_builds_no_model_needs_no_tables(duckdb: DuckDb, tmp_path: Path) -> None:
    duckdb.write({})
    dbt = _another_project(duckdb, tmp_path)
    (tmp_path / "models" / "open_tasks.sql").write_text(
        "select task_id from {{ ref('asana__task') }} where not completed", "utf-8"
    )
    rows = [{"task_id": "1", "completed": False}, {"task_id": "2", "completed": True}]
    test = {
        "name": "only_open_ones",
        "model": "open_tasks",
        "given": [{"input": "ref('asana__task')", "rows": rows}],
        "expect": {"rows": [{"task_id": "1"}]},
    }
    (tmp_path / "models" / "tests.yml").write_text(json.dumps({"unit_tests": [test]}), "utf-8")
    # Unit tests need the columns' types, for which the user asks for empty tables.
    assert dbt.run("run --empty --select +open_tasks").failed == {}
    run = dbt.run("test --select test_type:unit")
    assert run.failed == {}
    assert run.statuses["pass"] == 1
    run = dbt.run("compile")
    assert run.failed == {}
    assert run.warnings == []


def _another_project(duckdb: DuckDb, folder: Path) -> Dbt:
    """Return dbt on a project that has the package among its packages."""
    project = {"name": "mine", "profile": "asana_airbyte", "vars": duckdb.variables}
    (folder / "dbt_project.yml").write_text(json.dumps(project), "utf-8")
    packages = {"packages": [{"local": str(PACKAGE)}]}
    (folder / "packages.yml").write_text(json.dumps(packages), "utf-8")
    (folder / "models").mkdir()
    dbt = Dbt(folder / "dbt", duckdb.output(), project=folder)
    assert dbt.run("deps").failed == {}
    return dbt


def test_deselected_columns_are_null(
    engine: Engine, raw: dict[str, Table], history: History
) -> None:
    raw["tasks"] = raw["tasks"].without("notes", "custom_fields", "memberships")
    raw = {name: raw[name] for name in ("tasks", "projects")}
    engine.write(raw)
    run = engine.dbt().run("build", "--full-refresh")
    assert run.failed == {}
    tasks = engine.table("asana_marts", "asana__task")
    assert {row["task_id"] for row in tasks} >= {one["gid"] for one in history.truth["tasks"]}
    assert {row["notes"] for row in tasks} == {None}
    assert engine.table("asana_marts", "asana__task_membership")


def test_parents_that_are_not_selected(engine: Engine, raw: dict[str, Table]) -> None:
    for name in ("tasks", "subtasks", "projects", "teams", "portfolios", "goals"):
        del raw[name]
    engine.write(raw)
    run = engine.dbt().run("build", "--full-refresh")
    assert run.failed == {}
    [warning] = run.warnings
    assert "goals, portfolios, projects, subtasks, tasks, teams: " in warning
    for name in ("story", "section", "team_member", "portfolio_item", "goal_support"):
        assert engine.table("asana_marts", f"asana__{name}"), name


def test_columns_of_custom_fields_are_handed_on(engine: Engine, raw: dict[str, Table]) -> None:
    columns = {"custom_cost": "number", "custom_größe": "string", "custom_channels": "array"}
    for name in ("tasks", "projects"):
        raw[name].columns |= columns
        for row in raw[name].rows:
            row |= {"custom_cost": 2.5, "custom_größe": "XL", "custom_channels": '["Web"]'}
    engine.write(raw)
    assert engine.dbt().run("build", "--full-refresh").failed == {}
    for schema, name in (
        ("asana_marts", "asana__task"),
        ("asana_marts", "asana__project"),
        ("fivetran_asana", "task"),
        ("fivetran_asana", "project"),
    ):
        values = {
            (row["custom_cost"], row["custom_größe"], row["custom_channels"])
            for row in engine.table(schema, name)
        }
        assert (2.5, "XL", '["Web"]') in values
        assert values <= {(2.5, "XL", '["Web"]'), (None, None, None)}


def test_a_field_may_be_named_like_a_column_of_another_stream(
    engine: Engine, raw: dict[str, Table]
) -> None:
    """Asana's `custom_type` is a column of tasks only, `custom_field_settings` of the others."""
    tables = {"project": "custom_type", "portfolio": "custom_type", "goal": "custom_type"}
    tables |= {"task": "custom_field_settings"}
    for name, column in tables.items():
        table = raw[f"{name}s"]
        table.columns[column] = "string"
        table.rows = [row | {column: "Internal"} for row in table.rows]
    engine.write(raw)
    models = [f"+asana__{name}" for name in tables]
    run = engine.dbt().run("run", "--full-refresh", "--select", *models)
    assert run.failed == {}
    for name, column in tables.items():
        values = [row[column] for row in engine.table("asana_marts", f"asana__{name}")]
        assert "Internal" in values, name


def test_a_prefix_of_the_tables_is_known(engine: Engine, raw: dict[str, Table]) -> None:
    engine.write({f"crm_{name}": table for name, table in raw.items() if name == "users"})
    run = engine.dbt(variables={"asana_airbyte_prefix": "crm_"}).run("run")
    assert run.failed == {}
    assert len(engine.table("asana_marts", "asana__user")) == len(raw["users"].rows)


def test_it_is_a_package_of_another_project(
    duckdb: DuckDb, raw: dict[str, Table], tmp_path: Path
) -> None:
    duckdb.write(raw)
    dbt = _another_project(duckdb, tmp_path)
    run = dbt.run("run", "--select", "+asana__section")
    assert run.failed == {}
    assert len(duckdb.table("asana_marts", "asana__section")) == len(raw["sections"].rows)


def test_every_column_is_described(postgresql: PostgreSql, raw: dict[str, Table]) -> None:
    postgresql.write(raw)
    assert postgresql.dbt().run("run").failed == {}
    described = dict(_described())
    for schema in SCHEMAS:
        for name in postgresql.names(schema):
            columns = postgresql.query(
                "select column_name from information_schema.columns where "  # noqa: S608
                f"table_schema = '{postgresql.target}_{schema}' and table_name = '{name}'"
            )
            assert {row["column_name"] for row in columns} == described[name], name


def _described() -> Iterator[tuple[str, set[str]]]:
    for file in sorted((PACKAGE / "models").rglob("*.yml")):
        for model in yaml.safe_load(file.read_text("utf-8")).get("models", []):
            assert model["description"]
            columns = model.get("columns", [])
            assert all(column["description"] for column in columns)
            name = model["name"].removeprefix("fivetran_asana__")
            yield name, {column["name"] for column in columns}


def test_the_package_reads_columns_that_the_streams_have(history: History) -> None:
    raw = history.tables(deduped=False)
    read = 0
    for file in sorted((PACKAGE / "models" / "staging").rglob("*.sql")):
        for call in dbt_docs.CALL.finditer(file.read_text("utf-8")):
            renamed = dict(dbt_docs.PAIR.findall(call["options"]))
            for stream in re.findall(r"\w+", call["streams"]):
                for name, kind in dbt_docs.PAIR.findall(call["columns"]):
                    found = raw[stream].columns[renamed.get(name, name)]
                    assert found in KINDS[kind], f"{stream}.{name}"
                    read += 1
    assert read > 200
