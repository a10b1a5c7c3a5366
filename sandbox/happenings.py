"""What happened in a world, as events and the audit log tell it, and what search does not show yet.

Source of the bubbling rule: a project's stream carries the events of its tasks, of their subtasks
at every level, and of their stories. There are no events from before a world's start.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.builders import Builders
from sandbox.delivery import Delivery

if TYPE_CHECKING:
    from sandbox.store import Object


@dataclass(frozen=True, slots=True)
class Event:
    """One event; the streams of the gids in `roots` carry it when it `arrives`."""

    arrives: float
    roots: frozenset[str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A change that search may not show yet, with the stamp before it; None for a new task."""

    at: float
    modified_at: str | None


def _arrival(event: Event) -> float:
    return event.arrives


class Happenings(Builders):
    """Records events, entries of the audit log, and changes that search sees later."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Start without a history."""
        super().__init__(*args, **options)
        self.delivery = Delivery()
        self.events: list[Event] = []
        self.unindexed: dict[str, list[Unindexed]] = {}

    def deliver_events(self, **how: Any) -> None:
        """Deliver the events from now on as the attributes of `Delivery` say, or else well."""
        self.delivery = Delivery(**how)

    def arrived(self) -> int:
        """Return how many of `events`, which stand in the order of their arrival, are there."""
        return bisect_right(self.events, self.clock.now(), key=_arrival)

    def lineage(self, gid: str) -> list[str]:
        """Return the task and its ancestors, nearest first."""
        chain = [gid]
        while len(chain) < 10:
            parent = self.objects.get(chain[-1], {}).get("parent")
            if not isinstance(parent, str) or parent not in self.objects:
                break
            chain.append(parent)
        return chain

    def roots_of(self, gid: str) -> frozenset[str]:
        """Return the gids whose event streams carry what happens to `gid`."""
        obj = self.objects.get(gid, {})
        if obj.get("resource_type") != "task":
            roots = {gid}
            within = obj.get("_within")
            return frozenset(roots | (self.roots_of(within) if within else set()))
        chain = self.lineage(gid)
        projects = [p for task in chain for p in self[task].get("_projects", ())]
        return frozenset([*chain, *projects])

    def record(
        self,
        action: str,
        gid: str,
        *,
        parent: str | None = None,
        change: dict[str, Any] | None = None,
        roots: frozenset[str] | None = None,
    ) -> None:
        """Record that something happened to `gid` just now, in the shapes that users reported.

        `change` may hold gids as values.
        """
        obj = self.objects.get(gid) or self.gone.get(gid) or {"resource_type": "task"}
        kind = obj["resource_type"]
        body: dict[str, Any] = {
            "user": self.me or None,
            "created_at": self.now(),
            "type": kind,
            "action": action,
            "resource": {"gid": gid, "resource_type": kind},
            "parent": parent,
        }
        if change:
            body["change"] = change
        told_by = roots or self.roots_of(gid)
        # No answer may come between the instant and the entry, whose place its token would pass.
        with self.lock:
            for arrives in self.delivery.arrivals(self.clock.now()):
                insort(self.events, Event(arrives, told_by, body), key=_arrival)

    def unindex(self, gid: str, *, before: str | None) -> None:
        """Remember how search saw the task until now: by its stamp `before`, or not at all."""
        self.unindexed.setdefault(gid, []).append(Unindexed(self.clock.now(), before))

    def indexed_stamp(self, gid: str, since: float) -> str | None:
        """Return the stamp by which search finds a task; it misses changes after `since`."""
        pending = self.unindexed.get(gid)
        if pending:
            for change in pending:
                if change.at > since:
                    return change.modified_at
            del self.unindexed[gid]
        return str(self[gid]["modified_at"])

    def add_audit_event(
        self, event_type: str, *, workspace: str | None = None, **fields: Any
    ) -> str:
        """Write an entry of the audit log; `resource` and `actor` are objects, not gids."""
        workspace = workspace or self.workspace
        actor = {"actor_type": "user", "gid": self.me, "name": self[self.me]["name"]}
        fields.setdefault("created_at", self.now())
        event = {
            "event_type": event_type,
            "event_category": "content",
            "actor": actor,
            "resource": {"resource_type": "task", "gid": "0"},
            "details": {},
            "context": {"context_type": "web"},
            **fields,
        }
        event["resource_type"] = "audit_log_event"
        return self.put(event, ("workspace.audit_log", workspace))

    def audit(self, event_type: str, obj: Object, category: str, workspace: str) -> None:
        """Write an entry about an object of a workspace, done by the token's user just now."""
        shown = ("gid", "name", "resource_type", "resource_subtype")
        resource = {name: obj[name] for name in shown if name in obj}
        self.add_audit_event(
            event_type, workspace=workspace, resource=resource, event_category=category
        )

    def workspace_of(self, gid: str) -> str:
        """Return the workspace that an object belongs to, directly or through what it is in."""
        obj = self[gid]
        if obj["resource_type"] == "workspace":
            return gid
        found = obj.get("workspace") or obj.get("organization")
        within = obj.get("_within") or obj.get("parent") or obj.get("team")
        if found or not within or within not in self:
            return str(found or self.workspace)
        return self.workspace_of(within)
