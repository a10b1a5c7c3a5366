"""Walks the tasks of a listing that have subtasks."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from source_asana.cursors.policies import LEFT, Record
from source_asana.parents.feeds import Ending
from source_asana.parents.slices import Slice
from source_asana.tasks.member import MemberPolicy
from source_asana.tasks.slices import WalkSlice
from source_asana.tasks.tree import TaskTree


class WalkPolicy(MemberPolicy):
    """Finds subtasks by walking every task that has some.

    The bound of a listing moves when the listing and every walk below it are complete.
    """

    files_answers = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._childless: set[str] = set()
        self.family.feed.walk(self._without_subtasks)
        self.family.feed.listen(self._closed)

    def _without_subtasks(self, gid: str) -> None:
        """Remember a task without subtasks; if nothing is searched, what is not walked has none."""
        if self.family.searches and self.is_tracked:
            with self.lock:
                self._childless.add(gid)

    def _closed(self, tree: TaskTree) -> None:
        with self.lock:
            if tree.ending is Ending.COMPLETE and self.is_tracked and not self.columns.lost:
                self.bounds.move(tree.key, tree.began)
                self.passes.done(tree.key)

    @override
    def is_there(self, home: str) -> bool:
        return not self.family.shows_all() and home not in self._childless

    @property
    @override
    def rank(self) -> int:
        return 2

    @override
    def home_now(self, record: Record, home: str) -> str | None:
        del home
        parent = record.get("parent")
        return str(parent["gid"]) if parent else LEFT

    @override
    def is_newer(self, record: Any, slice_: Slice) -> bool:
        key = slice_.tree.key if isinstance(slice_, WalkSlice) else slice_.key
        stamp, bound = self.stamp_of(record), self.bound(key)
        is_whole = bound is None or self.is_passed(key)
        return is_whole or stamp is None or bound is None or stamp >= bound
