"""Where a world keeps its objects: by gid, and in ordered lists by container.

An object is a sparse dict: `gid`, `resource_type` and what was given. What is missing is filled in
when it is shown (`values.py`). A related object is stored as its gid. Names with an underscore are
the sandbox's own and are never shown:

    _kind        the kind, where resource_type does not tell it (memberships)
    _within      gid of the container that decides who may see the object
    _private     whether only `_members` see it
    _members     gids of the users with access
    _hidden      gids of the users who may not see it, whatever else applies
    _asana_type  whether the object has a custom type made by Asana
    _pictures    number of pictures in the HTML form of its text
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.server_time import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
Position = tuple[float, str]
# The name of a list, the gid of its container, and the rank in it.
Place = tuple[str, str, float]


class Ordered:
    """Gids in the order in which a listing shows them.

    Without ranks that is the order of the gids. With ranks, as for the tasks of a project, it is
    what the ranks say. Pages continue behind a *position*, so changes elsewhere shift nothing.
    """

    __slots__ = ("gids", "ranks")

    def __init__(self, *, ranked: bool = False) -> None:
        """Start empty."""
        self.gids: list[str] = []
        self.ranks: dict[str, float] | None = {} if ranked else None

    def position(self, gid: str) -> Position:
        """Return the sort key of `gid`."""
        return (self.ranks[gid] if self.ranks is not None else 0.0, gid)

    def add(self, gid: str, rank: float = 0.0) -> None:
        """Insert `gid` where it belongs."""
        if self.ranks is not None:
            if gid in self.ranks:
                return
            self.ranks[gid] = rank
        if not self.gids or self.position(self.gids[-1]) < self.position(gid):
            self.gids.append(gid)
            return
        place = bisect_left(self.gids, self.position(gid), key=self.position)
        if place == len(self.gids) or self.gids[place] != gid:
            self.gids.insert(place, gid)

    def remove(self, gid: str) -> None:
        """Take `gid` out if it is in."""
        if self.ranks is not None and gid not in self.ranks:
            return
        place = bisect_left(self.gids, self.position(gid), key=self.position)
        if place < len(self.gids) and self.gids[place] == gid:
            del self.gids[place]
        if self.ranks is not None:
            del self.ranks[gid]

    def after(self, position: Position | None) -> Iterator[str]:
        """Yield the gids behind `position`, or all of them."""
        start = bisect_right(self.gids, position, key=self.position) if position else 0
        for place in range(start, len(self.gids)):
            yield self.gids[place]

    def before(self, position: Position | None) -> Iterator[str]:
        """Yield the gids in front of `position`, or all of them, last first."""
        end = bisect_left(self.gids, position, key=self.position) if position else len(self.gids)
        for place in range(end - 1, -1, -1):
            yield self.gids[place]

    def __len__(self) -> int:
        """Return the number of gids."""
        return len(self.gids)

    def __iter__(self) -> Iterator[str]:
        """Yield all gids in order."""
        return iter(self.gids)


class Store:
    """Objects, lists and versions. Every change goes through here and holds `lock`."""

    RANKED = frozenset({"project.tasks", "section.tasks", "task.subtasks", "project.sections"})
    EMPTY = Ordered()

    def __init__(self, seed: int = 1, *, clock: Clock | None = None) -> None:
        """Start without any object; the same seed gives the same gids."""
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - reproducible test data
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.objects: dict[str, Object] = {}
        self.lists: dict[str, dict[str, Ordered]] = {}
        self.places: dict[str, list[tuple[str, str]]] = {}
        self.gone: dict[str, Object] = {}
        self.epoch = 0
        self.versions: dict[str, int] = {}
        self.changed_tasks = 0
        self.frozen: str | None = None
        self._next_gid = 1_200_000_000_000_000 + seed * 1_000_003

    def new_gid(self) -> str:
        """Return the next gid, which has 16 digits and is higher than the last."""
        self._next_gid += self.random.randint(1, 97)
        return str(self._next_gid)

    def now(self) -> str:
        """Return the stamp of this instant, or, during generation, of the end of the history."""
        return self.frozen or self.clock.stamp()

    def put(self, obj: Object, *places: tuple[str, str], rank: float = 0.0) -> str:
        """Keep `obj`, enter it into lists (name, container gid) and return its gid."""
        gid: str = obj.get("gid") or self.new_gid()
        obj["gid"] = gid
        self.objects[gid] = obj
        self.places[gid] = []
        for name, container in places:
            self.enter(gid, name, container, rank)
        return gid

    def enter(self, gid: str, name: str, container: str, rank: float = 0.0) -> None:
        """Enter `gid` into the list `name` of `container`."""
        by_container = self.lists.setdefault(name, {})
        if container not in by_container:
            by_container[container] = Ordered(ranked=name in self.RANKED)
        by_container[container].add(gid, rank)
        self.places[gid].append((name, container))

    def leave(self, gid: str, name: str, container: str) -> None:
        """Take `gid` out of the list `name` of `container`."""
        self.listed(name, container).remove(gid)
        if (name, container) in self.places.get(gid, []):
            self.places[gid].remove((name, container))

    def listed(self, name: str, container: str) -> Ordered:
        """Return the list `name` of `container`, which is empty if there is none."""
        return self.lists.get(name, {}).get(container, self.EMPTY)

    def drop(self, gid: str) -> None:
        """Delete one object; what is inside it must have been deleted before."""
        obj = self.objects.pop(gid, None)
        if obj is None:
            return
        for name, container in self.places.pop(gid, []):
            self.listed(name, container).remove(gid)
        self.gone[gid] = obj
        self.touch_all()

    def touch(self, gid: str) -> None:
        """Note that the record of `gid` looks different now, and no other record does."""
        self.versions[gid] = self.versions.get(gid, 0) + 1
        self.changed_tasks += 1

    def touch_all(self) -> None:
        """Note that any record may look different now."""
        self.epoch += 1
        self.changed_tasks += 1

    def version(self, gid: str) -> int:
        """Return a number that changes whenever the record of `gid` may look different."""
        return (self.epoch << 32) + self.versions.get(gid, 0)

    def of_kind(self, kind: str) -> list[Object]:
        """Return every object of one kind."""
        return [obj for obj in self.objects.values() if kind_of(obj) == kind]

    def find(self, name: str, kind: str = "") -> str:
        """Return the gid of the object with that name.

        Raises:
            KeyError: there is none.
        """
        for gid, obj in self.objects.items():
            if obj.get("name") == name and kind in {"", kind_of(obj)}:
                return gid
        raise KeyError(name)

    def __getitem__(self, gid: str) -> Object:
        """Return the stored, sparse object of `gid`."""
        return self.objects[gid]

    def __contains__(self, gid: object) -> bool:
        """Tell whether an object has that gid."""
        return gid in self.objects


def kind_of(obj: Object) -> str:
    """Return the kind of a stored object, which is a key of `spec.KINDS`."""
    return str(obj.get("_kind") or obj["resource_type"])
