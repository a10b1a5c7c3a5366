"""A thread that reads a feed, for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any


class Reader:
    """A thread that iterates a feed."""

    def __init__(self, read: Callable[[], Iterator[Any]]) -> None:
        """Start it."""
        self.found: list[Any] = []
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, args=(read,), daemon=True)
        self.thread.start()

    def _run(self, read: Callable[[], Iterator[Any]]) -> None:
        try:
            for item in read():
                self.found.append(item)
        except Exception as error:  # noqa: BLE001 - it is looked at by the test
            self.error = error

    def ends(self) -> bool:
        """Return whether it ends within seconds."""
        self.thread.join(5)
        return not self.thread.is_alive()

    def has(self, count: int) -> bool:
        """Return whether it gets that many items within seconds."""
        until = time.monotonic() + 5
        while len(self.found) < count and time.monotonic() < until:
            time.sleep(0.001)
        return len(self.found) == count
