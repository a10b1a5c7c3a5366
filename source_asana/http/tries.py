"""The one way to try again: with pauses that grow from try to try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self


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
