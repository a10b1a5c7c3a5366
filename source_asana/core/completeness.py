"""Which partitions were read completely, so that what they did not show is missing."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Completeness:
    """Counts the open slices of each partition, which may have several: active and archived.

    The caller holds the stream's lock.
    """

    _open: dict[str, int] = field(default_factory=dict)
    _several: set[str] = field(default_factory=set)
    _unfinished: set[str] = field(default_factory=set)

    def handed_out(self, partition: str, *, is_last: bool = True) -> None:
        """Count a slice that is handed out; `is_last` says that no other follows."""
        if partition in self._open:
            self._several.add(partition)
        if is_last:
            self._unfinished.discard(partition)
        else:
            self._unfinished.add(partition)
        self._open[partition] = self._open.get(partition, 0) + 1

    def completed(self, partition: str) -> None:
        """Count one that was read to its end, unfiltered."""
        self._open[partition] = self._open.get(partition, 0) - 1

    def is_expected(self, partition: str) -> bool:
        """Return whether this sync has a slice of a partition."""
        return partition in self._open

    def has_several(self, partition: str) -> bool:
        """Return whether this sync has several slices of a partition."""
        return partition in self._several

    def is_complete(self, partition: str) -> bool:
        """Return whether every slice of a partition was handed out, and was complete."""
        return self._open.get(partition) == 0 and partition not in self._unfinished
