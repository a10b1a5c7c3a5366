"""What deleting an object takes along: tables of what goes with it, and the walk through them.

Sources: OpenAPI deleteTask. That a deleted project takes along the tasks that are in no other
project is not documented; it follows what the app does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.silent_edits import SilentEdits
from sandbox.store import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.store import Object, Place

_COMMON = ("parent.memberships", "parent.custom_field_settings", "parent.status_updates")
# Kind -> the lists of what is deleted together with it.
INSIDE: dict[str, tuple[str, ...]] = {
    "goal": ("goal.relationships", "goal.stories", *_COMMON),
    "portfolio": ("portfolio.settings", *_COMMON),
    "project": (
        "project.sections",
        "project.statuses",
        "project.task_templates",
        "project.custom_types",
        "project.allocations",
        "project.budgets",
        "project.rates",
        "project.portfolio_settings",
        "project.briefs",
        "parent.attachments",
        *_COMMON,
    ),
    "project_brief": ("parent.attachments",),
    "task": ("task.subtasks", "task.stories", "parent.attachments", "task.time_tracking_entries"),
    "team": ("team.memberships", "parent.custom_field_settings"),
}
# Kind -> (list, field) of what refers to it from elsewhere and cannot exist without it.
_SUPPORT = ("goal.relationships", "supporting_resource")
ABOUT: dict[str, tuple[tuple[str, str], ...]] = {
    "custom_field": (("parent.custom_field_settings", "custom_field"),),
    "goal": (_SUPPORT,),
    "placeholder": (("project.allocations", "assignee"), ("project.rates", "resource")),
    "portfolio": (_SUPPORT,),
    "project": (_SUPPORT,),
    "task": (_SUPPORT,),
    "team": (("parent.memberships", "member"),),
}
# Kind -> the fields of what it cannot exist without, in addition to its container.
NEEDS: dict[str, tuple[str, ...]] = {
    "allocation": ("parent", "assignee"),
    "custom_field_setting": ("parent", "custom_field"),
    "goal_membership": ("parent", "member"),
    "goal_relationship": ("supported_goal", "supporting_resource"),
    "portfolio_membership": ("parent", "member"),
    "project_membership": ("parent", "member"),
    "project_portfolio_setting": ("portfolio", "project"),
    "rate": ("parent", "resource"),
}


@dataclass(frozen=True, slots=True)
class FormerPlace:
    """A project that a task was in, with its section and its place in the order."""

    task: str
    project: str
    section: str | None
    rank: float
    index: int


@dataclass(slots=True)
class Trashed:
    """One deletion.

    Attributes:
        gid: the object that was deleted; kind, roots of events and workspace are its own.
        at: when, in seconds since 1970.
        dropped: the objects that went, innermost first, and the places where they stood.
        missed: places in something of it that others would have come back to meanwhile.
        former: tasks that left a deleted project and live on.
    """

    gid: str
    kind: str
    at: float
    roots: frozenset[str]
    workspace: str
    dropped: list[tuple[Object, list[Place]]] = field(default_factory=list)
    missed: list[tuple[str, Place]] = field(default_factory=list)
    former: list[FormerPlace] = field(default_factory=list)


class Deletion(SilentEdits):
    """Drops objects with what goes with them."""

    def drop_whole(self, gid: str, trashed: Trashed) -> None:
        """Drop an object and what depends on it, innermost first, and note how it stood."""
        kind = kind_of(self[gid])
        if kind == "project":
            self._drop_tasks(gid, trashed)
        for child in list(self._dependants(gid, kind)):
            if child in self:
                self.drop_whole(child, trashed)
        obj = self[gid]
        if kind == "goal_relationship":
            self.leave(obj["supported_goal"], "supporter.goals", obj["supporting_resource"])
        if kind == "task" and obj.get("parent") in self:
            self.touch(obj["parent"])
        places = [
            (name, container, self.listed(name, container).position(gid)[0])
            for name, container in self.places[gid]
        ]
        trashed.dropped.append((obj, places))
        self.drop(gid)

    def _dependants(self, gid: str, kind: str) -> Iterator[str]:
        """Yield what goes with an object: what is inside it, and what refers to it."""
        twin = self[gid].get("_status")
        if twin:
            yield twin
        for name in INSIDE.get(kind, ()):
            yield from list(self.listed(name, gid))
        for name, reference in ABOUT.get(kind, ()):
            for rows in list(self.lists.get(name, {}).values()):
                yield from [child for child in rows if self[child].get(reference) == gid]

    def _drop_tasks(self, project: str, trashed: Trashed) -> None:
        """Drop the tasks that are only in this project, and take the others out of it."""
        rows = self.listed("project.tasks", project)
        for gid in list(rows):
            task = self.objects.get(gid)
            if task is None:
                continue
            if len(task["_projects"]) == 1 and not task.get("parent"):
                self.drop_whole(gid, trashed)
            else:
                section = task["_sections"].get(project)
                index = task["_projects"].index(project)
                former = FormerPlace(gid, project, section, rows.position(gid)[0], index)
                trashed.former.append(former)
                self.leave_project(gid, project)
