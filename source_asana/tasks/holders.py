"""Finds by search the tasks that have attachments, so that the others are not asked."""

from __future__ import annotations

import logging

from source_asana.http.budget import SEARCHES_PER_MINUTE
from source_asana.http.clock import Millis
from source_asana.http.errors import AsanaError
from source_asana.tasks.search_walk import SearchRequest, stepped

LOGGER = logging.getLogger("airbyte.source_asana.search")


class Holders:
    """Finds the tasks and subtasks of a workspace that have attachments.

    A page of a search takes a second of its quota, another request a fraction of one. So the search
    continues only as long as it spares more time than it takes, and resumes when more tasks are
    known. On a plan without search every task is asked.

    Args:
        workspace: its gid.
        request: the search, without parameters.
        since: tasks that changed later may have attachments all the same, as the index lags.

    Attributes:
        asked: how many tasks were asked without the search.
    """

    def __init__(self, workspace: str, request: SearchRequest, since: Millis) -> None:
        self.since = since
        self.asked = 0
        self._workspace = workspace
        self._budget = request.client.budget
        self._gids: set[int] = set()
        self._searches = 0
        self._state = "open"
        self._pages = stepped(request)

    def among(self, known: int) -> set[int] | None:
        """Return the gids of all that have attachments; None where asking each is quicker.

        Args:
            known: how many tasks were named so far, the asked ones included, and will be.
        """
        try:
            while self._state == "open" and self._pays(known - self.asked):
                self._search()
        except AsanaError as error:
            self._state = "failed"
            LOGGER.info(
                "Workspace %s: every task is asked for attachments, as search cannot be used (%s).",
                self._workspace,
                error,
            )
        return self._gids if self._state == "complete" else None

    def _search(self) -> None:
        self._searches += 1
        page = next(self._pages, None)
        if page is None:
            self._state = "complete"
        else:
            self._gids.update(int(task["gid"]) for task in page)

    def _pays(self, known: int) -> bool:
        # One more search shows that it has ended.
        seconds = (self._searches + 2) * 60 / SEARCHES_PER_MINUTE
        return seconds <= (known - len(self._gids)) * 60 / self._budget.per_minute
