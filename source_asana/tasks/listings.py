"""Chooses what a sync reads of tasks: scans of workspaces, then the listings left over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from source_asana.cursors.policies import ELSEWHERE, LEFT, Record, Unread
from source_asana.http.clock import from_millis
from source_asana.parents.feeds import Item, ParentFailedError
from source_asana.parents.slices import Slice, is_user_key
from source_asana.tasks.partitions import partitions_of, user_partition
from source_asana.tasks.policy import TaskPolicy
from source_asana.tasks.slices import ExportSlice, ListingSlice, SearchSlice


class ListingPolicy(TaskPolicy):
    """Reads task listings, by project and by user.

    `modified_since` is sent only if nothing but the stream itself reads the listing: a subtask's
    change does not touch its parent, so with child streams the listing is read whole. A full scan
    reads it whole as well, and so does the sync that finds it outstanding.
    """

    @override
    def slices(self) -> Iterator[Slice]:
        scans = self.streams.scans
        try:
            for scan in scans:
                yield from scan.slices(self._listed() if scan.needs_listed else None)
            for scan in scans:
                scan.end()
        finally:
            for scan in scans:
                scan.give_up()
        for found in self.router.stream_slices():
            slice_ = self._listing(found)
            if slice_ is not None:
                yield slice_

    def _listed(self) -> dict[str, dict[str, Item]] | None:
        """Return all listings by workspace, None where they cannot be listed.

        What belongs to which listing is known once all of them are.
        """
        listed: dict[str, dict[str, Item]] = {}
        if not self.streams.export.exports:
            return listed
        try:
            for found in self.router.stream_slices():
                listed.setdefault(found.item["workspace_gid"], {})[found.key] = found.item
        except ParentFailedError:
            return None
        return listed

    def _listing(self, found: Slice) -> ListingSlice | None:
        """Return the slice of a listing, None if a scan of its workspace made it superfluous."""
        key, workspace = found.key, found.item["workspace_gid"]
        self.feed.name(key, found.item)
        self._there.add(key)
        export = self.streams.export.exports.get(workspace)
        if export is not None and export.succeeded and key in export.listed and export.bound:
            self._cover(found, export.bound)
            return None
        if self.streams.is_covered(workspace) and not self.streams.is_outstanding(key, workspace):
            self.feed.named[key].is_passed_over = True
            return None
        slice_ = ListingSlice(found.partition, key=key, item=found.item)
        if not self.plan.is_parent:
            self._ask_for_less(slice_, workspace)
        return slice_

    def _cover(self, found: Slice, began: Any) -> None:
        """Count a listing as read whole: the export has shown all that is in it."""
        with self.lock:
            self.partitions.handed_out(found.key)
            self.partitions.completed(found.key)
        self.feed.covered(found.key, found.item, began)
        with self.lock:
            for listing in self.feed.answered([found.key]):
                self.move(listing)

    def _ask_for_less(self, slice_: ListingSlice, workspace: str) -> None:
        """Ask only for what may have changed since a listing was covered."""
        is_whole = not self.is_tracked or self.streams.is_outstanding(slice_.key, workspace)
        since = self.start if is_whole else self.instant(slice_.key)
        slice_.ask_since(None if since is None else from_millis(since))
        # From the start date on is everything there is to read.
        slice_.is_filtered = not is_whole

    @override
    def spares(self, parent: Slice) -> bool:
        workspace = parent.workspace or ""
        search = self.streams.search.searches.get(workspace)
        return (
            search is not None
            and search.wait(self.runtime.stop)
            and not self.streams.needs_users(workspace)
        )

    @override
    def complete(self, slice_: Slice) -> None:
        # Should a deleted project come back, everything in it is read.
        if isinstance(slice_, ListingSlice) and not slice_.is_deleted:
            self.listings.instants.move(slice_.key, slice_.began)

    @override
    def listed(self) -> None:
        super().listed()
        self.feed.named_all(is_complete=self.knows_all, is_there=self._is_unnamed)

    def _is_unnamed(self, listing: str) -> bool:
        """Return whether a listing exists that this sync has no reason to name."""
        return listing == ELSEWHERE or (is_user_key(listing) and not self.is_listing_gone(listing))

    @override
    def unread(self, partition: str) -> Unread:
        return Unread.GONE if self.is_listing_gone(partition) else Unread.UNKNOWN

    @property
    @override
    def rank(self) -> int:
        return 3

    @override
    def partition_now(self, record: Record, partition: str) -> str | None:
        del partition
        for workspace in sorted(self.runtime.workspaces):
            user = user_partition(record, workspace)
            for found in partitions_of(record, user, self._there, self.runtime.settings):
                return found
        # In a project that is not read a subtask is still what it was, as any other task there.
        return LEFT if record.get("parent") and not record.get("projects") else None

    @override
    def is_newer(self, record: Any, slice_: Slice) -> bool:
        stamp, instant = self.stamp_of(record), self.instant(slice_.key)
        if isinstance(slice_, SearchSlice | ExportSlice):
            instant = self.watermark(slice_.key)
        is_whole = instant is None or self.is_scan
        return is_whole or stamp is None or instant is None or stamp >= instant
