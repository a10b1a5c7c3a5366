"""Parents, read once per sync and handed to every child stream as they arrive.

The CDK's substream router reads its parent again for each child, one parent after the other; a feed
is filled by the parent stream's own partitions. Every listing in a feed, and the feed as a whole,
ends complete, refused or failed: children of what failed fail, and only a complete feed may drop
vanished parents from a state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, Generic, TypeVar

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


class Log(Generic[T]):
    """An append-only list that several threads iterate while it grows.

    The end comes when nothing is open any more.
    """

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
        """Whether nothing can come any more."""
        return self._announced and self._open == 0

    def __len__(self) -> int:
        """Return how many items were put so far."""
        return len(self._items)

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
        """Append items and wake those who wait for them."""
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
                self._wait(lambda known=index: known < len(self._items) or self.closed)  # type: ignore[misc]  # mypy and defaults of lambdas
                items = self._items[index:]
            if not items:
                break
            index += len(items)
            yield from items
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self.ending is Ending.FAILED:
            raise ParentFailedError(f"the listing of {self.name} failed")


class Passage(Log[T]):
    """A log with one reader: it lets go what it has handed on, which may be a million items."""

    def __iter__(self) -> Iterator[T]:
        """Yield every item; at the end of a feed that failed raise `ParentFailedError`."""
        while True:
            with self._condition:
                self._wait(lambda: bool(self._items) or self.closed)
                items, self._items = self._items[::-1], []
            if not items:
                break
            while items:
                yield items.pop()
        self._raise_failure()


class Feed(Log[Item]):
    """The parents of one kind.

    `{"gid", "workspace_gid"?, "begun", ...the fields that consumers asked for}`.

    A recursive feed (portfolios) stays open until each of its items was walked for further ones.
    """

    def __init__(
        self, name: str, stopped: Callable[[], Exception | None], *, recursive: bool
    ) -> None:
        super().__init__(name, stopped)
        self._recursive = recursive
        self._known: set[str] = set()
        self._walks = 0

    def add(self, items: list[Item]) -> list[Item]:
        """Append the items that are new to a recursive feed (cycles end here), all to another.

        Returns them.
        """
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
