"""Every plain listing as a row: which list of the world, by which parameter, through which filters.

Adding a listing takes one row here, and objects in that list. What does not fit a row belongs in
`endpoints_special.py`. Source: the endpoint list made from Asana's OpenAPI file; the rules are from
the fact sheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import refusals
from sandbox.calls import Call, Keep, combine
from sandbox.filters import FILTERS

if TYPE_CHECKING:
    from sandbox.store import Ordered


@dataclass(frozen=True, slots=True)
class By:
    """The list `name` of the object in `parameter`, which must be of one of `kinds`."""

    parameter: str
    name: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing: the alternatives for its parent, of which the first one sent counts.

    `root` is a list without a parent, for when none is sent.
    """

    sources: tuple[By, ...] = ()
    filters: tuple[str, ...] = ()
    root: str = ""
    kinds: tuple[str, ...] = ()


def _by(parameter: str, name: str, *kinds: str) -> By:
    return By(parameter, name, kinds or (parameter.removesuffix("_gid"),))


def _of(*sources: By, filters: str = "", root: str = "", kinds: str = "") -> Listing:
    return Listing(sources, tuple(filters.split()), root, tuple(kinds.split()))


_PARENTS = ("project", "portfolio", "goal", "custom_type", "custom_field")
_TASKS = "completed_since asana_types"
_STORIES = "created_after comments_only"
LISTINGS: dict[str, Listing] = {
    "/workspaces": _of(root="workspaces"),
    "/users": _of(_by("team", "team.users"), _by("workspace", "workspace.users"), root="users"),
    "/workspaces/{workspace_gid}/teams": _of(_by("workspace_gid", "workspace.teams")),
    "/tags": _of(_by("workspace", "workspace.tags"), root="tags"),
    "/workspaces/{workspace_gid}/tags": _of(_by("workspace_gid", "workspace.tags")),
    "/workspaces/{workspace_gid}/custom_fields": _of(
        _by("workspace_gid", "workspace.custom_fields")
    ),
    "/projects": _of(
        _by("team", "team.projects"),
        _by("workspace", "workspace.projects"),
        root="projects",
        filters="archived asana_types",
    ),
    "/workspaces/{workspace_gid}/projects": _of(
        _by("workspace_gid", "workspace.projects"), filters="archived asana_types"
    ),
    "/teams/{team_gid}/projects": _of(_by("team_gid", "team.projects"), filters="archived"),
    "/projects/{project_gid}/sections": _of(_by("project_gid", "project.sections")),
    "/projects/{project_gid}/tasks": _of(
        _by("project_gid", "project.tasks"), filters=f"{_TASKS} modified_since"
    ),
    "/sections/{section_gid}/tasks": _of(_by("section_gid", "section.tasks"), filters=_TASKS),
    "/tags/{tag_gid}/tasks": _of(_by("tag_gid", "tag.tasks")),
    "/tasks/{task_gid}/subtasks": _of(_by("task_gid", "task.subtasks")),
    "/tasks/{task_gid}/stories": _of(_by("task_gid", "task.stories"), filters=_STORIES),
    "/goals/{goal_gid}/stories": _of(_by("goal_gid", "goal.stories"), filters=_STORIES),
    "/attachments": _of(_by("parent", "parent.attachments", "task", "project", "project_brief")),
    "/custom_types": _of(
        _by("project", "project.custom_types"), _by("workspace", "workspace.custom_types")
    ),
    "/portfolios/{portfolio_gid}/items": _of(
        _by("portfolio_gid", "portfolio.items"), kinds="project portfolio"
    ),
    "/portfolios/{portfolio_gid}/project_portfolio_settings": _of(
        _by("portfolio_gid", "portfolio.settings")
    ),
    "/projects/{project_gid}/project_portfolio_settings": _of(
        _by("project_gid", "project.portfolio_settings")
    ),
    "/goals": _of(
        _by("team", "team.goals"),
        _by("project", "supporter.goals"),
        _by("portfolio", "supporter.goals"),
        _by("task", "supporter.goals"),
        _by("workspace", "workspace.goals"),
        filters="is_workspace_level time_periods team",
    ),
    "/goal_relationships": _of(
        _by("supported_goal", "goal.relationships", "goal"), filters="resource_subtype"
    ),
    "/goals/{goal_gid}/parentGoals": _of(_by("goal_gid", "supporter.goals")),
    "/time_periods": _of(_by("workspace", "workspace.time_periods"), filters="start_on end_on"),
    "/project_templates": _of(
        _by("team", "team.project_templates"), _by("workspace", "workspace.project_templates")
    ),
    "/teams/{team_gid}/project_templates": _of(_by("team_gid", "team.project_templates")),
    "/workspaces/{workspace_gid}/workspace_memberships": _of(
        _by("workspace_gid", "workspace.memberships"), filters="user"
    ),
    "/users/{user_gid}/workspace_memberships": _of(_by("user_gid", "user.workspace_memberships")),
    "/roles": _of(_by("workspace", "workspace.roles")),
    "/workspaces/{workspace_gid}/agents": _of(_by("workspace_gid", "workspace.agents")),
    "/workspaces/{workspace_gid}/ai_studio/runs": _of(
        _by("workspace_gid", "workspace.ai_studio_runs"), filters="run_start run_end"
    ),
    "/workspaces/{workspace_gid}/ai_studio/seats": _of(
        _by("workspace_gid", "workspace.ai_studio_seats"), filters="state"
    ),
    "/time_tracking_entries": _of(
        _by("task", "task.time_tracking_entries"),
        _by("attributable_to", "project.time_tracking_entries", "project"),
        _by("timesheet_approval_status", "timesheet.time_tracking_entries"),
        _by("workspace", "workspace.time_tracking_entries"),
        filters="entered_on_start_date entered_on_end_date",
    ),
    "/tasks/{task_gid}/time_tracking_entries": _of(_by("task_gid", "task.time_tracking_entries")),
    "/time_tracking_categories": _of(
        _by("workspace", "workspace.time_tracking_categories"), filters="is_archived"
    ),
    "/time_tracking_categories/{time_tracking_category_gid}/time_tracking_entries": _of(
        _by("time_tracking_category_gid", "category.time_tracking_entries"),
        filters="entry_start entry_end",
    ),
    "/timesheet_approval_statuses": _of(
        _by("workspace", "workspace.timesheet_approval_statuses"),
        filters="user from_date to_date approval_statuses",
    ),
    "/ooo_entries": _of(_by("user", "user.ooo_entries"), filters="workspace start_date end_date"),
    "/team_memberships": _of(_by("team", "team.memberships"), _by("user", "user.team_memberships")),
    "/teams/{team_gid}/team_memberships": _of(_by("team_gid", "team.memberships")),
    "/users/{user_gid}/team_memberships": _of(_by("user_gid", "user.team_memberships")),
    "/projects/{project_gid}/project_memberships": _of(
        _by("project_gid", "parent.memberships"), kinds="project_membership"
    ),
    "/portfolio_memberships": _of(
        _by("portfolio", "parent.memberships"), kinds="portfolio_membership"
    ),
    "/portfolios/{portfolio_gid}/portfolio_memberships": _of(
        _by("portfolio_gid", "parent.memberships"), kinds="portfolio_membership"
    ),
    "/projects/{project_gid}/project_statuses": _of(_by("project_gid", "project.statuses")),
    "/status_updates": _of(
        _by("parent", "parent.status_updates", "project", "portfolio", "goal"),
        filters="created_since",
    ),
    "/task_templates": _of(_by("project", "project.task_templates")),
    "/allocations": _of(
        _by("parent", "project.allocations", "project"),
        _by("assignee", "assignee.allocations", "user", "placeholder"),
        filters="workspace",
    ),
    "/budgets": _of(_by("parent", "project.budgets", "project")),
    "/rates": _of(_by("parent", "project.rates", "project")),
    "/projects/{project_gid}/custom_field_settings": _of(
        _by("project_gid", "parent.custom_field_settings")
    ),
    "/portfolios/{portfolio_gid}/custom_field_settings": _of(
        _by("portfolio_gid", "parent.custom_field_settings")
    ),
    "/goals/{goal_gid}/custom_field_settings": _of(_by("goal_gid", "parent.custom_field_settings")),
    "/teams/{team_gid}/custom_field_settings": _of(_by("team_gid", "parent.custom_field_settings")),
    "/memberships": _of(
        By("parent", "parent.memberships", _PARENTS), filters="member resource_subtype"
    ),
}


def rows_of(call: Call, listing: Listing) -> Ordered:
    """Return the world's list that the call's parameters choose."""
    for source in listing.sources:
        if call.text(source.parameter) is not None:
            parent = call.gid(source.parameter, *source.kinds)
            return call.world.listed(source.name, parent)
    if not listing.root:
        raise refusals.missing(listing.sources[0].parameter)
    return call.world.listed(listing.root, "")


def answer(call: Call, listing: Listing) -> bytes:
    """Return the body of a plain listing."""
    rows = rows_of(call, listing)
    made: list[Keep | None] = [FILTERS[name](call) for name in listing.filters]
    ascending = call.flag("sort_ascending") if call.settings.newer else None
    return call.page(
        rows, combine(*made, call.shows), kinds=listing.kinds, descending=ascending is False
    )
