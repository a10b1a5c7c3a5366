"""What one stream did so far, in numbers."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Counts what one stream did so far.

    Several threads count without a lock. No count is wrong, as no call stands between reading and
    writing it, and the interpreter changes threads only at calls and jumps.

    Attributes:
        new, changed: records that were not sent before, and those of which another version was. In
            a full refresh, all are new.
        changed_silently: changed ones whose `modified_at` did not move since the last sync.
        repeated: children that are sent again because their task changed.
        deleted, waiting: records that Asana has deleted, and those that a later sync asks about.
        found: records by what showed them, such as `listing` or `search`.
        requests: how many were made.
        known, ahead: partitions that were handed out, and those that are to follow.
        done, refused, failed: partitions that are over, and those among them that Asana refused, or
            that could not be read.
        withdrawn: refused partitions that an earlier sync has read.
        unreadable: the columns that the token may not read.
    """

    new: int = 0
    changed: int = 0
    changed_silently: int = 0
    repeated: int = 0
    deleted: int = 0
    waiting: int = 0
    found: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: int = 0
    known: int = 0
    ahead: int = 0
    done: int = 0
    refused: int = 0
    failed: int = 0
    withdrawn: int = 0
    unreadable: tuple[str, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def records(self) -> int:
        """How many records were sent, tombstones included."""
        return self.new + self.changed + self.changed_silently + self.repeated + self.deleted

    def refuse(self, *, withdrawn: bool) -> None:
        """Count a refused partition."""
        with self._lock:
            self.refused += 1
            self.withdrawn += withdrawn

    def fail(self) -> None:
        """Count a partition that could not be read."""
        with self._lock:
            self.failed += 1

    def end(self) -> None:
        """Count a partition as over, however it ended."""
        with self._lock:
            self.done += 1

    def read_after_all(self) -> None:
        """Count a partition only once that is over and is handed out again, to be read."""
        with self._lock:
            self.done -= 1
            self.known -= 1
