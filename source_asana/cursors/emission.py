"""Prints the states of one stream: while there is progress, and one at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from source_asana.cursors.states import States, pause
from source_asana.http.client import Client
from source_asana.http.stop import WAKE_SECONDS


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
        characters: the size of the last state.
    """

    def __init__(
        self,
        stream: str,
        states: States,
        make: Callable[[], dict[str, Any]],
        size: Callable[[], int],
        client: Client,
    ) -> None:
        self.changes = self.characters = 0
        self._stream = stream
        self._states = states
        self._make = make
        self._size = size
        self._client = client
        # States come in their order, as one thread at a time prints them. No thread waits for it:
        # it may be waiting for room in the output queue, which the main thread makes.
        self._turn = threading.Lock()
        self._is_wanted = False
        self._is_last = False
        self._printed = 0
        self._printed_at = client.monotonic()
        self._pause = 0.0

    def progressed(self) -> None:
        """Print the state if the last one is long enough ago; called without the cursor's lock."""
        self._take_turn()

    def save(self) -> None:
        """Print the state now, however long ago the last one is; called by any thread.

        Where another thread is printing one, it prints this one as well.
        """
        self._is_wanted = True
        self._take_turn()

    def flush(self) -> None:
        """Print the state now, and wait for it where another thread is printing an earlier one.

        Not called by the main thread, which makes the room that others may be waiting for.

        Raises:
            AirbyteTracedException: the error of an aborted sync.
        """
        while not self._turn.acquire(timeout=WAKE_SECONDS):
            self._client.stop.check()
        try:
            self._emit()
        finally:
            self._turn.release()
        # Whoever wanted one meanwhile was not given the turn.
        self._take_turn()

    def final(self) -> None:
        """Print the last state of the sync; see `save`."""
        self._is_last = True
        self.save()

    def _take_turn(self) -> None:
        while self._turn.acquire(blocking=False):
            try:
                if self._is_wanted or self._is_due():
                    self._emit()
            finally:
                self._turn.release()
            # Whoever wanted one meanwhile was not given the turn.
            if not self._is_wanted:
                return

    def _is_due(self) -> bool:
        # A state without progress would only seem to commit the records before it.
        if self.changes == self._printed:
            return False
        since = self._client.monotonic() - self._printed_at
        return since >= self._pause and since >= pause(self._size())

    def _emit(self) -> None:
        self._is_wanted, is_last = False, self._is_last
        self._printed = self.changes
        self.characters = self._states.emit(self._stream, self._make)
        self._pause = pause(self.characters)
        self._printed_at = self._client.monotonic()
        if is_last:
            self._states.close_share(self._stream)
