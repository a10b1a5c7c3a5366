"""Fivetran's eleven tables, read by a user of another language, and its dbt_asana on top."""

import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integration_tests.warehouse.engines import DuckDb, Engine, Row, plain
from integration_tests.warehouse.expected import all_tasks, comparable, gid
from integration_tests.warehouse.scenario import History

# A dbt project in which dbt_asana and its dependencies are installed (dbt deps).
PROJECT = os.environ.get("DBT_ASANA")
# How dbt_asana tells what happened, of those that its figures depend on.
WORDS = {"assigned": "assigned", "due_today": "have a task due on", "section_changed": "moved"}


@pytest.fixture(scope="module")
def warehouse(engine: Engine, history: History) -> Engine:
    """Return a warehouse with the tables, all read just now; system stories are in Spanish."""
    tables = history.tables(deduped=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for table in tables.values():
        table.rows = [row | {"_airbyte_extracted_at": now} for row in table.rows]
    for row in tables["stories"].rows:
        if row["type"] == "system":
            row["text"] = f"cambió algo: {row['resource_subtype']}"
    engine.write(tables)
    run = engine.dbt().run("build")
    assert run.failed == {}
    return engine


def _tables(history: History) -> Mapping[str, list[Row]]:
    truth, tasks = history.truth, all_tasks(history.truth)
    return {
        "task": [
            {
                "id": one["gid"],
                "assignee_id": gid(one.get("assignee")),
                "completed_by_id": gid(one.get("completed_by")),
                "parent_id": gid(one.get("parent")),
                "workspace_id": gid(one["workspace"]),
                "due_on": f"{one['due_on']} 00:00:00" if one.get("due_on") else None,
                **{name: one.get(name) for name in ("name", "notes", "completed", "completed_at")},
                **{name: one.get(name) for name in ("created_at", "modified_at", "num_likes")},
            }
            for one in tasks
        ],
        "project": [
            {
                "id": one["gid"],
                "team_id": gid(one.get("team")),
                "owner_id": gid(one.get("owner")),
                "current_status": (one.get("current_status") or {}).get("text"),
                **{name: one.get(name) for name in ("archived", "color", "created_at", "public")},
            }
            for one in truth["projects"]
        ],
        "user": [{"id": one["gid"], "name": one["name"]} for one in truth["users"]],
        "team": [
            {"id": one["gid"], "organization_id": gid(one["organization"])}
            for one in truth["teams"]
        ],
        "tag": [{"id": one["gid"], "color": one.get("color")} for one in truth["tags"]],
        "section": [
            {"id": one["gid"], "project_id": one["project_id"]} for one in truth["sections"]
        ],
        "story": [
            {
                "id": one["gid"],
                "target_id": one["task_id"],
                "created_by_id": gid(one.get("created_by")),
                "type": one["type"],
            }
            for one in truth["stories"]
        ],
        "project_task": [
            {"project_id": project["gid"], "task_id": one["gid"]}
            for one in tasks
            for project in one["projects"]
        ],
        "task_section": [
            {"section_id": place["section"]["gid"], "task_id": one["gid"]}
            for one in tasks
            for place in one["memberships"]
            if place.get("section")
        ],
        "task_tag": [
            {"tag_id": tag["gid"], "task_id": one["gid"]} for one in tasks for tag in one["tags"]
        ],
        "task_follower": [
            {"user_id": user["gid"], "task_id": one["gid"]}
            for one in tasks
            for user in one["followers"]
        ],
    }


def test_the_eleven_tables_equal_asana(warehouse: Engine, history: History) -> None:
    wanted = _tables(history)
    assert warehouse.names("fivetran_asana") == sorted(wanted)
    for name, rows in wanted.items():
        found = warehouse.table("fivetran_asana", name)
        assert rows, name
        narrowed = comparable({key: row[key] for key in rows[0]} for row in found)
        assert narrowed == comparable(rows), name


def test_what_happened_does_not_depend_on_the_language(warehouse: Engine, history: History) -> None:
    kinds = {one["gid"]: one for one in history.truth["stories"]}
    told: Counter[str] = Counter()
    for row in warehouse.table("fivetran_asana", "story"):
        truth = kinds[row["id"]]
        if truth["type"] == "comment":
            assert row["text"] == truth["text"]
            continue
        for subtype, words in WORDS.items():
            assert row["text"].startswith(words) == (truth["resource_subtype"] == subtype)
            told[subtype] += row["text"].startswith(words)
    assert told["assigned"] > 10
    assert told["section_changed"] == 2


@pytest.mark.skipif(PROJECT is None, reason="DBT_ASANA does not name a project with dbt_asana")
def test_dbt_asana_runs_on_them_as_it_is(warehouse: Engine, history: History) -> None:
    database = "marts" if isinstance(warehouse, DuckDb) else "asana"
    dbt = warehouse.dbt(
        "fivetran",
        Path(PROJECT or "").resolve(),
        {"asana_schema": f"{warehouse.target}_fivetran_asana", "asana_database": database},
        strict=False,
    )
    run = dbt.run("build", "--select", "asana", "--profile", "asana_airbyte")
    assert run.failed == {}
    freshness = dbt.run("source freshness", "--profile", "asana_airbyte").output
    assert "PASS freshness" in freshness
    assert "ERROR" not in freshness.replace("ERROR=0", "")
    found = {row["task_id"]: row for row in warehouse.table("asana_marts", "asana__task")}
    stories = [one for one in history.truth["stories"] if gid(one.get("created_by"))]
    users = {one["gid"] for one in history.truth["users"]}
    for task in all_tasks(history.truth):
        row = found[task["gid"]]
        own = [
            one
            for one in stories
            if one["task_id"] == task["gid"] and one["created_by"]["gid"] in users
        ]
        assert _figures(row) == _wanted(task, own, users)
    assert len(found) == len(all_tasks(history.truth))


def _figures(row: Row) -> tuple[Any, ...]:
    return (
        row["number_of_comments"],
        row["number_of_followers"],
        row["number_of_tags"],
        row["first_assigned_at"],
        row["last_assigned_at"],
        row["task_name"],
    )


def _wanted(task: Mapping[str, Any], own: list[Any], users: set[str]) -> tuple[Any, ...]:
    assigned = sorted(one["created_at"] for one in own if one["resource_subtype"] == "assigned")
    return (
        sum(one["type"] == "comment" for one in own),
        sum(one["gid"] in users for one in task["followers"]),
        len(task["tags"]),
        plain(assigned[0]) if assigned else None,
        plain(assigned[-1]) if assigned else None,
        task["name"],
    )
