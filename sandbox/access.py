"""Who may see what, depending on the token's user, the plan and what is private.

Source: the fact sheet on plans and errors. A service account with full permissions sees everything.
Members of a workspace see its public projects, private projects that they were added to, and tasks
through a visible project or parent, or because they are the assignee or a follower. Guests see only
what they were added to. What `hide` hid from a user stays invisible, whatever else applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.builders import GUEST, MEMBER

if TYPE_CHECKING:
    from sandbox.builders import Builders
    from sandbox.store import Object

PAID = frozenset({"search", "custom_fields"})
ADVANCED = PAID | {"portfolios", "goals", "allocations", "time_tracking"}
ADD_ONS = frozenset({"time_tracking_categories", "timesheets", "budgets", "rates"})
ENTERPRISE = (
    ADVANCED
    | ADD_ONS
    | {"ai_studio", "roles", "audit_log", "organization_exports", "all_portfolios"}
)
PLANS: dict[str, frozenset[str]] = {
    "free": frozenset(),
    "paid": PAID,
    "advanced": ADVANCED | ADD_ONS,
    "service": ENTERPRISE,
}
SHARED_WITH_GUESTS = frozenset({"goal", "portfolio", "project", "team"})
REQUESTS_PER_MINUTE = {"free": 150, "paid": 1500, "advanced": 1500, "service": 1500}


@dataclass(frozen=True)
class Viewer:
    """The user of a token, the features of the plan, and granular scopes if the token has any."""

    user: str
    features: frozenset[str]
    service: bool = False
    scopes: frozenset[str] | None = None

    def has_scope(self, scope: str) -> bool:
        """Tell whether the token may read objects of that scope; what has none needs all rights."""
        return self.scopes is None or (bool(scope) and scope in self.scopes)


def sees(world: Builders, viewer: Viewer, obj: Object) -> bool:
    """Tell whether `viewer` may see `obj`."""
    if viewer.user in obj.get("_hidden", ()):
        return False
    if viewer.service:
        return True
    standing = _standing(world, viewer.user, obj)
    if not standing:
        return False
    if obj["resource_type"] == "task":
        return _sees_task(world, viewer, obj, standing)
    if _is_shared_only(obj, standing) and not _is_member(world, viewer, obj):
        return False
    within = obj.get("_within")
    return within is None or (within in world and sees(world, viewer, world[within]))


def _standing(world: Builders, user: str, obj: Object) -> str:
    """Return what `user` is in the workspace of `obj`; a member if the object belongs to none."""
    if obj["resource_type"] == "workspace":
        return world.standing(user, obj["gid"])
    workspace = obj.get("workspace") or obj.get("organization")
    return world.standing(user, workspace) if workspace else MEMBER


def _is_shared_only(obj: Object, standing: str) -> bool:
    """Tell whether only its members may see an object."""
    narrow = standing == GUEST and obj["resource_type"] in SHARED_WITH_GUESTS
    return narrow or bool(obj.get("_private"))


def _is_member(world: Builders, viewer: Viewer, obj: Object) -> bool:
    if obj["resource_type"] == "team":
        return viewer.user in world.listed("team.users", obj["gid"]).gids
    return viewer.user in obj.get("_members", ())


def _sees_task(world: Builders, viewer: Viewer, task: Object, standing: str) -> bool:
    projects = task["_projects"]
    if any(sees(world, viewer, world[project]) for project in projects):
        return True
    if viewer.user == task.get("assignee") or viewer.user in task.get("followers", ()):
        return True
    parent = task.get("parent")
    if parent is not None:
        return parent in world and sees(world, viewer, world[parent])
    return not projects and not task.get("_private") and standing == MEMBER
