"""Ways to find what changed in a workspace without reading its listings; search is one.

Each takes the workspaces that it can cover in this sync and that none before it has taken. Where it
gives up, the listings of the workspace are read.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from typing_extensions import override

from source_asana.components.retriever import AsanaRetriever
from source_asana.core.hints import Token, Tokens
from source_asana.core.listings import Listings
from source_asana.cursors.strategies import Part, Strategy
from source_asana.http.budget import FREE_PER_MINUTE, SEARCHES_PER_MINUTE
from source_asana.http.clock import Millis
from source_asana.http.errors import AsanaError
from source_asana.parents.feeds import Item
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from source_asana.tasks.search import CHEAP_PAGES, Scan, Search
from source_asana.tasks.slices import ScanSlice, SearchSlice

LOGGER = logging.getLogger("airbyte.source_asana.search")
MINUTE = 60_000


class TaskStream(Strategy):
    """A stream of tasks, as scans and events look at it: what it keeps of its listings."""

    reads_all = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.listings = Listings(self.scan)
        self._tokens = Tokens()

    @property
    def is_tracked(self) -> bool:
        """Whether the stream keeps a state in this sync."""
        return self.plan.is_incremental

    def watermark(self, workspace: str) -> Millis | None:
        """Return up to when it has the changes of a workspace, None where it never had all."""
        with self.lock:
            found = self.listings.watermarks.get(workspace)
            return None if found is None else Millis(found)

    def instant(self, listing: str) -> Millis | None:
        """Return when a listing was covered, None where it never was."""
        with self.lock:
            found = self.listings.instants.get(listing)
            return None if found is None else Millis(found)

    def is_outstanding(self, listing: str, workspace: str) -> bool:
        """Return whether it has to have a listing read completely."""
        with self.lock:
            return self.is_tracked and self.listings.is_outstanding(listing, workspace)

    def known(self) -> list[str]:
        """Return the listings that it knows."""
        with self.lock:
            return list(self.listings.instants)

    def failed_walks(self) -> dict[str, str]:
        """Return the listings of the tasks whose subtasks an earlier sync could not read."""
        with self.lock:
            return self.listings.failed.walks()

    def failed_tasks(self) -> list[str]:
        """Return the hinted tasks that an earlier sync could not read."""
        with self.lock:
            return self.listings.failed.tasks()

    def tasks(self) -> list[tuple[str, str]]:
        """Return (gid, listing) of the tasks whose children were read, or are due."""
        return []

    def has_task(self, gid: str) -> bool:
        """Return whether a task is one of these."""
        del gid
        return False

    def last_sync(self) -> Millis | None:
        """Return when the last sync of the stream began, None before the first."""
        with self.lock:
            marks = self.listings.watermarks.by_key.values()
            return Millis(max(marks)) if marks else None

    def token(self, listing: str) -> Token | None:
        """Return the token from which the events of a project go on, None without one."""
        with self.lock:
            return self._tokens.by_key.get(listing)


OneScan = TypeVar("OneScan", bound=Scan)


class WorkspaceScan(ABC, Generic[OneScan]):
    """Finds what changed in whole workspaces.

    Args:
        runtime: what all streams share.

    Attributes:
        scans: those of this sync, by workspace.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.scans: dict[str, OneScan] = {}

    def parts(self) -> Mapping[str, Part]:
        """Return what it has in the state of one task stream."""
        return {}

    @abstractmethod
    def plan(self, workspaces: Collection[str], selected: Sequence[TaskStream]) -> Collection[str]:
        """Choose among the workspaces; return those that this sync covers in this way."""

    @abstractmethod
    def slices(self, listed: Mapping[str, Mapping[str, Item]] | None) -> Iterator[Slice]:
        """Yield its slices; called in the generator of `tasks`, which then waits for `end`.

        Args:
            listed: workspace -> listing -> item, of all listings that exist; None where they could
                not be listed.
        """

    @property
    def needs_listed(self) -> bool:
        """Whether `slices` has to know the listings."""
        return False

    def read(self, slice_: ScanSlice, tasks: AsanaRetriever) -> Iterator[Any]:
        """Yield a slice's records, if it is its own or a search that is too large; decide it.

        Args:
            slice_: of this scan, or of another one.
            tasks: the retriever of the tasks.
        """
        del slice_, tasks
        yield from ()

    def end(self) -> None:
        """Wait until it is known which workspaces were covered."""
        for scan in self.scans.values():
            scan.wait(self._runtime.stop)

    def give_up(self) -> None:
        """Decide what nobody has decided, so that no one waits for it."""
        for scan in self.scans.values():
            scan.finish(succeeded=False)

    def covered(self, workspace: str) -> bool:
        """Return whether all changes in a workspace were found."""
        scan = self.scans.get(workspace)
        return scan is not None and bool(scan.succeeded)

    def shown_until(self, listing: str, workspace: str) -> Millis | None:
        """Return up to when it has shown all of a listing, None where it has not."""
        del listing, workspace
        return None


class SearchScan(WorkspaceScan[Search]):
    """Has a workspace searched if every selected stream has a watermark for it.

    The retriever of the tasks reads searches itself.

    Attributes:
        overlap: how far a search steps back behind the last sync, milliseconds.
    """

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.overlap = runtime.settings.search_overlap_minutes * MINUTE

    @override
    def plan(self, workspaces: Collection[str], selected: Sequence[TaskStream]) -> Collection[str]:
        settings = self._runtime.settings
        if settings.may_search and selected and all(stream.is_tracked for stream in selected):
            for gid in sorted(workspaces):
                marks = [stream.watermark(gid) for stream in selected]
                known = [mark for mark in marks if mark is not None]
                if len(known) == len(marks):
                    after = Millis(min(known) - self.overlap)
                    self.scans[gid] = Search(gid, after, self._most_pages(selected))
                    LOGGER.info("Workspace %s: changed tasks are found by search.", gid)
        return self.scans

    def _most_pages(self, selected: Sequence[TaskStream]) -> int | None:
        if self._runtime.settings.change_detection == "search":
            return None
        listings = max(len(stream.known()) for stream in selected)
        per_minute = self._runtime.client.budget.per_minute
        return max(CHEAP_PAGES, int(listings * SEARCHES_PER_MINUTE / per_minute))

    @override
    def slices(self, listed: Mapping[str, Mapping[str, Item]] | None) -> Iterator[Slice]:
        del listed
        for search in self.scans.values():
            yield SearchSlice(search)

    def fall_back(self, search: Search, error: AsanaError) -> None:
        """Send a searched workspace to its listings and log why."""
        LOGGER.info(
            "Workspace %s: changed tasks are found by listings, as search cannot be used (%s).",
            search.workspace,
            error,
        )
        search.is_refused_for_plan = error.verdict.status == 402
        search.finish(succeeded=False)
        searches = self.scans.values()
        is_free = all(one.is_refused_for_plan for one in searches)
        if is_free and len(searches) == len(self._runtime.workspaces):
            self._runtime.client.budget.set_quota(FREE_PER_MINUTE)
