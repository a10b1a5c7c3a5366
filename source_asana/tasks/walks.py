"""Walks the tasks of a listing that have subtasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from source_asana.core.task_list import OpenWalk
from source_asana.cursors.strategies import LEFT, Record, Unread, elsewhere
from source_asana.parents.slices import Slice
from source_asana.tasks.slices import WalkSlice
from source_asana.tasks.strategy import TaskStreamStrategy, over


class SubtasksStrategy(TaskStreamStrategy):
    """Finds subtasks by walking every task that has some.

    The instant of a listing moves when the listing and every walk below it are over; a walk that
    failed is in the state by itself.
    """

    # It may hang on a task that this sync did not walk.
    outlives_parent = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.feed.shown.is_walked = True
        self._groups = 0

    @property
    @override
    def rank(self) -> int:
        return 2

    @override
    def slices(self) -> Iterator[Slice]:
        for walk in self.feed.walks():
            self._move()
            if walk is not None:
                item = {"workspace_gid": self.feed.workspace_of(walk.listing)}
                yield WalkSlice(walk, item)
        self._move()
        self.feed.raise_failure()

    def _move(self) -> None:
        """Move the instants of the listings that are over."""
        ended = self.feed.over(self._groups)
        if not ended:
            return
        self._groups += len(ended)
        with self.lock:
            for listing in self.answered(over(ended)[0]):
                self.move(listing)

    @override
    def refused_slices(self) -> Iterator[Slice]:
        for gid, listing in self.failed_walks().items():
            yield WalkSlice(OpenWalk(gid, listing), {})

    @override
    def settle(self) -> None:
        super().settle()
        self.warn_of_unproven_deletions()

    @override
    def unread(self, partition: str) -> Unread:
        if self.feed.has_shown_all_subtasks(partition):
            return Unread.EMPTY
        is_removed = not self.feed.has_shown(partition) and self.streams.shows_all()
        return Unread.REMOVED if is_removed else Unread.UNKNOWN

    @override
    def partition_now(self, record: Record, partition: str) -> str | None:
        parent = record.get("parent")
        if not parent:
            return LEFT
        gid = str(parent["gid"])
        # Its parent was walked and did not show it, or is in no list itself.
        del partition
        is_removed = self.unread(gid) is Unread.REMOVED
        return elsewhere(gid) if self.partitions.is_complete(gid) or is_removed else gid
