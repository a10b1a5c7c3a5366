"""The tasks that a sync has shown, and which of them still have to be walked for subtasks.

    listings, search, export ──► tasks in order of arrival ──► stories, attachments
                    ▲                      │
                    └── subtasks ◄── walks ┘

*Due* is a fact about one task, *complete* is a fact about listings. So tasks are handed on as they
come, in blocks, and only the end of a listing waits: for the walks below it, and for those of the
listings that show the same tasks with subtasks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

BLOCK = 1000
UNSEEN = -1
"""The version of a task that no page has shown yet."""


class Walk(IntEnum):
    """What is known of a task's subtasks."""

    UNKNOWN = 0
    """A search or an export showed the task; it has nobody walked."""
    NONE = 1
    """A listing showed it without subtasks."""
    OPEN = 2
    """They are to be read, are being read, or could not be read."""
    DONE = 3


@dataclass(slots=True)
class Shown:
    """One task that this sync has shown.

    Attributes:
        modified: the newest `modified_at` that was shown, in milliseconds; `UNSEEN` of a task of
            which only the walk is tried again.
        listing: the key of the listing that it belongs to.
        walk: what is known of its subtasks.
        walked_for: the key of the listing that its walk, and those below it, belong to.
    """

    modified: int
    listing: str
    walk: Walk = Walk.UNKNOWN
    walked_for: str = ""


class OpenWalk(NamedTuple):
    """A task whose subtasks are to be read, and the listing that they belong to."""

    gid: str
    listing: str


@dataclass(slots=True, eq=False)
class Group:
    """Listings that show the same tasks with subtasks, so that they end together.

    Attributes:
        listings: their keys.
        open: how many listings and walks of theirs are not over.
        end: the length of the queue after their last task.
        is_complete: whether no walk of theirs failed.
    """

    listings: list[str]
    open: int = 0
    end: int = 0
    is_complete: bool = True


