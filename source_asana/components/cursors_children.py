"""The cursor of what hangs on tasks.

Children are read when their task changed, oldest change first.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airbyte_cdk.sources.types import StreamSlice
from typing_extensions import override

from source_asana.components.cursors import BoundCursor, damaged
from source_asana.components.cursors_family import TaskFamilyCursor
from source_asana.components.errors import Scope, Verdict
from source_asana.components.feeds import Ending
from source_asana.components.feeds_tasks import Group
from source_asana.components.partitions import TaskRouter
from source_asana.components.retriever_search import Holders

MOST_PENDING = 100
FIRST = -1


class Progress:
    """The children of one group in ascending order of their task's `modified_at`.

    The bound follows the oldest unfinished one, so that a killed read goes on from there; after the
    last one it is the listing's beginning.
    """

    __slots__ = ("done", "final", "head", "key", "order")

    def __init__(self, key: str, order: array[int], final: int | None) -> None:
        self.key = key
        self.order = order
        self.final = final
        self.done = bytearray(len(order))
        self.head = 0

    def finish(self, index: int) -> None:
        """Mark one child as finished."""
        self.done[index] = 1
        head = self.head
        while head < len(self.order) and self.done[head]:
            head += 1
        self.head = head

    def bound(self) -> int | None:
        """Return the bound that holds now, None where it may not move."""
        if self.final is None:
            return None
        if self.head >= len(self.order):
            return self.final
        oldest = self.order[self.head]
        return None if oldest == FIRST else min(oldest, self.final)


class Read:
    """One read of a task's children, and the places in groups that await its end."""

    __slots__ = ("ended", "modified", "places")

    def __init__(self, modified: int, places: list[tuple[Progress, int]]) -> None:
        self.modified = modified
        self.places = places
        self.ended: bool | None = None


