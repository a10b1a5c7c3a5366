"""Chooses what a sync reads of tasks: searches and exports, then the listings left over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from source_asana.cursors.policies import LEFT, Record
from source_asana.http.clock import Millis, from_millis
from source_asana.parents.feeds import Ending, ParentFailedError
from source_asana.parents.slices import Slice
from source_asana.tasks.exports import Export
from source_asana.tasks.member import MemberPolicy
from source_asana.tasks.partitions import partitions_of, user_partition
from source_asana.tasks.slices import ExportSlice, ListingSlice, SearchSlice
from source_asana.tasks.tree import TaskTree


class ListingPolicy(MemberPolicy):
    """Reads task listings, by project and by user.

    `modified_since` is sent only if nothing but the stream itself reads the listing: a subtask's
    change does not touch its parent, so with child streams the listing is read whole. The listing
    pass reads it whole as well.
    """

    files_answers = True

    @override
    def slices(self) -> Iterator[Slice]:
        searches = self.family.searches.values()
        for search in searches:
            yield SearchSlice(search)
        if self.family.exports:
            yield from self._exports()
        for search in searches:
            search.wait(self.runtime.stop)
        for found in self.router.stream_slices():
            slice_ = self._listing(found)
            if slice_ is not None:
                yield slice_

    def _exports(self) -> Iterator[Slice]:
        """Yield the slices of the exports and wait for their end.

        What belongs to which listing is known once all of them are.
        """
        exports = self.family.exports.values()
        listed: dict[str, set[str]] = {}
        try:
            for found in self.router.stream_slices():
                listed.setdefault(found.item["workspace_gid"], set()).add(found.key)
        except ParentFailedError:
            for export in exports:
                export.decide(succeeded=False)
            return
        for export in exports:
            export.listed = frozenset(listed.get(export.workspace, ()))
            yield ExportSlice(export)
        for export in exports:
            if export.wait(self.runtime.stop):
                with self.lock:
                    self.passes.done(export.workspace)

    def _cover(self, found: Slice, export: Export) -> None:
        """Count a listing as read whole: the export has shown all that is in it."""
        key = found.key
        with self.lock:
            self.bounds.move(key, export.bound)
            self.passes.done(key)
            self.walks.expect(key)
            self.walks.complete(key)
        if self.plan.is_parent:
            # Without tasks in it: for those who read the project's own children, and their bounds.
            self.family.feed.expect()
            tree = TaskTree(key, export.bound, found.item)
            self.family.feed.listed(tree, Ending.COMPLETE)

    def _listing(self, found: Slice) -> ListingSlice | None:
        """Return the slice of a listing, None if an export or search made it superfluous."""
        key, workspace = found.key, found.item["workspace_gid"]
        self.family.feed.note(key, workspace)
        self._there.add(key)
        export = self.family.exported().get(workspace)
        if export is not None and key in export.listed:
            self._cover(found, export)
            return None
        is_passed = self.family.is_passed(key)
        self.family.claim(key)
        if workspace in self.family.searched() and self.family.has_read(key) and not is_passed:
            return None
        slice_ = ListingSlice(found.partition, key=key, item=found.item)
        if not self.plan.is_parent:
            slice_.ask_since(self._since(key, workspace, is_passed=is_passed))
        return slice_

    def _since(self, key: str, workspace: str, *, is_passed: bool) -> str | None:
        bound = self.bound(key) if self.is_tracked else None
        if bound is not None and is_passed:
            return None
        floor = self.start if bound is None else self._floor(bound, workspace)
        return None if floor is None else from_millis(floor)

    def _floor(self, bound: Millis, workspace: str) -> Millis:
        """Return the instant from which a listing is read: searches have covered what is older.

        A search may have missed what its index did not show yet, so its overlap is read again.
        """
        whole = self.bound(workspace)
        return bound if whole is None else max(bound, Millis(whole - self.family.overlap))

    @override
    def spares(self, parent: Slice) -> bool:
        workspace = parent.workspace or ""
        search = self.family.searches.get(workspace)
        return (
            search is not None
            and search.wait(self.runtime.stop)
            and not self.family.needs_users(workspace)
        )

    @override
    def begin(self, slice_: Slice) -> None:
        slice_.began = self.runtime.clock.bound()

    @override
    def complete(self, slice_: Slice) -> None:
        self.bounds.move(slice_.key, slice_.began)
        if not slice_.is_filtered:
            self.passes.done(slice_.key)

    @override
    def listed(self) -> None:
        super().listed()
        self.family.feed.noted_all(is_complete=self.knows_all)
        self.family.finish_exports()

    @override
    def is_there(self, home: str) -> bool:
        return super().is_there(home) or self.is_unlisted_user(home)

    @property
    @override
    def rank(self) -> int:
        return 3

    @override
    def home_now(self, record: Record, home: str) -> str | None:
        del home
        for workspace in sorted(self.runtime.workspaces):
            user = user_partition(record, workspace)
            for partition in partitions_of(record, user, self._there, self.runtime.settings):
                return partition
        # In a project that is not read a subtask is still what it was, as any other task there.
        return LEFT if record.get("parent") and not record.get("projects") else None

    @override
    def is_newer(self, record: Any, slice_: Slice) -> bool:
        stamp, bound = self.stamp_of(record), self.bound(slice_.key)
        is_whole = bound is None or self.is_passed(slice_.key)
        return is_whole or stamp is None or bound is None or stamp >= bound
