"""Endpoints that have a rule of their own; every other one is a row in `endpoints_listed.py`.

Sources: Asana's OpenAPI file, the operation named after each path, and the rules of the fact sheet.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from sandbox import refusals
from sandbox.calls import Call, combine
from sandbox.endpoints_listed import LISTINGS, answer, rows_of
from sandbox.filters import FILTERS
from sandbox.refusals import ApiError
from sandbox.store import Object, Ordered

Answer = Callable[[Call], bytes]
TASK_PARENTS = ("project", "tag", "section", "user_task_list")


def tasks(call: Call) -> bytes:
    """Answer GET /tasks, which takes exactly one of its parents or an assignee with a workspace."""
    given = [name for name in TASK_PARENTS if call.query.get(name)]
    person = [name for name in ("assignee", "workspace") if call.query.get(name)]
    if len(given) + bool(person) != 1 or len(person) == 1:
        raise ApiError(400, refusals.EXACTLY_ONE)
    if person:
        workspace = call.gid("workspace", "workspace")
        rows = call.world.listed("assignee.tasks", f"{workspace}/{call.gid('assignee', 'user')}")
    elif given == ["user_task_list"]:
        rows = call.world.listed("assignee.tasks", _owner(call.object("user_task_list")))
    else:
        rows = call.world.listed(f"{given[0]}.tasks", call.gid(given[0], given[0]))
    names = ("modified_since", "completed_since", "asana_types")
    keep = combine(*[FILTERS[name](call) for name in names], call.shows)
    return call.page(rows, keep)


def _owner(task_list: Object) -> str:
    return f"{task_list['workspace']}/{task_list['owner']}"


def user_task_list_tasks(call: Call) -> bytes:
    """Answer GET /user_task_lists/{gid}/tasks, without what the caller may not see."""
    task_list = call.object("user_task_list_gid", "user_task_list")
    rows = call.world.listed("assignee.tasks", _owner(task_list))
    return call.page(rows, combine(FILTERS["completed_since"](call), call.shows))


def user_task_list(call: Call) -> bytes:
    """Answer GET /users/{gid}/user_task_list; a stranger to the workspace is a 404."""
    user, workspace = call.gid("user_gid", "user"), call.gid("workspace", "workspace")
    gid = call.world.user_task_list(user, workspace)
    if gid is None:
        msg = "user"
        raise refusals.unknown_object(msg, user)
    return call.one(call.world[gid])


def _alphabetical(parameter: str, name: str, kind: str) -> Answer:
    """Return an answer that has no pages but is in alphabetical order and cut at 2000."""

    def users(call: Call) -> bytes:
        gids = call.world.listed(name, call.gid(parameter, kind))
        found = sorted((call.world[gid] for gid in gids), key=lambda user: str(user["name"]))
        return call.everything(found[: call.settings.users_cut])

    return users


def workspace_user(call: Call) -> bytes:
    """Answer GET /workspaces/{gid}/users/{gid}."""
    call.object("workspace_gid", "workspace")
    return call.one(call.object("user_gid", "user"))


def teams(call: Call) -> bytes:
    """Answer GET /workspaces/{gid}/teams for organizations; the status for others is unverified."""
    workspace = call.object("workspace_gid", "workspace")
    if not workspace["is_organization"]:
        raise ApiError(400, "workspace: Not an organization")  # own wording
    return answer(call, LISTINGS["/workspaces/{workspace_gid}/teams"])


def portfolios(call: Call) -> bytes:
    """Answer GET /portfolios: people get their own; a service account need not name an owner."""
    workspace = call.gid("workspace", "workspace")
    owner = call.gid("owner", "user") if call.query.get("owner") else None
    if "all_portfolios" not in call.viewer.features or not call.viewer.service:
        if owner not in {None, call.viewer.user}:
            raise ApiError(403, "owner: Must be the authenticated user")  # own wording
        owner = call.viewer.user
    rows = call.world.listed("workspace.portfolios", workspace)
    mine = None if owner is None else lambda obj: obj["owner"] == owner
    return call.page(rows, combine(mine, FILTERS["asana_types"](call), call.shows))


def memberships(call: Call) -> bytes:
    """Answer GET /memberships by parent, or with the projects of a team."""
    if call.query.get("parent"):
        return answer(call, LISTINGS["/memberships"])
    if call.query.get("resource_subtype") != "project_membership":
        msg = "parent"
        raise refusals.missing(msg)
    team = call.gid("member", "team")
    return call.page(call.world.listed("team.project_memberships", team), call.shows)


def time_tracking_entries(call: Call) -> bytes:
    """Answer GET /time_tracking_entries; by workspace it needs a bound of `entered_on`."""
    others = ("task", "attributable_to", "portfolio", "user", "timesheet_approval_status")
    bounds = ("entered_on_start_date", "entered_on_end_date")
    narrowed = any(call.query.get(name) for name in (*others, *bounds))
    if call.query.get("workspace") and not narrowed:
        msg = "entered_on_start_date"
        raise refusals.missing(msg)
    return answer(call, LISTINGS["/time_tracking_entries"])


def ooo_entries(call: Call) -> bytes:
    """Answer GET /ooo_entries, which requires both user and workspace."""
    call.object("workspace", "workspace")
    return answer(call, LISTINGS["/ooo_entries"])


def team_memberships(call: Call) -> bytes:
    """Answer GET /team_memberships by team, or by user and workspace."""
    if call.query.get("user") and not call.query.get("team"):
        call.object("workspace", "workspace")
    return answer(call, LISTINGS["/team_memberships"])


def task_counts(call: Call) -> bytes:
    """Answer GET /projects/{gid}/task_counts with the counts that opt_fields names."""
    project = call.gid("project_gid", "project")
    found = [call.world[gid] for gid in call.world.listed("project.tasks", project)]
    counts: Object = {"gid": project, "resource_type": "task_counts"}
    milestones = [task for task in found if task.get("resource_subtype") == "milestone"]
    for noun, group in (("tasks", found), ("milestones", milestones)):
        done = sum(bool(task.get("completed")) for task in group)
        counts[f"num_{noun}"] = len(group)
        counts[f"num_completed_{noun}"] = done
        counts[f"num_incomplete_{noun}"] = len(group) - done
    fields = call.query.get("opt_fields") or ""
    call.plan()
    asked = {name: counts[name] for name in fields.split(",") if name.startswith("num_")}
    return orjson.dumps({"data": asked})


def _inside(name: str) -> Answer:
    """Return an answer made from a field that holds gids, such as the tags of a task."""

    def related(call: Call) -> bytes:
        task = call.object("task_gid", "task")
        rows = Ordered()
        for gid in task.get(name) or ():
            if gid in call.world:
                rows.add(gid)
        return call.page(rows, call.shows)

    return related


def parent_goals(call: Call) -> bytes:
    """Answer GET /goals/{gid}/parentGoals, which has no pages."""
    listing = LISTINGS["/goals/{goal_gid}/parentGoals"]
    return call.everything(call.world[gid] for gid in rows_of(call, listing))


def organization_export(call: Call) -> bytes:
    """Answer GET /organization_exports/{gid} for service accounts."""
    if "organization_exports" not in call.viewer.features or not call.viewer.service:
        raise ApiError(403, "Organization exports need a service account.")  # own wording
    return call.one(call.object("organization_export_gid", "organization_export"))


SPECIAL: dict[str, Answer] = {
    "/tasks": tasks,
    "/user_task_lists/{user_task_list_gid}/tasks": user_task_list_tasks,
    "/users/{user_gid}/user_task_list": user_task_list,
    "/workspaces/{workspace_gid}/users": _alphabetical(
        "workspace_gid", "workspace.users", "workspace"
    ),
    "/teams/{team_gid}/users": _alphabetical("team_gid", "team.users", "team"),
    "/workspaces/{workspace_gid}/users/{user_gid}": workspace_user,
    "/workspaces/{workspace_gid}/teams": teams,
    "/portfolios": portfolios,
    "/memberships": memberships,
    "/time_tracking_entries": time_tracking_entries,
    "/ooo_entries": ooo_entries,
    "/team_memberships": team_memberships,
    "/projects/{project_gid}/task_counts": task_counts,
    "/tasks/{task_gid}/dependencies": _inside("dependencies"),
    "/tasks/{task_gid}/dependents": _inside("dependents"),
    "/tasks/{task_gid}/projects": _inside("_projects"),
    "/tasks/{task_gid}/tags": _inside("tags"),
    "/goals/{goal_gid}/parentGoals": parent_goals,
    "/organization_exports/{organization_export_gid}": organization_export,
}
