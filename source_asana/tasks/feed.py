"""The feed of tasks: what find and walk show, for those who walk and read it.

A thin shell around `core.task_list`: one lock, one condition, and the endings of the listings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from source_asana.core.task_list import Group, OpenWalk, Shown, TaskList
from source_asana.http.clock import Millis
from source_asana.http.stop import Stop
from source_asana.parents.feeds import Ending, Item, ParentFailedError, ParentFeed
from source_asana.parents.slices import is_user_key, workspace_of_key


@dataclass(slots=True)
class Listing:
    """A listing of tasks that exists, be it read in this sync or not.

    Attributes:
        key: a project, or `workspace/user`.
        item: the project's (or user's) entry in its feed.
        began: the server's time before its first request; None unless all of it, or what changed
            in it since it was covered, was read.
        is_whole: whether all of it was read.
        is_passed_over: whether this sync does not read it, as a search, or its events, tell
            what changed in it.
        was_answered: whether it was read in this sync and ended without a failure.
    """

    key: str
    item: Item
    began: Millis | None = None
    is_whole: bool = False
    is_passed_over: bool = False
    was_answered: bool = False

    @property
    def workspace(self) -> str:
        """The gid of its workspace."""
        return str(self.item["workspace_gid"])


class TaskFeed(ParentFeed):
    """Connects the streams of tasks: it is the feed of `tasks` and, below, of `subtasks`.

    Threads: every method may be called by any of them; the lock is held for short, and last: who
    calls may hold the lock of a stream.

    Args:
        stop: wakes those who wait when the sync is aborted.

    Attributes:
        shown: the tasks that were shown; what one of them answers may be asked without the lock.
        named: the listings that exist, by key.
        lists_users: the workspaces whose users are named.
        keys_complete: whether no further listing can exist.
    """

    def __init__(self, stop: Stop) -> None:
        self.shown = TaskList()
        self.named: dict[str, Listing] = {}
        self.lists_users: set[str] = set()
        self.keys_complete = False
        self._stop = stop
        # Listing -> the tasks in it that are walked again once it is named.
        self._to_retry: dict[str, list[str]] = {}
        self._open = 0
        self._is_announced = False
        self._changed = threading.Condition(threading.RLock())

    # ── the listings of `tasks`, as every feed has them ────────────────────────────────────────

    def expect(self) -> None:
        """Count one more slice that shows tasks."""
        with self._changed:
            self._open += 1

    def announced(self, ending: Ending) -> None:
        """Say that all of these slices are expected by now, and how finding them ended."""
        with self._changed:
            self._is_announced = True
            self._end(ending)

    def ended(self, ending: Ending) -> None:
        """Count one of these slices as over."""
        with self._changed:
            self._open -= 1
            self._end(ending)

    def _end(self, ending: Ending) -> None:
        self.ending = max(self.ending, ending)
        self._changed.notify_all()

    # ── find ───────────────────────────────────────────────────────────────────────────────────

    def name(self, key: str, item: Item) -> None:
        """Note that a listing exists, be it read in this sync or not."""
        with self._changed:
            listing = self.named.setdefault(key, Listing(key, item))
            if is_user_key(key):
                self.lists_users.add(listing.workspace)
            self._retry([key])

    def named_all(self, *, is_complete: bool, is_there: Callable[[str], bool]) -> None:
        """Note that no further listing is named.

        Args:
            is_complete: whether no further one can exist.
            is_there: whether a listing exists that was not named.
        """
        with self._changed:
            self.keys_complete = is_complete
            self._retry(filter(is_there, list(self._to_retry)))
            if is_complete:
                # Their listings do not exist any more.
                self._to_retry.clear()

    def _retry(self, listings: Iterable[str]) -> None:
        for listing in listings:
            for gid in self._to_retry.pop(listing, ()):
                self.shown.retry(gid, listing)
        # Also where there are none: those who wait look for more than walks.
        self._changed.notify_all()

    def begin(self, key: str) -> None:
        """Note that a slice begins that shows tasks of this listing, or of this workspace."""
        with self._changed:
            self.shown.begin(key)

    def end(
        self,
        key: str,
        ending: Ending,
        began: Millis | None,
        *,
        is_covered: bool = True,
        is_whole: bool = True,
    ) -> None:
        """Note that it is over.

        Args:
            key: as in `begin`.
            ending: how it ended.
            began: the server's time before its first request; None where no listing was read.
            is_covered: whether all that changed in it was read, if it did not end otherwise.
            is_whole: whether everything was read that it has.
        """
        with self._changed:
            if began is not None and key in self.named:
                listing = self.named[key]
                listing.was_answered = ending is not Ending.FAILED
                listing.began = began if is_covered and ending is Ending.COMPLETE else None
                listing.is_whole = is_whole and listing.began is not None
            self.shown.end(key)
            self.ended(ending)

    def covered(self, key: str, item: Item, began: Millis) -> None:
        """Note that an export has shown all of a listing."""
        with self._changed:
            self.name(key, item)
            self.begin(key)
            self.expect()
            self.end(key, Ending.COMPLETE, began)

    @contextmanager
    def adding(self) -> Iterator[TaskList]:
        """Have tasks added to the list in one step, within the lock."""
        with self._changed:
            yield self.shown
            self._changed.notify_all()

    def wait_until_walked(self) -> None:
        """Wait until no walk is open; further ones may follow."""
        with self._changed:
            self._stop.wait(self._changed, lambda: not self.shown.open_walks)

    # ── walk ───────────────────────────────────────────────────────────────────────────────────

    def walks(self) -> Iterator[OpenWalk | None]:
        """Yield the walks to do as they come; None where listings are over meanwhile."""
        groups, is_last = 0, False
        while not is_last:
            walk, groups, is_last = self._next_walk(groups)
            yield walk

    def _next_walk(self, groups: int) -> tuple[OpenWalk | None, int, bool]:
        with self._changed:
            shown = self.shown
            self._wait(lambda: bool(shown.walks) or len(shown.ended_groups) > groups)
            walk = shown.walks.popleft() if shown.walks else None
            return walk, len(shown.ended_groups), walk is None and self._is_over()

    def walked(self, walk: OpenWalk, ending: Ending, *, is_retried: bool = True) -> None:
        """Note that a walk is over; see `TaskList.walked`."""
        with self._changed:
            is_complete = ending is Ending.COMPLETE
            self.shown.walked(walk, is_complete=is_complete, is_retried=is_retried)
            self._end(ending)

    def retry(self, walks: Mapping[str, str]) -> None:
        """Have tasks walked whose subtasks earlier syncs could not read, if they are still read.

        Args:
            walks: gid -> listing; each is walked once its listing is named.
        """
        with self._changed:
            for gid, listing in walks.items():
                self._to_retry.setdefault(listing, []).append(gid)

    def failed_walks(self) -> dict[str, str]:
        """Return the walks that failed, in this sync or before and not retried: gid -> listing."""
        with self._changed:
            left = {gid: listing for listing, gids in self._to_retry.items() for gid in gids}
            return left | self.shown.failed

    def walk_no_more(self) -> None:
        """Note that nobody takes further walks."""
        with self._changed:
            self.shown.walk_no_more()
            self._end(Ending.FAILED)

    # ── read ───────────────────────────────────────────────────────────────────────────────────

    @property
    def is_over(self) -> bool:
        """Whether find and walk are over, so that nothing can come any more."""
        with self._changed:
            return self._is_over()

    def _is_over(self) -> bool:
        return self._is_announced and not self._open and not self.shown.open_walks

    def wait_until_over(self, known: int | None = None) -> None:
        """Wait until find and walk are over, or so many tasks are known."""
        with self._changed:
            self._wait(lambda: known is not None and len(self.shown.tasks) >= known)

    def block(self, position: int, groups: int) -> tuple[list[str], list[Group]]:
        """Wait for what is new, and return it; two empty lists once nothing can come any more.

        Args:
            position: how far the caller has read the queue.
            groups: how many groups it has taken note of.

        Returns:
            The next entries of the queue, at most 1,000, and the groups of listings that are over.
        """
        with self._changed:
            shown = self.shown
            self._wait(lambda: len(shown.queue) > position or len(shown.ended_groups) > groups)
            return shown.block(position), shown.ended_groups[groups:]

    def tasks(self, gids: Iterable[str]) -> list[tuple[str, Shown]]:
        """Return what was shown of tasks, each of them once."""
        with self._changed:
            return [(gid, self.shown.tasks[gid]) for gid in dict.fromkeys(gids)]

    def _wait(self, until: Callable[[], bool]) -> None:
        self._stop.wait(self._changed, lambda: until() or self._is_over())

    def raise_failure(self) -> None:
        """Raise `ParentFailedError` where a listing or walk failed."""
        if self.ending is Ending.FAILED:
            raise ParentFailedError("the listing of tasks failed")

    # ── what listings have shown ───────────────────────────────────────────────────────────────

    def ended_groups(self, groups: int) -> list[Group]:
        """Return the groups that have ended since the caller took note of so many."""
        with self._changed:
            return self.shown.ended_groups[groups:]

    def known_in(self, workspace: str) -> int:
        """Return how many tasks of a workspace were shown."""
        with self._changed:
            shown = list(self.shown.tasks.values())
        return sum(self.workspace_of(one.listing) == workspace for one in shown)

    def answered(self, keys: Iterable[str]) -> list[Listing]:
        """Return those of these listings that were read without a failure."""
        with self._changed:
            return [self.named[k] for k in keys if k in self.named and self.named[k].was_answered]

    def is_complete(self, key: str, position: int | None = None) -> bool:
        """Return whether a listing was read completely, with all walks below it.

        Args:
            key: the listing's.
            position: how far the caller has read the queue of tasks, which is to be behind the last
                one; None where it does not matter.
        """
        with self._changed:
            listing, group = self.named.get(key), self.shown.group(key)
            is_whole = listing is not None and listing.is_whole
            is_behind = position is None or group.end <= position
            return is_whole and group.is_complete and group.open == 0 and is_behind

    def by_workspace(self) -> dict[str, list[str]]:
        """Return the keys of the listings that exist by workspace."""
        with self._changed:
            found: dict[str, list[str]] = {}
            for listing in self.named.values():
                found.setdefault(listing.workspace, []).append(listing.key)
            return found

    def workspace_of(self, key: str) -> str | None:
        """Return the workspace of a listing, None where it is not known."""
        listing = self.named.get(key)
        if listing is not None:
            return listing.workspace
        return workspace_of_key(key) if is_user_key(key) else None


class SubtaskFeed(ParentFeed):
    """Shows the same feed to streams whose parents are subtasks, which are over when tasks are.

    A walk is expected when its task is listed, and the feed of tasks is told of its end.
    """

    def __init__(self, tasks: TaskFeed) -> None:
        self._tasks = tasks

    @property
    def ending(self) -> Ending:  # type: ignore[override]  # that of the tasks
        """How listings and walks ended so far."""
        return self._tasks.ending

    def announced(self, ending: Ending) -> None:
        """Note that no further walk begins: those that nobody was handed have failed."""
        if ending is Ending.FAILED:
            self._tasks.walk_no_more()
