"""What happened in a world, as the events endpoint tells it, and what search does not show yet.

Source of the bubbling rule: a project's stream carries events of its tasks, of their subtasks at
every level and of their stories. Events before a world's start do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.builders import Builders


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `roots` are the gids whose streams carry it."""

    at: float
    roots: frozenset[str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A change that search may not show yet: how the task looked before, None before it existed."""

    at: float
    modified_at: str | None


class Happenings(Builders):
    """Records events and index changes; used by the edits only."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Start without history."""
        super().__init__(*args, **options)
        self.events: list[Event] = []
        self.unindexed: dict[str, list[Unindexed]] = {}

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
        """Record that something happened to `gid` now; shapes as users reported them."""
        obj = self.objects.get(gid, {"resource_type": self.gone.get(gid, "task")})
        kind = obj["resource_type"]
        body: dict[str, Any] = {
            "user": self.me or None,
            "created_at": self.now(),
            "type": kind,
            "action": action,
            "resource": {"gid": gid, "resource_type": kind, "_gid": gid},
            "parent": parent,
        }
        for key in ("name", "resource_subtype", "target"):
            if key in obj:
                body["resource"][key] = obj[key]
        if change:
            body["change"] = change
        self.events.append(Event(self.clock.now(), roots or self.roots_of(gid), body))

    def unindex(self, gid: str, *, before: str | None) -> None:
        """Remember how search saw the task until now: by its stamp `before`, or not at all."""
        self.unindexed.setdefault(gid, []).append(Unindexed(self.clock.now(), before))

    def indexed_stamp(self, gid: str, since: float) -> str | None:
        """Return the modified_at by which search finds a task; changes after `since` are unseen."""
        pending = self.unindexed.get(gid)
        if pending:
            for change in pending:
                if change.at > since:
                    return change.modified_at
            del self.unindexed[gid]
        return str(self[gid]["modified_at"])
