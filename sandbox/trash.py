"""Deletes objects with everything inside, and brings back what lies in the trash.

Sources: OpenAPI deleteTask (30 days in the trash) and deleteSection (only when empty); the audit
log's event types for what can be undeleted. That a deleted project takes along the tasks that are
in no other project is not documented; it follows what the app does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.silent_edits import SilentEdits
from sandbox.store import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.store import Object, Place

LIFE_SECONDS = 30 * 86_400
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
# The audit log knows these as undeleted, webhooks know sections and tags in addition.
AUDITED = frozenset(
    {
        "attachment",
        "custom_field",
        "goal",
        "portfolio",
        "project",
        "project_template",
        "status_update",
        "story",
        "task",
        "task_template",
        "team",
    }
)
UNDELETABLE = AUDITED | {"section", "tag"}


@dataclass(frozen=True, slots=True)
class Home:
    """A project that a task was in, with its section and its place in the order."""

    task: str
    project: str
    section: str | None
    rank: float
    index: int


@dataclass(slots=True)
class Trashed:
    """One deletion: the object, what went with it, and where it all stood."""

    gid: str
    kind: str
    at: float
    roots: frozenset[str]
    workspace: str
    dropped: list[tuple[Object, list[Place]]] = field(default_factory=list)
    left: list[tuple[str, Place]] = field(default_factory=list)
    homes: list[Home] = field(default_factory=list)


class Trash(SilentEdits):
    """Deletes objects of every kind; `trashed` holds what may be undeleted, by gid."""

    def __init__(self, *args: object, **options: object) -> None:
        """Start with nothing in the trash."""
        super().__init__(*args, **options)
        self.trashed: dict[str, Trashed] = {}

    def delete(self, gid: str, *, permanently: bool = False) -> None:
        """Delete an object of any kind, even a hidden one, with everything inside.

        What `UNDELETABLE` names goes to the trash unless `permanently`. Events and the audit log
        tell of the object itself, not of what is inside. The task of a story or an attachment moves
        its `modified_at`.
        """
        with self.lock:
            obj = self[gid]
            trashed = Trashed(
                gid, kind_of(obj), self.clock.now(), self.roots_of(gid), self.home_of(gid)
            )
            self._drop_whole(gid, trashed)
            if trashed.kind in UNDELETABLE and not permanently:
                self.trashed[gid] = trashed
            within = obj.get("_within") if trashed.kind in {"story", "attachment"} else None
            action = "removed" if trashed.kind == "story" else "deleted"
            parent = within if action == "removed" else None
            self.record(action, gid, parent=parent, roots=trashed.roots)
            self._audit(obj, trashed, "permanently_deleted" if permanently else "deleted")
            self._moved_below(within)

    def undelete(self, gid: str, *, moves_stamp: bool = False) -> None:
        """Bring back what was deleted less than 30 days ago, with all that went with it.

        A task keeps its old `modified_at` unless `moves_stamp`; the task of a story or an
        attachment moves its own.

        Raises:
            ValueError: it does not lie in the trash, or its container does.
        """
        with self.lock:
            trashed = self.trashed.get(gid)
            if trashed is None or self.clock.now() - trashed.at > LIFE_SECONDS:
                message = f"{gid} is not in the trash"
                raise ValueError(message)
            obj = trashed.dropped[-1][0]
            around = obj.get("_within") or obj.get("parent")
            if around and around not in self:
                message = f"{around}, which {gid} was in, is deleted too"
                raise ValueError(message)
            del self.trashed[gid]
            self._put_all_back(trashed)
            self.record("undeleted", gid)
            self._audit(obj, trashed, "undeleted")
            if trashed.kind in {"story", "attachment"}:
                self._moved_below(obj["_within"])
            elif moves_stamp and trashed.kind == "task":
                self.move_stamp(gid)

    def empty_trash(self) -> None:
        """Remove for good what lies in the trash; of tasks, the audit log tells."""
        with self.lock:
            for trashed in self.trashed.values():
                self._audit(trashed.dropped[-1][0], trashed, "permanently_deleted")
            self.trashed.clear()

    def _moved_below(self, parent: str | None) -> None:
        """Move the `modified_at` of a task below which something came or went."""
        if parent and self[parent]["resource_type"] == "task":
            self.move_stamp(parent)

    def _audit(self, obj: Object, trashed: Trashed, action: str) -> None:
        if trashed.kind not in AUDITED:
            return
        if action == "permanently_deleted" and trashed.kind not in {"task", "status_update"}:
            return
        noun = "comment" if obj.get("type") == "comment" else trashed.kind
        self.audit(f"{noun}_{action}", obj, "deletion", trashed.workspace)

    def _drop_whole(self, gid: str, trashed: Trashed) -> None:
        """Drop an object and what depends on it, innermost first, and note how it stood."""
        kind = kind_of(self[gid])
        if kind == "project":
            self._drop_tasks(gid, trashed)
        for child in list(self._dependants(gid, kind)):
            if child in self:
                self._drop_whole(child, trashed)
        obj = self[gid]
        if kind == "goal_relationship":
            self._leave(
                obj["supported_goal"], "supporter.goals", obj["supporting_resource"], trashed
            )
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
                self._drop_whole(gid, trashed)
            else:
                section = task["_sections"].get(project)
                index = task["_projects"].index(project)
                home = Home(gid, project, section, rows.position(gid)[0], index)
                trashed.homes.append(home)
                self.leave_project(gid, project)

    def _leave(self, gid: str, name: str, container: str, trashed: Trashed) -> None:
        if gid in self and gid in self.listed(name, container).gids:
            trashed.left.append((gid, (name, container, 0.0)))
            self.leave(gid, name, container)

    def _put_all_back(self, trashed: Trashed) -> None:
        for obj, places in reversed(trashed.dropped):
            self._put_back(obj, places)
        for gid, place in trashed.left:
            if gid in self:
                self.enter(gid, *place)
        for home in trashed.homes:
            if home.task in self and home.project not in self[home.task]["_projects"]:
                section = home.section if home.section in self else None
                self.enter_project(home.task, home.project, section, home.rank, index=home.index)
        self.touch_all()

    def _put_back(self, obj: Object, places: list[Place]) -> None:
        """Put an object where it stood, as far as its containers still exist."""
        gid = obj["gid"]
        self.gone.pop(gid, None)
        self.put(obj)
        if obj["resource_type"] == "task":
            places = self._without_lost_homes(obj, places)
            self.unindex(gid, before=None)
        for name, container, rank in places:
            if not container or container.partition("/")[0] in self:
                self.enter(gid, name, container, rank)

    def _without_lost_homes(self, task: Object, places: list[Place]) -> list[Place]:
        """Return a task's places without those in deleted projects, which get it back later."""
        ranks = {container: rank for name, container, rank in places if name == "project.tasks"}
        lost = [project for project in task["_projects"] if project not in self]
        for project in lost:
            index = task["_projects"].index(project)
            task["_projects"].remove(project)
            section = task["_sections"].pop(project, None)
            if project in self.trashed:
                home = Home(task["gid"], project, section, ranks[project], index)
                self.trashed[project].homes.append(home)
        homeless = {p: s for p, s in task["_sections"].items() if s not in self}
        for project, section in homeless.items():
            places = [place for place in places if place[1] not in {project, section}]
            index = task["_projects"].index(project)
            task["_projects"].remove(project)
            del task["_sections"][project]
            self.enter_project(task["gid"], project, None, ranks[project], index=index)
        return places
