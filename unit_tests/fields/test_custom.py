"""Custom fields as columns: types, values, and what a configured catalog says about them."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator

from source_asana.fields.custom import (
    STREAMS,
    CustomColumn,
    columns_in,
    filler,
    kind_of,
    property_of,
    sources,
)
from source_asana.fields.custom_schema import MOST_COLUMNS, FoundFields, covering
from source_asana.fields.schemas import load_schema

OPTION = {"gid": "5", "name": "High", "color": "red"}
ADA = {"gid": "7", "name": "Ada"}
DAY = {"date": "2026-05-04", "date_time": None}
TIME = {"date": "2026-05-04", "date_time": "2026-05-04T22:00:00.000Z"}


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ({"resource_subtype": "text"}, "text"),
        ({"resource_subtype": "enum"}, "text"),
        ({"resource_subtype": "number", "format": "currency"}, "number"),
        ({"resource_subtype": "number", "format": "percentage"}, "number"),
        ({"resource_subtype": "multi_enum"}, "names"),
        ({"resource_subtype": "people"}, "names"),
        ({"resource_subtype": "reference"}, "names"),
        ({"resource_subtype": "date"}, "date"),
        ({"resource_subtype": "number", "representation_type": "formula"}, "number"),
        ({"resource_subtype": "date", "representation_type": "formula"}, "date"),
        ({"resource_subtype": "text", "representation_type": "formula"}, "text"),
        ({"resource_subtype": "number", "representation_type": "custom_id"}, "text"),
        ({"type": "number"}, "number"),
        ({"resource_subtype": "of_the_future"}, "text"),
        ({}, "text"),
    ],
)
def test_the_kind_of_a_field(definition: dict[str, Any], kind: str) -> None:
    assert kind_of(definition) == kind


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("text", {"text_value": "a", "display_value": "a"}, "a"),
        ("text", {"text_value": "", "display_value": None}, ""),
        ("text", {"enum_value": OPTION, "display_value": "High"}, "High"),
        ("text", {"enum_value": None, "display_value": None}, None),
        ("text", {"text_value": None, "display_value": "ID-12"}, "ID-12"),
        ("number", {"number_value": 0.25, "display_value": "25%"}, 0.25),
        ("number", {"number_value": None}, None),
        ("names", {"multi_enum_values": [OPTION, {"gid": "6", "name": "b, c"}]}, ["High", "b, c"]),
        ("names", {"multi_enum_values": []}, []),
        ("names", {"people_value": [ADA, {**ADA, "email": "ada@b.c"}]}, ["Ada", "ada@b.c"]),
        ("names", {"people_value": [{"gid": "8", "name": None}]}, ["8"]),
        ("names", {"reference_value": [{"gid": "9", "name": "Task"}]}, ["Task"]),
        ("names", {"display_value": "Ada, Grace"}, ["Ada", "Grace"]),
        ("names", {"display_value": None}, []),
        ("date", {"date_value": DAY}, "2026-05-04"),
        ("date", {"date_value": TIME}, "2026-05-04"),
        ("date", {"date_value": {"date": None, "date_time": TIME["date_time"]}}, "2026-05-04"),
        ("date", {"date_value": None}, None),
        ("date-time", {"date_value": TIME}, "2026-05-04T22:00:00.000Z"),
        ("date-time", {"date_value": DAY}, "2026-05-04T00:00:00.000Z"),
        ("date-time", {}, None),
    ],
)
def test_values_are_of_the_columns_type(kind: str, field: dict[str, Any], value: Any) -> None:
    fill = filler([CustomColumn("custom_x", "1", kind)])
    assert fill
    record = {"custom_fields": [{"gid": "2", "text_value": "other"}, {"gid": "1", **field}]}
    fill(record)
    assert record["custom_x"] == value
    assert Draft7Validator(property_of("1", "X", kind)).is_valid(value)


@pytest.mark.parametrize("record", [{}, {"custom_fields": None}, {"custom_fields": []}])
def test_a_field_that_a_record_lacks_is_null(record: dict[str, Any]) -> None:
    fill = filler([CustomColumn("custom_x", "1", "names")])
    assert fill
    fill(record)
    assert record.get("custom_x") is None


def schema_with(node: Any) -> dict[str, Any]:
    return {"properties": {"custom_x": node, **load_schema("tasks")["properties"]}}


@pytest.mark.parametrize("kind", ["text", "number", "names", "date", "date-time"])
@pytest.mark.parametrize("label", ["X", "Custom field 99: Y", "a\nb", ""])
@pytest.mark.parametrize("keeps_keywords", [True, False])
def test_a_catalog_is_read_as_it_was_written(
    kind: str, label: str, *, keeps_keywords: bool
) -> None:
    node = property_of("12", label, kind)
    if not keeps_keywords:
        del node["asana_custom_field_gid"]
    assert columns_in("tasks", schema_with(node)) == (CustomColumn("custom_x", "12", kind),)


@pytest.mark.parametrize("node", [True, {}, {"type": "string"}, {"description": "Custom field"}])
def test_a_column_without_a_gid_is_none_of_ours(node: Any) -> None:
    assert columns_in("tasks", schema_with(node)) == ()


def test_other_streams_have_no_such_columns() -> None:
    assert columns_in("tags", schema_with(property_of("12", "X", "text"))) == ()


@pytest.mark.parametrize("stream", sorted(STREAMS))
@pytest.mark.parametrize("kind", ["text", "number", "names", "date", "date-time"])
def test_every_kind_has_something_to_ask_for(stream: str, kind: str) -> None:
    asked = sources(stream, [CustomColumn("custom_x", "1", kind)])
    assert asked
    assert len(asked) <= 3
    assert sources(stream, []) == frozenset()


def test_people_of_projects_are_in_the_displayed_text_only() -> None:
    column = CustomColumn("custom_x", "1", "names")
    assert "custom_fields.display_value" in sources("projects", [column])
    assert "custom_fields.display_value" not in sources("tasks", [column])


# ── what a discover found ──────────────────────────────────────────────────────────────────────


def field(gid: int, **more: Any) -> dict[str, Any]:
    return {"gid": str(gid), "name": f"F{gid}", "resource_subtype": "text", **more}


def container(gid: str, *fields: dict[str, Any], own: tuple[Any, ...] = ()) -> dict[str, Any]:
    settings = [{"gid": "0", "custom_field": one} for one in fields]
    return {"gid": gid, "custom_field_settings": settings, "custom_fields": own}


def gids(found: FoundFields, stream: str) -> set[str]:
    columns, _ = found.properties(stream, ())
    return {node["asana_custom_field_gid"] for node in columns.values()}


def test_each_stream_gets_the_library_and_what_is_local_to_its_containers() -> None:
    found = FoundFields()
    found.add_library([field(1)])
    found.add_containers("projects", [container("10", field(2), own=(field(5),))])
    found.add_containers("portfolios", [container("11", field(3))])
    found.add_containers("goals", [container("12", field(4))])
    assert gids(found, "tasks") == gids(found, "subtasks") == {"1", "2"}
    assert gids(found, "projects") == {"1", "2", "3", "5"}
    assert gids(found, "portfolios") == {"1", "3"}
    assert gids(found, "goals") == {"1", "4"}


def test_of_too_many_fields_those_of_the_most_projects_get_columns() -> None:
    found = FoundFields()
    found.add_library(field(gid) for gid in range(1000, 1600))
    found.add_containers("projects", [container("10", *map(field, range(1550, 1600)))] * 2)
    found.add_containers("projects", [container("11", field(1599), field(1))])
    _, without = found.properties("tasks", ())
    assert gids(found, "tasks") >= {"1", *map(str, range(1550, 1600)), *map(str, range(1000, 1449))}
    assert without == [str(gid) for gid in range(1449, 1550)]
    assert MOST_COLUMNS == 500


def test_few_projects_cover_all_date_fields() -> None:
    dated = {"a": {"1"}, "b": {"1", "2", "3"}, "c": {"3", "4"}, "d": {"4"}}
    assert covering(dated, 1, 10) == ["b", "c"]
    assert covering(dated, 2, 10) == ["b", "c", "a", "d"]
    assert covering(dated, 3, 3) == ["b", "c", "a"]
    assert covering({}, 1, 10) == []
