"""Search mode: which workspaces find their changed tasks by task search, and what the search found.

One search page names a hundred changed tasks, subtasks and tasks in no project, where listings cost
a request per project, user and task with subtasks. Its weaknesses (searchTasksForWorkspace): paid
plans only, an index that lags, 60 requests a minute of its own, no offset, unstable order. So it
steps back by an overlap, skips what was sent already, and any doubt sends the workspace back to
listings in the same sync.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from source_asana.components.cursors_family import TaskFamilyCursor

LOGGER = logging.getLogger("airbyte.source_asana.search")

SEARCHES_PER_MINUTE = 60
MINUTE = 60_000
MOST_RECENT = 2000
# With fewer pages than this, search is taken whatever the listings would cost.
CHEAP_PAGES = 10
WAKE_SECONDS = 1.0


class Recent:
    """The versions of a workspace's tasks that were dealt with within the overlap.

    So that a search need not repeat them.
    """

    def __init__(self, versions: Mapping[str, int] | None = None) -> None:
        self._versions = {int(gid): modified for gid, modified in (versions or {}).items()}

    def knows(self, gid: int, modified: int) -> bool:
        """Return whether exactly this version was dealt with."""
        return self._versions.get(gid) == modified

    def add(self, gid: int, modified: int) -> None:
        """Note a version."""
        if modified >= self._versions.get(gid, 0):
            self._versions[gid] = modified

    def since(self, floor: int) -> dict[str, int]:
        """Return the versions from `floor` on, the newest 2,000: `{gid: modified_at}`."""
        kept = sorted(
            ((modified, gid) for gid, modified in self._versions.items() if modified >= floor),
            reverse=True,
        )[:MOST_RECENT]
        return {str(gid): modified for modified, gid in kept}


class Search:
    """One workspace's search in this sync.

    Attributes:
        workspace: its gid.
        after: the bound of `modified_at` that is searched from, milliseconds.
        most_pages: pages after which listings are cheaper.
        succeeded: whether it found everything; None before that is known.
        refused_for_plan: whether the workspace's plan has no search.
    """

    def __init__(self, workspace: str, after: int, most_pages: int | None) -> None:
        self.workspace = workspace
        self.after = after
        self.most_pages = most_pages
        self.succeeded: bool | None = None
        self.refused_for_plan = False
        self._condition = threading.Condition()

    def decide(self, *, succeeded: bool) -> None:
        """Say how the search ended."""
        with self._condition:
            if self.succeeded is None:
                self.succeeded = succeeded
            self._condition.notify_all()

    def wait(self, stopped: Callable[[], Exception | None]) -> bool:
        """Return whether the search found everything, once that is known."""
        with self._condition:
            while self.succeeded is None:
                self._condition.wait(WAKE_SECONDS)
                stop = stopped()
                if stop:
                    raise stop
            return self.succeeded


class Searches:
    """The searches of a sync, and what the cursors of the task streams know together."""

    def __init__(self, overlap_minutes: int) -> None:
        self.overlap = overlap_minutes * MINUTE
        self.enabled = False
        self.family: list[TaskFamilyCursor] = []
        self.by_workspace: dict[str, Search] = {}

    def plan(self, workspaces: Iterable[str], *, per_minute: float, forced: bool) -> None:
        """Choose the workspaces to search.

        Those whose every task stream has a bound for the whole of it.

        Args:
            workspaces: gids of the selected workspaces.
            per_minute: standard requests a minute.
            forced: whether search is wanted even where listings would take less time.
        """
        for gid in workspaces:
            bounds = [cursor.bounds.get(gid) for cursor in self.family]
            if not self.enabled or not bounds or None in bounds:
                continue
            after = min(bound for bound in bounds if bound is not None) - self.overlap
            keys = max(len(cursor.bounds) for cursor in self.family)
            pages = max(CHEAP_PAGES, int(keys * SEARCHES_PER_MINUTE / per_minute))
            self.by_workspace[gid] = Search(gid, after, None if forced else pages)
            LOGGER.info("Workspace %s: changed tasks are searched for.", gid)

    def succeeded(self) -> set[str]:
        """Return the workspaces whose search found everything."""
        return {gid for gid, search in self.by_workspace.items() if search.succeeded}

    def known(self, key: str) -> bool:
        """Return whether every task stream has read this partition before."""
        return all(key in cursor.bounds for cursor in self.family)

    def compared(self, key: str) -> bool:
        """Return whether a stream's listing pass has come to this partition."""
        # Every cursor is asked: each rolls its own pass.
        return any(cursor.compared(key) for cursor in self.family)

    def users_needed(self, workspace: str) -> bool:
        """Return whether listings by user are wanted in a searched workspace.

        For the pass, and where no user's was read before: search shows what changed only.
        """
        prefix = f"{workspace}/"
        # Copied at once: partitions that complete meanwhile add their bounds.
        keys = [list(cursor.bounds) for cursor in self.family]
        known = [{key for key in found if key.startswith(prefix)} for found in keys]
        if not all(known):
            return True
        return any(self.compared(key) for key in sorted(set[str]().union(*known)))
