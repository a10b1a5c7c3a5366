"""Which slices `tasks` and `subtasks` have: finders, the listings left over, hints, and walks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from typing_extensions import override

from source_asana.core.listings import Listings
from source_asana.core.partitions import ELSEWHERE, elsewhere
from source_asana.core.task_list import Group, OpenWalk
from source_asana.cursors.doubts import Doubts
from source_asana.cursors.strategies import OTHER_STREAM, Part, Record, Strategy, Unread
from source_asana.http.clock import from_millis
from source_asana.http.errors import Reach
from source_asana.parents.feeds import Item, ParentFailedError
from source_asana.parents.slices import Slice, is_user_key, workspace_of_key
from source_asana.tasks.feed import Listing
from source_asana.tasks.finders import WorkspaceSlice
from source_asana.tasks.routers import partitions_of, user_partition
from source_asana.tasks.slices import EventsSlice, HintSlice, ListingSlice, WalkSlice
from source_asana.tasks.streams import is_user_of, task_streams

HINTS_A_SLICE = 10


class TaskStreamStrategy(Strategy):
    """Has the listings of tasks in its state: projects, and `workspace/user`.

    Attributes:
        streams: what the task streams share.
        listings: what the stream keeps of them.
    """

    reads_all = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.streams = task_streams(self.runtime)
        self.feed = self.streams.feed
        self.listings = Listings(self.full_scan, self.plan.is_incremental)
        self.full_scan.hours = self.streams.scan_hours
        if not self.plan.parent_only:
            self.streams.select(self.listings, self.lock)
        # What events call the stream's records, see `core.named.Named`.
        self.resource: str = self.incremental_sync["resource"]
        if self.listings.is_tracked:
            self.doubts = Doubts(self.resource, self.streams.events.named, self.runtime.clock.now)

    # ── as a strategy ────────────────────────────────────────────────────────────────────────────

    @override
    def parts(self) -> Mapping[str, Part]:
        parts: dict[str, Part] = self.listings.parts()
        if self.doubts:
            parts.update(self.doubts.parts())
        if self.streams.owner is self.listings:
            for finder in self.streams.finders:
                parts.update(finder.parts())
        return parts

    @override
    def read_again(self) -> None:
        self.listings.clear()

    @override
    def granted(self) -> None:
        super().granted()
        self.listings.clear()

    @override
    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        del reach
        return slice_.key in self.listings.instants

    def answered(self, groups: list[Group]) -> list[Listing]:
        """Return the listings of some groups that were read without a failure; with the lock.

        Their walks that failed are in the state before any of their instants.
        """
        found = [one for group in groups for one in self.feed.answered(group.listings)]
        if found:
            self.listings.failed.by_key |= self.feed.failed_walks()
        return found

    def move(self, listing: Listing) -> None:
        """Note that what depends on a listing is in the state, if it was read completely."""
        if self.listings.is_tracked and listing.began is not None and not self.columns.withdrawn:
            self.listings.instants.move(listing.key, listing.began)

    @override
    def settle(self) -> None:
        if not self.listings.is_tracked:
            return
        if self.doubts:
            self.doubts.settle()
        by_workspace = self.feed.by_workspace()
        named = {gid: by_workspace.get(gid, []) for gid in self.runtime.workspaces}
        passed_over = {key for key, one in self.feed.named.items() if one.is_passed_over}
        for gid in self.streams.covered():
            # Users are not listed where that would only repeat what the search has found. A full
            # scan lists them; if it could not, their listings are outstanding.
            if gid not in self.feed.lists_users and not self.full_scan.is_due():
                users = [key for key in self.listings.instants if is_user_of(key, gid)]
                named[gid] += users
                passed_over.update(users)
        began, events = self.runtime.clock.began(), self.streams.events
        failed = {**dict.fromkeys(events.failed, ""), **self.feed.failed_walks()}
        self.listings.settle(began, named, passed_over, failed)
        self.streams.report_next_scan(self.full_scan.scanned)
        if self.full_scan.is_due():
            counts = self.runtime.report.counts
            self.listings.cost.requests = counts("tasks").requests + counts("subtasks").requests
        if events.are_read:
            self.listings.tokens.by_key |= events.tokens
            if self.feed.keys_complete:
                self.listings.tokens.keep_only(self.feed.named.__contains__)
        self.listings.tokens.keep_usable(began or 0)
        if self.feed.keys_complete:
            there = {key for keys in named.values() for key in keys}
            self.listings.instants.keep_only(there.__contains__)

    # ── records without a ledger ───────────────────────────────────────────────────────────────

    @override
    def is_newer(self, record: Record, slice_: Slice) -> bool:
        since, stamp = self._sent_until(slice_), self.stamp_of(record)
        return since is None or stamp is None or stamp >= since

    def _sent_until(self, slice_: Slice) -> int | None:
        """Return up to when earlier syncs have sent what a slice shows, None to send all of it."""
        if self.full_scan.is_due():
            return None
        match slice_:
            case WorkspaceSlice():
                return self.listings.watermarks.get(slice_.key)
            case ListingSlice():
                return self.listings.instants.get(slice_.key)
            case WalkSlice():
                return self.listings.instants.get(slice_.walk.listing)
        return None

    # ── listings as partitions ─────────────────────────────────────────────────────────────────

    def is_listing_removed(self, key: str) -> bool:
        """Return whether a listing without a slice in this sync does not exist any more."""
        if key in self.runtime.workspaces or key in self.feed.named or key == ELSEWHERE:
            return False
        if is_user_key(key) and workspace_of_key(key) in self.runtime.workspaces:
            workspace = workspace_of_key(key)
            reads_users = self.runtime.settings.reads_tasks_without_project
            if reads_users and workspace not in self.feed.lists_users:
                return False
        return self.feed.keys_complete

    def warn_of_unproven_deletions(self) -> None:
        """Say once that what was deleted in unread listings cannot be found."""
        if (
            self.full_scan.is_due()
            and self.runtime.settings.track_deletions
            and not self.streams.shows_all()
        ):
            self.runtime.report.once(
                logging.WARNING,
                "Not all lists of tasks could be read, so this sync cannot find all deleted "
                "subtasks, stories and attachments; the warnings and errors about tasks name the "
                "lists. The rows stay until these lists are read.",
            )


class TasksStrategy(TaskStreamStrategy):
    """Reads task listings, by project and by user.

    `modified_since` is sent if nothing but the stream itself reads the listing, or if it is a
    user's and events replace listings. A subtask's change does not touch its parent, so with child
    streams other listings are read completely. So are all in a full scan, and outstanding ones.
    """

    rank = 3

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # The listings that this sync has no reason to read, as the router found them.
        self._passed_over: dict[str, Slice] = {}

    @override
    def slices(self) -> Iterator[Slice]:
        finders = self.streams.finders
        try:
            # Searches first: who lists users may wait for them, and exports wait for all listings.
            for finder in sorted(finders, key=lambda one: one.needs_listed):
                if finder.needs_listed:
                    yield from self._before_exports()
                yield from finder.slices(self._listed() if finder.needs_listed else None)
            for finder in finders:
                finder.end()
        finally:
            for finder in finders:
                finder.give_up()
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
                yield EventsSlice(found)
        self.open_slices.wait_until_over()

    def _hinted(self) -> Iterator[Slice]:
        """Yield the listings that events ask for, and the slices that follow hints.

        All else that shows tasks is over then.
        """
        events = self.streams.events
        self.open_slices.wait_until_over()
        busy = self.streams.busy()
        for key, found in self._passed_over.items():
            if key in busy or self.streams.is_to_list(key, found.item["workspace_gid"]):
                self.feed.named[key].is_passed_over = False
                # Its events were asked for in a slice of their own.
                self.runtime.report.counts(self.plan.name).read_after_all()
                yield self._of_project(found)
        self._wait_for_tasks()
        while hints := events.take():
            for start in range(0, len(hints), HINTS_A_SLICE):
                yield HintSlice(hints[start : start + HINTS_A_SLICE])
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

    def _listing(self, found: Slice) -> Slice | None:
        """Return the slice that reads a listing, or only its events; None for neither."""
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
            return EventsSlice(found) if asks_events else None
        asks_for_less = not self.plan.is_parent or (events.replaces and is_user_key(key))
        slice_ = (self._of_changes if asks_for_less else self._of_project)(found)
        slice_.asks_events = asks_events
        return slice_

    @staticmethod
    def _of_project(found: Slice, since: str | None = None) -> ListingSlice:
        return ListingSlice(found.partition, key=found.key, item=found.item, since=since)

    def _cover(self, found: Slice, began: Any) -> None:
        """Count a listing as read completely: an export has shown all of it."""
        with self.lock:
            self.partitions.handed_out(found.key)
            self.partitions.completed(found.key)
        self.feed.covered(found.key, found.item, began)
        with self.lock:
            for listing in self.feed.answered([found.key]):
                self.move(listing)

    def _of_changes(self, found: Slice) -> ListingSlice:
        """Return the slice that asks only for what may have changed since a listing was covered.

        Each stream has an instant of its own: after a kill some may be older than that of `tasks`.
        """
        key, selected = found.key, self.streams.selected
        is_outstanding = self.streams.is_outstanding(key, found.item["workspace_gid"])
        is_whole = not self.listings.is_tracked or is_outstanding
        since = self.start if is_whole else min(one.instants.get(key) or 0 for one in selected)
        slice_ = self._of_project(found, None if since is None else from_millis(since))
        # From the start date on is everything there is to read.
        slice_.is_filtered = not is_whole
        return slice_

    @override
    def can_skip(self, parent: Slice) -> bool:
        workspace = parent.workspace or ""
        search = self.streams.search.by_workspace.get(workspace)
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
        return OTHER_STREAM if record.get("parent") and not record.get("projects") else None


class SubtasksStrategy(TaskStreamStrategy):
    """Finds subtasks by walking every task that has some.

    The instant of a listing moves when the listing and every walk below it are over; a walk that
    failed is in the state by itself.
    """

    rank = 2
    # It may hang on a task that this sync did not walk.
    outlives_parent = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.feed.shown.is_walked = True
        self._groups = 0

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
        ended = self.feed.ended_groups(self._groups)
        if not ended:
            return
        self._groups += len(ended)
        with self.lock:
            for listing in self.answered(ended_of(ended)[0]):
                self.move(listing)

    @override
    def refused_slices(self) -> Iterator[Slice]:
        for gid, listing in self.listings.failed.walks().items():
            yield WalkSlice(OpenWalk(gid, listing), {})

    @override
    def settle(self) -> None:
        super().settle()
        self.warn_of_unproven_deletions()

    @override
    def unread(self, partition: str) -> Unread:
        if self.feed.shown.has_shown_all_subtasks(partition):
            return Unread.EMPTY
        is_removed = not self.feed.shown.has_shown(partition) and self.streams.shows_all()
        return Unread.REMOVED if is_removed else Unread.UNKNOWN

    @override
    def partition_now(self, record: Record, partition: str) -> str | None:
        parent = record.get("parent")
        if not parent:
            return OTHER_STREAM
        gid = str(parent["gid"])
        # Its parent was walked and did not show it, or is in no list itself.
        del partition
        is_removed = self.unread(gid) is Unread.REMOVED
        return elsewhere(gid) if self.partitions.is_complete(gid) or is_removed else gid


def ended_of(groups: list[Group], position: int | None = None) -> tuple[list[Group], list[Group]]:
    """Return those of some groups of listings that are over, and those that are not yet.

    Args:
        groups: ended at some time; some may have opened again, and come again then.
        position: how far the caller has read the queue of tasks; None where it does not matter.
    """
    done: list[Group] = []
    left: list[Group] = []
    for group in dict.fromkeys(groups):
        if group.open == 0:
            is_done = position is None or group.end <= position
            (done if is_done else left).append(group)
    return done, left
