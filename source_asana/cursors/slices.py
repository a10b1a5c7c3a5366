"""Counts the slices of a stream that are handed out and not over."""

from __future__ import annotations

import threading

from source_asana.http.stop import Stop


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
