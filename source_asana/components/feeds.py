"""Parents, read once per sync and handed to every child stream as they arrive.

The CDK's substream router reads its parent again for each child, one parent after the other; a feed is filled by the
parent stream's own partitions. Every listing in a feed, and the feed as a whole, ends complete, refused or failed: children
of what failed fail, and only a complete feed may drop vanished parents from a state.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Generic, NamedTuple, TypeVar

Item = dict[str, Any]
T = TypeVar("T")
WAKE_SECONDS = 1.0


class Ending(IntEnum):
    """How a listing ended; the worst one of its listings is the feed's."""

    COMPLETE = 0
    REFUSED = 1
    FAILED = 2


class ParentFailedError(Exception):
    """A parent listing failed: what hangs on it cannot be known to be whole."""


class _Log(Generic[T]):
    """An append-only list that several threads iterate while it grows; the end comes when nothing is open any more."""

    def __init__(self, name: str, stopped: Callable[[], Exception | None]) -> None:
        self.name = name
        self.ending = Ending.COMPLETE
        self._stopped = stopped
        self._items: list[T] = []
        self._open = 0
        self._announced = False
        self._condition = threading.Condition(threading.RLock())
        self.when_closed: Callable[[], None] | None = None

    @property
    def closed(self) -> bool:
        return self._announced and self._open == 0

    def expect(self) -> None:
        """Count one more listing (or walk) whose items will come."""
        with self._condition:
            self._open += 1

    def announced(self, ending: Ending) -> None:
        """Say that all listings are expected by now, and whether finding them failed."""
        with self._condition:
            self.ending = max(self.ending, ending)
            self._announced = True
            self._changed()

    def ended(self, ending: Ending) -> None:
        """Count one listing as over."""
        with self._condition:
            self.ending = max(self.ending, ending)
            self._open -= 1
            self._changed()

    def _changed(self) -> None:
        if self.closed and self.when_closed:
            self.when_closed()
        self._condition.notify_all()

    def items(self) -> list[T]:
        """Return what was put so far."""
        with self._condition:
            return list(self._items)

    def put(self, items: list[T]) -> None:
        with self._condition:
            self._items.extend(items)
            self._condition.notify_all()

    def _wait(self, until: Callable[[], bool]) -> None:
        with self._condition:
            while not until():
                self._condition.wait(WAKE_SECONDS)
                stop = self._stopped()
                if stop:
                    raise stop

    def __iter__(self) -> Iterator[T]:
        """Yield every item; at the end of a feed that failed raise `ParentFailedError`."""
        index = 0
        while True:
            with self._condition:
                self._wait(lambda: index < len(self._items) or self.closed)
                items = self._items[index:]
            if not items:
                break
            index += len(items)
            yield from items
        if self.ending is Ending.FAILED:
            raise ParentFailedError(f"the listing of {self.name} failed")


class Feed(_Log[Item]):
    """The parents of one kind: `{"gid", "workspace_gid"?, "begun", ...the fields that consumers asked for}`.

    A recursive feed (portfolios) stays open until each of its items was walked for further ones.
    """

    def __init__(self, name: str, stopped: Callable[[], Exception | None], *, recursive: bool) -> None:
        super().__init__(name, stopped)
        self._recursive = recursive
        self._known: set[str] = set()
        self._walks = 0

    def add(self, items: list[Item]) -> list[Item]:
        """Append the items that are new to a recursive feed (cycles end here), all to another; returns them."""
        if not self._recursive:
            self.put(items)
            return items
        with self._condition:
            new = []
            for item in items:
                if item["gid"] not in self._known:
                    self._known.add(item["gid"])
                    new.append(item)
            self._open += len(new)
            self._walks += len(new)
            self._items.extend(new)
            self._condition.notify_all()
            return new

    def walked(self, ending: Ending) -> None:
        """Count one item of a recursive feed as walked."""
        with self._condition:
            self._walks -= 1
        self.ended(ending)

    def wait_until_listed(self) -> None:
        """Wait until all listings are over, walks left aside."""
        self._wait(lambda: self._announced and self._open == self._walks)

    def wait_until_closed(self) -> None:
        """Wait until nothing can be added any more."""
        self._wait(lambda: self.closed)


