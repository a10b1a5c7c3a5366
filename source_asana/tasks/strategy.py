"""What the strategies of tasks, subtasks and their children have in common: their listings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from source_asana.core.task_list import Group
from source_asana.cursors.strategies import ELSEWHERE, Part, Record
from source_asana.http.clock import Millis
from source_asana.http.errors import Reach
from source_asana.parents.slices import Slice, is_user_key, workspace_of_key
from source_asana.tasks.feed import Listing
from source_asana.tasks.scans import TaskStream
from source_asana.tasks.slices import ListingSlice, ScanSlice, WalkSlice
from source_asana.tasks.streams import is_user_of, task_streams


class TaskStreamStrategy(TaskStream):
    """Has the listings of tasks in its state: projects, and `workspace/user`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.streams = task_streams(self.runtime)
        self.feed = self.streams.feed
        self.scan.hours = self.streams.scan_hours
        if not self.plan.parent_only:
            self.streams.select(self)

    # ── as a strategy ────────────────────────────────────────────────────────────────────────────

    @override
    def parts(self) -> Mapping[str, Part]:
        parts: dict[str, Part] = {**self.listings.parts(), "tokens": self._tokens}
        if self.streams.scan_owner is self:
            for scan in self.streams.scans:
                parts.update(scan.parts())
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
        """Note that what depends on a listing is in the state, if it was read whole."""
        if self.is_tracked and listing.began is not None and not self.columns.withdrawn:
            self.listings.instants.move(listing.key, listing.began)

    @override
    def settle(self) -> None:
        if not self.is_tracked:
            return
        by_workspace = self.feed.by_workspace()
        named = {gid: by_workspace.get(gid, []) for gid in self.runtime.workspaces}
        passed_over = {key for key, one in self.feed.named.items() if one.is_passed_over}
        for gid in self.streams.covered():
            # Users are not listed where that would only repeat what the search has found. A full
            # scan lists them; if it could not, their listings are outstanding.
            if gid not in self.feed.lists_users and not self.scan.is_due:
                users = [key for key in self.known() if is_user_of(key, gid)]
                named[gid] += users
                passed_over.update(users)
        began, events = self.runtime.clock.began(), self.streams.events
        failed = {**dict.fromkeys(events.failed, ""), **self.feed.failed_walks()}
        self.listings.settle(began, named, passed_over, failed)
        self.streams.report_next_scan(self.scan.scanned)
        if self.scan.is_due:
            counts = self.runtime.report.counts
            self.listings.cost.requests = counts("tasks").requests + counts("subtasks").requests
        if events.are_read:
            self._tokens.by_key |= events.tokens
            if self.feed.keys_complete:
                self._tokens.keep_only(self.feed.named.__contains__)
        self._tokens.keep_usable(began or 0)
        if self.feed.keys_complete:
            there = {key for keys in named.values() for key in keys}
            self.listings.instants.keep_only(there.__contains__)

    # ── records without a ledger ───────────────────────────────────────────────────────────────

    @override
    def is_newer(self, record: Record, slice_: Slice) -> bool:
        since, stamp = self._told_until(slice_), self.stamp_of(record)
        return since is None or stamp is None or stamp >= since

    def _told_until(self, slice_: Slice) -> Millis | None:
        """Return up to when earlier syncs have sent what a slice shows, None to send all of it."""
        if self.scan.is_due:
            return None
        match slice_:
            case ScanSlice():
                return self.watermark(slice_.key)
            case ListingSlice():
                return self.instant(slice_.key)
            case WalkSlice():
                return self.instant(slice_.walk.listing)
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
        """Say once that what was deleted in unread listings cannot be told."""
        if (
            self.scan.is_due
            and self.runtime.settings.track_deletions
            and not self.streams.shows_all()
        ):
            self.runtime.report.once(
                logging.WARNING,
                "Not all lists of tasks could be read, so this sync cannot find all deleted "
                "subtasks, stories and attachments; the warnings and errors about tasks name the "
                "lists. The rows stay until these lists are read.",
            )


def over(groups: list[Group], position: int | None = None) -> tuple[list[Group], list[Group]]:
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
