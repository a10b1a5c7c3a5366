"""Gives `synced_at`: when a version of a record was read, by the server's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from source_asana.http.clock import Millis, from_millis


class Stamp(NamedTuple):
    """Is an instant, in milliseconds since 1970 and as Asana writes it."""

    at: Millis
    text: str


class Stamps:
    """Gives each page of a sync an instant of its own, later than all of earlier syncs.

    Destinations keep the row with the largest `synced_at`. So it must never fall, not even when the
    server's clock does, or was ahead for a while.

    Args:
        now: returns the server's time.
    """

    def __init__(self, now: Callable[[], Millis]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._last = Millis(0)

    def raise_to(self, at: Millis) -> None:
        """Give only instants after `at` from now on; it is the latest one that a state has."""
        with self._lock:
            self._last = max(self._last, at)

    def next(self) -> Stamp:
        """Return an instant later than all that were given before."""
        with self._lock:
            self._last = Millis(max(self._last + 1, self._now()))
            return Stamp(self._last, from_millis(self._last))

    @property
    def last(self) -> Millis:
        """The latest instant given so far."""
        with self._lock:
            return self._last
