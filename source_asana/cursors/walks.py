"""Knows which partitions were walked whole, so that what they did not show may be gone."""

from __future__ import annotations

import threading

from source_asana.http.stop import Stop


class Walks:
    """Counts the open slices of each partition, which may have several: active and archived."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._several: set[str] = set()
        self._unfinished: set[str] = set()

    def expect(self, home: str, *, is_last: bool = True) -> None:
        """Count a slice of a partition that is handed out; `is_last` says that no other follows."""
        if home in self._open:
            self._several.add(home)
        if is_last:
            self._unfinished.discard(home)
        else:
            self._unfinished.add(home)
        self._open[home] = self._open.get(home, 0) + 1

    def complete(self, home: str) -> None:
        """Count one that was read to its end, unfiltered."""
        self._open[home] = self._open.get(home, 0) - 1

    def is_expected(self, home: str) -> bool:
        """Return whether this sync has a slice of a partition."""
        return home in self._open

    def has_several(self, home: str) -> bool:
        """Return whether this sync has several slices of a partition."""
        return home in self._several

    def is_whole(self, home: str) -> bool:
        """Return whether every slice of a partition was handed out, and was complete."""
        return self._open.get(home) == 0 and home not in self._unfinished


class OpenSlices:
    """Counts a stream's slices that are handed out and not over.

    Args:
        stop: wakes who waits when the sync is aborted.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._open = 0
        self._changed = threading.Condition()

    def handed_out(self) -> None:
        """Count a slice that is handed out."""
        with self._changed:
            self._open += 1

    def over(self) -> None:
        """Count a slice that is over, however it ended; called by the worker that read it."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def wait_until_over(self) -> None:
        """Wait until no slice is open; raise when the sync is aborted."""
        with self._changed:
            self._stop.wait(self._changed, lambda: not self._open)
