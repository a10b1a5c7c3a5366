"""What the cursors of tasks, subtasks, stories and attachments have in common.

Bounds for whole workspaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from airbyte_cdk.sources.types import StreamSlice
from typing_extensions import override

from source_asana.components.clock import to_millis
from source_asana.components.cursors import BoundCursor, damaged
from source_asana.components.search import Recent

HOUR = 3_600_000


class TaskFamilyCursor(BoundCursor):
    """Bounds of listings and of workspaces, and the rolling pass.

    State: `{"bounds": {key: instant}, "recent": {workspace: {gid: instant}}, "passed": instant,
    "unpassed": [key]}`. `bounds` holds projects, `workspace/user` for tasks in no project, and
    workspaces: below a workspace's bound every task that its listings show was dealt with. `recent`
    names the versions (`modified_at`) dealt with in the overlap before it. `passed` is when the
    pass was rolled last, `unpassed` names partitions whose turn came and that were not read since.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._recent: dict[str, Recent] = {}
        self._window: int | None = None
        self._passed: int | None = None
        self._rolled: int | None = None
        self._unpassed: set[str] = set()
        super().__init__(*args, **kwargs)

    @override
    def _load(self, stored: Mapping[str, Any]) -> None:
        super()._load(stored)
        for workspace, versions in self._checked(stored, "recent", dict).items():
            if not all(gid.isdigit() and isinstance(stamp, int) for gid, stamp in versions.items()):
                raise damaged(self.stream)
            self._recent[workspace] = Recent(versions)
        self._passed, unpassed = stored.get("passed"), stored.get("unpassed", [])
        if not isinstance(unpassed, list) or not isinstance(self._passed, int | None):
            raise damaged(self.stream)
        self._unpassed = set(map(str, unpassed))

    @override
    def _dump(self) -> dict[str, Any]:
        overlap = self.runtime.searches.overlap
        recent = {
            workspace: versions
            for workspace, known in self._recent.items()
            if (versions := known.since(self.bounds.get(workspace, 0) - overlap))
        }
        optional = {"recent": recent, "passed": self._passed, "unpassed": sorted(self._unpassed)}
        return {**super()._dump(), **{name: value for name, value in optional.items() if value}}

    # ── the rolling pass ───────────────────────────────────────────────────────────────────────

    def turn(self, key: str) -> bool:
        """Return whether the pass has come to a partition.

        In this sync or in one that did not finish it.
        """
        with self._lock:
            if key in self._unpassed:
                return True
            now, last = self._now(), self._passed
            if now is None:
                return False
            period = self.runtime.settings.listing_pass_hours * HOUR
            due = last is None or period == 0 or now - last >= period
            if last is not None and not due:
                place = (
                    int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % period
                )
                due = (now - place) // period > (last - place) // period
            if due:
                self._unpassed.add(key)
            return due

    def _now(self) -> int | None:
        if self._rolled is None:
            self._rolled = self.runtime.clock.bound()
        return self._rolled

    def passed(self, key: str) -> None:
        """Note that a partition was read whole; called under the lock."""
        self._unpassed.discard(key)

    def rolled(self) -> None:
        """Note that every partition was asked about: the next pass goes on from here."""
        with self._lock:
            if self.incremental and self._now() is not None:
                self._passed = self._now()

    # ── workspaces ─────────────────────────────────────────────────────────────────────────────

    def compared(self, key: str) -> bool:
        """Return whether a partition's whole listing is to be compared in this sync.

        Never, without a pass.
        """
        del key
        return False

    def floor_in(self, key: str, workspace: str | None) -> int | None:
        """Return the oldest instant that this sync is about for a partition of a workspace.

        None for everything.

        A search may have missed what the index did not show yet, so its bound counts only with the
        overlap.
        """
        own, whole = self.bounds.get(key), self.bounds.get(workspace or "")
        if own is None:
            # Whoever comes (back) was not read meanwhile, whatever was: a workspace's bound is not
            # about them.
            return self.start
        if whole is None:
            return own
        back = whole - self.runtime.searches.overlap
        return back if key == workspace else max(own, back)

    @override
    def floor_of(self, piece: StreamSlice) -> int | None:
        return self.floor_in(
            piece.extra_fields["key"], piece.extra_fields["item"].get("workspace_gid")
        )

    def is_recent(self, workspace: str | None, gid: int, modified: int) -> bool:
        """Return whether this version of a task was dealt with in an earlier sync."""
        known = self._recent.get(workspace or "")
        return known is not None and known.knows(gid, modified)

    def dealt(self, workspace: str | None, gid: int, modified: int) -> None:
        """Note that a version of a task was dealt with; its records are on their way."""
        if not (self.incremental and self.runtime.searches.enabled and workspace):
            return
        with self._lock:
            if self._window is None:
                self._window = (self.runtime.clock.bound() or 0) - 2 * self.runtime.searches.overlap
            if modified >= self._window:
                self._recent.setdefault(workspace, Recent()).add(gid, modified)

    @override
    def wanted(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        if not super().wanted(record, piece):
            return False
        workspace = piece.extra_fields["item"].get("workspace_gid")
        return not self.is_recent(
            workspace, int(record["gid"]), to_millis(record.get("modified_at")) or 0
        )

    @override
    def forget_all_but(self, seen: set[str]) -> None:
        # A searched workspace may have no listing by user in this sync, and workspaces are no
        # partitions. Without such listings nobody reads tasks in no project: their bounds go.
        unlisted = (
            self.runtime.searches.succeeded() - {key.split("/")[0] for key in seen if "/" in key}
            if self.runtime.settings.reads_tasks_without_project
            else frozenset()
        )
        # Partitions that complete meanwhile add their bounds.
        with self._lock:
            kept = {
                key
                for key in self.bounds
                if key in self.runtime.workspaces or key.split("/")[0] in unlisted
            }
            super().forget_all_but(seen | kept)
            if self.parents_complete():
                self._unpassed &= seen | kept

    @override
    def ensure_at_least_one_state_emitted(self) -> None:
        self._settle_workspaces()
        super().ensure_at_least_one_state_emitted()

    def _settle_workspaces(self) -> None:
        """After complete listings, a workspace's bound is the oldest of its partitions'.

        A search lists unknown projects, but no users: it may not begin before each user's listing
        was read once.
        """
        tasks = self.runtime.feeds.tasks
        if not (self.incremental and tasks.keys_complete):
            return
        with self._lock:
            for workspace, keys in tasks.workspaces.items():
                bounds = [self.bounds[key] for key in keys if key in self.bounds]
                unread = any("/" in key and key not in self.bounds for key in keys)
                if bounds and not unread and workspace not in self.runtime.searches.succeeded():
                    self.bounds[workspace] = max(min(bounds), self.bounds.get(workspace, 0))
