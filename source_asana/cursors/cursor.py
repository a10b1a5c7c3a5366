"""The one cursor class: a ledger of what was sent, and a policy of what is asked for.

The CDK's cursors keep the largest stamp seen, start new partitions at a global one and emit every
ten minutes. State: `{"v": 2, "synced_at": instant, "ledger": …, …parts of the policy}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record
from typing_extensions import override

from source_asana.cursors.departures import Departures
from source_asana.cursors.emission import Emission
from source_asana.cursors.memory import Memory
from source_asana.cursors.policies import Policy
from source_asana.cursors.sending import Once, Raw, Sender
from source_asana.cursors.stamps import Stamp, Stamps
from source_asana.cursors.states import States
from source_asana.cursors.walks import OpenSlices
from source_asana.http.clock import Millis
from source_asana.http.errors import Reach, Verdict
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
        memory: what it keeps from sync to sync.
        slices: how many of them are open; a worker tells it of one that failed.
        lock: held for every change of ledger and parts, never while something is yielded.
    """

    def __init__(
        self,
        plan: StreamPlan,
        policy: Policy,
        sender: Sender | None,
        runtime: Runtime,
        *,
        states: States,
        stamps: Stamps,
        tracks_deletions: bool,
    ) -> None:
        self.stream = plan.name
        self.is_incremental = plan.is_incremental and policy.is_incremental
        self.policy = policy
        self.router = policy.router
        self.sender = sender
        self.walks = policy.walks
        self.columns = policy.columns
        self.lock = policy.lock
        self._runtime = runtime
        self._stamps = stamps
        self._once = Once()
        self._is_stamped = plan.is_stamped
        self.slices = OpenSlices(runtime.stop)
        self._told: frozenset[str] = frozenset()
        self.memory = Memory(
            plan.name, policy, sender, runtime, stamps, tracks_deletions=tracks_deletions
        )
        self._emission = Emission(plan.name, states, self._state, self.memory.size, runtime.client)
        if self.is_incremental:
            self.memory.load(states)

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    @property
    def departures(self) -> Departures | None:
        """What the partitions no longer show; None where deletions are not tracked."""
        return self.memory.departures

    @property
    @override
    def state(self) -> MutableMapping[str, Any]:
        return self._state()

    def _state(self) -> dict[str, Any]:
        if not self.is_incremental:
            return {NO_CURSOR_STATE_KEY: True}
        with self.lock:
            return self.memory.dump()

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
        if self.is_incremental:
            with self.lock:
                self._settle()
                self.memory.close()
        self._emission.final()

    def _settle(self) -> None:
        """Forget what complete walks did not show, once all slices are over."""
        if self.sender and not self.policy.is_coarse:
            ledger = self.sender.ledger
            if self.departures is None:
                self.memory.absent.settle(ledger, ledger.sweep(self._shows_nothing_more))
            ledger.forget_homes(self.policy.is_stale)
        self.policy.settle()
        self._emission.changes += 1

    def _shows_nothing_more(self, home: str) -> bool:
        """Return whether a partition was walked whole, or is gone itself."""
        if home in self._told:
            return True
        if self.walks.is_expected(home):
            return self.walks.is_whole(home)
        return self.policy.knows_all and not self.policy.is_there(home)

    # ── what the CDK calls ─────────────────────────────────────────────────────────────────────

    @override
    def stream_slices(self) -> Iterable[Slice]:
        for slice_ in self.policy.slices():
            if not self.policy.sends_all(slice_):
                with self.lock:
                    self.walks.expect(slice_.home, is_last=slice_.is_last)
            self.slices.handed_out()
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
            self._emission.changes += 1
            self.progressed()
            return
        if not slice_.is_incomplete:
            self.complete(slice_)
        self.slices.over()
        self.progressed()

    # ── departures ─────────────────────────────────────────────────────────────────────────────

    def departed(
        self, deleted: Callable[[Millis | None], frozenset[str]]
    ) -> Iterator[DepartureSlice]:
        """Yield, once all slices are over, those in which departed records are looked into.

        Called by the thread of the stream's generator. All records of a stream must be on their
        way before its generator ends, as its last state may overtake those of others.
        """
        if self.departures is None:
            return
        told = deleted(self.memory.told_until)
        self.slices.wait_until_over()
        with self.lock:
            self._told = told
            slices = []
            if self.departures:
                slices = self.departures.slices(self._shows_nothing_more, told)
            self._emission.changes += 1
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
            if self.columns.lost:
                return
            self._emission.changes += 1
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
            if self.columns.lost:
                return
            self._emission.changes += 1
            self.walks.complete(home)

    def refused(self, slice_: Slice, verdict: Verdict) -> None:
        """Note that Asana refused a slice: it ends without an error, but not whole."""
        slice_.is_incomplete = not verdict.rule.gone
        with self.lock:
            self._emission.changes += 1
            self.policy.refused(slice_, verdict)

    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        """Return whether an earlier sync has read this partition; see `Policy.was_read`."""
        if not self.columns.were_read:
            return False
        with self.lock:
            held = self.sender is not None and self.sender.ledger.has_home(slice_.home)
            return held or self.policy.was_read(slice_, reach)

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
        if self.columns.lost:
            return
        self.columns.is_read = True
        sender = self.sender
        if self.is_incremental and sender and not self._sends_by_policy(slice_):
            home = home or self.policy.home_of(record, slice_)
            yield from sender.send(record, home, stamp, is_shared=is_shared)
            self._emission.changes += 1
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
