"""Hands parents, which are read once per sync, to every child stream as they arrive.

The CDK's substream router reads its parents again for each child, from a cache at best, one after
the other; a feed is filled by the parent stream's own slices. Every listing in a feed, and the feed
as a whole, has an ending: the children of what failed fail, too, and only a feed of which nothing
was refused may drop missing parents from a state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, TypeVar

from typing_extensions import override

from source_asana.http.stop import Stop

# A parent as its feed holds it: `gid`, `workspace_gid` and the fields children asked for.
Item = dict[str, Any]
F = TypeVar("F")


class Ending(IntEnum):
    """How a listing ended; the worst ending of its listings is that of a feed."""

    COMPLETE = 0
    UNAVAILABLE = 1
    """The workspace's plan does not have it: nothing is there, so nothing is missing."""
    REFUSED = 2
    FAILED = 3


class ParentFailedError(Exception):
    """A listing of parents failed, so that nobody knows whether their children are complete."""


class ParentFeed:
    """What the generator and the retriever of a parent stream tell those who wait for parents.

    Attributes:
        ending: the worst ending of the listings so far.
    """

    ending = Ending.COMPLETE

    def expect(self) -> None:
        """Count one more listing whose items will come."""

    def announced(self, ending: Ending) -> None:
        """Say that all listings are expected by now, and how finding them ended."""

    def ended(self, ending: Ending) -> None:
        """Count one listing as over."""

    def wait_until_complete(self) -> None:
        """Wait until nobody adds anything after the stream's own slices: as a rule, nobody does."""


class Feed(ParentFeed):
    """Is an append-only list of parents that several threads iterate while it grows.

    It ends when all listings are announced and none of them is open any more.

    Args:
        name: the stream whose items these are, for messages.
        stop: wakes those who wait when the sync is aborted.

    Attributes:
        when_closed: called once nothing can come any more, in the thread that ended the last one.
    """

    def __init__(self, name: str, stop: Stop) -> None:
        self.name = name
        self.when_closed: Callable[[], None] = lambda: None
        self._stop = stop
        self._items: list[Item] = []
        self._open = 0
        self._announced = False
        self._condition = threading.Condition(threading.RLock())

    @property
    def closed(self) -> bool:
        """Whether nothing can come any more."""
        return self._announced and self._open == 0

    def __len__(self) -> int:
        """Return how many items were put so far."""
        return len(self._items)

    @override
    def expect(self) -> None:
        with self._condition:
            self._open += 1

    @override
    def announced(self, ending: Ending) -> None:
        with self._condition:
            self.ending = max(self.ending, ending)
            self._announced = True
            self._notify()

    @override
    def ended(self, ending: Ending) -> None:
        with self._condition:
            self.ending = max(self.ending, ending)
            self._open -= 1
            self._notify()

    def _notify(self) -> None:
        if self.closed:
            self.when_closed()
        self._condition.notify_all()

    def items(self) -> list[Item]:
        """Return what was put so far."""
        with self._condition:
            return list(self._items)

    def put(self, items: list[Item]) -> None:
        """Append items and wake those who wait for them."""
        with self._condition:
            self._items.extend(items)
            self._condition.notify_all()

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait until `until()` is true; it is called under the list's lock.

        Raises:
            AirbyteTracedException: the sync was aborted meanwhile.
        """
        with self._condition:
            self._stop.wait(self._condition, until)

    def __iter__(self) -> Iterator[Item]:
        """Yield every item, and raise `ParentFailedError` at the end of a feed that failed."""
        index = 0
        while True:
            items = self._after(index)
            if not items:
                break
            index += len(items)
            yield from items
        self.raise_failure()

    def _after(self, index: int) -> list[Item]:
        with self._condition:
            self.wait(lambda: index < len(self._items) or self.closed)
            return self._items[index:]

    def raise_failure(self) -> None:
        """Raise `ParentFailedError` where a listing failed."""
        if self.ending is Ending.FAILED:
            raise ParentFailedError(f"the listing of {self.name} failed")

    def add(self, items: list[Item]) -> list[Item]:
        """Append the items and return those that are new to the feed."""
        self.put(items)
        return items

    def wait_until_listed(self) -> None:
        """Wait until all listings are over."""
        self.wait(lambda: self.closed)


class RecursiveFeed(Feed):
    """Holds parents that are found inside each other, as portfolios are.

    It stays open until each of its items was walked for further ones.
    """

    def __init__(self, name: str, stop: Stop) -> None:
        super().__init__(name, stop)
        self._known: set[str] = set()
        self._walks = 0
        self._given_up = False

    @property
    @override
    def closed(self) -> bool:
        return self._given_up or super().closed

    def give_up(self) -> None:
        """Say that some items are never walked, as handing them out has failed."""
        with self._condition:
            self._given_up = True
            self.ending = Ending.FAILED
            self._notify()

    def add(self, items: list[Item]) -> list[Item]:
        """Append the items that the feed does not have yet, and return them: circles end here."""
        with self._condition:
            new = []
            for item in items:
                if item["gid"] not in self._known:
                    self._known.add(item["gid"])
                    new.append(item)
            self._open += len(new)
            self._walks += len(new)
            self.put(new)
            return new

    def walked(self, ending: Ending) -> None:
        """Count one item as walked."""
        with self._condition:
            self._walks -= 1
        self.ended(ending)

    def wait_until_listed(self) -> None:
        """Wait until all listings are over; walks may go on."""
        self.wait(lambda: self._announced and self._open == self._walks)

    @override
    def wait_until_complete(self) -> None:
        """Wait until every item was walked, and raise `ParentFailedError` where a walk failed."""
        self.wait(lambda: self.closed)
        if self.ending is Ending.FAILED:
            raise ParentFailedError(f"{self.name} inside others were not all found")


class Feeds:
    """Holds the feeds of one sync by the name of the parent stream."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self._feeds: dict[str, ParentFeed] = {}
        self._lock = threading.Lock()

    def provide(self, name: str, feed: ParentFeed) -> None:
        """Use `feed` for a stream whose parents are more than a list."""
        with self._lock:
            self._feeds[name] = feed

    def of(self, name: str) -> ParentFeed:
        """Return the feed of a parent stream, the same for those who fill and who read it."""
        with self._lock:
            if name not in self._feeds:
                self._feeds[name] = Feed(name, self.stop)
            return self._feeds[name]

    def of_kind(self, kind: type[F], name: str) -> F:
        """Return the feed of a parent stream that is known to have feeds of this kind."""
        found = self.of(name)
        assert isinstance(found, kind)
        return found
