"""Stories and attachments: which tasks are asked for them, and how they are read.

A task is asked for them if the children of its version were not read yet.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from typing_extensions import override

from source_asana.components.retriever import EXAMPLES, AsanaRetriever
from source_asana.core.ledger import Ledger
from source_asana.core.partitions import ELSEWHERE, partition_in
from source_asana.core.task_list import Group, Shown
from source_asana.core.versions import Versions, version_of
from source_asana.cursors.strategies import Unread
from source_asana.http.budget import SEARCHES_PER_MINUTE
from source_asana.http.clock import Millis
from source_asana.http.errors import AsanaError, Reach, Verdict
from source_asana.parents.slices import Slice
from source_asana.tasks.feed import Listing, TaskFeed
from source_asana.tasks.finders import SearchRequest, stepped
from source_asana.tasks.routers import TaskRouter
from source_asana.tasks.slices import ChildSlice, OwnSlice
from source_asana.tasks.strategies import TaskStreamStrategy, ended_of
from source_asana.tasks.streams import task_streams

LOGGER = logging.getLogger("airbyte.source_asana.search")


class AttachmentSearch:
    """Finds the tasks and subtasks of a workspace that have attachments.

    A page of a search takes a second of its quota, another request a fraction of one. So the search
    ends where asking each task is quicker. On a plan without search every task is asked.

    Args:
        workspace: its gid.
        request: the search, without parameters.
        since: tasks that changed later may have attachments all the same, as the index lags.
    """

    def __init__(self, workspace: str, request: SearchRequest, since: Millis) -> None:
        self.since = since
        self._workspace = workspace
        self._request = request
        self._per_minute = request.client.budget.per_minute

    def among(self, known: int) -> set[str] | None:
        """Return the gids of all that have attachments; None where asking each is quicker.

        Args:
            known: how many tasks there are.
        """
        found: set[str] = set()
        try:
            pages = stepped(self._request)
            searches = 0
            while self._pays(searches, known - len(found)):
                page = next(pages, None)
                if page is None:
                    return found
                searches += 1
                found.update(task["gid"] for task in page)
        except AsanaError as error:
            LOGGER.info(
                "Workspace %s: every task is asked for attachments, as search cannot be used (%s).",
                self._workspace,
                error,
            )
        return None

    def _pays(self, searches: int, saved: int) -> bool:
        # One more search shows that it has ended.
        seconds = (searches + 2) * 60 / SEARCHES_PER_MINUTE
        return seconds <= saved * 60 / self._per_minute


class TasksWithAttachments:
    """Decides once for each workspace, with the tasks that are known by then; one thread asks.

    Args:
        search: begins the search in a workspace.
        feed: what listings have shown.
    """

    def __init__(self, search: Callable[[str], AttachmentSearch], feed: TaskFeed) -> None:
        self._search = search
        self._feed = feed
        self._found: dict[str, tuple[set[str] | None, Millis]] = {}

    def is_worth_reading(self, gid: str, shown: Shown) -> bool:
        """Return whether a task may have attachments."""
        workspace = self._feed.workspace_of(shown.listing)
        if workspace is None:
            return True
        if workspace not in self._found:
            found = self._search(workspace)
            known = self._feed.known_in(workspace)
            self._found[workspace] = found.among(known), found.since
        holding, since = self._found[workspace]
        return holding is None or gid in holding or shown.modified >= since


ENOUGH_KNOWN = 20_000
"""So many tasks decide whether a search for those with children pays."""


class TaskChildrenStrategy(TaskStreamStrategy):
    """Reads the children of tasks and subtasks, once per version of their task.

    Tasks come in the order in which they are shown, in blocks. The tasks of a block whose version
    was not read are entered as due in one step, and only then are they handed out. A listing that
    is over has an instant once its last task was handed out. From that moment on the state alone
    makes sure that they are read, in every mode and after every interruption. All children of a
    changed task are sent again, as an edited comment shows in no other way.

    Attributes:
        keeps_keys: whether the ledger has the children's keys, to track their deletions.
        attachment_search: at first reads, names the tasks that have attachments; None where each
            task is asked.
    """

    # One question for a task, not one for each of its stories.
    follows_parent = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        assert isinstance(self.router, TaskRouter)
        self._routes: TaskRouter = self.router
        self._versions = self.listings.versions = Versions()
        settings = self.runtime.settings
        self.keeps_keys = settings.track_deletions and self.plan.takes_tombstones
        self.rank = 0 if self.keeps_keys else 1
        self.attachment_search: TasksWithAttachments | None = None
        # The groups of listings that are over, and whose last task is still to be handed out.
        self._groups: list[Group] = []
        # How far the queue of tasks was read, and whether nothing can come any more.
        self._position = 0
        self._is_through = False
        # Project -> how many lists of its own children are not read yet.
        self._own: Counter[str] = Counter()
        # The tasks that were handed out in this sync, and whether events had told by then that they
        # came back.
        self._handed_out: dict[str, bool] = {}
        # More tasks were due than a state may have.
        self._is_full = False

    def search_attachments(self, search: Callable[[str], AttachmentSearch]) -> None:
        """At first reads, have a search in each workspace name the tasks that have children."""
        instants = self.listings.instants
        if self.runtime.settings.may_search and not any(map(instants.get, instants)):
            self.attachment_search = TasksWithAttachments(search, self.feed)

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    @override
    def read_again(self) -> None:
        super().read_again()
        self._versions.clear()

    @override
    def droppable(self) -> list[str]:
        keys = ["keys"] if self.keeps_keys else []
        return keys if self.is_ledger_dropped else [*keys, "versions"]

    @override
    def drop(self, ledger: Ledger) -> int | None:
        if not (names := self.droppable()):
            return None
        name = names[0]
        self.dropped.append(name)
        if name == "keys":
            self.keeps_keys = False
            ledger.drop_partitions(self.is_expired)
            self.rank = 1
            return self.rank
        self._versions.drop_read()
        self.is_ledger_dropped = True
        return None

    @override
    def sends_all(self, slice_: Slice) -> bool:
        # Without the keys of children, all of a task's are sent again when it changed.
        return isinstance(slice_, ChildSlice) and not self.keeps_keys

    @override
    def is_expired(self, partition: str) -> bool:
        # What is sent without an entry would leave the row of an older version behind.
        is_own = "/" in partition_in(partition)
        return not self.keeps_keys and not is_own

    # ── slices ─────────────────────────────────────────────────────────────────────────────────

    @override
    def slices(self) -> Iterator[Slice]:
        if self.attachment_search is not None:
            self.feed.wait_until_over(ENOUGH_KNOWN)
        groups = 0
        while True:
            tasks, ended = self.feed.block(self._position, groups)
            if not tasks and not ended:
                break
            groups += len(ended)
            due = self._worth_reading(self.feed.tasks(tasks))
            with self.lock:
                slices = self._hand_out(due)
                self._position += len(tasks)
                listings = self._ended(ended)
            yield from self._of_projects(listings)
            yield from self._counted(slices)
        self._is_through = True
        yield from self._left_over()
        self.feed.raise_failure()

    def _worth_reading(self, tasks: list[tuple[str, Shown]]) -> list[tuple[str, Shown, bool]]:
        """Return (gid, what was shown, whether it is worth a request) of the tasks to be read."""
        with self.lock:
            found = [(gid, shown) for gid, shown in tasks if self._is_to_read(gid, shown)]
        # Without the lock: a search may follow.
        search = self.attachment_search
        return [
            (gid, shown, search is None or search.is_worth_reading(gid, shown))
            for gid, shown in found
        ]

    def _is_to_read(self, gid: str, shown: Shown) -> bool:
        if self._is_told(gid) or self._is_wanted(gid, shown.modified, self._since(shown.listing)):
            return True
        self._versions.show(gid, self._listing(gid, shown.listing))
        return False

    def _is_told(self, gid: str) -> bool:
        """Return whether events tell of a change that this sync has not read yet."""
        at = self.streams.events.due_at(self.resource, gid)
        if gid not in self._handed_out:
            return at is not None or self._came_back(gid)
        if not self._handed_out[gid] and self._came_back(gid):
            return True
        return at is not None and (at >= self.runtime.certain_until or self._is_doubted(gid))

    def _came_back(self, gid: str) -> bool:
        """Return whether children may be deleted in the destination that the ledger has."""
        return self.keeps_keys and self.doubts is not None and self.doubts.came_back(gid)

    def _is_doubted(self, gid: str) -> bool:
        """Return whether a child was shown before an event named it, and was not sent."""
        if self.doubts is None or not self.keeps_keys:
            return False
        with self.streams.events.named() as named:
            below = list(named.below(gid, (self.resource,)))
        is_doubted = self.doubts.is_doubted
        return any(self.was_shown(one) and is_doubted(one, ()) for one in below)

    def _since(self, listing: str) -> int | None:
        """Return from when on a stream without versions reads the tasks of a listing."""
        workspace = self.feed.workspace_of(listing)
        kept = self.listings
        if listing in self.feed.named and kept.is_outstanding(listing, workspace or ""):
            return kept.instants.get(listing)
        watermark = None if workspace is None else kept.watermarks.get(workspace)
        # The search may not have shown what its index did not show yet.
        return None if watermark is None else watermark - self.streams.search.overlap

    def _is_wanted(self, gid: str, modified: int, since: int | None) -> bool:
        is_old = self.start is not None and modified < self.start
        if (is_old or (self.is_ledger_dropped and since)) and not self._versions.is_known(gid):
            return not is_old and since is not None and modified >= since
        # Without a state these are the tasks whose children an export showed in this sync.
        rereads = self.resends_missing
        return self._versions.is_to_read(gid, version_of(modified), rereads_missing=rereads)

    def _hand_out(self, tasks: list[tuple[str, Shown, bool]]) -> list[ChildSlice]:
        """Enter what is due, and return the slices of what is worth a request."""
        self._is_full |= not self._versions.has_room(len(tasks))
        found = []
        for gid, shown, is_worth in tasks:
            item = self._item(shown.listing)
            if self.runtime.report.closed(self.plan.name, item["workspace_gid"]):
                # Nothing is due where everything is refused: the state would fill with it.
                self.is_refused = True
                continue
            version = version_of(shown.modified)
            if self.streams.events.are_usable:
                self._handed_out[gid] = self._came_back(gid)
            if is_worth:
                slice_ = self._routes.child(gid, version, item)
                slice_.was_read = self.columns.were_read and self._versions.was_read(gid)
                found.append(slice_)
            if self.listings.is_tracked and not self._is_full:
                enter = self._versions.enter_due if is_worth else self._versions.enter_read
                enter(gid, self._listing(gid, shown.listing), version)
        return found

    def _listing(self, gid: str, listing: str) -> str:
        """Return where a task is filed; one that a search found below its parent stays there."""
        known = self._versions.rows.partition_of(gid) if listing == ELSEWHERE else None
        return known or listing

    def _item(self, listing: str) -> dict[str, str | None]:
        return {"workspace_gid": self.feed.workspace_of(listing)}

    def _counted(self, slices: list[ChildSlice]) -> Iterator[Slice]:
        counts = self.runtime.report.counts(self.plan.name)
        counts.ahead += len(slices)
        for slice_ in slices:
            counts.ahead -= 1
            yield slice_

    def _ended(self, ended: list[Group]) -> list[Listing]:
        """Return the listings that are over and whose last task was handed out."""
        done, self._groups = ended_of([*self._groups, *ended], self._position)
        listings = self.answered(done)
        for listing in listings:
            own = self._routes.own(listing.key, listing.item)
            self._own[listing.key] = len(own)
            if not own:
                self.move(listing)
        return listings

    def _of_projects(self, listings: list[Listing]) -> Iterator[Slice]:
        """Yield the slices of what hangs on projects themselves."""
        for listing in listings:
            for slice_ in self._routes.own(listing.key, listing.item):
                slice_.covers = listing.began
                yield slice_

    @override
    def move(self, listing: Listing) -> None:
        if not self._is_full:
            super().move(listing)

    def known_slices(self) -> Iterator[Slice]:
        """Yield slices of tasks whose children earlier syncs have read, or have to read."""
        for gid, listing in self._versions.tasks():
            yield self._routes.child(gid, 0, self._item(listing), is_shown=False)

    @override
    def refused_slices(self) -> Iterator[Slice]:
        for gid, listing, version in self._versions.due():
            yield self._routes.child(gid, version, self._item(listing), is_shown=False)

    def _left_over(self) -> Iterator[Slice]:
        """Yield due tasks that this sync has not shown: their listing was not read, or failed."""
        if not self.listings.is_tracked:
            return
        with self.lock:
            left = list(self._versions.due())
        for gid, listing, version in left:
            with self.lock:
                self._versions.show(gid, listing)
            yield self._routes.child(gid, version, self._item(listing), is_shown=False)

    # ── exports ────────────────────────────────────────────────────────────────────────────────

    def wants(self, gid: str, modified: int, listing: str, *, has_any: bool) -> bool:
        """Return whether the children of a task that an export shows are to be sent.

        They are due then, until the task's slice is complete.

        Args:
            gid: the task's.
            modified: its `modified_at`.
            listing: the listing that it belongs to.
            has_any: whether it has any; without, there is nothing to send and nothing to wait for.
        """
        with self.lock:
            if not self._is_to_read(gid, Shown(modified, listing)):
                return False
            is_due = has_any or self.keeps_keys
            enter = self._versions.enter_due if is_due else self._versions.enter_read
            enter(gid, self._listing(gid, listing), version_of(modified))
            return is_due

    # ── how a slice ends ───────────────────────────────────────────────────────────────────────

    @override
    def complete(self, slice_: Slice) -> None:
        if isinstance(slice_, ChildSlice):
            if self.keeps_keys and self.partitions.has_several(slice_.key):
                # What only the first read showed would pass for shown: the next sync tells.
                return
            self._versions.read(slice_.gid, slice_.version)
        elif isinstance(slice_, OwnSlice):
            self._own[slice_.project] -= 1
            if not self._own[slice_.project] and not self._is_full:
                self.listings.instants.move(slice_.project, slice_.covers)

    @override
    def refused(self, slice_: Slice, verdict: Verdict) -> None:
        # What is refused for other reasons than the task itself stays due. A task that was shown
        # stays due as well, until the next sync, as the refusal may pass.
        if isinstance(slice_, ChildSlice):
            is_forbidden = verdict.rule.reach is Reach.PARTITION and not slice_.is_shown
            if verdict.rule.deleted or is_forbidden:
                self._versions.remove(slice_.gid)

    @override
    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        if isinstance(slice_, OwnSlice):
            return slice_.project in self.listings.instants
        is_wide = reach is not Reach.PARTITION
        return isinstance(slice_, ChildSlice) and (slice_.was_read or is_wide)

    # ── what partitions no longer show ─────────────────────────────────────────────────────────

    @override
    def unread(self, partition: str) -> Unread:
        project, _, own = partition.partition("/")
        if own and self._is_unnamed(project, partition):
            return Unread.EMPTY
        if own:
            is_removed = self.is_listing_removed(project)
        elif self._versions.is_known(partition):
            is_removed = self._versions.is_missing(partition)
        else:
            is_removed = not self.feed.shown.has_shown(partition) and self.streams.shows_all()
        return Unread.REMOVED if is_removed else Unread.UNKNOWN

    def _is_unnamed(self, project: str, partition: str) -> bool:
        """Return whether a project's entry no longer names what a partition is of: its brief."""
        listing = self.feed.named.get(project)
        if listing is None:
            return False
        return all(one.key != partition for one in self._routes.own(project, listing.item))

    @override
    def sweep(self, ledger: Ledger, is_over: Callable[[str], bool]) -> None:
        self._versions.sweep(self._is_listing_over, self.runtime.deleted, ledger.has_partition)
        super().sweep(ledger, is_over)

    def _is_listing_over(self, key: str) -> bool:
        """Return whether all tasks were looked at that a listing has, or that it had."""
        if key == ELSEWHERE:
            return self._is_through and self.full_scan.is_due()
        if self.is_listing_removed(key):
            # Another list may show them now.
            return self._is_through
        return self.feed.is_complete(key, self._position)

    @override
    def has_shown(self, partition: str) -> bool:
        return self._versions.was_shown(partition)

    @override
    def left(self, partition: str) -> None:
        self._versions.remove(partition)

    @override
    def settle(self) -> None:
        if self._is_full:
            return
        super().settle()
        self.warn_of_unproven_deletions()


@dataclass
class ChildRetriever(AsanaRetriever):
    """Reads the children of one task, or of a project itself.

    Attributes:
        attachment_search: path of the search for tasks with attachments, with `{workspace}`.
    """

    attachment_search: str = ""

    @override
    def after_bind(self) -> None:
        strategy = self.cursor.strategy
        assert isinstance(strategy, TaskChildrenStrategy)
        if self.attachment_search:
            strategy.search_attachments(self._search)

    @override
    def examples(self) -> Iterator[tuple[Slice, str | None]]:
        strategy = self.cursor.strategy
        assert isinstance(strategy, TaskChildrenStrategy)
        for slice_ in islice(strategy.known_slices(), EXAMPLES):
            yield slice_, None

    def _search(self, workspace: str) -> AttachmentSearch:
        """Return the search for those tasks of a workspace that have children of this stream."""
        request = SearchRequest(
            self.runtime.client,
            self.attachment_search.format(workspace=workspace),
            self.counts,
            {"has_attachment": "true", "opt_fields": "created_at"},
            self.requester.get_request_headers(),
        )
        now = self.runtime.clock.instant() or 0
        overlap = task_streams(self.runtime).search.overlap
        return AttachmentSearch(workspace, request, Millis(now - overlap))
