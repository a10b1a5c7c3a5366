"""Metrics, sample questions, and the numbers that warn, on both warehouses."""

import copy
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration_tests.warehouse.dbt_runs import PACKAGE
from integration_tests.warehouse.engines import DuckDb, Engine
from integration_tests.warehouse.expected import all_tasks, answered, gid
from integration_tests.warehouse.scenario import History

README = (PACKAGE / "README.md").read_text("utf-8")
QUESTIONS = re.findall(r"```sql\n(.*?);\n```", README, re.DOTALL)
TODAY = date(2026, 11, 15)
MAY_BE_EMPTY = {"begun_at", "assignee"}


@pytest.fixture(scope="module")
def warehouse(engine: Engine, history: History) -> Engine:
    engine.write(history.tables(deduped=True))
    run = engine.dbt(variables={"asana_airbyte_today": TODAY.isoformat()}).run("run")
    assert run.failed == {}
    return engine


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_a_question_is_answered(warehouse: Engine, question: str) -> None:
    answered(warehouse.search(question), MAY_BE_EMPTY)


def test_there_are_questions_to_each_table() -> None:
    for name in ("task", "project", "user", "team", "tag", "daily_metric", "task_history"):
        assert sum(f"asana__{name}" in question for question in QUESTIONS) >= 3, name


def _is_overdue(task: dict[str, Any]) -> bool:
    return bool(task["due_on"]) and not task["completed"] and task["due_on"] < TODAY.isoformat()


def _is_blocked(task: dict[str, Any], done: dict[str, bool]) -> bool:
    return not task["completed"] and not all(done[one["gid"]] for one in task["dependencies"])


def test_numbers_of_tasks_equal_asana(warehouse: Engine, history: History) -> None:
    rows = {row["task_id"]: row for row in warehouse.table("asana_marts", "asana__task")}
    tasks = all_tasks(history.truth)
    done = {one["gid"]: one["completed"] for one in tasks}
    assert any(_is_overdue(one) for one in tasks)
    assert any(_is_blocked(one, done) for one in tasks)
    for task in tasks:
        row = rows[task["gid"]]
        own = [one for one in history.truth["stories"] if one["task_id"] == task["gid"]]
        made = date.fromisoformat(task["created_at"][:10])
        assert row["is_overdue"] == _is_overdue(task)
        assert row["is_blocked"] == _is_blocked(task, done)
        assert row["comment_count"] == sum(one["type"] == "comment" for one in own)
        assigned = sum(one["resource_subtype"] == "assigned" for one in own)
        assert row["reassigned_count"] == max(assigned - 1, 0)
        assert row["project_count"] == len(task["projects"])
        if task["completed"]:
            closed = date.fromisoformat(task["completed_at"][:10])
            assert row["days_to_close"] == (closed - made) / timedelta(days=1)
        else:
            assert row["days_open"] == (TODAY - made) / timedelta(days=1)


def test_numbers_of_projects_people_and_tags_equal_asana(
    warehouse: Engine, history: History
) -> None:
    tasks = all_tasks(history.truth)
    holders: dict[str, Callable[[dict[str, Any]], list[str | None]]] = {
        "project": lambda task: [one["gid"] for one in task["projects"]],
        "tag": lambda task: [one["gid"] for one in task["tags"]],
        "user": lambda task: [gid(task.get("assignee"))],
    }
    for name, held in holders.items():
        for row in warehouse.table("asana_marts", f"asana__{name}"):
            own = [task for task in tasks if row[f"{name}_id"] in held(task)]
            assert row["task_count"] == len(own)
            assert row["open_task_count"] == sum(not one["completed"] for one in own)
            assert row["overdue_task_count"] == sum(_is_overdue(one) for one in own)


def test_each_day_equals_asana(warehouse: Engine, history: History) -> None:
    tasks = all_tasks(history.truth)
    rows = warehouse.table("asana_marts", "asana__daily_metric")
    rows.sort(key=lambda row: str(row["date_day"]))
    assert rows[-1]["date_day"] == TODAY.isoformat()
    for row in rows[::7]:
        day = row["date_day"]
        made = [one for one in tasks if one["created_at"][:10] <= day]
        still = [one for one in made if not one["completed"] or one["completed_at"][:10] > day]
        assert row["open_count"] == len(still)
        assert row["overdue_count"] == sum(
            bool(one["due_on"]) and one["due_on"] < day for one in still
        )


def test_a_table_that_shrank_is_warned_of(duckdb: DuckDb, history: History) -> None:
    raw = history.tables(deduped=True)
    select = ("--select", "+int_asana__row_count")
    whole = ("--indirect-selection", "buildable")
    duckdb.write(raw)
    dbt = duckdb.dbt("volume", variables={"asana_airbyte_today": "2026-11-16"}, strict=False)
    assert dbt.run("build", *whole, *select).warnings == []
    small = copy.deepcopy(raw)
    small["users"].rows = small["users"].rows[: len(small["users"].rows) // 3]
    duckdb.write(small)
    run = dbt.run("build", *whole, *select)
    assert run.statuses["warn"] == 1
    assert [one for one in run.failed if "has_not_shrunk" in one]
    assert dbt.run("build", *whole, *select).statuses["warn"] == 0


def test_all_streams_are_sources_with_freshness(duckdb: DuckDb, history: History) -> None:
    duckdb.write(history.tables(deduped=True))
    dbt = duckdb.dbt("listed")
    assert dbt.run("parse").failed == {}
    manifest = json.loads((Path(dbt.folder) / "target" / "manifest.json").read_text("utf-8"))
    sources = {one["name"]: one for one in manifest["sources"].values()}
    assert sources.keys() == history.schemas.keys()
    for stream, source in sources.items():
        assert source["loaded_at_field"] == "synced_at"
        assert set(history.schemas[stream]["properties"]) <= {*source["columns"]}
        assert all(one["description"] for one in source["columns"].values())
    assert sources["tasks"]["freshness"]["warn_after"]["count"] == 36
    assert manifest["metrics"]
