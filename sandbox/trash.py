"""The trash: deletions as events and the audit log tell them, and how objects come back.

Sources: OpenAPI deleteTask (30 days in the trash) and deleteSection (only when empty); the audit
log's event types for what can be undeleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.deletion import NEEDS, Deletion, FormerPlace, Trashed
from sandbox.store import kind_of

if TYPE_CHECKING:
    from sandbox.store import Object, Place

LIFE_SECONDS = 30 * 86_400
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


class Trash(Deletion):
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
                gid, kind_of(obj), self.clock.now(), self.roots_of(gid), self.workspace_of(gid)
            )
            self.drop_whole(gid, trashed)
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

    def _put_all_back(self, trashed: Trashed) -> None:
        for obj, places in reversed(trashed.dropped):
            self._put_back(obj, places)
        for gid, place in trashed.missed:
            self._take_place(gid, place)
        for former in trashed.former:
            self._rejoin(former)
        self.touch_all()

    def _put_back(self, obj: Object, places: list[Place]) -> None:
        """Put an object where it stood; what it stood in may come back after it."""
        if not self._has_what_it_needs(obj, places):
            return
        gid = obj["gid"]
        self.gone.pop(gid, None)
        self.put(obj)
        if obj["resource_type"] == "task":
            places = self._without_lost_homes(obj, places)
            self.unindex(gid, before=None)
        elif obj["resource_type"] == "goal_relationship":
            self.enter(obj["supported_goal"], "supporter.goals", obj["supporting_resource"])
        for place in places:
            self._take_place(gid, place)

    def _take_place(self, gid: str, place: Place) -> None:
        """Put an object into one list again, or let it wait until both are there."""
        around = place[1].partition("/")[0]
        if around and around not in self:
            bundle = self._bundle_of(around)
            if bundle is not None:
                bundle.missed.append((gid, place))
        elif gid in self:
            self.enter(gid, *place)
        else:
            self._trashed_places(gid).append(place)

    def _trashed_places(self, gid: str) -> list[Place]:
        """Return the places that an object in the trash will come back to."""
        bundle = self._bundle_of(gid)
        entries = bundle.dropped if bundle is not None else []
        return next((places for obj, places in entries if obj["gid"] == gid), [])

    def _has_what_it_needs(self, obj: Object, places: list[Place]) -> bool:
        """Tell whether an object can come back; otherwise it waits for what it needs."""
        for name in NEEDS.get(kind_of(obj), ()):
            needed = str(obj.get(name))
            if needed not in self:
                bundle = self._bundle_of(needed)
                if bundle is not None:
                    bundle.dropped.insert(0, (obj, places))
                return False
        return True

    def _bundle_of(self, gid: str) -> Trashed | None:
        """Return the deletion by which an object came into the trash, or None."""
        for trashed in self.trashed.values():
            if any(obj["gid"] == gid for obj, _ in trashed.dropped):
                return trashed
        return None

    def _rejoin(self, former: FormerPlace) -> None:
        """Put a task into its undeleted project again, even one that lies in the trash itself."""
        section = former.section if former.section in self else None
        if former.task in self:
            if former.project not in self[former.task]["_projects"]:
                self.enter_project(
                    former.task, former.project, section, former.rank, index=former.index
                )
            return
        places = self._trashed_places(former.task)
        task = self.gone[former.task]
        task["_projects"].insert(former.index, former.project)
        places.append(("project.tasks", former.project, former.rank))
        if section is not None:
            task["_sections"][former.project] = section
            places.append(("section.tasks", section, former.rank))

    def _without_lost_homes(self, task: Object, places: list[Place]) -> list[Place]:
        """Return a task's places without those in deleted projects, which get it back later."""
        ranks = {container: rank for name, container, rank in places if name == "project.tasks"}
        for project in list(task["_projects"]):
            section = task["_sections"].get(project)
            if project in self and (section is None or section in self):
                continue
            index = task["_projects"].index(project)
            former = FormerPlace(task["gid"], project, section, ranks[project], index)
            task["_projects"].remove(project)
            task["_sections"].pop(project, None)
            places = [place for place in places if place[1] not in {project, section}]
            if project in self:
                self._rejoin(former)
            elif bundle := self._bundle_of(project):
                bundle.former.append(former)
        return places