class ChildCursor(TaskFamilyCursor):
    """Children of tasks and subtasks, read when their task changed.

    State: `{"bounds", "pending": [gid], "unfinished"}`, the rest as in `TaskFamilyCursor`.

    A child that fails while others succeed goes to `pending` (at most 100), is tried first at each
    sync, and bounds pass over it; beyond that it holds the bound of every listing that its task is
    in. `unfinished` are the bounds of listings whose first read has not come to its end: no
    workspace's bound is about them.
    """

    router: TaskRouter

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._pending: set[str] = set()
        self._search_holders: Callable[[str], Holders] | None = None
        self._holders: dict[str, Holders] = {}
        # workspace -> how many tasks of first reads are there so far, asked ones included.
        self._new: Counter[str] = Counter()
        self._new_projects = 0
        self._new_in_projects = 0
        self._unfinished: dict[str, int] = {}
        # Tasks that several groups may name: the newest read of each.
        self._shared: dict[int, Read] = {}
        super().__init__(*args, **kwargs)

    @override
    def _load(self, stored: Mapping[str, Any]) -> None:
        super()._load(stored)
        pending = stored.get("pending", [])
        if not isinstance(pending, list) or not all(isinstance(gid, str) for gid in pending):
            raise damaged(self.stream)
        self._pending = set(pending)
        self._unfinished = self._checked(stored, "unfinished", int)

    @override
    def _dump(self) -> dict[str, Any]:
        pending = {"pending": sorted(self._pending)} if self._pending else {}
        unfinished = {"unfinished": dict(self._unfinished)} if self._unfinished else {}
        return {**super()._dump(), **pending, **unfinished}

    def ask_search(self, search: Callable[[str], Holders]) -> None:
        """At first reads, have a workspace's search name the tasks that have children."""
        self._search_holders = search
        self.runtime.feeds.tasks.listen(self._count_new)

    def _count_new(self, group: Group) -> None:
        workspace = group.item.get("workspace_gid")
        with self._lock:
            if workspace and self._is_new(group):
                size = group.size()
                self._new[workspace] += size
                if "/" not in group.key:
                    self._new_projects += 1
                    self._new_in_projects += size

    def _coming(self) -> int:
        """Return how many tasks a first sync's other projects have, if they are as large."""
        if self.has_read_before or not self._new_projects:
            return 0
        others = max(0, len(self.runtime.feeds.of("projects")) - self._new_projects)
        return others * self._new_in_projects // self._new_projects

    def _is_new(self, group: Group) -> bool:
        return group.key not in self.bounds and group.key != group.item.get("workspace_gid")

    @override
    def floor_in(self, key: str, workspace: str | None) -> int | None:
        unfinished = None if key in self.bounds else self._unfinished.get(key)
        return super().floor_in(key, workspace) if unfinished is None else unfinished

    @override
    def forget_all_but(self, seen: set[str]) -> None:
        super().forget_all_but(seen)
        if self.parents_complete():
            with self._lock:
                self._unfinished = {
                    key: bound for key, bound in self._unfinished.items() if key in seen
                }

    @override
    def stream_slices(self) -> Iterator[StreamSlice]:
        for gid in sorted(self._pending):
            # It shows what changed until now, so no listing's change before that needs another.
            read = self._shared[int(gid)] = Read(self.runtime.clock.bound() or 0, [])
            yield self._slice(gid, key="", item={}, read=read)
        handed = set()
        for group in self.runtime.feeds.tasks:
            handed.add(group.key)
            yield from self._children(group)
        if self.router.own:
            yield from self._passed_projects(handed)
            self.rolled()
        self.forget_all_but(self.runtime.feeds.tasks.keys)

    def _passed_projects(self, handed: set[str]) -> Iterator[StreamSlice]:
        """Yield the projects (and briefs) themselves whose listing a search made superfluous.

        Nothing else shows their children.
        """
        for item in self.runtime.feeds.of("projects"):
            key = item["gid"]
            if key not in handed and key in self.bounds and self.turn(key):
                for gid in self.router.own_gids(key, item):
                    yield self._slice(gid, key=key, item=item, read=Read(0, []), whole=True)

    @override
    def parents_complete(self) -> bool:
        return self.runtime.feeds.tasks.keys_complete

    def _children(self, group: Group) -> Iterator[StreamSlice]:
        workspace = group.item.get("workspace_gid")
        floor = self.floor_in(group.key, workspace)
        is_new = self._is_new(group)
        own = self.router.own_gids(group.key, group.item)
        if own:
            with self._lock:
                self.passed(group.key)
        entries = sorted(
            entry
            for entry in group.entries()
            if (floor is None or entry[0] >= floor)
            and not self.is_recent(workspace, entry[1], entry[0])
        )
        if is_new:
            entries = self._worth_reading(workspace, entries)
        order = array("q", [FIRST] * len(own))
        order.extend(entry[0] for entry in entries)
        final = group.begun if group.ending is Ending.COMPLETE else None
        progress = Progress(group.key, order, final)
        if not order:
            with self._lock:
                self._move(progress)
            self._progressed()
            return
        for index, gid in enumerate(own):
            yield self._slice(
                gid, key=group.key, item=group.item, read=Read(0, [(progress, index)])
            )
        counts = self.runtime.report.counts(self.stream)
        counts.ahead += len(entries)
        for index, (modified, number, shared) in enumerate(entries, start=len(own)):
            counts.ahead -= 1
            read = Read(modified, [(progress, index)])
            if (shared or number in self._shared) and not self._first(number, read):
                continue
            yield self._slice(str(number), key=group.key, item=group.item, read=read)

    def _worth_reading(
        self, workspace: str | None, entries: list[tuple[int, int, bool]]
    ) -> list[tuple[int, int, bool]]:
        """Leave out, at a first read, what a search says has no children; its index lags."""
        if self._search_holders is None or workspace is None:
            return entries
        if workspace not in self._holders:
            self._holders[workspace] = self._search_holders(workspace)
        holders = self._holders[workspace]
        holding = holders.among(self._new[workspace] + self._coming())
        if holding is None:
            holders.asked += len(entries)
            return entries
        return [e for e in entries if e[1] in holding or e[0] >= holders.since]

    def _first(self, number: int, read: Read) -> bool:
        """Return whether nobody reads this version of a task's children yet.

        Else await the one who does.
        """
        with self._lock:
            known = self._shared.get(number)
            if known is None or read.modified > known.modified:
                self._shared[number] = read
                return True
            if known.ended is None:
                known.places.extend(read.places)
            elif known.ended:
                self._finish(read)
            return False

    def _slice(
        self, gid: str, *, key: str, item: Mapping[str, Any], read: Read, whole: bool = False
    ) -> StreamSlice:
        return StreamSlice(
            partition={self.router.task_field: gid},
            cursor_slice={},
            extra_fields={
                "key": key,
                "begun": None,
                "item": item,
                "gid": gid,
                "read": read,
                "whole": whole,
            },
        )

    def _finish(self, read: Read) -> None:
        read.ended = True
        for progress, index in read.places:
            progress.finish(index)
            self._move(progress)
        read.places = []

    def _move(self, progress: Progress) -> None:
        key, bound = progress.key, progress.bound()
        if bound is None:
            return
        if key not in self.bounds and progress.head < len(progress.order):
            self._unfinished[key] = max(bound, self._unfinished.get(key, bound))
        elif bound >= self.bounds.get(key, bound):
            self.bounds[key] = bound
            self._unfinished.pop(key, None)

    @override
    def begin(self, piece: StreamSlice) -> None:
        """Do nothing: the group knows when its listing began."""

    @override
    def complete(self, piece: StreamSlice) -> None:
        extra = piece.extra_fields
        self._pending.discard(extra["gid"])
        self.dealt(extra["item"].get("workspace_gid"), int(extra["gid"]), extra["read"].modified)
        self._finish(extra["read"])
        if extra["whole"]:
            self.passed(extra["key"])

    @override
    def refused(self, piece: StreamSlice, verdict: Verdict) -> None:
        if verdict.rule.gone:
            return  # Nothing is left to read: the slice completes.
        super().refused(piece, verdict)
        self.failed(piece, lasting=verdict.rule.scope is Scope.PARTITION)

    @override
    def failed(self, piece: StreamSlice, *, lasting: bool) -> None:
        gid = piece.extra_fields["gid"]
        with self._lock:
            if lasting and (gid in self._pending or len(self._pending) < MOST_PENDING):
                self._pending.add(gid)
                self._finish(piece.extra_fields["read"])
            else:
                piece.extra_fields["read"].ended = False
        self._progressed()

    @override
    def wanted(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        # All children of a changed task are sent again: an edited comment has no other sign.
        # Attachments of the project itself and of its brief have no task, only their own
        # `created_at`.
        extra = piece.extra_fields
        if extra["whole"] or extra["gid"] not in self.router.own_gids(extra["key"], extra["item"]):
            return True
        return BoundCursor.wanted(self, record, piece)
