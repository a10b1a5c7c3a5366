"""Ways to find what changed in a workspace without reading its listings; search is one.

Each takes the workspaces that it can cover in this sync and that none before it has taken. Where it
gives up, the listings of the workspace are read.

One page of a search shows a hundred changed tasks, subtasks and tasks in no project, where listings
cost a request per project, user and task with subtasks. Its weaknesses (searchTasksForWorkspace):
it needs a paid plan, its index lags, it has a quota of 60 requests a minute, no offset, and no
stable order. So it looks back by an overlap, and any doubt sends the workspace to its listings in
the same sync.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from typing_extensions import override

from source_asana.components.retriever import AsanaRetriever
from source_asana.core.listings import Listings
from source_asana.counts import Counts
from source_asana.cursors.sending import Raw
from source_asana.cursors.strategies import Part
from source_asana.http.attempts import body_of, send
from source_asana.http.budget import FREE_PER_MINUTE, SEARCHES_PER_MINUTE
from source_asana.http.client import Client
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import AsanaError, PartitionFailed, Rule, Verdict
from source_asana.http.stop import Stop
from source_asana.parents.feeds import Item
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.search")
MINUTE = 60_000
PAGE = 100
# With fewer pages than this, a search is used whatever the listings would cost.
CHEAP_PAGES = 10
BY_CREATION = {"sort_by": "created_at", "sort_ascending": "true", "limit": PAGE}
UNSTEPPABLE = Rule("search cannot be stepped through")
FORBIDDEN = Rule("a page is full of tasks that the token may not see")
TOO_MANY = Rule("listings are cheaper")


class WorkspaceSlice(Slice):
    """Covers what is found in one workspace without its listings; threads wait for its end.

    Its records belong to many partitions.

    Attributes:
        succeeded: whether it found everything; None before that is known.
    """

    def __init__(self, workspace: str, field: str) -> None:
        super().__init__({field: workspace}, key=workspace, item={"workspace_gid": workspace})
        # Tasks that no listing shows are not in it, so it says nothing about those.
        self.is_filtered = True
        self.succeeded: bool | None = None
        self._condition = threading.Condition()

    def finish(self, *, succeeded: bool) -> None:
        """Take note of how it ended; the first call counts."""
        with self._condition:
            if self.succeeded is None:
                self.succeeded = succeeded
            self._condition.notify_all()

    def wait(self, stop: Stop) -> bool:
        """Wait until it is known whether it found everything, and return that."""
        with self._condition:
            stop.wait(self._condition, lambda: self.succeeded is not None)
            return bool(self.succeeded)


class Search(WorkspaceSlice):
    """One workspace's search in this sync.

    Attributes:
        after: the instant of change that is searched from.
        most_pages: pages after which listings are cheaper; None for no limit.
        is_refused_for_plan: whether the workspace's plan has no search.
    """

    found_by = "search"

    def __init__(self, workspace: str, after: Millis, most_pages: int | None) -> None:
        super().__init__(workspace, "search_in_workspace")
        self.after = after
        self.most_pages = most_pages
        self.is_refused_for_plan = False


OneSlice = TypeVar("OneSlice", bound=WorkspaceSlice)


class Finder(ABC, Generic[OneSlice]):
    """Finds what changed in whole workspaces.

    Args:
        runtime: what all streams share.
        selected: what the selected task streams keep of their listings; filled later.

    Attributes:
        by_workspace: its slices in this sync.
    """

    def __init__(self, runtime: Runtime, selected: Sequence[Listings]) -> None:
        self._runtime = runtime
        self._selected = selected
        self.by_workspace: dict[str, OneSlice] = {}

    def parts(self) -> Mapping[str, Part]:
        """Return what it has in the state of one task stream."""
        return {}

    @abstractmethod
    def plan(self, workspaces: Collection[str]) -> Collection[str]:
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

    def read(self, slice_: WorkspaceSlice, tasks: AsanaRetriever) -> Iterator[Any]:
        """Yield a slice's records, if it is its own or a search that is too large; decide it.

        Args:
            slice_: of this finder, or of another one.
            tasks: the retriever of the tasks.
        """
        del slice_, tasks
        yield from ()

    def end(self) -> None:
        """Wait until it is known which workspaces were covered."""
        for slice_ in self.by_workspace.values():
            slice_.wait(self._runtime.stop)

    def give_up(self) -> None:
        """Decide what nobody has decided, so that no one waits for it."""
        for slice_ in self.by_workspace.values():
            slice_.finish(succeeded=False)

    def covered(self, workspace: str) -> bool:
        """Return whether all changes in a workspace were found."""
        slice_ = self.by_workspace.get(workspace)
        return slice_ is not None and bool(slice_.succeeded)

    def shown_until(self, listing: str, workspace: str) -> Millis | None:
        """Return up to when it has shown all of a listing, None where it has not."""
        del listing, workspace
        return None


class SearchFinder(Finder[Search]):
    """Has a workspace searched if every selected stream has a watermark for it.

    The retriever of the tasks reads searches itself.

    Attributes:
        overlap: how far a search steps back behind the last sync, milliseconds.
    """

    def __init__(self, runtime: Runtime, selected: Sequence[Listings]) -> None:
        super().__init__(runtime, selected)
        self.overlap = runtime.settings.search_overlap_minutes * MINUTE

    @override
    def plan(self, workspaces: Collection[str]) -> Collection[str]:
        settings, selected = self._runtime.settings, self._selected
        if settings.may_search and selected and all(stream.is_tracked for stream in selected):
            for gid in sorted(workspaces):
                marks = [stream.watermarks.get(gid) for stream in selected]
                known = [mark for mark in marks if mark is not None]
                if len(known) == len(marks):
                    after = Millis(min(known) - self.overlap)
                    self.by_workspace[gid] = Search(gid, after, self._most_pages())
                    LOGGER.info("Workspace %s: changed tasks are found by search.", gid)
        return self.by_workspace

    def _most_pages(self) -> int | None:
        if self._runtime.settings.change_detection == "search":
            return None
        listings = max(len(stream.instants) for stream in self._selected)
        per_minute = self._runtime.client.budget.per_minute
        return max(CHEAP_PAGES, int(listings * SEARCHES_PER_MINUTE / per_minute))

    @override
    def slices(self, listed: Mapping[str, Mapping[str, Item]] | None) -> Iterator[Slice]:
        del listed
        yield from self.by_workspace.values()

    def fall_back(self, search: Search, error: AsanaError) -> None:
        """Send a searched workspace to its listings and log why."""
        LOGGER.info(
            "Workspace %s: changed tasks are found by listings, as search cannot be used (%s).",
            search.key,
            error,
        )
        search.is_refused_for_plan = error.verdict.status == 402
        search.finish(succeeded=False)
        searches = self.by_workspace.values()
        is_free = all(one.is_refused_for_plan for one in searches)
        if is_free and len(searches) == len(self._runtime.workspaces):
            self._runtime.client.budget.set_quota(FREE_PER_MINUTE)


@dataclass(frozen=True)
class SearchRequest:
    """Holds what a search is sent with.

    Attributes:
        client: what all requests share.
        path: of the search in one workspace.
        counts: where the requests are counted.
        params: what is searched for, and the fields to bring.
        headers: request headers.
    """

    client: Client
    path: str
    counts: Counts
    params: Mapping[str, Any]
    headers: Mapping[str, str]

    def send(self, **further: Any) -> list[Raw]:
        """Return one page of the search with further parameters."""
        response = send(
            self.client,
            self.path,
            counts=self.counts,
            params={**BY_CREATION, **self.params, **further},
            headers=self.headers,
        )
        found: list[Raw] = body_of(response)["data"]
        return found


def changed(
    request: SearchRequest, search: Search, room: AbstractContextManager[object]
) -> Iterator[list[Raw]]:
    """Yield the pages of what changed in a workspace, no task twice; errors as in `stepped`."""
    after = {"modified_at.after": from_millis(search.after), **request.params}
    yield from stepped(
        replace(request, params=after),
        too_many=lambda pages: search.most_pages is not None and pages > search.most_pages,
        room=room,
    )


def stepped(
    request: SearchRequest,
    *,
    too_many: Callable[[int], bool] = lambda _: False,
    room: AbstractContextManager[object] | None = None,
) -> Iterator[list[Raw]]:
    """Yield the pages of a search by creation time, no task twice.

    Args:
        request: what is searched for.
        too_many: whether a page of this number is one too many.
        room: held while a page is there.

    Raises:
        AsanaError: the search cannot be used (plan, failure, a page of equal stamps or of forbidden
            tasks, too many pages): what it was to find has to be listed instead.
    """
    seen: set[str] = set()
    step: dict[str, str] = {}
    pages = barren = 0
    doubted = False

    def asked(**order: Any) -> list[Raw]:
        nonlocal pages
        pages += 1
        if too_many(pages):
            raise PartitionFailed(Verdict(TOO_MANY, 200, f"there are more than {pages - 1} pages"))
        return request.send(**step, **order)

    while True:
        with room or nullcontext():
            page = asked()
            fresh = [task for task in page if task["gid"] not in seen]
            seen.update(task["gid"] for task in fresh)
            yield fresh
        full = len(page) >= PAGE
        before = step
        if page:
            last = max(to_millis(task.get("created_at")) or 0 for task in page)
            step = {"created_at.after": from_millis(last - 1)}
        if full and (step == before or not fresh):
            raise PartitionFailed(
                Verdict(UNSTEPPABLE, 200, f"{PAGE} tasks were created at the same time")
            )
        barren = 0 if fresh else barren + 1
        # Results are filtered by access after the page is cut: a short page, even an empty one, is
        # the end only where the other end of what is left shows nothing new.
        if not full and not (fresh and doubted):
            with room or nullcontext():
                newest = asked(sort_ascending="false", opt_fields="created_at")
            # No newest at all: a hundred tasks that the token may not see are newer than the page.
            if (newest or not fresh) and all(task["gid"] in seen for task in newest):
                return
            if barren > 1:
                raise PartitionFailed(
                    Verdict(FORBIDDEN, 200, "a page has nothing that the token may see")
                )
            doubted = True
