"""Reading strategies: which slices a stream has in a sync, and what each of them asks for.

A strategy only saves requests. The ledger decides what is sent, record by record.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import Any, Protocol

from source_asana.core.ledger import Ledger
from source_asana.core.listings import FullScan
from source_asana.core.missing import Completeness
from source_asana.core.partitions import ELSEWHERE, partition_in
from source_asana.core.read_columns import Columns
from source_asana.cursors.doubts import Doubts
from source_asana.fields.schemas import SYNC_COLUMNS, load_schema
from source_asana.http.clock import Millis, to_millis
from source_asana.http.errors import Reach, Verdict
from source_asana.http.stop import Stop
from source_asana.parents.plan import StreamPlan
from source_asana.parents.routers import AsanaRouter
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime


class OpenSlices:
    """Counts a stream's slices that are handed out and not over.

    Args:
        stop: wakes who waits when the sync is aborted.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._open = 0
        self._changed = threading.Condition()

    def handed_out(self) -> None:
        """Count a slice that is handed out."""
        with self._changed:
            self._open += 1

    def closed(self) -> None:
        """Count a slice that is over, however it ended; called by the worker that read it."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def wait_until_over(self) -> None:
        """Wait until no slice is open; raise when the sync is aborted."""
        with self._changed:
            self._stop.wait(self._changed, lambda: not self._open)


Record = Mapping[str, Any]
OTHER_STREAM = ""
"""Where a record is that belongs to another stream now: in no partition of this one."""


class Unread(Enum):
    """What is known of a partition that has no slice in a sync."""

    UNKNOWN = auto()
    EMPTY = auto()
    """Another answer shows that there is nothing more in it."""
    REMOVED = auto()
    """A complete list of its parents does not show it."""


class Part(Protocol):
    """Is one value in a stream's state."""

    def load(self, value: Any) -> None:
        """Take a stored value.

        Raises:
            ValueError: it is not what `dump` returns.
        """

    def dump(self) -> Any:
        """Return the value to store, None to leave it out; called with the lock.

        A value that takes long is a function that makes it, which is called without the lock.
        """


