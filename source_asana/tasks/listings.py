"""Chooses what a sync reads of tasks: scans of workspaces, then the listings left over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from typing_extensions import override

from source_asana.cursors.strategies import ELSEWHERE, LEFT, Record, Unread
from source_asana.http.clock import from_millis
from source_asana.parents.feeds import Item, ParentFailedError
from source_asana.parents.slices import Slice, is_user_key
from source_asana.tasks.routers import partitions_of, user_partition
from source_asana.tasks.slices import HintSlice, ListingSlice
from source_asana.tasks.strategy import TaskStreamStrategy

HINTS_A_SLICE = 10


class TasksStrategy(TaskStreamStrategy):
    """Reads task listings, by project and by user.

    `modified_since` is sent only if nothing but the stream itself reads the listing: a subtask's
    change does not touch its parent, so with child streams the listing is read whole. A full scan
    reads it whole as well, and so does the sync that finds it outstanding.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # The listings that this sync has no reason to read, as the router found them.
        self._passed_over: dict[str, Slice] = {}

    @property
    @override
    def rank(self) -> int:
        return 3

    @override
    def slices(self) -> Iterator[Slice]:
        scans = self.streams.scans
        try:
            # Searches first: who lists users may wait for them, and exports wait for all listings.
            for scan in sorted(scans, key=lambda one: one.needs_listed):
                if scan.needs_listed:
                    yield from self._before_exports()
                yield from scan.slices(self._listed() if scan.needs_listed else None)
            for scan in scans:
                scan.end()
        finally:
            for scan in scans:
                scan.give_up()
        self.streams.replace_listings()
        failure: ParentFailedError | None = None
        try:
            for found in self.router.stream_slices():
                slice_ = self._listing(found)
                if slice_ is not None:
                    yield slice_
        except ParentFailedError as error:
            failure = error
        yield from self._hinted()
        if failure:
            raise failure

    def _before_exports(self) -> Iterator[Slice]:
        """Yield the slices that take the tokens of projects, before an export is begun."""
        for found in self._items():
            if self.streams.events.takes(found.key):
                self.feed.name(found.key, found.item)
                slice_ = self._of_events(found)
                slice_.may_list = False
                yield slice_
        self.open_slices.wait_until_over()

    def _hinted(self) -> Iterator[Slice]:
        """Yield the slices that follow hints, when all else that shows tasks is over."""
        events = self.streams.events
        self.open_slices.wait_until_over()
        for key in self.streams.busy():
            if key in self._passed_over and self.feed.named[key].is_passed_over:
                yield self._of_project(self._passed_over[key])
        self._wait_for_tasks()
        while found := events.take():
            for start in range(0, len(found), HINTS_A_SLICE):
                yield HintSlice(found[start : start + HINTS_A_SLICE])
            self._wait_for_tasks()
        events.are_read = True

    def _wait_for_tasks(self) -> None:
        """Wait until all listings and hints are over that were handed out, with their walks."""
        self.open_slices.wait_until_over()
        self.feed.wait_until_walked()

    def _listed(self) -> dict[str, dict[str, Item]] | None:
        """Return all listings by workspace, None where they cannot be listed.

        What belongs to which listing is known once all of them are.
        """
        listed: dict[str, dict[str, Item]] = {}
        try:
            for found in self.router.stream_slices():
                listed.setdefault(found.item["workspace_gid"], {})[found.key] = found.item
        except ParentFailedError:
            return None
        return listed

    def _items(self) -> Iterator[Slice]:
        """Yield the listings that exist; those whose parents cannot be listed are left out."""
        with suppress(ParentFailedError):
            yield from self.router.stream_slices()

    def _listing(self, found: Slice) -> ListingSlice | None:
        """Return the slice of a listing, None if a scan of its workspace made it superfluous."""
        key, workspace = found.key, found.item["workspace_gid"]
        self.feed.name(key, found.item)
        self._there.add(key)
        if began := self.streams.shown_until(key, workspace):
            self._cover(found, began)
            return None
        events = self.streams.events
        asks_events = events.takes(key)
        if not self.streams.is_to_list(key, workspace):
            self.feed.named[key].is_passed_over = True
            self._passed_over[key] = found
            return self._of_events(found) if asks_events else None
        slice_ = self._of_project(found)
        slice_.asks_events = asks_events
        if not self.plan.is_parent or (events.replaces and is_user_key(key)):
            self._ask_for_less(slice_, workspace)
        return slice_

    def _of_events(self, found: Slice) -> ListingSlice:
        """Return the slice that asks for the events of a project, and for its tasks if need be."""
        slice_ = self._of_project(found)
        slice_.asks_events, slice_.is_listed = True, False
        return slice_

    @staticmethod
    def _of_project(found: Slice) -> ListingSlice:
        return ListingSlice(found.partition, key=found.key, item=found.item)

    def _cover(self, found: Slice, began: Any) -> None:
        """Count a listing as read whole: a scan has shown all that is in it."""
        with self.lock:
            self.partitions.handed_out(found.key)
            self.partitions.completed(found.key)
        self.feed.covered(found.key, found.item, began)
        with self.lock:
            for listing in self.feed.answered([found.key]):
                self.move(listing)

    def _ask_for_less(self, slice_: ListingSlice, workspace: str) -> None:
        """Ask only for what may have changed since a listing was covered.

        Each stream has an instant of its own: after a kill some may be older than that of `tasks`.
        """
        key, selected = slice_.key, self.streams.selected
        is_whole = not self.is_tracked or self.streams.is_outstanding(key, workspace)
        since = self.start if is_whole else min(one.instant(key) or 0 for one in selected)
        slice_.ask_since(None if since is None else from_millis(since))
        # From the start date on is everything there is to read.
        slice_.is_filtered = not is_whole

    @override
    def can_skip(self, parent: Slice) -> bool:
        workspace = parent.workspace or ""
        search = self.streams.search.scans.get(workspace)
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
        return listing == ELSEWHERE or (
            is_user_key(listing) and not self.is_listing_removed(listing)
        )

    @override
    def unread(self, partition: str) -> Unread:
        return Unread.REMOVED if self.is_listing_removed(partition) else Unread.UNKNOWN

    @override
    def partition_now(self, record: Record, partition: str) -> str | None:
        del partition
        for workspace in sorted(self.runtime.workspaces):
            user = user_partition(record, workspace)
            for found in partitions_of(record, user, self._there, self.runtime.settings):
                return found
        # In a project that is not read a subtask is still what it was, as any other task there.
        return LEFT if record.get("parent") and not record.get("projects") else None
