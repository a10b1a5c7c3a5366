"""Who sees what: the owner of a token, the features of a plan, private things.

Source: asana-api fact sheet, plans and errors. A service account with full permissions sees all;
everybody else sees public projects, private ones as a member, and tasks through a visible project,
a visible parent, or as assignee or follower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.store import Object, Store

PAID = frozenset({"search", "custom_fields"})
ADVANCED = PAID | {"portfolios", "goals", "allocations", "time_tracking"}
ADD_ONS = frozenset({"time_tracking_categories", "timesheets", "budgets", "rates"})
ENTERPRISE = ADVANCED | ADD_ONS | {"roles", "audit_log", "organization_exports", "all_portfolios"}
PLANS: dict[str, frozenset[str]] = {
    "free": frozenset(),
    "paid": PAID,
    "advanced": ADVANCED | ADD_ONS,
    "service": ENTERPRISE,
}
REQUESTS_PER_MINUTE = {"free": 150, "paid": 1500, "advanced": 1500, "service": 1500}


@dataclass(frozen=True)
class Viewer:
    """For whom records are made: the token's user, the plan's features, granular scopes if any."""

    user: str
    features: frozenset[str]
    service: bool = False
    scopes: frozenset[str] | None = None

    def has_scope(self, scope: str) -> bool:
        """Tell whether the token may read objects of that scope; no scope needs a full token."""
        return self.scopes is None or (bool(scope) and scope in self.scopes)


def sees(world: Store, viewer: Viewer, obj: Object) -> bool:
    """Tell whether `viewer` may see `obj`."""
    if viewer.service:
        return True
    if obj["resource_type"] == "task":
        return _sees_task(world, viewer, obj)
    if obj.get("_private") and viewer.user not in obj.get("_members", ()):
        return False
    within = obj.get("_within")
    return within is None or (within in world and sees(world, viewer, world[within]))


def _sees_task(world: Store, viewer: Viewer, task: Object) -> bool:
    projects = task["_projects"]
    if any(sees(world, viewer, world[project]) for project in projects):
        return True
    if viewer.user == task.get("assignee") or viewer.user in task.get("followers", ()):
        return True
    parent = task.get("parent")
    if parent is not None:
        return parent in world and sees(world, viewer, world[parent])
    return not projects and not task.get("_private")
