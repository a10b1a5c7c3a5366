"""What one stream did so far, in numbers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Counts what one stream did so far.

    Several threads count without a lock. No count gets lost, as no call stands between reading and
    writing it, and the interpreter changes threads only at calls and jumps.

    Attributes:
        records, requests: how many were sent, and how many were made.
        known, ahead: partitions that were handed out, and those that are to follow.
        done, refused: partitions that are over, and those among them that Asana refused.
        lost: refused partitions that an earlier sync has read.
        deleted, waiting: records that are gone in Asana, and those that a later sync looks into.
        unsaid_failures: failures that are not logged, after many others of the same stream.
    """

    records: int = 0
    requests: int = 0
    deleted: int = 0
    waiting: int = 0
    known: int = 0
    ahead: int = 0
    done: int = 0
    unsaid_failures: int = 0
    refused: int = 0
    lost: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, *, lost: bool) -> None:
        """Count a refused partition."""
        with self._lock:
            self.refused += 1
            self.lost += lost

    def end(self) -> None:
        """Count a partition as over, however it ended."""
        with self._lock:
            self.done += 1
