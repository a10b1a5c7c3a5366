"""Has a search name the tasks that have attachments, at a first read of these.

An estimate of how many tasks are still to come decides how far that search goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from source_asana.http.clock import Millis
from source_asana.parents.slices import is_user_key
from source_asana.runtime import Runtime
from source_asana.tasks.holders import Holders
from source_asana.tasks.tree import TaskTree

Entries = list[tuple[int, int]]


class Owner(Protocol):
    """Describes the policy whose first reads these are."""

    runtime: Runtime

    def bound(self, key: str) -> Millis | None:
        """Return the bound of a listing, None where it was never read to its end."""

    def keys(self) -> list[str]:
        """Return the keys that have a bound."""


class FirstRead:
    """Leaves out, at a first read, the tasks that a search says have no children.

    Args:
        owner: the policy.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._search: Callable[[str], Holders] | None = None
        self._holders: dict[str, Holders] = {}
        # workspace -> how many tasks of first reads there are so far, asked ones included.
        self._new: Counter[str] = Counter()
        self._projects = 0
        self._in_projects = 0
        self._is_first_sync = False

    def use(self, search: Callable[[str], Holders]) -> None:
        """Take what begins a workspace's search; without it every task is asked."""
        self._search = search
        self._is_first_sync = not self._owner.keys()

    def count(self, tree: TaskTree) -> None:
        """Count the tasks of a closed tree; called in the thread that closed it."""
        if self._search and tree.workspace and self._is_new(tree):
            size = tree.size()
            self._new[tree.workspace] += size
            if not is_user_key(tree.key):
                self._projects += 1
                self._in_projects += size

    def _is_new(self, tree: TaskTree) -> bool:
        return tree.key != tree.workspace and self._owner.bound(tree.key) is None

    def _coming(self) -> int:
        """Return how many tasks the other projects of a first sync have, if they are as large."""
        if not (self._is_first_sync and self._projects):
            return 0
        others = max(0, len(self._owner.runtime.feeds.of("projects")) - self._projects)
        return others * self._in_projects // self._projects

    def worth_reading(self, tree: TaskTree, entries: Entries) -> Entries:
        """Return those of a tree's tasks that are worth a request."""
        workspace = tree.workspace
        if self._search is None or workspace is None or not self._is_new(tree):
            return entries
        if workspace not in self._holders:
            self._holders[workspace] = self._search(workspace)
        holders = self._holders[workspace]
        holding = holders.among(self._new[workspace] + self._coming())
        if holding is None:
            holders.asked += len(entries)
            return entries
        return [e for e in entries if e[0] in holding or e[1] >= holders.since]