class Strategy:
    """Lists that are read completely at each sync; the base of all other strategies.

    Args:
        plan: what the sync wants from the stream.
        router: where the slices come from, bound.
        runtime: what all streams share.
        incremental_sync: the manifest's key of that name.

    Attributes:
        lock: the cursor's; held for every change of the parts. The questions that a worker asks
            about a record or a slice (`is_in_scope`, `sends_all`, `partition_of`, `is_removed`,
            `partition_now`) are asked without it.
        open_slices: counts the slices that are handed out and not over.
        partitions: which partitions were read completely in this sync.
        columns: which columns earlier syncs have read, and which the token may not read.
        full_scan: whether this sync reads everything.
        reads_all: whether each sync reads all records, as far as it may.
        knows_all: whether every partition there is was handed out or passed over in this sync.
        hinted: gids that may be deleted -> when that happened; known when the stream settles. This
            sync's answers are newer than what happened before it.
        dropped: the ledgers for which the states have no room.
        is_ledger_dropped: whether timestamps alone tell changes, as one of them is dropped.
        was_refused, is_refused: whether the last sync, and this one, was refused the stream as a
            whole.
        was_shown: returns whether this sync has shown a record; the cursor sets it.
        resends_missing: whether what was missing is sent when it is shown again, as its tombstone
            may have been sent.
        scans: whether a full scan reads everything.
        doubts: what the destination may have though the ledger does not know it; None where no
            events tell.
        rank: whose ledger is dropped first when the states grow too large, 0 before 1.
        follows_parent: whether records are in no list just because their parent is in none.
        outlives_parent: whether a record may have moved to another parent before its own was
            deleted, so that only a GET of itself tells whether it exists.
    """

    reads_all = True
    scans = True
    doubts: Doubts | None = None
    rank = 4
    follows_parent = False
    outlives_parent = False

    def __init__(
        self,
        plan: StreamPlan,
        router: AsanaRouter,
        runtime: Runtime,
        incremental_sync: Mapping[str, Any],
    ) -> None:
        self.plan = plan
        self.router = router
        self.runtime = runtime
        self.incremental_sync = incremental_sync
        self.lock = threading.RLock()
        self.open_slices = OpenSlices(runtime.stop)
        self.partitions = Completeness()
        named = plan.columns or load_schema(plan.name)["properties"]
        self.columns = Columns(set(named) - SYNC_COLUMNS)
        self.full_scan = FullScan(runtime.scan_hours, runtime.clock.began)
        self.knows_all = False
        self.dropped: list[str] = []
        self.is_ledger_dropped = self.was_refused = self.is_refused = self.resends_missing = False
        self.hinted: Mapping[str, int] = {}
        self.was_shown: Callable[[str], bool] = lambda _: False
        self._there: set[str] = set()
        self.start = to_millis(runtime.settings.start_date)
        self._cursor_field: str | None = incremental_sync.get("cursor_field")

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    def parts(self) -> Mapping[str, Part]:
        """Return what the strategy keeps in the state, by its name there."""
        return {"scanned": self.full_scan} if self.runtime.settings.track_deletions else {}

    def read_again(self) -> None:
        """Drop what saves requests, so that this sync reads all records for a further column."""

    def refused_slices(self) -> Iterator[Slice]:
        """Yield slices that Asana refused the last sync, as it did the stream as a whole."""
        yield from ()

    def granted(self) -> None:
        """Have everything listed again, as Asana no longer refuses the stream as a whole."""
        self.was_refused = False

    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        """Return whether the state shows that an earlier sync has read this partition.

        Args:
            slice_: was refused.
            reach: how far the refusal reaches.
        """
        del slice_, reach
        return False

    def droppable(self) -> list[str]:
        """Return the names of the ledgers that can be dropped, the first one first."""
        return [] if self.is_ledger_dropped else ["ledger"]

    def drop(self, ledger: Ledger) -> int | None:
        """Drop the first ledger that can be, as the states have no room; called until none is left.

        Args:
            ledger: the stream's, to drop a part of.

        Returns:
            The rank of what can go next; None when the ledger as a whole has to go, and changes
            are found by timestamps from now on.
        """
        del ledger
        self.dropped.append("ledger")
        self.is_ledger_dropped = True
        return None

    def sends_all(self, slice_: Slice) -> bool:
        """Return whether all records of a slice are sent, whatever was sent before."""
        del slice_
        return False

    # ── slices ─────────────────────────────────────────────────────────────────────────────────

    def slices(self) -> Iterator[Slice]:
        """Yield the slices of this sync; called by the thread of the stream's generator.

        Raises:
            ParentFailedError: parents are missing; every slice was yielded that could be.
        """
        for slice_ in self.router.stream_slices():
            self._there.add(slice_.key)
            yield slice_

    def listed(self) -> None:
        """Note that the last slice was handed out."""
        self.knows_all = self.router.is_complete()

    def can_skip(self, parent: Slice) -> bool:
        """Return whether a slice of a parent need not be read; called without the lock."""
        del parent
        return False

    def complete(self, slice_: Slice) -> None:
        """Note that all records of a slice are on their way."""

    def refused(self, slice_: Slice, verdict: Verdict) -> None:
        """Note that Asana refused a slice."""

    def settle(self) -> None:
        """Note what this sync has covered; called once, when all slices are over."""
        self.full_scan.done(self.runtime.clock.began())

    # ── what partitions no longer show ─────────────────────────────────────────────────────────

    def unread(self, partition: str) -> Unread:
        """Return what is known of a partition that has no slice in this sync."""
        return Unread.REMOVED if self.knows_all and partition not in self._there else Unread.UNKNOWN

    def is_over(self, partition: str) -> bool:
        """Return whether a partition has shown all that it has, or is removed itself.

        What is elsewhere is looked up by every full scan.
        """
        own = partition_in(partition)
        if partition.startswith(ELSEWHERE):
            is_unread = self.partitions.is_expected(own) and not self.partitions.is_complete(own)
            return self._is_deleted(own) or (self.full_scan.is_due() and not is_unread)
        if self.partitions.is_expected(own):
            return self.partitions.is_complete(own)
        is_named = own in self.hinted or self._is_deleted(own)
        return is_named or self.unread(own) is not Unread.UNKNOWN

    def is_removed(self, partition: str) -> bool:
        """Return whether a partition's parent is deleted, or in no list that is read."""
        own = partition_in(partition)
        if self.partitions.is_expected(own) or own == ELSEWHERE:
            return False
        unread = self.unread(own)
        if unread is Unread.EMPTY:
            return False
        is_named = own != partition or own in self.hinted or self._is_deleted(own)
        return is_named or unread is Unread.REMOVED

    def _is_deleted(self, partition: str) -> bool:
        parent = self.router.parent_of(partition)
        return parent is not None and parent[1] in self.runtime.deleted

    def sweep(self, ledger: Ledger, is_over: Callable[[str], bool]) -> None:
        """Flag what is missing in partitions that are over, in the ledger and in the parts."""
        ledger.sweep(is_over)

    def has_shown(self, partition: str) -> bool:
        """Return whether this sync has shown a partition whose records it need not read."""
        del partition
        return False

    def left(self, partition: str) -> None:
        """Note that the parent of a partition is deleted, forbidden, or in no list that is read."""

    def partition_now(self, record: Record, partition: str) -> str | None:
        """Return where a missing record that exists belongs now.

        Returns:
            The key of a partition that this sync reads, or one that is `elsewhere`; None where it
            is in no list and nothing else is known; `OTHER_STREAM` for a record of another stream.
        """
        del record
        if self.partitions.is_expected(partition):
            return None if self.partitions.is_complete(partition) else partition
        is_removed = partition == ELSEWHERE or self.unread(partition) is Unread.REMOVED
        return None if is_removed else partition

    # ── records ────────────────────────────────────────────────────────────────────────────────

    def partition_of(self, record: Record, slice_: Slice) -> str:
        """Return the partition that a record is entered under in the ledger."""
        del record
        return slice_.key

    def is_expired(self, partition: str) -> bool:
        """Return whether no sync compares with the rows of a partition, so that they go."""
        del partition
        return False

    def stamp_of(self, record: Record) -> Millis | None:
        """Return the instant that start date and instants are compared with, None without one."""
        return to_millis(record.get(self._cursor_field)) if self._cursor_field else None

    def is_in_scope(self, record: Record, slice_: Slice) -> bool:
        """Return whether a record is not older than the start date."""
        del slice_
        stamp = self.stamp_of(record) if self.start is not None else None
        return stamp is None or self.start is None or stamp >= self.start

    def is_newer(self, record: Record, slice_: Slice) -> bool:
        """Return whether a record is sent by its timestamp, as the ledger was dropped."""
        del record, slice_
        return True
