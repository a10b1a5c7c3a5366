"""Missing records: Asana is asked about each, and what is deleted is sent as a tombstone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from source_asana.components.existence import Existence, Lookup
from source_asana.counts import Counts
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.missing import MissingRecords
from source_asana.cursors.sending import Raw
from source_asana.cursors.strategies import LEFT, elsewhere, partition_in
from source_asana.http.errors import AsanaError
from source_asana.parents.routers import InlineRouter
from source_asana.parents.slices import ConfirmSlice


class Confirm:
    """Settles the missing records of one stream.

    What is not proven to be deleted stays in the destination: a record that Asana hides is
    dropped, one that exists is filed where it is now, and where Asana does not say the next sync
    asks again.

    Args:
        cursor: the stream's.
        lookups: by stream, of all streams of the sync; filled when this is made, or later.
        resent: yields a record as that of another partition, if this version was not sent.
        counts: where tombstones are counted.
    """

    def __init__(
        self,
        cursor: AsanaCursor,
        lookups: Callable[[str], Lookup],
        resent: Callable[[Raw, str], Iterator[Raw]],
        counts: Counts,
    ) -> None:
        self._cursor = cursor
        self._lookups = lookups
        self._resent = resent
        self._counts = counts
        # A partition is a record of another stream then, which is complete.
        self._is_inline = isinstance(cursor.router, InlineRouter)
        self._follows_parent = self._is_inline or cursor.strategy.follows_parent

    def read(self, slice_: ConfirmSlice) -> Iterator[Raw]:
        """Yield the tombstones of what is deleted, and what moved where this stream reads it."""
        for key, partition in slice_.rows:
            parent = self._parent(partition)
            if parent is Existence.DELETED:
                self._missing.goes_along(key)
            if parent is None or (parent is Existence.EXISTS and not self._follows_parent):
                yield from self._settled(key, partition, *self._existence(key, partition))
            elif parent is Existence.EXISTS:
                yield from self._below(key, partition)
            else:
                yield from self._settled(key, partition, parent, {})
            if parent not in {None, Existence.UNKNOWN}:
                self._left(partition)

    def _below(self, key: str, partition: str) -> Iterator[Raw]:
        """Settle a record whose parent exists, but is in no list that is read.

        The parent's own list tells of all of its records at once.
        """
        existence = self._membership(key, partition_in(partition))
        if existence is Existence.EXISTS:
            self._missing.is_elsewhere(key, partition)
        else:
            yield from self._settled(key, partition, existence, {})

    def _settled(
        self, key: str, partition: str, existence: Existence, record: Raw
    ) -> Iterator[Raw]:
        match existence:
            case Existence.DELETED:
                yield from self._deleted(key, partition)
            case Existence.FORBIDDEN:
                self._missing.remove(key, partition)
            case Existence.UNKNOWN:
                self._missing.wait(self._cursor.stream)
            case Existence.EXISTS:
                yield from self._exists(key, partition, record)

    def _parent(self, partition: str) -> Existence | None:
        """Return whether the parent that decides on a record exists, None if none decides."""
        if self._cursor.strategy.outlives_parent:
            return None
        return self._parent_if_removed(partition)

    def _parent_if_removed(self, partition: str) -> Existence | None:
        cursor, own = self._cursor, partition_in(partition)
        parent = cursor.router.parent_of(own) if cursor.strategy.is_removed(partition) else None
        if parent is None or not self._lookups(parent[0]).object_path:
            return None
        return self._lookups(parent[0]).existence(parent[1])

    def _left(self, partition: str) -> None:
        with self._cursor.lock:
            self._cursor.strategy.left(partition_in(partition))

    def _deleted(self, key: str, partition: str) -> Iterator[Raw]:
        self._counts.deleted += 1
        yield from self._missing.deleted(key, partition, self._cursor.stamp())

    @property
    def _missing(self) -> MissingRecords:
        assert self._cursor.missing is not None
        return self._cursor.missing

    @property
    def _own(self) -> Lookup:
        return self._lookups(self._cursor.stream)

    def _existence(self, key: str, partition: str) -> tuple[Existence, Raw]:
        if self._missing.are_by_partition:
            return self._membership(key, partition_in(partition)), {}
        return self._own.record(key)

    def _membership(self, key: str, partition: str) -> Existence:
        """Return whether a partition still holds a record that others may hold, too."""
        try:
            if key in self._own.listed_again(partition):
                return Existence.EXISTS
        except AsanaError:
            return Existence.UNKNOWN
        if self._is_inline:
            return Existence.DELETED
        # It may still be in there, and the token may not see it.
        existence = self._own.existence(key)
        if self._missing.are_by_partition and existence is Existence.EXISTS:
            return Existence.DELETED
        return existence

    def _exists(self, key: str, partition: str, record: Raw) -> Iterator[Raw]:
        cursor = self._cursor
        if self._missing.are_by_partition:
            own = partition_in(partition)
            self._missing.move(
                key, partition, elsewhere(own) if cursor.strategy.is_removed(own) else own
            )
            return
        now = cursor.strategy.partition_now(record, partition_in(partition))
        if now == LEFT and self._parent_if_removed(partition) is Existence.FORBIDDEN:
            # It may seem to be no subtask any more just because the token may not see its parent.
            self._missing.remove(key, partition)
            return
        if now == LEFT:
            yield from self._deleted(key, partition)
            return
        # Where no answer tells another parent, it has that of the partition that it was in.
        now = now or elsewhere(partition_in(partition))
        yield from self._resent(record, partition_in(now))
        self._missing.move(key, partition, now)
