"""The feed of tasks.

Groups of tasks and subtasks in compact arrays, walked once and handed on when they are whole.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from source_asana.components.feeds import Ending, Feed, Log, Passage


class Group:
    """The tasks of one listing (a project's, or a user's in no project) with all their subtasks.

    Or of one shared task.

    A task that can be reached from several places and has subtasks gets a group of its own, which
    belongs to all of them: it is walked once, and each of its owners waits for it. Only for an
    owner that wants older changes than the walk sends (a project that is new, or that failed
    before) it is walked anew.

    Attributes:
        floor: the oldest instant of change that the walks of this group send; None for everything.
    """

    __slots__ = (
        "begun",
        "closed",
        "digest",
        "ending",
        "floor",
        "gids",
        "item",
        "key",
        "modified",
        "open",
        "owners",
        "parents",
        "shared",
        "subgroups",
    )

    def __init__(
        self, key: str, begun: int | None, item: Mapping[str, Any], floor: int | None = None
    ) -> None:
        self.key = key
        self.begun = begun
        self.item = item
        self.floor = floor
        self.open = 1
        self.closed = False
        self.ending = Ending.COMPLETE
        self.gids = array("q")
        self.modified = array("q")
        self.shared = bytearray()
        self.owners: list[Group] = []
        self.subgroups: list[Group] = []
        self.parents: list[str] = []
        self.digest = 0

    def add(self, gid: str, modified: int, *, shared: bool) -> None:
        """Remember one task.

        Gid, `modified_at` in milliseconds, whether it may stand in another group as well.
        """
        self.gids.append(int(gid))
        self.modified.append(modified)
        self.shared.append(shared)

    def _tree(self) -> list[Group]:
        found, stack = {id(self): self}, [self]
        while stack:
            for group in stack.pop().subgroups:
                if id(group) not in found:
                    found[id(group)] = group
                    stack.append(group)
        return list(found.values())

    def wants_more_than(self, other: Group) -> bool:
        """Return whether older changes are wanted here than there."""
        return other.floor is not None and (self.floor is None or self.floor < other.floor)

    def above(self) -> set[int]:
        """Return the ids of this group and of all that wait for it."""
        found, stack = {id(self)}, [self]
        while stack:
            new = [owner for owner in stack.pop().owners if id(owner) not in found]
            found.update(map(id, new))
            stack.extend(new)
        return found

    def size(self) -> int:
        """Return the number of tasks here and in the groups below."""
        return sum(len(group.gids) for group in self._tree())

    def total(self) -> int:
        """Return the sum of the digests here and in the groups below."""
        return sum(group.digest for group in self._tree())

    def walked(self) -> Iterator[tuple[str, Group]]:
        """Yield the tasks whose subtasks were walked, each with its group."""
        for group in self._tree():
            for gid in group.parents:
                yield gid, group

    def entries(self) -> Iterator[tuple[int, int, bool]]:
        """Yield (modified_at, gid, shared) of the tasks here and in the groups below."""
        for group in self._tree():
            below = bool(group.owners)
            for modified, gid, shared in zip(group.modified, group.gids, group.shared, strict=True):
                yield modified, gid, bool(shared) or below


class Walk(NamedTuple):
    """A task whose subtasks are to be read.

    `again` is the listing for which they are read once more.
    """

    gid: str
    group: Group
    again: Group | None = None


class TaskFeed(Log[Group]):
    """Tasks and subtasks, handed to child streams group by group when a group is whole."""

    def __init__(self, stopped: Callable[[], Exception | None]) -> None:
        super().__init__("tasks", stopped)
        self.walks = Passage[Walk]("subtasks", stopped)
        self.walking = False
        self.keys: set[str] = set()
        self.workspaces: dict[str, set[str]] = {}
        self.keys_complete = False
        self.floor: Callable[[str, str | None], int | None] = lambda _key, _workspace: None
        self._nodes: dict[str, Group] = {}
        self._listeners: list[Callable[[Group], None]] = []

    def listen(self, listener: Callable[[Group], None]) -> None:
        """Have `listener` called with each top-level group when it is closed.

        In the thread that closed it.
        """
        self._listeners.append(listener)

    def announced(self, ending: Ending) -> None:
        """Say that all task listings are expected by now."""
        self.keys_complete = ending is Ending.COMPLETE
        super().announced(ending)
        self.walks.announced(ending)

    def note(self, key: str, workspace: str) -> None:
        """Remember that there is a listing with this state key.

        Whether or not it is read in this sync.
        """
        with self._condition:
            self.keys.add(key)
            self.workspaces.setdefault(workspace, set()).add(key)

    def expect_listing(self) -> None:
        """Count one more task listing."""
        self.expect()
        self.walks.expect()

    def begin(self, key: str, begun: int | None, item: Mapping[str, Any]) -> Group:
        """Return the group of a listing that starts now."""
        return Group(key, begun, item, self.floor(key, item.get("workspace_gid")))

    def add(self, group: Group, gid: str, modified: int, *, shared: bool, subtasks: bool) -> None:
        """Put a task into `group` and, where it has subtasks, have them walked once.

        Whoever lists it first.
        """
        if not (subtasks and self.walking):
            # Several walks fill one group at a time: a gid must not get another task's stamp.
            with self._condition:
                group.add(gid, modified, shared=shared)
            return
        if not shared:
            with self._condition:
                group.add(gid, modified, shared=False)
                group.open += 1
            self._walk(gid, group)
            return
        with self._condition:
            node = self._nodes.get(gid)
            if node is not None and id(node) in group.above():
                # Tasks changed places meanwhile: whoever waits for this group waits for that walk
                # already.
                return
            new = node is None or group.wants_more_than(node)
            if node is None or new:
                node = self._nodes[gid] = Group(group.key, group.begun, group.item, group.floor)
            node.owners.append(group)
            group.subgroups.append(node)
            if node.closed:
                _inherit(group, node)
                group.ending = max(group.ending, node.ending)
            else:
                group.open += 1
        if new:
            node.add(gid, modified, shared=True)
            self._walk(gid, node)

    def _walk(self, gid: str, group: Group) -> None:
        with self._condition:
            group.parents.append(gid)
        self.walks.expect()
        self.walks.put([Walk(gid, group)])

    def walk_again(self, gid: str, group: Group, top: Group) -> None:
        """Have the subtasks of a task walked once more, for `top`, whose listing is over."""
        self.walks.expect()
        self.walks.put([Walk(gid, group, top)])

    def count(self, group: Group, digest: int) -> None:
        """Add to the digest of a group's subtasks."""
        with self._condition:
            group.digest += digest

    def walked(self, group: Group, ending: Ending) -> None:
        """Count one walk of `group` as over."""
        self._over(group, ending)
        self.walks.ended(ending)

    def listed(self, group: Group, ending: Ending) -> None:
        """Count the listing of `group` as over."""
        self._over(group, ending)
        self.walks.ended(ending)

    def _over(self, group: Group, ending: Ending) -> None:
        closed: list[Group] = []
        with self._condition:
            pending = [(group, ending)]
            while pending:
                current, how = pending.pop()
                current.ending = max(current.ending, how)
                current.open -= 1
                if current.open or current.closed:
                    continue
                current.closed = True
                if current.owners:
                    for owner in current.owners:
                        _inherit(owner, current)
                    pending.extend((owner, current.ending) for owner in current.owners)
                else:
                    closed.append(current)
        for done in closed:
            ending = Ending.FAILED
            try:
                for listener in self._listeners:
                    listener(done)
                if done.ending is not Ending.FAILED:
                    self.put([done])
                ending = done.ending
            finally:
                # Whatever went wrong there: readers must not wait for ever.
                self.ended(ending)


def _inherit(owner: Group, node: Group) -> None:
    """Have the owner begin with what is below it.

    What changed there since is for the next sync, whoever lists it then.
    """
    if owner.begun is not None and node.begun is not None:
        owner.begun = min(owner.begun, node.begun)


class Feeds:
    """The feeds of one sync by name."""

    def __init__(self, stopped: Callable[[], Exception | None]) -> None:
        self.stopped = stopped
        self.tasks = TaskFeed(self.stopped)
        self._feeds: dict[str, Feed] = {}
        self._lock = threading.Lock()

    def of(self, name: str) -> Feed:
        """Return the feed of a parent stream: one for whoever fills it and whoever reads it."""
        with self._lock:
            if name not in self._feeds:
                self._feeds[name] = Feed(name, self.stopped, recursive=name == "portfolios")
            return self._feeds[name]
