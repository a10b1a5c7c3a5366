"""Holds what the task streams share in one sync: their feed, and the ways to find changes.

`TaskReader` is what the retrievers of tasks and of subtasks have in common: a task becomes their
record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from typing_extensions import override

from source_asana.components.retriever import AsanaRetriever
from source_asana.config import DAILY
from source_asana.core.listings import HOUR, Listings
from source_asana.core.partitions import partition_in
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.doubts import around
from source_asana.cursors.sending import Raw, Stamp
from source_asana.http.clock import Millis, to_millis
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from source_asana.tasks.events import Events
from source_asana.tasks.feed import SubtaskFeed, TaskFeed
from source_asana.tasks.finders import PAGE, Finder, SearchFinder, WorkspaceSlice


class TaskStreams:
    """Connects the task streams of one sync.

    Args:
        runtime: what all streams share.

    Attributes:
        runtime: what all streams share.
        feed: tasks and subtasks on their way to the streams that hang on them.
        search: finds changes by search.
        finders: it and those that the wiring puts before it, in the order in which they take
            workspaces.
        events: tell of changes that these do not find.
        cursors: that of `tasks`, and that of `subtasks` where somebody reads them.
        selected: what the task streams that the user selected keep of their listings.
        sending: those of `cursors` whose streams the user selected.
        in_both: the subtasks in projects that listings or walks have shown; workers add to it.
        owner: the one of `selected` whose state holds what the finders keep.
        is_full_scan: whether this sync reads all listings completely.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.feed = TaskFeed(runtime.stop)
        self.selected: list[Listings] = []
        self.search = SearchFinder(runtime, self.selected)
        self.finders: list[Finder[Any]] = [self.search]
        self.events = Events(runtime, self.cost)
        self.cursors: list[AsanaCursor] = []
        self.sending: list[AsanaCursor] = []
        self.in_both: set[str] = set()
        self.owner: Listings | None = None
        self._locks: list[AbstractContextManager[object]] = []
        self.is_full_scan = False
        self._has_finders = False
        self._shows_all: bool | None = None
        runtime.feeds.provide("tasks", self.feed)
        runtime.feeds.provide("subtasks", SubtaskFeed(self.feed))

    def select(self, stream: Listings, lock: AbstractContextManager[object]) -> None:
        """Add a selected stream, with the lock that it is changed under."""
        self.selected.append(stream)
        self._locks.append(lock)
        if self.owner is None and stream.is_tracked:
            self.owner = stream

    def plan(self) -> None:
        """Choose how changes are found; called once, when the workspaces are listed."""
        self.events.plan(self.selected)
        self._decide_full_scan()
        for stream in self.selected:
            self.feed.retry(stream.failed.walks())
        left = set(self.runtime.workspaces)
        for finder in self.finders:
            left -= set(finder.plan(left))
        self._has_finders = left < self.runtime.workspaces

    def read_workspace(self, slice_: WorkspaceSlice, tasks: AsanaRetriever) -> Iterator[Any]:
        """Yield the records of a finder's slice, or of a search that is too large to be stepped."""
        for finder in self.finders:
            yield from finder.read(slice_, tasks)

    def shown_until(self, listing: str, workspace: str) -> Millis | None:
        """Return up to when a finder has shown all of a listing, None where none has."""
        found = (finder.shown_until(listing, workspace) for finder in self.finders)
        return next(filter(None, found), None)

    def _decide_full_scan(self) -> None:
        """Have all streams read everything in this sync if one of them has to.

        That is decided before the first slice, and again where events replace listings, as only a
        full scan shows what they have not.
        """
        if any(not one.is_tracked or one.full_scan.decide() for one in self.selected):
            self.is_full_scan = True
            for stream in self.selected:
                stream.full_scan.begin()

    def replace_listings(self) -> None:
        """Have events replace the listings of workspaces whose changes no finder has found.

        Called when these are over.
        """
        if len(self.covered()) < len(self.runtime.workspaces):
            costs = (stream.cost.requests for stream in self.selected)
            self.events.replace_listings(max(costs, default=0))
            self._decide_full_scan()

    def scan_hours(self) -> int:
        """Return after how many hours all tasks are read though nothing says they changed."""
        settings = self.runtime.settings
        if self.events.replaces and settings.full_scan_interval_hours is None:
            return DAILY
        tells_deletions = self.runtime.reads_audit_log or self.events.are_usable
        return settings.scan_hours(tells_deletions=tells_deletions)

    def report_next_scan(self, scanned: int | None) -> None:
        """Say when everything is read again; called when a stream has settled."""
        began = self.runtime.clock.began()
        if began is not None and scanned is not None:
            self.runtime.report.next_scan(self.scan_hours() - (began - scanned) / HOUR)

    @property
    def may_show_twice(self) -> bool:
        """Whether a listing may show what a finder or a hint has shown in this sync."""
        return self._has_finders or self.events.are_usable

    def is_covered(self, workspace: str) -> bool:
        """Return whether the changes in a workspace were found without its listings."""
        return any(finder.covered(workspace) for finder in self.finders)

    def covered(self) -> set[str]:
        """Return the workspaces whose changes were found without their listings."""
        return {gid for gid in self.runtime.workspaces if self.is_covered(gid)}

    def is_to_list(self, listing: str, workspace: str) -> bool:
        """Return whether a listing is read, rather than passed over, as far as is known by now."""
        if listing in self.events.to_list or self.is_outstanding(listing, workspace):
            return True
        return not (self.is_covered(workspace) or self.events.covers(listing))

    def is_outstanding(self, listing: str, workspace: str) -> bool:
        """Return whether a stream has to have a listing read completely."""
        return self.is_full_scan or any(m.is_outstanding(listing, workspace) for m in self.selected)

    # ── hints at tasks ─────────────────────────────────────────────────────────────────────────

    def is_answered(self, gid: str) -> bool:
        """Return whether this sync has shown a task after what is hinted of it."""
        hint = self.events.of(gid)
        # Its subtasks carry its name.
        is_whole = not hint.is_subtree or self.feed.shown.has_shown_all_subtasks(gid)
        is_certain = hint.at < self.runtime.certain_until and is_whole
        return is_certain and self._was_shown(gid) and not self._is_doubted(gid)

    def _is_doubted(self, gid: str) -> bool:
        """Return whether a stream was shown a task before events named it, and did not send it."""
        return any(one.is_doubted(gid) for one in self.sending)

    def note_restored(self, listing: str, *tasks: Raw) -> None:
        """Note which tasks of a listing came back with what they are in."""
        if self.events.are_usable:
            with self.events.named() as named:
                for task in tasks:
                    named.shown(task["gid"], around(task, listing))

    def _was_shown(self, gid: str) -> bool:
        """Return whether each stream that may have a task was shown it.

        A listing shows a task to `tasks` alone, and a walk to `subtasks`.
        """
        is_in_both = gid in self.in_both
        having = [one for one in self.sending if is_in_both or one.may_have(gid)]
        return (
            all(one.was_shown(gid) for one in having) if having else self.feed.shown.has_shown(gid)
        )

    def busy(self) -> list[str]:
        """Return the projects whose listings are cheaper than the tasks that are hinted at."""
        hints = self.events.by_task()
        counts = Counter(hint.project for gid, hint in hints.items() if not self.is_answered(gid))
        del counts[""]
        return [key for key, number in counts.items() if number > 1 and number > self.cost(key)]

    def cost(self, listing: str) -> int:
        """Return about how many requests it takes to list a project and to walk its tasks."""
        return self._costs[listing]

    @cached_property
    def _costs(self) -> Counter[str]:
        """How many pages the listings have, and tasks with subtasks: one request each."""
        tasks, *below = self.cursors
        with tasks.lock:
            rows = set(tasks.sender.ledger.rows()) if tasks.sender else set()
        rows = rows or self._known_tasks()
        sizes, costs = Counter(listing for _, listing in rows), Counter[str]()
        for gid, listing in rows:
            costs[listing] += any(cursor.has_partition(gid) for cursor in below)
        for listing, tasks_in_it in sizes.items():
            costs[listing] += -(-tasks_in_it // PAGE)
        return costs

    def _known_tasks(self) -> set[tuple[str, str]]:
        """Return (gid, listing) of the tasks whose children were read, or are due."""
        found: set[tuple[str, str]] = set()
        for stream, lock in zip(self.selected, self._locks, strict=True):
            with lock:
                found.update(stream.versions.tasks() if stream.versions else ())
        return found

    def is_first(self, listing: str) -> bool:
        """Return whether a stream with a state never read a listing."""
        return any(m.is_tracked and m.instants.get(listing) is None for m in self.selected)

    def needs_users(self, workspace: str) -> bool:
        """Return whether the users of a workspace are listed though its changes were found.

        That is so where one of their listings is outstanding, or none is known: a search shows only
        what changed.
        """
        if self.is_full_scan:
            return True
        known = [{key for key in m.instants if is_user_of(key, workspace)} for m in self.selected]
        return not all(known) or any(
            self.is_outstanding(key, workspace) for key in set().union(*known)
        )

    def shows_all(self) -> bool:
        """Return whether the listings of this sync have shown every task there is.

        Asked once for each task: the answer is kept when the feed is over.
        """
        if self._shows_all is None:
            shows_all = self._listed_all()
            if not self.feed.is_over:
                return shows_all
            self._shows_all = shows_all
        return self._shows_all

    def _listed_all(self) -> bool:
        feed = self.feed
        if not (feed.keys_complete and all(map(feed.is_complete, feed.named))):
            return False
        reads_users = self.runtime.settings.reads_tasks_without_project
        return not reads_users or self.search.by_workspace.keys() <= feed.lists_users


def is_user_of(key: str, workspace: str) -> bool:
    """Return whether a key is that of a user's tasks in a workspace."""
    return key.startswith(f"{workspace}/")


def task_streams(runtime: Runtime) -> TaskStreams:
    """Return what the task streams of this sync share; whoever asks first has it made."""
    return runtime.part(TaskStreams)


@dataclass
class TaskReader(AsanaRetriever):
    """Sends tasks as records of its stream: of `tasks`, or of `subtasks`."""

    @override
    def after_bind(self) -> None:
        self.streams: TaskStreams = task_streams(self.runtime)
        self.streams.cursors.append(self.cursor)
        if not self.plan.parent_only:
            self.streams.sending.append(self.cursor)

    @override
    def is_shared(self, record: Raw) -> bool:
        return self.streams.may_show_twice

    def note_shared(self, tasks: list[Raw]) -> None:
        """Note which tasks of a page are in both streams, for hints that only one was shown."""
        if self.streams.events.are_usable:
            shared = (t["gid"] for t in tasks if t.get("parent") and t.get("projects"))
            self.streams.in_both.update(shared)

    def hand_on(self, listing: str, tasks: list[Raw]) -> None:
        """Hand a page's tasks on to those who walk and read them."""
        is_first = self.streams.is_first(listing)
        self.streams.note_restored(listing, *tasks)
        with self.streams.feed.adding() as shown:
            for task in tasks:
                shown.add(
                    listing,
                    task["gid"],
                    stamp_of(task),
                    has_subtasks=bool(task.get("num_subtasks")),
                    is_first=is_first,
                )

    def found(
        self, task: Raw, partition: str, slice_: Slice, stamp: Stamp, *, is_shared: bool = True
    ) -> Iterator[Any]:
        """Yield a task that a finder or a hint found as this stream's record, if it is to be sent.

        Args:
            task: as Asana sent it, with the fields of both streams.
            partition: the one of the ledger that it belongs to.
            slice_: of the finder, or of the hints.
            stamp: of the page.
            is_shared: whether it may come again and the ledger would not tell.
        """
        if self.plan.parent_only or not self.cursor.is_in_scope(task, slice_):
            return
        names = self.fields.columns
        own = {name: value for name, value in task.items() if name in names}
        place = self.cursor.router.partition_of(partition_in(partition))
        record = self.shape.finished(own, place)
        yield from self.cursor.sent(record, slice_, stamp, is_shared=is_shared, partition=partition)


def stamp_of(task: Mapping[str, Any]) -> Millis:
    """Return a task's `modified_at`, 0 where it has none."""
    return to_millis(task.get("modified_at")) or Millis(0)
