"""The package on tables that lack streams or columns, or have more of them."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from integration_tests.warehouse.dbt_runs import PACKAGE, Dbt
from integration_tests.warehouse.engines import DuckDb, Engine, PostgreSql
from integration_tests.warehouse.scenario import History
from integration_tests.warehouse.tables import Table

SCHEMAS = ("asana", "fivetran_asana")
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


def test_without_any_table_everything_is_empty(engine: Engine) -> None:
    engine.write({})
    run = engine.dbt().run("build")
    assert run.failed == {}
    assert run.warnings == []
    for schema in SCHEMAS:
        for name in engine.names(schema):
            assert engine.table(schema, name) == []


def test_deselected_columns_are_null(
    engine: Engine, raw: dict[str, Table], history: History
) -> None:
    raw["tasks"] = raw["tasks"].without("notes", "custom_fields", "memberships")
    raw = {name: raw[name] for name in ("tasks", "projects")}
    engine.write(raw)
    run = engine.dbt().run("build")
    assert run.failed == {}
    tasks = engine.table("asana", "asana_airbyte__tasks")
    assert {row["task_gid"] for row in tasks} >= {one["gid"] for one in history.truth["tasks"]}
    assert {row["notes"] for row in tasks} == {None}
    assert engine.table("asana", "asana_airbyte__task_memberships")


def test_parents_that_are_not_selected(engine: Engine, raw: dict[str, Table]) -> None:
    for name in ("tasks", "subtasks", "projects", "teams", "portfolios", "goals"):
        del raw[name]
    engine.write(raw)
    run = engine.dbt().run("build")
    assert run.failed == {}
    assert run.warnings == []
    for name in ("stories", "sections", "team_members", "portfolio_items", "goal_supports"):
        assert engine.table("asana", f"asana_airbyte__{name}"), name


def test_columns_of_custom_fields_are_handed_on(engine: Engine, raw: dict[str, Table]) -> None:
    columns = {"custom_cost": "number", "custom_größe": "string", "custom_channels": "array"}
    for name in ("tasks", "projects"):
        raw[name].columns |= columns
        for row in raw[name].rows:
            row |= {"custom_cost": 2.5, "custom_größe": "XL", "custom_channels": '["Web"]'}
    engine.write(raw)
    assert engine.dbt().run("build").failed == {}
    for schema, name in (
        ("asana", "asana_airbyte__tasks"),
        ("asana", "asana_airbyte__projects"),
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
    tables = {"projects": "custom_type", "portfolios": "custom_type", "goals": "custom_type"}
    tables |= {"tasks": "custom_field_settings"}
    for name, column in tables.items():
        raw[name].columns[column] = "string"
        raw[name].rows = [row | {column: "Internal"} for row in raw[name].rows]
    engine.write(raw)
    run = engine.dbt().run("run", "--select", *(f"+asana_airbyte__{name}" for name in tables))
    assert run.failed == {}
    for name, column in tables.items():
        values = [row[column] for row in engine.table("asana", f"asana_airbyte__{name}")]
        assert "Internal" in values, name


def test_a_prefix_of_the_tables_is_known(engine: Engine, raw: dict[str, Table]) -> None:
    engine.write({f"crm_{name}": table for name, table in raw.items() if name == "users"})
    run = engine.dbt(variables={"asana_airbyte_prefix": "crm_"}).run("run")
    assert run.failed == {}
    assert len(engine.table("asana", "asana_airbyte__users")) == len(raw["users"].rows)


def test_it_is_a_package_of_another_project(
    duckdb: DuckDb, raw: dict[str, Table], tmp_path: Path
) -> None:
    duckdb.write(raw)
    project = {"name": "mine", "profile": "asana_airbyte", "vars": duckdb.variables}
    (tmp_path / "dbt_project.yml").write_text(json.dumps(project), "utf-8")
    packages = {"packages": [{"local": str(PACKAGE)}]}
    (tmp_path / "packages.yml").write_text(json.dumps(packages), "utf-8")
    dbt = Dbt(tmp_path / "dbt", duckdb.output(), project=tmp_path)
    dbt.run("deps")
    run = dbt.run("run", "--select", "+asana_airbyte__sections")
    assert run.failed == {}
    assert len(duckdb.table("asana", "asana_airbyte__sections")) == len(raw["sections"].rows)


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
    for file in sorted((PACKAGE / "models" / "staging").glob("*.sql")):
        text = file.read_text("utf-8")
        stream = file.stem.removeprefix("stg_asana_airbyte__")
        if stream in {"deleted_tasks", "custom_field_values"}:
            continue
        kinds = yaml.safe_load("{" + text.partition("{\n")[2].partition("\n}")[0] + "}")
        if stream == "team_memberships":
            kinds["user"] = kinds.pop("member_user")
        columns = history.tables(deduped=False)[stream].columns
        assert kinds
        for name, kind in kinds.items():
            assert columns[name] in KINDS[kind], f"{stream}.{name}"
