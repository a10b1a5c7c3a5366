"""Holds what the streams of tasks share in one sync: the feed of trees, and the searches.

A workspace is searched if every selected stream of the family has a bound for all of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from source_asana.http.budget import FREE_PER_MINUTE, SEARCHES_PER_MINUTE
from source_asana.http.clock import Millis
from source_asana.http.errors import AsanaError
from source_asana.parents.feeds import Ending
from source_asana.parents.slices import is_user_key, workspace_of_key
from source_asana.runtime import Runtime
from source_asana.tasks.exports import Export, Jobs
from source_asana.tasks.feed import SubtaskFeed, TaskFeed
from source_asana.tasks.search import CHEAP_PAGES, Search

LOGGER = logging.getLogger("airbyte.source_asana.search")
MINUTE = 60_000


class Member(Protocol):
    """Describes a stream of the family that the user selected."""

    @property
    def is_tracked(self) -> bool:
        """Whether it keeps a state in this sync."""

    def bound(self, key: str) -> Millis | None:
        """Return the bound of a listing or workspace, None where it was never read to its end."""

    def keys(self) -> list[str]:
        """Return the keys that have a bound."""

    def is_passed(self, key: str) -> bool:
        """Return whether its pass has come to a listing."""

    def claim(self, key: str) -> None:
        """Owe a listing that its pass has come to, until it is read whole."""

    def owes(self, workspace: str) -> bool:
        """Return whether the pass over the whole of a workspace is due."""


class TaskFamily:
    """Connects the streams of tasks of one sync.

    Args:
        runtime: what all streams share.

    Attributes:
        feed: tasks and subtasks on their way to the streams that hang on them.
        searches: the searches of this sync by workspace.
        exports: the exports of whole workspaces in this sync, by workspace.
        jobs: the export jobs that a sync left behind.
        keeper: the member whose state holds the jobs.
        overlap: how far a search steps back behind the last sync, milliseconds.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.feed = TaskFeed("tasks", runtime.stop)
        self.searches: dict[str, Search] = {}
        self.exports: dict[str, Export] = {}
        self.jobs = Jobs()
        self.keeper: object = None
        self.overlap = runtime.settings.search_overlap_minutes * MINUTE
        self._members: list[Member] = []
        self._shows_all: bool | None = None
        runtime.feeds.provide("tasks", self.feed)
        runtime.feeds.provide("subtasks", SubtaskFeed(self.feed))

    def join(self, member: Member) -> None:
        """Add a selected stream."""
        self._members.append(member)
        if self.keeper is None and member.is_tracked:
            self.keeper = member

    def plan(self) -> None:
        """Choose who is exported, and who is searched; called once the workspaces are listed."""
        if not (self.exports or self.searches):
            self._plan_exports()
            self.plan_searches()

    def _plan_exports(self) -> None:
        settings = self._runtime.settings
        if not (settings.bulk_export and self._members):
            return
        for gid in sorted(self._runtime.workspaces):
            is_first = any(not m.is_tracked or m.bound(gid) is None for m in self._members)
            if is_first or any(member.owes(gid) for member in self._members):
                self.claim(gid)
                self.exports[gid] = Export(gid)
        self.jobs.keep_wanted(self.exports)

    def finish_exports(self) -> None:
        """Forget the jobs that were read, unless a stream's state may come to lack what they gave.

        Without a state a stream wants a new file each time.
        """
        if not all(member.is_tracked for member in self._members):
            for gid in self.exported():
                self.jobs.drop(gid)

    def has_caught_up(self, workspace: str, bound: Millis) -> bool:
        """Return whether every selected stream has read a workspace up to an instant."""
        return all((member.bound(workspace) or 0) >= bound for member in self._members)

    @property
    def may_show_twice(self) -> bool:
        """Whether a listing may show what a search or export has shown in this sync."""
        return bool(self.searches or self.exports)

    def newest_bound(self, keys: Iterable[str]) -> Millis:
        """Return the latest bound that a member has for one of these listings, 0 without any."""
        bounds = (member.bound(key) for key in keys for member in self._members)
        return Millis(max((bound for bound in bounds if bound is not None), default=0))

    def exported(self) -> dict[str, Export]:
        """Return the exports that showed everything in their workspace."""
        return {gid: export for gid, export in self.exports.items() if export.succeeded}

    def workspace_of(self, key: str) -> str:
        """Return the workspace of a listing that was noted, or of a user's key."""
        for gid, keys in list(self.feed.by_workspace.items()):
            if key in keys:
                return gid
        return workspace_of_key(key)

    def plan_searches(self) -> None:
        """Choose the workspaces to search."""
        settings = self._runtime.settings
        if not settings.may_search or not all(member.is_tracked for member in self._members):
            return
        for gid in sorted(self._runtime.workspaces - self.exports.keys()):
            bounds = [member.bound(gid) for member in self._members]
            known = [bound for bound in bounds if bound is not None]
            if bounds and len(known) == len(bounds):
                after = Millis(min(known) - self.overlap)
                self.searches[gid] = Search(gid, after, self._most_pages())
                LOGGER.info("Workspace %s: changed tasks are found by search.", gid)

    def _most_pages(self) -> int | None:
        if self._runtime.settings.change_detection == "search":
            return None
        keys = max(len(member.keys()) for member in self._members)
        per_minute = self._runtime.client.budget.per_minute
        return max(CHEAP_PAGES, int(keys * SEARCHES_PER_MINUTE / per_minute))

    def searched(self) -> set[str]:
        """Return the workspaces whose search found everything."""
        return {gid for gid, search in self.searches.items() if search.succeeded}

    def fall_back(self, search: Search, error: AsanaError) -> None:
        """Send a searched workspace to its listings and log why."""
        LOGGER.info(
            "Workspace %s: changed tasks are found by listings, as search cannot be used (%s).",
            search.workspace,
            error,
        )
        search.decide(succeeded=False)
        search.is_refused_for_plan = error.verdict.status == 402
        searches = self.searches.values()
        is_free = all(one.is_refused_for_plan for one in searches)
        if is_free and len(searches) == len(self._runtime.workspaces):
            self._runtime.client.budget.set_quota(FREE_PER_MINUTE)

    def shows_all(self) -> bool:
        """Return whether the listings of this sync have shown every task there is.

        After a search they do when the pass has come to all of them. Asked once for each task: the
        answer is kept when the feed is closed.
        """
        if self._shows_all is None or not self.feed.closed:
            self._shows_all = self._listed_all()
        return self._shows_all

    def _listed_all(self) -> bool:
        feed = self.feed
        if not (feed.keys_complete and feed.ending is Ending.COMPLETE and feed.keys <= feed.whole):
            return False
        return not self._runtime.settings.reads_tasks_without_project or all(
            any(map(is_user_key, feed.by_workspace.get(workspace, ())))
            for workspace in self.searches
        )

    def has_read(self, key: str) -> bool:
        """Return whether every selected stream has read a listing before."""
        return all(member.bound(key) is not None for member in self._members)

    def claim(self, key: str) -> None:
        """Have every stream owe a listing that its pass has come to."""
        for member in self._members:
            member.claim(key)

    def is_passed(self, key: str) -> bool:
        """Return whether a stream's listing pass has come to a listing."""
        return any(member.is_passed(key) for member in self._members)

    def needs_users(self, workspace: str) -> bool:
        """Return whether listings by user are read although the workspace was searched.

        That is so when the pass has come to one of them, or when none was read before, as a search
        shows only what changed.
        """
        prefix = f"{workspace}/"
        known = [{key for key in m.keys() if key.startswith(prefix)} for m in self._members]  # noqa: SIM118  # no mapping
        return not all(known) or any(self.is_passed(key) for key in set().union(*known))

    def whole_bound(self, workspace: str, bounds: dict[str, Millis | None]) -> Millis | None:
        """Return the bound of a workspace after complete listings: the oldest of its listings'.

        A search lists unknown projects, but no users, so it may not begin before each user's
        listing was read once. The bound is None until then.

        Args:
            workspace: its gid.
            bounds: the bound of each listing in it.
        """
        if workspace in self.searched():
            return None
        unread = any(is_user_key(key) and bound is None for key, bound in bounds.items())
        known = [bound for bound in bounds.values() if bound is not None]
        return min(known) if known and not unread else None


def family_of(runtime: Runtime) -> TaskFamily:
    """Return the family of this sync; whoever asks first has it made."""
    return runtime.part(TaskFamily)
