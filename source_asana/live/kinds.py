"""Where records of each stream are found, and which of their fields need not come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Kind:
    """Where records of a stream are: a list, and the path of a single one without its gid.

    Attributes:
        stream: stream name.
        path: of the list; it and the values of `params` may have `{workspace}`, `{project}`,
            `{task}`, and what earlier kinds give.
        params: query parameters.
        single: path of single records; empty where a list is enough.
        gives: what the first record is called in the paths of later kinds.
        organization: whether only organizations have it.
        asks: whether `opt_fields` and a limit are sent.
    """

    stream: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    single: str = ""
    gives: str = ""
    organization: bool = False
    asks: bool = True


HERE = MappingProxyType({"workspace": "{workspace}"})
PROJECT = MappingProxyType({"parent": "{project}"})
PORTFOLIO = MappingProxyType({"parent": "{portfolio}"})
GOAL = MappingProxyType({"parent": "{goal}"})
KINDS = (
    Kind("workspaces", "workspaces", {}, "workspaces"),
    Kind("users", "users", HERE, "users"),
    Kind("teams", "workspaces/{workspace}/teams", {}, "teams", "team", organization=True),
    Kind("tags", "tags", HERE, "tags"),
    Kind("custom_fields", "workspaces/{workspace}/custom_fields", {}, "custom_fields"),
    Kind("projects", "projects", HERE, "projects"),
    Kind("portfolios", "portfolios", {**HERE, "owner": "me"}, "portfolios", "portfolio"),
    Kind("goals", "goals", HERE, "goals", "goal"),
    Kind("time_periods", "time_periods", HERE, "time_periods"),
    Kind("project_templates", "project_templates", HERE, "project_templates"),
    Kind(
        "workspace_memberships",
        "workspaces/{workspace}/workspace_memberships",
        {},
        "workspace_memberships",
    ),
    Kind(
        "time_tracking_entries",
        "time_tracking_entries",
        {**HERE, "entered_on_start_date": "2000-01-01"},
        "time_tracking_entries",
    ),
    Kind("time_tracking_categories", "time_tracking_categories", HERE),
    Kind("timesheet_approval_statuses", "timesheet_approval_statuses", HERE),
    Kind("roles", "roles", HERE),
    Kind(
        "audit_log_events",
        "workspaces/{workspace}/audit_log_events",
        {"limit": "10"},
        organization=True,
        asks=False,
    ),
    Kind(
        "ai_studio_runs",
        "workspaces/{workspace}/ai_studio/runs",
        {"limit": "10"},
        organization=True,
        asks=False,
    ),
    Kind(
        "ai_studio_seats",
        "workspaces/{workspace}/ai_studio/seats",
        {"limit": "10"},
        organization=True,
        asks=False,
    ),
    Kind("workspace_custom_types", "custom_types", HERE),
    Kind("user_task_lists", "users/me/user_task_list", HERE),
    Kind("ooo_entries", "ooo_entries", {**HERE, "user": "me"}),
    Kind("team_memberships", "team_memberships", {"team": "{team}"}, "team_memberships"),
    Kind("sections", "projects/{project}/sections", {}, "sections"),
    Kind("tasks", "tasks", {"project": "{project}"}, "tasks"),
    Kind("project_memberships", "memberships", PROJECT, "memberships"),
    Kind("project_statuses", "projects/{project}/project_statuses"),
    Kind("project_status_updates", "status_updates", PROJECT, "status_updates"),
    Kind("custom_types", "custom_types", {"project": "{project}"}),
    Kind("task_templates", "task_templates", {"project": "{project}"}, "task_templates"),
    Kind("allocations", "allocations", PROJECT, "allocations"),
    Kind("budgets", "budgets", PROJECT, asks=False),
    Kind("rates", "rates", PROJECT, asks=False),
    Kind("subtasks", "tasks/{task}/subtasks"),
    Kind("stories", "tasks/{task}/stories", {}, "stories"),
    Kind("attachments", "attachments", {"parent": "{holder}"}, "attachments"),
    Kind("portfolio_items", "portfolios/{portfolio}/items"),
    Kind("portfolio_memberships", "memberships", PORTFOLIO),
    Kind("portfolio_status_updates", "status_updates", PORTFOLIO),
    Kind("project_portfolio_settings", "portfolios/{portfolio}/project_portfolio_settings"),
    Kind("goal_relationships", "goal_relationships", {"supported_goal": "{goal}"}),
    Kind("goal_memberships", "memberships", GOAL),
    Kind("goal_status_updates", "status_updates", GOAL),
    Kind("goal_stories", "goals/{goal}/stories"),
)

_TASK = frozenset({"approval_status", "external"})
CONDITIONAL: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "custom_fields": frozenset(
            {
                "date_value",
                "enum_options",
                "enum_value",
                "html_text_value",
                "input_restrictions",
                "multi_enum_values",
                "number_value",
                "people_value",
                "reference_value",
                "text_value",
            }
        ),
        "goals": frozenset({"is_workspace_level", "metric", "team"}),
        "subtasks": _TASK,
        "tasks": _TASK,
    }
)
"""Stream -> fields that come only where they apply. Source: the responses in the description."""

STORIES = frozenset({"goal_stories", "stories"})
STORY = frozenset({"created_at", "created_by", "resource_subtype", "text", "type"})
"""What every story has; all else depends on what it is about."""