@dataclass
class TaskList:
    """Holds what was shown, as a queue that every child stream reads on its own.

    It is not thread-safe: the feed that holds it locks.

    Attributes:
        is_walked: whether somebody reads subtasks.
        tasks: gid -> what was shown.
        queue: gids in order of arrival. A newer version comes again, and so does a task in a
            listing that was never read: a stream without a ledger tells by the listing what is new.
        walks: the walks that nobody was handed yet.
        failed: gid -> listing of the tasks whose subtasks could not be read.
        ended_groups: those that are over, in the order of their ends; one may come again.
        open_walks: gid -> walk, of those that are not over.
    """

    is_walked: bool = False
    tasks: dict[str, Shown] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    walks: deque[OpenWalk] = field(default_factory=deque)
    failed: dict[str, str] = field(default_factory=dict)
    ended_groups: list[Group] = field(default_factory=list)
    open_walks: dict[str, OpenWalk] = field(default_factory=dict)
    _groups: dict[str, Group] = field(default_factory=dict)

    def group(self, listing: str) -> Group:
        """Return the group of a listing."""
        return self._groups.setdefault(listing, Group([listing]))

    # ── find ───────────────────────────────────────────────────────────────────────────────────

    def begin(self, listing: str) -> None:
        """Count a listing as open, before its first page."""
        self.group(listing).open += 1

    def end(self, listing: str) -> None:
        """Count a listing as over, however it ended."""
        self._close(self.group(listing))

    def add(
        self,
        source: str,
        gid: str,
        modified: int,
        *,
        listing: str | None = None,
        has_subtasks: bool | None = None,
        is_first: bool = False,
    ) -> None:
        """Take one task of a page.

        Args:
            source: the key of the listing that shows it, which is open.
            gid: the task's.
            modified: its `modified_at` in milliseconds.
            listing: the key of the listing that it belongs to, where a search or an export shows
                it; else it is `source`.
            has_subtasks: None where the page does not decide whether it is walked.
            is_first: whether it is handed on though its version may have been, as a stream never
                read that listing, or children are due.
        """
        listing, group = listing or source, self.group(source)
        shown = self.tasks.get(gid)
        if shown is None or modified > shown.modified or is_first:
            shown = self._append(gid, modified, listing, shown)
        # Another listing may have queued it, and nobody has read that far.
        group.end = len(self.queue)
        if has_subtasks is None or not self.is_walked:
            return
        if not has_subtasks:
            shown.walk = shown.walk or Walk.NONE
        elif shown.walk < Walk.OPEN:
            self._walk(OpenWalk(gid, listing), shown)
        else:
            self._join(self.group(shown.walked_for), group)

    def repeat(self, source: str, gid: str) -> None:
        """Hand on a task once more, which this sync has shown; `source` is open."""
        self.queue.append(gid)
        self.group(source).end = len(self.queue)

    def _append(self, gid: str, modified: int, listing: str, shown: Shown | None) -> Shown:
        self.queue.append(gid)
        if shown is None:
            shown = self.tasks[gid] = Shown(modified, listing)
        else:
            shown.modified, shown.listing = max(shown.modified, modified), listing
        return shown

    def _join(self, group: Group, other: Group) -> None:
        """Have two groups end together, unless all walks of the first are over."""
        if group is other or not group.open:
            return
        group.listings += other.listings
        group.open += other.open
        group.end = max(group.end, other.end)
        group.is_complete &= other.is_complete
        for listing in other.listings:
            self._groups[listing] = group

    def _close(self, group: Group) -> None:
        group.open -= 1
        if group.open == 0:
            self.ended_groups.append(group)

    # ── walk ───────────────────────────────────────────────────────────────────────────────────

    def _walk(self, walk: OpenWalk, shown: Shown) -> None:
        shown.walk, shown.walked_for = Walk.OPEN, walk.listing
        self.group(walk.listing).open += 1
        self.open_walks[walk.gid] = walk
        self.walks.append(walk)

    def retry(self, gid: str, listing: str) -> None:
        """Have a task walked whose subtasks an earlier sync could not read."""
        if not self.is_walked:
            return
        # Where no version is known, nobody reads its children before a page shows it.
        shown = self.tasks.setdefault(gid, Shown(UNSEEN, listing))
        if shown.walk is Walk.UNKNOWN:
            self._walk(OpenWalk(gid, listing), shown)

    def walked(self, walk: OpenWalk, *, is_complete: bool, is_retried: bool = True) -> None:
        """Count a walk as over, unless it counts as failed already.

        Args:
            walk: the walk.
            is_complete: whether it has shown all subtasks.
            is_retried: whether the next sync tries it again, if it has not.
        """
        if self.open_walks.pop(walk.gid, None) is None:
            return
        group = self.group(walk.listing)
        if is_complete:
            self.tasks[walk.gid].walk = Walk.DONE
        else:
            group.is_complete = False
            if is_retried:
                self.failed[walk.gid] = walk.listing
        self._close(group)

    def walk_no_more(self) -> None:
        """Count all walks that are not over as failed; none follow."""
        self.walks.clear()
        self.is_walked = False
        for walk in list(self.open_walks.values()):
            self.walked(walk, is_complete=False)

    def has_shown(self, gid: str) -> bool:
        """Return whether this sync has shown a task."""
        shown = self.tasks.get(gid)
        return shown is not None and shown.modified > UNSEEN

    def has_shown_all_subtasks(self, gid: str) -> bool:
        """Return whether this sync has shown all subtasks of a task, or that it has none."""
        shown = self.tasks.get(gid)
        return shown is not None and shown.walk in {Walk.NONE, Walk.DONE}

    # ── read ───────────────────────────────────────────────────────────────────────────────────

    def block(self, position: int) -> list[str]:
        """Return the gids from a position of the queue on, at most 1,000."""
        return self.queue[position : position + BLOCK]
