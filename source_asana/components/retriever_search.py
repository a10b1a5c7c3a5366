"""The walk of one search: pages by creation time under a fixed bound of change.

Source: searchTasksForWorkspace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from source_asana.components.attempts import body_of, send
from source_asana.components.budget import FREE_PER_MINUTE
from source_asana.components.clock import from_millis, to_millis
from source_asana.components.errors import Action, AsanaError, PartitionFailed, Rule, Verdict
from source_asana.components.runtime import Runtime
from source_asana.components.search import SEARCHES_PER_MINUTE, Search

LOGGER = logging.getLogger("airbyte.source_asana.search")

Raw = dict[str, Any]
PAGE = 100
BY_CREATION = {"sort_by": "created_at", "sort_ascending": "true", "limit": PAGE}
UNSTEPPABLE = Rule((), None, Action.FAIL, "search cannot be stepped through")
HIDDEN = Rule((), None, Action.FAIL, "a page is full of tasks hidden from the token")
TOO_MANY = Rule((), None, Action.FAIL, "listings are cheaper")


def found(
    runtime: Runtime,
    search: Search,
    *,
    stream: str,
    path: str,
    params: dict[str, Any],
    headers: dict[str, str],
) -> Iterator[list[Raw]]:
    """Yield the pages of what changed in a workspace, no task twice; errors as in `stepped`."""
    yield from stepped(
        runtime,
        _url(runtime, path, search.workspace),
        stream=stream,
        params={"modified_at.after": from_millis(search.after), **params},
        headers=headers,
        too_many=lambda pages: search.most_pages is not None and pages > search.most_pages,
        room=runtime.room,
    )


class Holders:
    """Which tasks and subtasks of a workspace have attachments, by a search.

    A search page takes a second of its quota, a request a fraction of one. So the search goes on
    only as far as it spares more time than it takes, and is taken up again when more tasks are
    known. On a plan without search every task is asked.

    Attributes:
        since: instant in ms; what changed later may have attachments all the same.
        asked: how many tasks were asked without the search.
    """

    def __init__(
        self, runtime: Runtime, workspace: str, *, stream: str, path: str, headers: dict[str, str]
    ) -> None:
        self.since = (runtime.clock.bound() or 0) - runtime.searches.overlap
        self.asked = 0
        self._runtime = runtime
        self._workspace = workspace
        self._gids: set[int] = set()
        self._searches = 0
        self._state = "open"
        self._pages = stepped(
            runtime,
            _url(runtime, path, workspace),
            stream=stream,
            params={"has_attachment": "true", "opt_fields": "created_at"},
            headers=headers,
        )

    def among(self, known: int) -> set[int] | None:
        """Return the gids of all that have attachments; None where asking each is quicker.

        Args:
            known: how many tasks were named so far, the asked ones included, and will be.
        """
        try:
            while self._state == "open" and self._pays(known - self.asked):
                self._searches += 1
                page = next(self._pages, None)
                if page is None:
                    self._state = "complete"
                else:
                    self._gids.update(int(task["gid"]) for task in page)
        except AsanaError as error:
            self._state = "failed"
            LOGGER.info(
                "Workspace %s: every task is asked for attachments (%s).", self._workspace, error
            )
        return self._gids if self._state == "complete" else None

    def _pays(self, known: int) -> bool:
        # The end of a search is known after one more.
        seconds = (self._searches + 2) * 60 / SEARCHES_PER_MINUTE
        return seconds <= (known - len(self._gids)) * 60 / self._runtime.budget.per_minute


def stepped(
    runtime: Runtime,
    url: str,
    *,
    stream: str,
    params: dict[str, Any],
    headers: dict[str, str],
    too_many: Callable[[int], bool] = lambda _: False,
    room: AbstractContextManager[object] | None = None,
) -> Iterator[list[Raw]]:
    """Yield the pages of a search by creation time, no task twice.

    Args:
        runtime: what all streams share.
        url: of the search.
        stream: for whom the requests are counted.
        params: what is searched for.
        headers: request headers.
        too_many: whether a page of this number is one too many.
        room: held while a page is there.

    Raises:
        AsanaError: the search cannot be used (plan, failure, a page of equal stamps or of hidden
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
            raise PartitionFailed(Verdict(TOO_MANY, 200, f"over {pages - 1} pages are found"))
        response = send(
            runtime,
            url,
            stream=stream,
            params={**BY_CREATION, **step, **params, **order},
            headers=headers,
            search=True,
        )
        found: list[Raw] = body_of(response)["data"]
        return found

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
            raise PartitionFailed(Verdict(UNSTEPPABLE, 200, f"{PAGE} tasks of one creation time"))
        barren = 0 if fresh else barren + 1
        # Results are filtered by access after the page is cut: a short page, even an empty one, is
        # the end only where the other end of what is left shows nothing new.
        if not full and not (fresh and doubted):
            with room or nullcontext():
                newest = asked(sort_ascending="false", opt_fields="created_at")
            if all(task["gid"] in seen for task in newest):
                return
            if barren > 1:
                raise PartitionFailed(Verdict(HIDDEN, 200, "what the token sees lies behind it"))
            doubted = True


def _url(runtime: Runtime, path: str, workspace: str) -> str:
    return f"{runtime.settings.api_url}/{path.format(workspace=workspace).lstrip('/')}"


def fall_back(runtime: Runtime, search: Search, error: AsanaError) -> None:
    """Send the searched workspace to its listings and say why."""
    LOGGER.info(
        "Workspace %s: changed tasks are found by listings, as search cannot be used (%s).",
        search.workspace,
        error,
    )
    search.decide(succeeded=False)
    searches = runtime.searches.by_workspace.values()
    search.refused_for_plan = error.verdict.status == 402
    if len(searches) == len(runtime.workspaces) and all(one.refused_for_plan for one in searches):
        runtime.budget.set_quota(FREE_PER_MINUTE)
