"""One workspace's search for changed tasks: its pages by creation time, and whether it found all.

One page shows a hundred changed tasks, subtasks and tasks in no project, where listings cost a
request per project, user and task with subtasks. Its weaknesses (searchTasksForWorkspace): it needs
a paid plan, its index lags, it has a quota of 60 requests a minute, no offset, and no stable order.
So it looks back by an overlap, and any doubt sends the workspace to its listings in the same sync.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from source_asana.counts import Counts
from source_asana.cursors.sending import Raw
from source_asana.http.attempts import body_of, send
from source_asana.http.client import Client
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import Action, PartitionFailed, Rule, Verdict
from source_asana.http.stop import Stop

# With fewer pages than this, a search is used whatever the listings would cost.
CHEAP_PAGES = 10


class Scan:
    """Stands for a way past the listings of one workspace; threads wait for its end.

    Attributes:
        workspace: its gid.
        succeeded: whether it found everything; None before that is known.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
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


class Search(Scan):
    """One workspace's search in this sync.

    Attributes:
        after: the instant of change that is searched from.
        most_pages: pages after which listings are cheaper; None for no limit.
        is_refused_for_plan: whether the workspace's plan has no search.
    """

    def __init__(self, workspace: str, after: Millis, most_pages: int | None) -> None:
        super().__init__(workspace)
        self.after = after
        self.most_pages = most_pages
        self.is_refused_for_plan = False


PAGE = 100
BY_CREATION = {"sort_by": "created_at", "sort_ascending": "true", "limit": PAGE}
UNSTEPPABLE = Rule((), None, Action.FAIL, "search cannot be stepped through")
FORBIDDEN = Rule((), None, Action.FAIL, "a page is full of tasks that the token may not see")
TOO_MANY = Rule((), None, Action.FAIL, "listings are cheaper")


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
            limited_by=self.client.search_budget,
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
