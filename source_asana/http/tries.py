"""Trying again: how long the pauses are, and whether one request alone fails or all of Asana."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException


@dataclass(slots=True)
class Tries(Iterator[int]):
    """Yields 1, 2, 3, …, and waits before each but the first; used by one thread.

    Attributes:
        sleep: takes seconds.
        first: the pause after the first try, in seconds.
        longest: no pause is longer.
        factor: how much longer each pause is than the one before it.
        most: how many tries there are without progress; None for no limit.
        number: of the last try.
    """

    sleep: Callable[[float], None]
    first: float
    longest: float
    factor: float = 2.0
    most: int | None = None
    number: int = 0

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> int:
        """Wait, and return the number of the next try."""
        if self.number == self.most:
            raise StopIteration
        if self.number:
            self.sleep(pause_after(self.number, self.first, self.longest, self.factor))
        self.number += 1
        return self.number

    def progressed(self) -> None:
        """Count the last try as the first one, as it has brought something new."""
        self.number = 1


def pause_after(number: int, first: float, longest: float, factor: float = 2.0) -> float:
    """Return the pause after the try of this number, in seconds."""
    return min(longest, first * factor ** min(number - 1, 60))


def outage(said: str, problem: str) -> AirbyteTracedException:
    """Return the error that says that somebody could not be reached for too long."""
    return AirbyteTracedException(
        message=(
            f"{said} ({problem}); check this machine's network, proxy and firewall, or try again "
            "later."
        ),
        internal_message=problem,
        failure_type=FailureType.transient_error,
    )


@dataclass(slots=True)
class Streak:
    """The failures, or the refusals, of one request.

    Attributes:
        most: after so many it is given up, if Asana answers other requests.
        longest: after so many seconds all requests are given up, if Asana answers none.
        number: how many there were.
        count: how many of them no outage excuses.
        began, last: when the first and the last one came (monotonic seconds).
    """

    most: int
    longest: float
    number: int = 0
    count: int = 0
    began: float = float("inf")
    last: float = float("inf")

    def add(self, now: float) -> float:
        """Count one more that came now; return when the one before it came."""
        self.number += 1
        self.count += 1
        self.began = min(self.began, now)
        before, self.last = self.last, now
        return before
