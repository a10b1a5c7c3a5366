"""The one cursor class: a ledger of what was sent, a strategy of what is asked for, and the state.

The CDK's cursors keep the largest stamp seen, start new partitions at a global one and emit every
ten minutes. State: `{"v": 3, "synced_at": instant, "ledger": …, …parts of the strategy, …}`, see
docs/design.md.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record
from typing_extensions import override

from source_asana.core.ledger import Ledger
from source_asana.core.listings import FullScan, Instants, Tokens
from source_asana.core.named import Sent
from source_asana.core.versions import Versions
from source_asana.cursors.doubts import around
from source_asana.cursors.missing import FIRST, MissingRecords
from source_asana.cursors.sending import Once, Raw, Sender, Stamp, Stamps
from source_asana.cursors.states import VERSION, Emission, States, StateShare, damaged
from source_asana.cursors.strategies import Strategy
from source_asana.http.clock import Millis
from source_asana.http.errors import Reach, Verdict
from source_asana.parents.plan import StreamPlan
from source_asana.parents.slices import ConfirmSlice, Slice
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.states")
# How many characters stand for a refusal.
DIGEST = 8


@dataclass(slots=True, eq=False)
class StreamState:
    """What one incremental stream remembers.

    Attributes:
        stream: its name.
        strategy: keeps its own parts; its lock is held by the callers of `settle`.
        sender: keeps the ledger, None for a stream without one.
        runtime: what all streams share.
        stamps: gives `synced_at`.
        tracks_deletions: whether what is deleted is sent as a tombstone.
        missing: what is missing; None where deletions are not tracked.
        is_foreign: whether the stored state is of another connector, which counts as none.
        audit_watermark: up to when the audit log has named what was deleted.
    """

    stream: str
    strategy: Strategy
    sender: Sender | None
    runtime: Runtime
    stamps: Stamps
    tracks_deletions: bool
    missing: MissingRecords | None = None
    is_foreign: bool = False
    audit_watermark: Millis | None = None
    _scope: str | None = None
    # What the last sync has reported, until this one has come to its end.
    _reported: frozenset[str] = frozenset()

    # ── load ───────────────────────────────────────────────────────────────────────────────────

    def load(self, states: States) -> None:
        """Take the stored state, and count it in.

        Raises:
            AirbyteTracedException: a config error for a state that is damaged, or too new.
        """
        found, strategy = states.stored(self.stream), self.strategy
        stored, self.is_foreign = found or {}, found is None
        try:
            self._take(stored)
            for name in stored.get("dropped", []):
                while name in strategy.droppable():
                    self.drop_ledger()
        except (ValueError, TypeError) as error:
            raise damaged(self.stream, str(error)) from None
        if self.sender:
            self.sender.doubts = strategy.doubts
            self.sender.ledger.drop_partitions(strategy.is_expired)
            # Switched off or on: a tombstone may have been printed just before the last sync ended.
            strategy.resends_missing = self.tracks_deletions or "scope" in stored
            self.sender.resends_missing = strategy.resends_missing
            if self.tracks_deletions and not strategy.is_ledger_dropped:
                self.missing = MissingRecords(strategy, self.sender, self.runtime, self._scope)
        share = StateShare(self.state, 0, strategy.rank, self.drop_ledger, self.rows)
        share.measure(stored)
        states.count_in(self.stream, share)

    def _take(self, stored: Mapping[str, Any]) -> None:
        if self.sender and "ledger" in stored:
            by_partition = self.sender.by_partition
            self.sender.ledger = Ledger.load(stored["ledger"], by_partition=by_partition)
        for name, part in self.strategy.parts().items():
            if name in stored:
                part.load(stored[name])
            if stored and isinstance(part, Sent):
                part.resume()
        self.stamps.raise_to(Millis(int(stored.get("synced_at", 0))))
        if self.sender:
            self.sender.since = int(stored.get("synced_at", 0))
        reported = str(stored.get("reported", ""))
        self._reported = frozenset(
            reported[start : start + DIGEST] for start in range(0, len(reported), DIGEST)
        )
        self.runtime.report.remember(self._reported)
        self._scope = stored.get("scope") if stored else FIRST
        until = stored.get("audit_watermark")
        self.audit_watermark = None if until is None else Millis(int(until))
        self.strategy.columns.load(stored.get("columns", ""), stored.get("unreadable", []))
        self.strategy.was_refused = bool(stored.get("refused"))

    def drop_after(self, now: Millis) -> None:
        """Count stored instants later than the server's first `Date` as none.

        One answer's `Date` was wrong then: nothing would be asked for until that time has come.
        Called once the first answer is there, before the first slice is asked for.
        """
        with self.strategy.lock:
            for part in self.strategy.parts().values():
                if isinstance(part, Instants | FullScan | Tokens | Sent):
                    part.drop_after(now)
            if self.audit_watermark is not None and self.audit_watermark > now:
                self.audit_watermark = None

    def notice_scope(self) -> None:
        """Have everything be read in another scope: what it does not show leaves in one sync."""
        if self.missing and self.missing.is_another_scope:
            self.strategy.full_scan.begin()

    def notice_columns(self) -> None:
        """Have all records read again where earlier syncs have not read one of their columns."""
        strategy = self.strategy
        with strategy.lock:
            if strategy.reads_all or not strategy.columns.further:
                return
            strategy.read_again()
        LOGGER.info(
            "Stream %s: a column was added, so all of its records are read again.", self.stream
        )

    # ── room ───────────────────────────────────────────────────────────────────────────────────

    def drop_ledger(self) -> int | None:
        """Drop for good what no longer fits into the state; return the rank of what is next."""
        with self.strategy.lock:
            rank = self.strategy.drop(self.sender.ledger if self.sender else Ledger())
            if rank is None:
                self.missing = None
                if self.sender:
                    self.sender.is_ledger_dropped = True
                    self.sender.ledger = Ledger(by_partition=self.sender.by_partition)
            return rank

    def rows(self) -> int:
        """Return how many rows the ledgers have; called without the strategy's lock."""
        versions = [p for p in self.strategy.parts().values() if isinstance(p, Versions)]
        return sum(map(len, versions)) + (len(self.sender.ledger) if self.sender else 0)

    # ── at the end of a sync ───────────────────────────────────────────────────────────────────

    def settle(
        self,
        until: Millis | None,
        *,
        is_sound: bool,
    ) -> None:
        """Note what this sync has covered and what is missing, in one step.

        Args:
            until: up to when the audit log was read, None where it failed.
            is_sound: whether all parents could be listed. Else what another scope has is not known.
        """
        self.strategy.settle()
        self._reported = frozenset()
        if self.missing:
            self.missing.flag()
            self.audit_watermark = until or self.audit_watermark
            if is_sound and not self.missing.is_scope_unknown:
                self._scope = self.runtime.scope
        elif self.sender and not self.strategy.is_ledger_dropped:
            self.sender.ledger.drop_missing(self.strategy.is_over)
            self.strategy.sweep(self.sender.ledger, self.strategy.is_over)

    # ── dump ───────────────────────────────────────────────────────────────────────────────────

    def state(self) -> dict[str, Any]:
        """Return the state as it is now; called without the lock."""
        with self.strategy.lock:
            made = self._taken()
        # What takes long is a copy by now.
        return made()

    def _taken(self) -> Callable[[], dict[str, Any]]:
        strategy, sender = self.strategy, self.sender
        if (
            sender
            and not strategy.is_ledger_dropped
            and not (self.missing and self.missing.is_another_scope)
        ):
            strategy.sweep(sender.ledger, strategy.partitions.is_complete)
        ledger = sender.ledger.snapshot() if sender and len(sender.ledger) else None
        further = {
            **{name: part.dump() for name, part in strategy.parts().items()},
            "synced_at": self.stamps.last if sender else None,
            "dropped": list(strategy.dropped) or None,
            "refused": strategy.is_refused or strategy.was_refused or None,
            "scope": self._scope_now() if self.missing else None,
            "audit_watermark": self.audit_watermark if self.missing else None,
            "reported": self._refusals() or None,
            **strategy.columns.dump(reads_all=strategy.reads_all),
        }

        def made() -> dict[str, Any]:
            rows = {} if ledger is None else {"ledger": ledger()}
            present = {
                name: one() if callable(one) else one
                for name, one in further.items()
                if one is not None
            }
            return {"v": VERSION, **present, **rows}

        return made

    def _refusals(self) -> str:
        """Return what the next sync need not report as new."""
        return "".join(sorted(self._reported | self.runtime.report.digests(self.stream)))

    def _scope_now(self) -> str | None:
        return self.runtime.scope if self._scope == FIRST else self._scope


