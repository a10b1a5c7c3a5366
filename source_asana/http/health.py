"""Tells a request that alone fails from an outage of Asana."""

from __future__ import annotations

from collections.abc import Callable

# The first failures count in any case; after them Asana is asked whether it answers others.
UNEXAMINED = 3


class Health:
    """Tells one failing request from an outage: it knows when Asana last answered properly."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.last_success = float("-inf")
        self._failing_since: float | None = None

    def succeeded(self) -> None:
        """Count an answer that no fault produced."""
        self.last_success = self._monotonic()
        self._failing_since = None

    def alive(self) -> None:
        """Count a refusal for a rate limit, which is no success, but no outage either."""
        self._failing_since = None

    def failed(self) -> float:
        """Count a try that failed, and return for how many seconds all have."""
        now = self._monotonic()
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since


class Streak:
    """Counts the failures, or the refusals, of one request.

    Args:
        health: of the client that sends it.

    Attributes:
        count: how many there were.
        began: when the first one came (monotonic seconds), None before it.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._last: float | None = None
        self.count = 0
        self.began: float | None = None

    def add(self, now: float, ask: Callable[[], bool]) -> bool:
        """Count one more and return whether Asana answers other requests meanwhile.

        Args:
            now: the time (monotonic seconds).
            ask: asks Asana for something small, where no other request can tell.
        """
        last, self._last = self._last, now
        self.count += 1
        if self.began is None:
            self.began = now
        others_succeed = last is not None and self._health.last_success > last
        return others_succeed or (self.count > UNEXAMINED and ask())

    def lasts(self, now: float) -> float:
        """Return for how many seconds it has lasted."""
        return 0.0 if self.began is None else now - self.began
