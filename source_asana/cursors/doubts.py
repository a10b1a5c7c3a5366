"""What the destination may have of a task stream that its ledger does not know.

The destination keeps all that a sync wrote, while Airbyte may keep an older state of a stream. A
stream's sync tokens are as old as its ledger, so events tell again what happened since. They are
acted on by what they say, not by what the ledger knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from source_asana.core.ledger import Ledger
from source_asana.core.named import NEVER, SUBTASK, TASK, Named, Sent
from source_asana.core.partitions import ELSEWHERE, partition_in

MINUTE_MS = 60_000
TOKEN_LIFE_MINUTES = 24 * 60
MOST_TOMBSTONES = 50_000


class Tombstones:
    """Keeps the partitions of deleted records for as long as a token lives; a value of the state.

    Should the state of their parent's stream be older, it is read again by that. The caller holds
    the stream's lock.
    """

    def __init__(self) -> None:
        # The fingerprint of a row is the minute in which its tombstone was sent.
        self._rows = Ledger()

    def enter(self, key: str, partition: str, now: int) -> None:
        """Note that a tombstone was sent at an instant, in milliseconds."""
        if len(self._rows) < MOST_TOMBSTONES:
            self._rows.remove(key)
            self._rows.enter(key, partition_in(partition), now // MINUTE_MS)

    def partition_of(self, key: str) -> str | None:
        """Return the last partition of a deleted record, None for any other one."""
        return self._rows.partition_of(key)

    def expire(self, now: int) -> None:
        """Drop those of which no token tells any more."""
        oldest = now // MINUTE_MS - TOKEN_LIFE_MINUTES
        self._rows.keep_only(lambda minute: minute >= oldest)

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part.load`."""
        self._rows = Ledger.load(value)

    def dump(self) -> Any:
        """Return what makes the value to store, without the lock; None for nothing."""
        return self._rows.snapshot() if len(self._rows) else None


class Doubts:
    """Joins what events name with what one stream knows to have sent.

    The caller holds the stream's lock.

    Args:
        kind: of the stream's records, see `Named`.
        named: lends what events name, with its lock.
        now: returns the server's time in milliseconds.
    """

    def __init__(
        self,
        kind: str,
        named: Callable[[], AbstractContextManager[Named]],
        now: Callable[[], int],
    ) -> None:
        self._kind = kind
        self._named = named
        self._now = now
        self.sent = Sent()
        self._tombstones = Tombstones()

    def parts(self) -> Mapping[str, Sent | Tombstones]:
        """Return the values of the state by their names there."""
        return {"sent": self.sent, "tombstones": self._tombstones}

    def is_doubted(self, key: str, around: Iterable[str]) -> bool:
        """Return whether the destination may have another version than the ledger.

        Args:
            key: the record's.
            around: gids of what it is in.
        """
        with self._named() as named:
            at = named.at(key, around)
        return at != NEVER and at >= self.sent.at(key)

    def came_back(self, key: str) -> bool:
        """Return whether a task came back with all below it that the ledger may not know of."""
        with self._named() as named:
            at = named.restored_at(key)
        return at != NEVER and at >= self.sent.until

    def former_partition_of(self, key: str) -> str | None:
        """Return the last partition of a record whose tombstone was sent, None for any other."""
        return self._tombstones.partition_of(key)

    def was_here(self, key: str) -> str | None:
        """Return in which partition a record may be that the ledger does not know, or None."""
        with self._named() as named:
            parent, is_back = named.parent_of(self._kind, key), named.restored_at(key) != NEVER
        if parent is None:
            return self.former_partition_of(key) if is_back else None
        where = parent or self.former_partition_of(key)
        # A task is asked for wherever it is, any other record below its task.
        return where or (ELSEWHERE if self._kind in {TASK, SUBTASK} else None)

    def tombstoned(self, key: str, partition: str) -> None:
        """Note that the tombstone of a record was sent."""
        self._tombstones.enter(key, partition, self._now())

    def settle(self) -> None:
        """Note that the ledger has all that was sent."""
        now = self._now()
        self.sent.settle(now)
        self._tombstones.expire(now)


def around(record: Mapping[str, Any], partition: str) -> set[str]:
    """Return the gids of what a record is in: its partition, parent, projects and sections."""
    memberships = record.get("memberships") or ()
    sections = (one.get("section") for one in memberships if isinstance(one, dict))
    objects = (record.get("parent"), *(record.get("projects") or ()), *sections)
    gids = (str(one.get("gid")) for one in objects if isinstance(one, dict))
    return {*partition_in(partition).split("/"), *gids}
