"""Knows which partitions were walked whole, so that what they did not show may be gone."""

from __future__ import annotations


class Walks:
    """Counts the open slices of each partition, which may have several: active and archived."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def expect(self, home: str) -> None:
        """Count a slice of a partition that is handed out."""
        self._open[home] = self._open.get(home, 0) + 1

    def complete(self, home: str) -> None:
        """Count one that was read to its end, unfiltered."""
        self._open[home] = self._open.get(home, 0) - 1

    def is_expected(self, home: str) -> bool:
        """Return whether this sync has a slice of a partition."""
        return home in self._open

    def is_whole(self, home: str) -> bool:
        """Return whether every slice of a partition was complete."""
        return self._open.get(home) == 0
