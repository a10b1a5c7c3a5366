"""Alias columns: filled from what Asana sends, whatever is selected."""

from typing import Any

import pytest

from source_asana.fields.columns import (
    ALIASES,
    ALWAYS_NULL,
    readable,
    shaper,
    sources,
    status_type,
    unknown_columns,
)

USER = {"gid": "7", "name": "Ada", "resource_type": "user"}
NONE: frozenset[str] = frozenset()


def shaped(
    stream: str,
    record: dict[str, Any],
    *,
    columns: set[str] | None = None,
    extra: frozenset[str] = NONE,
    partition: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a copy of the record as the shaper leaves it."""
    result = dict(record)
    shape = shaper(stream, None if columns is None else frozenset(columns), extra)
    if shape is not None:
        shape(result, partition or {})
    return result


@pytest.mark.parametrize(
    ("stream", "record", "added"),
    [
        pytest.param(
            "time_tracking_entries",
            {"created_by": USER, "attributable_to": {"gid": "3"}, "description": "work"},
            {"user": USER, "project": {"gid": "3"}, "notes": "work"},
            id="time-entry",
        ),
        pytest.param("time_tracking_entries", {"gid": "1"}, {}, id="time-entry-of-few-columns"),
        pytest.param(
            "project_statuses", {"color": "yellow"}, {"status_type": "at_risk"}, id="status"
        ),
        pytest.param("project_statuses", {"color": None}, {}, id="status-without-colour"),
        pytest.param(
            "portfolio_custom_field_settings",
            {"parent": {"gid": "5"}},
            {"portfolio": {"gid": "5"}},
            id="setting",
        ),
        pytest.param(
            "stories",
            {"old_text_value": "a", "new_text_value": "b"},
            {
                "old_text": "a",
                "new_text": "b",
                "old_custom_field_value": "a",
                "new_custom_field_value": "b",
            },
            id="story-of-a-text-field",
        ),
        pytest.param(
            "stories", {"new_number_value": 0}, {"new_custom_field_value": "0"}, id="story-of-zero"
        ),
        pytest.param("tasks", {"gid": "1", "notes": "x"}, {}, id="stream-without-aliases"),
    ],
)
def test_aliases_of_the_record_itself(
    stream: str, record: dict[str, Any], added: dict[str, Any]
) -> None:
    assert shaped(stream, record) == {**record, **added}


def test_aliases_inside_an_object() -> None:
    metric = {
        "resource_type": "goal_metric",
        "resource_subtype": "number",
        "target_number_value": 2,
    }
    record = {"metric": dict(metric)}
    assert shaped("goals", record)["metric"] == {
        **metric,
        "type": "goal_metric",
        "subtype": "number",
        "target": 2,
    }


@pytest.mark.parametrize("metric", [None, "absent"])
def test_aliases_inside_an_object_that_is_not_there(metric: Any) -> None:
    record = {} if metric == "absent" else {"metric": metric}
    assert shaped("goals", record) == record


def test_aliases_inside_every_item_of_a_list() -> None:
    previews: list[dict[str, Any]] = [
        {"header": "Slack", "header_link": "https://a", "title_link": "https://b"},
        {"header": None, "text": "plain"},
    ]
    assert shaped("stories", {"previews": [dict(p) for p in previews]})["previews"] == [
        {**previews[0], "headers": ["Slack"], "links": ["https://a", "https://b"]},
        previews[1],
    ]


@pytest.mark.parametrize(
    ("partition", "workspace"),
    [
        pytest.param({}, None, id="unknown"),
        pytest.param(
            {"workspace_gid": "9"}, {"gid": "9", "resource_type": "workspace"}, id="gid-only"
        ),
        pytest.param(
            {"workspace_gid": "9", "name": "Acme"},
            {"gid": "9", "resource_type": "workspace", "name": "Acme"},
            id="with-name",
        ),
    ],
)
def test_workspace_comes_from_the_partition(
    partition: dict[str, Any], workspace: dict[str, Any] | None
) -> None:
    record = shaped("time_tracking_entries", {"gid": "1"}, partition=partition)
    assert record.get("workspace") == workspace


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("High", "High", id="text"),
        pytest.param(2.5, "2.5", id="number"),
        pytest.param({"gid": "1", "name": "High"}, "High", id="enum-option"),
        pytest.param([{"name": "A"}, {"name": "B"}], "A, B", id="options"),
        pytest.param([USER, {"gid": "8", "name": None}], "Ada", id="people-one-nameless"),
        pytest.param({"due_on": "2026-01-02", "due_at": None}, "2026-01-02", id="day"),
        pytest.param(
            {"due_on": "2026-01-02", "due_at": "2026-01-02T10:00:00.000Z"},
            "2026-01-02T10:00:00.000Z",
            id="instant",
        ),
        pytest.param([], None, id="no-options"),
        pytest.param({}, None, id="no-date"),
        pytest.param(None, None, id="null"),
    ],
)
def test_changed_values_are_readable(value: Any, text: str | None) -> None:
    assert readable(None, value, None) == text


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("green", "on_track"),
        ("yellow", "at_risk"),
        ("red", "off_track"),
        ("blue", "on_hold"),
        ("complete", "complete"),
        ("purple", "purple"),
        (None, None),
    ],
)
def test_status_type_of_a_color(color: str | None, expected: str | None) -> None:
    assert status_type(color) == expected


def test_source_that_is_not_selected_is_dropped() -> None:
    record = {"gid": "1", "created_by": USER, "description": "work"}
    assert shaped("time_tracking_entries", record, columns={"gid", "user", "description"}) == {
        "gid": "1",
        "user": USER,
        "description": "work",
    }


def test_alias_that_is_not_selected_stays_away() -> None:
    record = {"created_by": USER}
    assert shaped("time_tracking_entries", record, columns={"created_by"}) == record


@pytest.mark.parametrize("columns", [None, {"gid"}], ids=["all", "one"])
def test_extra_names_are_dropped(columns: set[str] | None) -> None:
    record = {"gid": "1", "num_subtasks": 3}
    assert shaped("tasks", record, columns=columns, extra=frozenset({"num_subtasks", "x"})) == {
        "gid": "1"
    }


@pytest.mark.parametrize(
    ("stream", "columns"),
    [("tasks", None), ("tasks", {"name"}), ("stories", {"gid"}), ("tags", {"created_by"})],
    ids=["no-aliases", "no-aliases-one-column", "none-selected", "absent-column"],
)
def test_nothing_to_do_is_none(stream: str, columns: set[str] | None) -> None:
    assert shaper(stream, None if columns is None else frozenset(columns), NONE) is None


@pytest.mark.parametrize(
    ("stream", "columns", "expected"),
    [
        pytest.param("tasks", None, set(), id="no-aliases"),
        pytest.param("time_tracking_entries", {"user"}, {"created_by"}, id="one-alias"),
        pytest.param("time_tracking_entries", {"workspace"}, set(), id="from-the-partition"),
        pytest.param("time_tracking_entries", {"created_by"}, set(), id="no-alias-selected"),
        pytest.param(
            "portfolios",
            {"current_status_update"},
            {"current_status_update.resource_subtype"},
            id="nested",
        ),
        pytest.param(
            "stories",
            {"old_custom_field_value"},
            {
                "old_date_value",
                "old_enum_value",
                "old_multi_enum_values",
                "old_number_value",
                "old_people_value",
                "old_text_value",
            },
            id="many-sources",
        ),
    ],
)
def test_sources(stream: str, columns: set[str] | None, expected: set[str]) -> None:
    assert sources(stream, columns) == expected


def test_unknown_columns_are_aliases_and_absent_ones() -> None:
    assert unknown_columns("portfolio_custom_field_settings") == {
        "created_at",
        "created_by",
        "portfolio",
    }
    assert unknown_columns("tasks") == frozenset()


@pytest.mark.parametrize("stream", sorted({*ALIASES, *ALWAYS_NULL}))
def test_no_column_is_both_alias_and_absent_or_source(stream: str) -> None:
    columns = [alias.column for alias in ALIASES.get(stream, ())] + list(
        ALWAYS_NULL.get(stream, ())
    )
    assert len(columns) == len(set(columns))
    assert not unknown_columns(stream) & sources(stream, None)
