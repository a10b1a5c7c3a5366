"""Finds by search the tasks that have attachments, at first reads: others are not asked."""

from __future__ import annotations

import logging
from collections.abc import Callable

from source_asana.core.task_list import Shown
from source_asana.http.budget import SEARCHES_PER_MINUTE
from source_asana.http.clock import Millis
from source_asana.http.errors import AsanaError
from source_asana.tasks.feed import TaskFeed
from source_asana.tasks.finders import SearchRequest, stepped

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
