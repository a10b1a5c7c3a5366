"""Keeps track of one workspace's search for changed tasks: has it found everything?

One page of a search shows a hundred changed tasks, subtasks and tasks in no project, where listings
cost a request per project, user and task with subtasks. Its weaknesses (searchTasksForWorkspace):
it needs a paid plan, its index lags, it has a quota of 60 requests a minute, no offset, and no
stable order. So it looks back by an overlap, and any doubt sends the workspace to its listings in
the same sync.
"""

from __future__ import annotations

import threading

from source_asana.http.clock import Millis
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
