"""Prints the states of one stream: while there is progress, and one at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from source_asana.cursors.states import States, pause
from source_asana.http.client import Client


class Emission:
    """Decides when a stream's state is printed.

    Args:
        stream: its name.
        states: prints the states.
        make: returns the state.
        size: returns about how many characters it takes.
        client: has the clock that never goes back.

    Attributes:
        changes: how often something changed that the state names.
    """

    def __init__(
        self,
        stream: str,
        states: States,
        make: Callable[[], dict[str, Any]],
        size: Callable[[], int],
        client: Client,
    ) -> None:
        self.changes = 0
        self._stream = stream
        self._states = states
        self._make = make
        self._size = size
        self._client = client
        self._lock = threading.Lock()
        self._printed = 0
        self._printed_at = client.monotonic()
        self._pause = 0.0

    def progressed(self) -> None:
        """Print the state if the last one is long enough ago; called without the cursor's lock."""
        # One thread at a time, so that states come in their order.
        if not self._lock.acquire(blocking=False):
            return
        try:
            # A state without progress would only seem to commit the records before it.
            if self.changes != self._printed and self._is_time():
                self._emit()
        finally:
            self._lock.release()

    def save(self) -> None:
        """Print the state now, however long ago the last one is."""
        with self._lock:
            self._emit()

    def final(self) -> None:
        """Print the last state of the sync."""
        with self._lock:
            self._emit()
        self._states.close_account(self._stream)

    def _is_time(self) -> bool:
        since = self._client.monotonic() - self._printed_at
        return since >= self._pause and since >= pause(self._size())

    def _emit(self) -> None:
        self._printed = self.changes
        size = self._states.emit(self._stream, self._make)
        self._pause = pause(size)
        self._printed_at = self._client.monotonic()
