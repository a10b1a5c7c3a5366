"""Says why a sync ends before its end, to every thread that waits or sends."""

from __future__ import annotations

import threading
from collections.abc import Callable

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

# How long a thread that waits for another one may take to notice that the sync is aborted.
WAKE_SECONDS = 1.0
# The message of an end that somebody asked for: nothing is wrong.
TOLD_TO_STOP = (
    "The sync was told to stop before its end; the next one resumes from the states it printed."
)


class Stop:
    """Holds the error that ends the sync; once it is there, no further request is sent.

    Attributes:
        fatal: that error, None while the sync runs.
    """

    def __init__(self) -> None:
        self.fatal: AirbyteTracedException | None = None
        self._event = threading.Event()
        # A signal handler may abort while its own thread does.
        self._lock = threading.RLock()

    def abort(self, error: AirbyteTracedException) -> AirbyteTracedException:
        """Make `error` the reason why this sync ends; return the one that counts, the first."""
        with self._lock:
            if self.fatal is None:
                self.fatal = error
                self._event.set()
            return self.fatal

    def is_set(self) -> bool:
        """Return whether the sync is to end."""
        return self._event.is_set()

    def error(self) -> AirbyteTracedException | None:
        """Return the error to raise in a thread of an aborted sync, None while it runs.

        It is a new one each time: an exception raised in many threads collects the tracebacks of
        all of them.
        """
        fatal = self.fatal
        if fatal is None:
            return None
        return AirbyteTracedException(
            message=fatal.message,
            internal_message=fatal.internal_message,
            failure_type=fatal.failure_type,
        )

    def is_echo(self, message: str | None) -> bool:
        """Return whether an error with this message only repeats `fatal` for one stream."""
        return self.fatal is not None and self.fatal.message == message

    def check(self) -> None:
        """Raise the error of an aborted sync."""
        error = self.error()
        if error:
            raise error

    def wait(self, condition: threading.Condition, until: Callable[[], bool]) -> None:
        """Wait until `until()` is true, which the condition's lock is held for.

        Raises:
            AirbyteTracedException: the error of an aborted sync.
        """
        while not until():
            condition.wait(WAKE_SECONDS)
            self.check()

    def wait_for(self, event: threading.Event) -> None:
        """Wait until an event is set.

        Raises:
            AirbyteTracedException: the error of an aborted sync.
        """
        while not event.wait(WAKE_SECONDS):
            self.check()

    def nap(self, seconds: float) -> None:
        """Sleep, or until the sync is aborted."""
        self._event.wait(seconds)