class Group:
    """The tasks of one listing (a project's, or a user's in no project) with all their subtasks, or of one shared task.

    A task that can be reached from several places and has subtasks gets a group of its own, which belongs to all of
    them: it is walked once, and each of its owners waits for it. Only for an owner that wants older changes than the walk
    sends (a project that is new, or that failed before) it is walked anew.

    Attributes:
        floor: the oldest instant of change that the walks of this group send; None for everything.
    """

    __slots__ = (
        "begun", "closed", "digest", "ending", "floor", "gids", "item", "key", "modified", "open", "owners", "parents",
        "shared", "subgroups",
    )

    def __init__(self, key: str, begun: int | None, item: Mapping[str, Any], floor: int | None = None) -> None:
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
        """Remember one task: gid, `modified_at` in milliseconds, whether it may stand in another group as well."""
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
    """A task whose subtasks are to be read; `again` is the listing for which they are read once more."""

    gid: str
    group: Group
    again: Group | None = None


class TaskFeed(_Log[Group]):
    """Tasks and subtasks, handed to child streams group by group when a group is whole."""

    def __init__(self, stopped: Callable[[], Exception | None]) -> None:
        super().__init__("tasks", stopped)
        self.walks = _Log[Walk]("subtasks", stopped)
        self.walking = False
        self.keys: set[str] = set()
        self.workspaces: dict[str, set[str]] = {}
        self.keys_complete = False
        self.floor: Callable[[str, str | None], int | None] = lambda _key, _workspace: None
        self._nodes: dict[str, Group] = {}
        self._listeners: list[Callable[[Group], None]] = []

    def listen(self, listener: Callable[[Group], None]) -> None:
        """Have `listener` called with each top-level group when it is closed, in the thread that closed it."""
        self._listeners.append(listener)

    def announced(self, ending: Ending) -> None:
        """Say that all task listings are expected by now."""
        self.keys_complete = ending is Ending.COMPLETE
        super().announced(ending)
        self.walks.announced(ending)

    def note(self, key: str, workspace: str) -> None:
        """Remember that there is a listing with this state key, whether or not it is read in this sync."""
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
        """Put a task into `group` and, where it has subtasks, have them walked once, whoever lists it first."""
        if not (subtasks and self.walking):
            group.add(gid, modified, shared=shared)
            return
        if not shared:
            group.add(gid, modified, shared=False)
            with self._condition:
                group.open += 1
            self._walk(gid, group)
            return
        with self._condition:
            node = self._nodes.get(gid)
            if node is not None and id(node) in group.above():
                # Tasks changed places meanwhile: whoever waits for this group waits for that walk already.
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
            for listener in self._listeners:
                listener(done)
            if done.ending is not Ending.FAILED:
                self.put([done])
            self.ended(done.ending)


def _inherit(owner: Group, node: Group) -> None:
    """Have the owner begin with what is below it: what changed there since is for the next sync, whoever lists it then."""
    if owner.begun is not None and node.begun is not None:
        owner.begun = min(owner.begun, node.begun)


class Feeds:
    """The feeds of one sync by name."""

    def __init__(self) -> None:
        self.stopped: Callable[[], Exception | None] = lambda: None
        self.tasks = TaskFeed(lambda: self.stopped())
        self._feeds: dict[str, Feed] = {}

    def of(self, name: str) -> Feed:
        """Return the feed of a parent stream."""
        if name not in self._feeds:
            self._feeds[name] = Feed(name, lambda: self.stopped(), recursive=name == "portfolios")
        return self._feeds[name]
