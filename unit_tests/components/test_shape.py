"""What is asked for, which records are let through, and how they are finished."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from source_asana.components.pages import AskedFields
from source_asana.components.shape import Filter, Shape
from source_asana.http.errors import Verdict
from source_asana.parents.plan import StreamPlan
from source_asana.report import Report
from unit_tests.given import refusal, settings, verdict

SCOPE = verdict(refusal(403, "The token lacks the scope users:read."))
ACCESS = verdict(refusal(403, "You do not have access to this project."))


# ── fields ─────────────────────────────────────────────────────────────────────────────────────


def asked_fields(
    stream: str, *fields: str, refuse: Callable[[frozenset[str]], None] = lambda _: None
) -> AskedFields:
    return AskedFields(stream, fields, Report(), lambda missing, _: refuse(missing))


def test_without_fields_asana_decides_what_comes() -> None:
    asked = asked_fields("tags")

    assert asked.params == {}
    assert asked.names == []


def test_fields_are_one_parameter() -> None:
    asked = asked_fields("tags", "gid", "workspace.gid")

    assert asked.params == {"opt_fields": "gid,workspace.gid"}
    assert asked.names == ["gid", "workspace.gid"]


def test_a_refusal_of_something_else_leaves_the_fields_alone() -> None:
    asked = asked_fields("tasks", "gid", "assignee.email")

    assert not asked.leave_out(asked.text, ACCESS)
    assert asked.names == ["gid", "assignee.email"]


def test_fields_without_a_scope_are_left_out_for_all_slices_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lacking: list[frozenset[str]] = []
    asked = asked_fields("tasks", "gid", "assignee.email", "name", refuse=lacking.append)
    sent, results = asked.text, []
    verdict: Verdict = SCOPE
    threads = [
        threading.Thread(target=lambda: results.append(asked.leave_out(sent, verdict)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [True] * 4
    assert asked.names == ["gid", "name"]
    assert lacking == [{"assignee.email"}]
    assert len([record for record in caplog.records if "the columns" in record.message]) == 1


# ── filters ────────────────────────────────────────────────────────────────────────────────────

ONLY, WITHOUT = {"project_ids": "gid", "team_ids": "team.gid"}, {"exclude_project_ids": "gid"}


@pytest.mark.parametrize(
    ("lists", "kept"),
    [
        ({}, ["1", "2", "3"]),
        ({"project_ids": ["1", "3"]}, ["1", "3"]),
        ({"exclude_project_ids": ["1"]}, ["2", "3"]),
        ({"team_ids": ["8"]}, ["1", "2"]),
        ({"team_ids": ["8"], "project_ids": ["2", "3"]}, ["2"]),
        ({"project_ids": ["1", "2"], "exclude_project_ids": ["2"]}, ["1"]),
    ],
)
def test_configured_ids_let_records_through(lists: dict[str, Any], kept: list[str]) -> None:
    made = Filter(settings(**lists), ONLY, WITHOUT)
    records: list[dict[str, Any]] = [
        {"gid": "1", "team": {"gid": "8"}},
        {"gid": "2", "team": {"gid": "8"}},
        {"gid": "3", "team": None},
    ]

    assert [record["gid"] for record in records if made.keeps(record)] == kept
    assert made.is_set == bool(lists)


def test_a_filter_needs_the_fields_that_it_looks_at() -> None:
    assert Filter(settings(), ONLY, WITHOUT).fields == frozenset()
    assert Filter(settings(project_ids=["1"]), ONLY, WITHOUT).fields == frozenset()
    assert Filter(settings(team_ids=["1"]), ONLY, WITHOUT).fields == {"team.gid"}


# ── shape ──────────────────────────────────────────────────────────────────────────────────────


def shape(plan: StreamPlan, *technical: str, asks: bool = True, **columns: str) -> Shape:
    return Shape(plan, columns, frozenset(technical), asks=asks)


def test_the_selected_columns_are_asked_for_and_technical_fields_are_dropped() -> None:
    plan = StreamPlan("tasks", columns=frozenset({"gid", "name"}))
    made = shape(plan, "modified_at", "parent.gid")

    assert {"name", "modified_at", "parent.gid"} <= set(made.asked)
    assert not any(field.startswith("assignee") for field in made.asked)
    record = {"gid": "1", "name": "a", "modified_at": "2026", "parent": {"gid": "2"}}
    assert made.finished(record, {}) == {"gid": "1", "name": "a"}


def test_a_technical_field_that_is_selected_stays() -> None:
    plan = StreamPlan("tasks", columns=frozenset({"gid", "modified_at"}))

    assert shape(plan, "modified_at").finished({"gid": "1", "modified_at": "2026"}, {}) == {
        "gid": "1",
        "modified_at": "2026",
    }


def test_all_columns_are_those_of_the_schema() -> None:
    made = shape(StreamPlan("tags"))

    assert {"name", "color", "workspace.name"} <= set(made.asked)
    assert made.finished({"gid": "1", "anything": 1}, {}) == {"gid": "1", "anything": 1}


def test_a_parent_column_is_filled_from_the_partition() -> None:
    made = shape(StreamPlan("sections"), project_id="project_gid")

    assert made.finished({"gid": "1"}, {"project_gid": "7"}) == {"gid": "1", "project_id": "7"}


def test_a_hidden_stream_asks_only_for_what_others_need() -> None:
    made = shape(StreamPlan("projects", parent_only=True), "archived", "project_brief.gid")

    assert set(made.asked) == {"archived", "project_brief.gid"}


def test_without_fields_to_ask_for_only_declared_columns_are_sent() -> None:
    made = shape(StreamPlan("tags", columns=frozenset({"gid", "name"})), asks=False)

    assert made.asked == ()
    assert made.finished({"gid": "1", "name": "a", "new": 1}, {}) == {"gid": "1", "name": "a"}
    every = shape(StreamPlan("tags"), asks=False)
    assert every.finished({"gid": "1", "color": "red", "new": 1}, {}) == {
        "gid": "1",
        "color": "red",
    }


def test_columns_with_another_name_at_asana_are_filled() -> None:
    made = shape(StreamPlan("project_statuses"))

    assert "color" in made.asked
    assert made.finished({"gid": "1", "color": "red"}, {})["status_type"] == "off_track"
