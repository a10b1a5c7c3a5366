"""What is asked for, by stream and selection."""

import pytest

from source_asana.fields.opt_fields import opt_fields


@pytest.mark.parametrize(
    ("stream", "columns", "expected"),
    [
        pytest.param("tasks", ["name"], ("name",), id="scalar"),
        pytest.param("tasks", ["gid", "name"], ("name",), id="gid-comes-by-itself"),
        pytest.param("tasks", ["gid"], ("gid",), id="gid-alone"),
        pytest.param("task_counts", ["project_id"], (), id="nothing-of-a-resource-without-gid"),
        pytest.param(
            "tasks", ["assignee"], ("assignee.name", "assignee.resource_type"), id="relation"
        ),
        pytest.param("tasks", ["dependencies"], ("dependencies.resource_type",), id="bare-list"),
        pytest.param("tasks", ["external"], ("external.data", "external.gid"), id="no-resource"),
        pytest.param(
            "tasks",
            ["likes", "memberships"],
            (
                "likes.gid",
                "likes.user.name",
                "likes.user.resource_type",
                "memberships.project.name",
                "memberships.project.resource_type",
                "memberships.section.name",
                "memberships.section.resource_type",
            ),
            id="nested",
        ),
        pytest.param("stories", ["old_date_value"], ("old_date_value",), id="whole-object"),
        pytest.param(
            "audit_log_events",
            ["details"],
            (
                "details.group",
                "details.new_value",
                "details.old_value",
                "details.saml_response",
            ),
            id="object-without-fields",
        ),
        pytest.param("subtasks", ["task_id", "name"], ("name",), id="parent-column"),
        pytest.param("subtasks", ["task_id"], ("gid",), id="parent-column-alone"),
        pytest.param("tags", ["created_by", "color"], ("color",), id="absent-column"),
        pytest.param("tasks", ["name", "of_an_old_catalog"], ("name",), id="unknown-column"),
        pytest.param(
            "time_tracking_entries",
            ["user", "workspace"],
            ("created_by.name", "created_by.resource_type"),
            id="alias",
        ),
        pytest.param("stories", ["old_text"], ("old_text_value",), id="alias-of-a-scalar"),
        pytest.param(
            "portfolios",
            ["current_status_update"],
            (
                "current_status_update.resource_subtype",
                "current_status_update.resource_type",
                "current_status_update.title",
            ),
            id="nested-alias",
        ),
    ],
)
def test_selected_columns(stream: str, columns: list[str], expected: tuple[str, ...]) -> None:
    assert opt_fields(stream, columns) == expected


@pytest.mark.parametrize("columns", [None, (), []], ids=["none", "empty", "empty-list"])
def test_no_selection_is_everything(columns: list[str] | None) -> None:
    asked = opt_fields("sections", columns)
    assert asked == (
        "created_at",
        "name",
        "project.name",
        "project.resource_type",
        "projects.name",
        "projects.resource_type",
        "resource_type",
    )


@pytest.mark.parametrize(
    ("stream", "path", "is_asked"),
    [
        ("tasks", "custom_fields.enum_value.name", True),
        ("tasks", "custom_fields.multi_enum_values.name", True),
        ("tasks", "custom_fields.people_value.name", True),
        ("tasks", "custom_fields.number_value", True),
        ("tasks", "custom_fields.enum_options.name", False),
        ("tasks", "custom_fields.created_by.name", False),
        ("projects", "custom_fields.enum_options.name", False),
        ("projects", "custom_field_settings.custom_field.name", True),
        ("projects", "custom_field_settings.custom_field.enum_options.name", False),
        ("projects", "custom_field_settings.parent.name", False),
        ("stories", "custom_field.enum_options.name", False),
        ("custom_fields", "enum_options.name", True),
        ("project_custom_field_settings", "custom_field.enum_options.name", True),
        ("goals", "metric.target", False),
        ("goals", "metric.target_number_value", True),
    ],
)
def test_repeated_definitions_are_left_out(stream: str, path: str, *, is_asked: bool) -> None:
    assert (path in opt_fields(stream, None)) == is_asked


@pytest.mark.parametrize(
    ("columns", "also", "expected"),
    [
        pytest.param(["name"], ["modified_at"], ("modified_at", "name"), id="added"),
        pytest.param(["name"], ["name"], ("name",), id="once"),
        pytest.param(
            ["name"],
            ["custom_field_settings.custom_field.enum_options.name"],
            ("custom_field_settings.custom_field.enum_options.name", "name"),
            id="left-out-otherwise",
        ),
        pytest.param(["owner"], ["owner"], ("owner.name", "owner.resource_type"), id="leaf-wins"),
        pytest.param(["gid"], ["owner", "owner.name"], ("owner.name",), id="leaf-of-also-wins"),
        pytest.param(["gid"], ["gid"], ("gid",), id="gid"),
    ],
)
def test_also(columns: list[str], also: list[str], expected: tuple[str, ...]) -> None:
    assert opt_fields("projects", columns, also) == expected
