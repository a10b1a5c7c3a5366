"""The one cursor class: a ledger of what was sent, and a policy of what is asked for.

The CDK's cursors keep the largest stamp seen, start new partitions at a global one and emit every
ten minutes. State: `{"v": 2, "synced_at": instant, "ledger": …, …parts of the policy}`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record
from typing_extensions import override

from source_asana.cursors.departures import Departures
from source_asana.cursors.ledger import Ledger
from source_asana.cursors.policies import Policy
from source_asana.cursors.sending import Once, Raw, Sender
from source_asana.cursors.stamps import Stamp, Stamps
from source_asana.cursors.states import VERSION, States, damaged, pause
from source_asana.cursors.walks import OpenSlices
from source_asana.http.clock import Millis
from source_asana.http.errors import Verdict
from source_asana.parents.plan import StreamPlan
from source_asana.parents.slices import DepartureSlice, Slice
from source_asana.runtime import Runtime


class AsanaCursor(Cursor):
    """What one stream has sent, asks for, and keeps in its state.

    Args:
        plan: what the sync wants from the stream.
        policy: which slices it has; its router is bound.
        sender: the ledger with its rules, None for a stream that has none (events).
        runtime: what all streams share.
        states: prints the states.
        stamps: gives `synced_at`.
        tracks_deletions: whether what is gone is sent as a tombstone.

    Attributes:
        lock: held for every change of ledger and parts, never while something is yielded.
    """

    def __init__(
        self,
        plan: StreamPlan,
        policy: Policy,
        sender: Sender | None,
        runtime: Runtime,
        states: States,
        stamps: Stamps,
        *,
        tracks_deletions: bool,
    ) -> None:
        self.stream = plan.name
        self.is_incremental = plan.is_incremental and policy.is_incremental
        self.policy = policy
        self.router = policy.router
        self._tracks_deletions = tracks_deletions
        self.sender = sender
        self.walks = policy.walks
        self.departures: Departures | None = None
        self._slices = OpenSlices(runtime.stop)
        self._scope: str | None = None
        self.lock = policy.lock
        self._runtime = runtime
        self._states = states
        self._stamps = stamps
        self._once = Once()
        self._is_stamped = plan.is_stamped
        self._emitting = threading.Lock()
        self._emitted_at = runtime.client.monotonic()
        self._pause = 0.0
        self._changes = 0
        self._emitted_changes = 0
        if self.is_incremental:
            self._load()
        self.has_read_before = policy.has_read_before or bool(sender and len(sender.ledger))

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    def _load(self) -> None:
        stored = self._states.stored(self.stream)
        try:
            if self.sender and "ledger" in stored:
                by_home = self.sender.by_home
                self.sender.ledger = Ledger.load(stored["ledger"], by_home=by_home)
            for name, part in self.policy.parts().items():
                if name in stored:
                    part.load(stored[name])
            self._stamps.raise_to(Millis(int(stored.get("synced_at", 0))))
            self._scope = stored.get("scope")
        except (ValueError, TypeError) as error:
            raise damaged(self.stream, str(error)) from None
        self._shrink_as(stored)
        if self.sender and self._tracks_deletions and not self.policy.is_coarse:
            self.departures = Departures(
                self.stream, self.lock, self.sender, self._runtime, self._scope
            )
        self._states.open_account(self.stream, self.policy.rank, self._shrink, self._size)

    def _shrink_as(self, stored: Mapping[str, Any]) -> None:
        """Drop what an earlier sync had no room for."""
        while stored.get("coarse") and not self.policy.is_coarse:
            self._shrink()
        if stored.get("keyless") and self.policy.rank == 0:
            self._shrink()

    def _shrink(self) -> int | None:
        """Drop for good what no longer fits into the state; return the rank of what is next."""
        with self.lock:
            self._changes += 1
            ledger = self.sender.ledger if self.sender else Ledger()
            rank = self.policy.give_up(ledger)
            if rank is None:
                self.departures = None
                if self.sender:
                    self.sender.is_coarse = True
                    self.sender.ledger = Ledger(by_home=self.sender.by_home)
            return rank

    def _size(self) -> int:
        rows = self.sender.ledger.size_estimate() if self.sender else 0
        return rows + sum(part.size() for part in self.policy.parts().values())

    @property
    @override
    def state(self) -> MutableMapping[str, Any]:
        if not self.is_incremental:
            return {NO_CURSOR_STATE_KEY: True}
        with self.lock:
            if self.departures and not self.departures.are_judged:
                self.departures.mark(self.walks.is_whole)
            self._emitted_changes = self._changes
            parts = {name: part.dump() for name, part in self.policy.parts().items()}
            ledger = self.sender.ledger if self.sender else ()
            return {
                "v": VERSION,
                **({"synced_at": self._stamps.last} if self.sender else {}),
                **({"ledger": self.sender.ledger.dump()} if self.sender and len(ledger) else {}),
                **{name: value for name, value in parts.items() if value is not None},
                **({"keyless": True} if self.policy.is_keyless else {}),
                **({"coarse": True} if self.policy.is_coarse else {}),
                **({"scope": self._scope} if self._scope else {}),
            }

    def progressed(self) -> None:
        """Print the state if the last one is long enough ago; called without the lock."""
        # One thread at a time, so that states come in their order.
        if not self.is_incremental or not self._emitting.acquire(blocking=False):
            return
        try:
            # A state without progress would only seem to commit the records before it.
            if self._changes != self._emitted_changes and self._is_time():
                self._emit()
        finally:
            self._emitting.release()

    def save(self) -> None:
        """Print the state now, however long ago the last one is; called without the lock."""
        if self.is_incremental:
            with self._emitting:
                self._emit()

    def _is_time(self) -> bool:
        since = self._runtime.client.monotonic() - self._emitted_at
        return since >= self._pause and since >= pause(self._size())

    def _emit(self) -> None:
        size = self._states.emit(self.stream, lambda: dict(self.state))
        self._pause = pause(size)
        self._emitted_at = self._runtime.client.monotonic()

    @override
    def ensure_at_least_one_state_emitted(self) -> None:
        with self.lock:
            if self.is_incremental:
                self._settle()
            if self.departures:
                self._scope = self._runtime.scope
        with self._emitting:
            self._emit()

    def _settle(self) -> None:
        """Forget what complete walks did not show, once all slices are over."""
        if self.sender and not self.policy.is_coarse:
            ledger = self.sender.ledger
            if self.departures is None:
                for row in ledger.sweep(self._shows_nothing_more):
                    self.sender.remove(*row)
            ledger.forget_homes(self.policy.is_stale)
        self.policy.settle()
        self._changes += 1

    def _shows_nothing_more(self, home: str) -> bool:
        """Return whether a partition was walked whole, or is gone itself."""
        if self.walks.is_expected(home):
            return self.walks.is_whole(home)
        return self.policy.knows_all and not self.policy.is_there(home)

    # ── what the CDK calls ─────────────────────────────────────────────────────────────────────

    @override
    def stream_slices(self) -> Iterable[Slice]:
        for slice_ in self.policy.slices():
            if not self.policy.sends_all(slice_):
                with self.lock:
                    self.walks.expect(slice_.home)
            self._slices.handed_out()
            yield slice_
        with self.lock:
            self.policy.listed()

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
        if isinstance(slice_, DepartureSlice):
            self._changes += 1
            self.progressed()
            return
        if not slice_.is_incomplete:
            self.complete(slice_)
        self._slices.over()
        self.progressed()

    # ── departures ─────────────────────────────────────────────────────────────────────────────

    def over(self) -> None:
        """Count a slice as over; called for one that failed, too."""
        self._slices.over()

    def departed(self) -> Iterator[DepartureSlice]:
        """Yield, once all slices are over, those in which departed records are looked into.

        Called by the thread of the stream's generator. All records of a stream must be on their
        way before its generator ends, as its last state may overtake those of others.
        """
        if self.departures is None:
            return
        self._slices.wait_until_over()
        with self.lock:
            slices = self.departures.slices(self._shows_nothing_more) if self.departures else []
            self._changes += 1
        yield from slices

    def is_vanished(self, home: str) -> bool:
        """Return whether a partition is gone, as far as complete lists of its parents tell."""
        with self.lock:
            return not self.walks.is_expected(home) and self._shows_nothing_more(home)

    # ── what the retriever calls ───────────────────────────────────────────────────────────────

    def begin(self, slice_: Slice) -> None:
        """Note that the first request of a slice is about to be sent."""
        self.policy.begin(slice_)

    def complete(self, slice_: Slice) -> None:
        """Note that all records of a slice are on their way."""
        with self.lock:
            self._changes += 1
            if not (slice_.is_filtered or self.policy.sends_all(slice_)):
                self.walks.complete(slice_.home)
            self.policy.complete(slice_)

    def expect(self, home: str) -> None:
        """Note that a partition is about to be walked in a slice of another stream."""
        with self.lock:
            self.walks.expect(home)

    def walked(self, home: str) -> None:
        """Note that such a partition was walked whole."""
        with self.lock:
            self._changes += 1
            self.walks.complete(home)

    def refused(self, slice_: Slice, verdict: Verdict) -> None:
        """Note that Asana refused a slice: it ends without an error, but not whole."""
        slice_.is_incomplete = not verdict.rule.gone
        with self.lock:
            self._changes += 1
            self.policy.refused(slice_, verdict)

    def was_read(self, slice_: Slice) -> bool:
        """Return whether an earlier sync has read this partition."""
        with self.lock:
            held = self.sender is not None and self.sender.ledger.has_home(slice_.home)
            return held or self.policy.was_read(slice_)

    def seen(self, record: Raw, slice_: Slice) -> None:
        """Note that a partition shows a record that another slice has sent."""
        sender = self.sender
        if sender is None or not self.is_incremental:
            return
        with self.lock:
            key = sender.key_of(record)
            if sender.ledger.tag_of(key, slice_.home) is not None:
                sender.ledger.show(key, slice_.home)

    def stamp(self) -> Stamp:
        """Return the instant of a page that was just read."""
        return self._stamps.next()

    def is_in_scope(self, record: Raw, slice_: Slice) -> bool:
        """Return whether a record, as Asana sent it, belongs to this sync."""
        if self.policy.is_in_scope(record, slice_):
            return True
        return self.is_incremental and self._knows(record, slice_)

    def _knows(self, record: Raw, slice_: Slice) -> bool:
        home = self.policy.home_of(record, slice_)
        return self.sender is not None and self.sender.knows(record, home)

    def _sends_by_policy(self, slice_: Slice) -> bool:
        """Return whether the ledger does not decide which of a slice's records are sent."""
        return self.policy.is_coarse or self.policy.sends_all(slice_)

    def sent(
        self,
        record: Raw,
        slice_: Slice,
        stamp: Stamp,
        *,
        is_shared: bool = False,
        home: str | None = None,
    ) -> Iterator[Raw]:
        """Yield a finished record with its `synced_at`, if this sync is to send it.

        Args:
            record: finished.
            slice_: the slice that showed it.
            stamp: of the page that it was on.
            is_shared: whether other slices may show it too.
            home: the partition that it belongs to, where that is not the slice's.
        """
        sender = self.sender
        if self.is_incremental and sender and not self._sends_by_policy(slice_):
            home = home or self.policy.home_of(record, slice_)
            yield from sender.send(record, home, stamp, is_shared=is_shared)
            self._changes += 1
            return
        if (
            self.is_incremental
            and self.policy.is_coarse
            and not self.policy.is_newer(record, slice_)
        ):
            return
        if not is_shared or self._once.is_first(str(record.get("gid"))):
            if self._is_stamped:
                record["synced_at"] = stamp.text
            yield record