class AsanaCursor(Cursor):
    """What one stream has sent, asks for, and keeps in its state.

    Args:
        plan: what the sync wants from the stream.
        strategy: which slices it has; its router is bound.
        sender: the ledger with its rules, None for a stream that has none (events).
        runtime: what all streams share.
        states: prints the states.
        stamps: gives `synced_at`.
        tracks_deletions: whether what is deleted is sent as a tombstone.

    Attributes:
        stream_state: what it keeps from sync to sync.
        open_slices: how many slices are open; a worker tells it of one that failed.
        confirmed: set when the stream has nothing more to ask about missing records, however its
            slices ended.
        lock: held for every change of ledger and parts, never while something is yielded.
    """

    def __init__(
        self,
        plan: StreamPlan,
        strategy: Strategy,
        sender: Sender | None,
        runtime: Runtime,
        *,
        states: States,
        stamps: Stamps,
        tracks_deletions: bool,
    ) -> None:
        self.stream = plan.name
        self.is_incremental = plan.is_incremental
        self.strategy = strategy
        self.router = strategy.router
        self.sender = sender
        self.partitions = strategy.partitions
        self.columns = strategy.columns
        self.lock = strategy.lock
        self._runtime = runtime
        self._stamps = stamps
        self._once = Once()
        self._is_stamped = plan.is_stamped
        self._counts = runtime.report.counts(plan.name)
        if sender:
            sender.counts = self._counts
        self.open_slices = strategy.open_slices
        strategy.was_shown = self.was_shown
        self.confirmed = threading.Event()
        self.stream_state = StreamState(
            plan.name, strategy, sender, runtime, stamps, tracks_deletions=tracks_deletions
        )
        self._emission = Emission(plan.name, states, runtime.client)
        if self.is_incremental:
            self.stream_state.load(states)
        else:
            states.count_in(plan.name, StateShare(lambda: self.state))

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    @property
    def missing(self) -> MissingRecords | None:
        """What is missing; None where deletions are not tracked."""
        return self.stream_state.missing

    @property
    @override
    def state(self) -> dict[str, Any]:
        return self.stream_state.state() if self.is_incremental else {NO_CURSOR_STATE_KEY: True}

    @property
    def state_size(self) -> int:
        """The size of the last state that was printed, in characters."""
        return self._emission.characters

    def progressed(self) -> None:
        """Print the state if the last one is long enough ago; called without the lock."""
        if self.is_incremental:
            self._emission.progressed()

    def save(self) -> None:
        """Print the state now, however long ago the last one is; called without the lock."""
        if self.is_incremental:
            self._emission.save()

    @override
    def ensure_at_least_one_state_emitted(self) -> None:
        self._emission.changes += 1
        self._emission.final()

    # ── what the CDK calls ─────────────────────────────────────────────────────────────────────

    @override
    def stream_slices(self) -> Iterable[Slice]:
        for slice_ in self.strategy.slices():
            if not self.strategy.sends_all(slice_):
                with self.lock:
                    self.partitions.handed_out(slice_.key, is_last=slice_.is_last)
            self.open_slices.handed_out()
            yield slice_
        with self.lock:
            self.strategy.listed()

    @override
    def observe(self, record: Record) -> None:
        """Do nothing: what was sent is entered by the sender."""

    @override
    def should_be_synced(self, record: Record) -> bool:
        return True

    @override
    def close_partition(self, partition: Partition) -> None:
        slice_ = partition.to_slice()
        assert isinstance(slice_, Slice)
        if isinstance(slice_, ConfirmSlice):
            self._emission.changes += 1
        elif not slice_.is_incomplete:
            self.complete(slice_)
        self.open_slices.closed()
        self.progressed()

    # ── at the end of a sync; called by the thread of the stream's generator ───────────────────

    def settle(self, hinted: Mapping[str, int], until: Millis | None, *, is_sound: bool) -> None:
        """Note what the sync has covered and what is missing, once all slices are over.

        Args:
            hinted: gids that may be deleted -> when that happened.
            until: up to when the audit log was read, None where it failed.
            is_sound: whether all parents could be listed.
        """
        with self.lock:
            if self.columns.withdrawn:
                return
            self.strategy.hinted = hinted
            self.stream_state.settle(until, is_sound=is_sound)
            if self.sender:
                self.sender.ledger.drop_partitions(self.strategy.is_expired)
            self._emission.changes += 1

    def to_confirm(self) -> Iterator[ConfirmSlice]:
        """Yield the slices in which Asana is asked about missing records.

        All records of a stream must be on their way before its generator ends, as its last state
        may overtake those of others. Each round has what hangs on what the last one found deleted.
        """
        while self.missing and not self.columns.withdrawn:
            with self.lock:
                slices = self.missing.slices()
            if not slices:
                return
            # A state that knows what is missing precedes the first tombstone.
            self._emission.flush()
            for slice_ in slices:
                self.open_slices.handed_out()
                yield slice_
            self.open_slices.wait_until_over()
            with self.lock:
                self.missing.flag()

    # ── what the retriever calls ───────────────────────────────────────────────────────────────

    def complete(self, slice_: Slice) -> None:
        """Note that all records of a slice are on their way."""
        with self.lock:
            if self.columns.withdrawn:
                return
            self._emission.changes += 1
            if not (slice_.is_filtered or self.strategy.sends_all(slice_)):
                self.partitions.completed(slice_.key)
            self.strategy.complete(slice_)

    def expect(self, partition: str) -> None:
        """Note that a partition is about to be read in a slice of another stream."""
        with self.lock:
            self.partitions.handed_out(partition)

    def completed(self, partition: str) -> None:
        """Note that such a partition was read completely."""
        with self.lock:
            if self.columns.withdrawn:
                return
            self._emission.changes += 1
            self.partitions.completed(partition)

    def refused(self, slice_: Slice, verdict: Verdict) -> None:
        """Note that Asana refused a slice: it ends without an error, but not complete."""
        slice_.is_incomplete = not verdict.rule.deleted
        with self.lock:
            self._emission.changes += 1
            self.strategy.refused(slice_, verdict)

    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        """Return whether an earlier sync has read this partition; see `Strategy.was_read`."""
        if not self.columns.were_read:
            return False
        with self.lock:
            held = self.sender is not None and self.sender.ledger.has_partition(slice_.key)
            return held or self.strategy.was_read(slice_, reach)

    def seen(self, record: Raw, slice_: Slice) -> None:
        """Note that a partition shows a record that another slice has sent."""
        sender = self.sender
        if sender is None or not self.is_incremental:
            return
        with self.lock:
            key = sender.key_of(record)
            if sender.ledger.fingerprint(key, slice_.key) is not None:
                sender.ledger.show(key, slice_.key)

    def partition_of(self, key: str) -> str | None:
        """Return the partition of a record that was sent, None for an unknown one."""
        with self.lock:
            return self.sender.ledger.partition_of(key) if self.sender else None

    def last_partition_of(self, key: str) -> str | None:
        """Return the partition of a record that was sent, also of one that was deleted lately."""
        with self.lock:
            doubts = self.strategy.doubts
            return self.partition_of(key) or (doubts.former_partition_of(key) if doubts else None)

    def may_have(self, key: str) -> bool:
        """Return whether a record was sent, or may have been by a sync whose state was not kept."""
        with self.lock:
            doubts = self.strategy.doubts
            return self.partition_of(key) is not None or (
                doubts is not None and doubts.was_here(key) is not None
            )

    def is_doubted(self, key: str) -> bool:
        """Return whether the destination may have another version of a record than the ledger."""
        with self.lock:
            doubts, partition = self.strategy.doubts, self.partition_of(key)
            if doubts is None or partition is None:
                return False
            return doubts.is_doubted(key, around({}, partition))

    def has_partition(self, partition: str) -> bool:
        """Return whether records of a partition were sent."""
        with self.lock:
            return self.sender is not None and self.sender.ledger.has_partition(partition)

    def was_shown(self, key: str) -> bool:
        """Return whether this sync has shown a record."""
        with self.lock:
            return self.sender is not None and self.sender.ledger.was_shown(key)

    def stamp(self) -> Stamp:
        """Return the instant of a page that was just read."""
        return self._stamps.next()

    def is_in_scope(self, record: Raw, slice_: Slice) -> bool:
        """Return whether a record, as Asana sent it, belongs to this sync."""
        if self.strategy.is_in_scope(record, slice_):
            return True
        return self.is_incremental and self._knows(record, slice_)

    def _knows(self, record: Raw, slice_: Slice) -> bool:
        partition = self.strategy.partition_of(record, slice_)
        return self.sender is not None and self.sender.knows(record, partition)

    def sent(
        self,
        record: Raw,
        slice_: Slice,
        stamp: Stamp,
        *,
        is_shared: bool = False,
        partition: str | None = None,
    ) -> Iterator[Raw]:
        """Yield a finished record with its `synced_at`, if this sync is to send it.

        Args:
            record: finished.
            slice_: the slice that showed it.
            stamp: of the page that it was on.
            is_shared: whether other slices may show it too.
            partition: the one that it belongs to, where that is not the slice's.
        """
        if self.columns.withdrawn:
            return
        self.columns.is_read = True
        sender = self.sender
        is_by_strategy = self.strategy.is_ledger_dropped or self.strategy.sends_all(slice_)
        if self.is_incremental and sender and not is_by_strategy:
            partition = partition or self.strategy.partition_of(record, slice_)
            yield from sender.send(
                record, partition, stamp, is_shared=is_shared, found_by=slice_.found_by
            )
            self._emission.changes += 1
        else:
            yield from self._sent_without_ledger(record, slice_, stamp, is_shared=is_shared)

    def _sent_without_ledger(
        self, record: Raw, slice_: Slice, stamp: Stamp, *, is_shared: bool
    ) -> Iterator[Raw]:
        """Yield a record that no ledger is asked about: new in time, and for the first time."""
        strategy = self.strategy
        is_old = self.is_incremental and strategy.is_ledger_dropped
        if is_old and not strategy.is_newer(record, slice_):
            return
        sender = self.sender
        if (
            not is_shared
            or sender is None
            or self._once.is_first(sender.identity(record, slice_.key))
        ):
            if self._is_stamped:
                record["synced_at"] = stamp.text
            yield record
            self._count(slice_)

    def _count(self, slice_: Slice) -> None:
        """Count a record that was sent without the ledger."""
        counts = self._counts
        counts.found[slice_.found_by] += 1
        if slice_.was_read:
            counts.repeated += 1
        elif self.strategy.is_ledger_dropped:
            counts.changed += 1
        else:
            counts.new += 1
