"""Reading policies: which slices a stream has in a sync, and what each of them asks for.

A policy only saves requests. What is sent is decided by the ledger, record by record.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from typing_extensions import override

from source_asana.cursors.ledger import Ledger
from source_asana.cursors.parts import Bounds, Gates, Part, RollingPass
from source_asana.cursors.walks import Walks
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import Verdict
from source_asana.parents.plan import StreamPlan
from source_asana.parents.routers import AsanaRouter
from source_asana.parents.slices import Slice, value_at
from source_asana.runtime import Runtime

Record = Mapping[str, Any]
LEFT = ""
"""Where a record is that belongs to another stream now: in no partition of this one."""


class Policy:
    """Lists that are read whole at each sync; the base of all other policies.

    Args:
        plan: what the sync wants from the stream.
        router: where the slices come from, bound.
        runtime: what all streams share.
        reading: the manifest's key `reading` of the stream.

    Attributes:
        lock: the cursor's; held whenever the CDK or a retriever calls one of the methods below.
        walks: which partitions were walked whole in this sync.
        knows_all: whether every partition there is was handed out or passed over in this sync.
        is_keyless: whether part of the ledger was given up: the keys of tasks' children.
        is_coarse: whether changes are told by timestamps alone; see docs/design.md.
        files_answers: whether a departed record that is still there is sent as what it is now.
    """

    is_incremental = True
    files_answers = False

    def __init__(
        self, plan: StreamPlan, router: AsanaRouter, runtime: Runtime, reading: Mapping[str, Any]
    ) -> None:
        self.plan = plan
        self.router = router
        self.runtime = runtime
        self.reading = reading
        self.lock = threading.RLock()
        self.walks = Walks()
        self.knows_all = False
        self.is_keyless = False
        self.is_coarse = False
        self._there: set[str] = set()
        start = runtime.settings.start_date
        self.start = to_millis(start.isoformat()) if start else None
        self._stamp: str | None = reading.get("stamp")

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    def parts(self) -> Mapping[str, Part]:
        """Return what the policy keeps in the state, by its name there."""
        return {}

    @property
    def has_read_before(self) -> bool:
        """Whether the state shows that an earlier sync has read something."""
        return False

    def was_read(self, slice_: Slice) -> bool:
        """Return whether the state shows that an earlier sync has read this partition."""
        del slice_
        return False

    @property
    def rank(self) -> int:
        """Who gives up first when the states grow too large, 0 before 1."""
        return 4

    def give_up(self, ledger: Ledger) -> int | None:
        """Drop what the states have no room for; called until nothing is left to be dropped.

        Args:
            ledger: the stream's, to drop a part of.

        Returns:
            The rank of what can go next; None when the ledger as a whole has to go, and changes
            are told by timestamps from now on.
        """
        del ledger
        self.is_coarse = True
        return None

    def sends_all(self, slice_: Slice) -> bool:
        """Return whether all records of a slice are sent, whatever was sent before."""
        del slice_
        return False

    # ── slices ─────────────────────────────────────────────────────────────────────────────────

    def slices(self) -> Iterator[Slice]:
        """Yield the slices of this sync; called by the thread of the stream's generator."""
        for slice_ in self.router.stream_slices():
            self._there.add(slice_.key)
            yield slice_

    def listed(self) -> None:
        """Note that the last slice was handed out."""
        self.knows_all = self.router.is_complete()

    def is_there(self, home: str) -> bool:
        """Return whether a partition exists that this sync had no reason to read."""
        return home in self._there

    def workspaces_listed(self) -> None:
        """Note that the workspaces are known, before the first slice is asked for."""

    def spares(self, parent: Slice) -> bool:
        """Return whether a slice of a hidden parent need not be read; called without the lock."""
        del parent
        return False

    def begin(self, slice_: Slice) -> None:
        """Note that the first request of a slice is about to be sent; called without the lock."""

    def complete(self, slice_: Slice) -> None:
        """Note that all records of a slice are on their way."""

    def refused(self, slice_: Slice, verdict: Verdict) -> None:
        """Note that Asana refused a slice."""

    def settle(self) -> None:
        """Drop what the state need not keep; called once, after the last slice."""

    # ── records ────────────────────────────────────────────────────────────────────────────────

    def home_of(self, record: Record, slice_: Slice) -> str:
        """Return the partition that a record is entered under in the ledger."""
        del record
        return slice_.home

    def is_stale(self, home: str) -> bool:
        """Return whether no later sync will show the records of a partition again."""
        del home
        return False

    def parent_of(self, home: str) -> tuple[str, str] | None:
        """Return the parent stream and the gid in it that a partition hangs on, if it has one.

        Records do not outlive such a parent.
        """
        return self.router.parent_of(home)

    def home_now(self, record: Record, home: str) -> str | None:
        """Return where a departed record that is still there belongs now.

        Returns:
            The key of a partition that this sync reads, None where there is none, `LEFT` where it
            is another stream's record now.
        """
        del record
        return home if self.walks.is_expected(home) or self.is_there(home) else None

    def stamp_of(self, record: Record) -> Millis | None:
        """Return the instant that start date and bounds are compared with, None without one."""
        return to_millis(record.get(self._stamp)) if self._stamp else None

    def is_in_scope(self, record: Record, slice_: Slice) -> bool:
        """Return whether a record is not older than the start date."""
        del slice_
        stamp = self.stamp_of(record) if self.start is not None else None
        return stamp is None or self.start is None or stamp >= self.start

    def is_newer(self, record: Record, slice_: Slice) -> bool:
        """Return whether a coarse stream sends a record."""
        del record, slice_
        return True


class GatedPolicy(Policy):
    """Children whose parent shows its newest one: read where that is another than last time.

    Edited and deleted children show in no parent, so all parents come once per listing pass.

    `reading`: `newest_child` is a dotted path in the parent's item, `stamp` the record's column.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._gates = Gates()
        settings = self.runtime.settings
        self._pass = RollingPass(settings.listing_pass_hours, self.runtime.clock.bound)

    @override
    def parts(self) -> Mapping[str, Part]:
        return {"gates": self._gates, "pass": self._pass}

    @property
    @override
    def has_read_before(self) -> bool:
        return len(self._gates) > 0

    @override
    def was_read(self, slice_: Slice) -> bool:
        return slice_.key in self._gates

    def _newest(self, slice_: Slice) -> str | None:
        gid: str | None = value_at(slice_.item, self.reading["newest_child"])
        return gid

    @override
    def slices(self) -> Iterator[Slice]:
        for slice_ in super().slices():
            with self.lock:
                self._pass.claim(slice_.key)
                is_read = (
                    not self.plan.is_incremental
                    or self._gates.shows_another(slice_.key, self._newest(slice_))
                    or self._pass.is_due(slice_.key)
                )
            if is_read:
                yield slice_

    @override
    def listed(self) -> None:
        super().listed()
        self._pass.advance()

    @override
    def complete(self, slice_: Slice) -> None:
        self._gates.close(slice_.key, self._newest(slice_))
        self._pass.done(slice_.key)

    @override
    def settle(self) -> None:
        if self.knows_all:
            self._gates.keep_only(self.is_there)
            self._pass.keep_only(self.is_there)


class WindowPolicy(Policy):
    """Lists that Asana filters by a date: the end of the window that is read moves on.

    `reading`: `stamp` is the column that Asana filters by; `days` says that the parameter is a
    date; `first` is what a first read asks for, where the parameter is required; `overlap` is how
    far a window steps back behind the bound, minutes or the name of a setting in days; `whole`
    says that everything is read once per listing pass.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._bounds = Bounds()
        settings = self.runtime.settings
        self._pass = RollingPass(settings.listing_pass_hours, self.runtime.clock.bound)

    @override
    def parts(self) -> Mapping[str, Part]:
        return {"bounds": self._bounds, "pass": self._pass}

    @property
    @override
    def has_read_before(self) -> bool:
        return len(self._bounds) > 0

    @override
    def was_read(self, slice_: Slice) -> bool:
        return slice_.key in self._bounds

    def since(self, key: str) -> str | None:
        """Return where the window of a partition begins, None for everything."""
        bound = self._bounds.get(key) if self.plan.is_incremental else None
        if bound is None or (self.reading.get("whole") and self._pass.is_due(key)):
            return None
        return self._parameter(bound - self._overlap() // timedelta(milliseconds=1))

    def _overlap(self) -> timedelta:
        overlap = self.reading["overlap"]
        if isinstance(overlap, str):
            return timedelta(days=getattr(self.runtime.settings, overlap))
        return timedelta(minutes=overlap)

    def _parameter(self, instant: int) -> str:
        text = from_millis(max(0, instant))
        return text[:10] if self.reading.get("days") else text

    @override
    def slices(self) -> Iterator[Slice]:
        for slice_ in super().slices():
            with self.lock:
                self._pass.claim(slice_.key)
                since = self.since(slice_.key)
            first = self.reading.get("first") if self.start is None else self._parameter(self.start)
            slice_.ask_since(since or first)
            # From the very first day on, or from the start date, is everything there is to read.
            slice_.is_filtered = since is not None
            yield slice_

    @override
    def listed(self) -> None:
        super().listed()
        self._pass.advance()

    @override
    def begin(self, slice_: Slice) -> None:
        slice_.began = self.runtime.clock.bound()

    @override
    def complete(self, slice_: Slice) -> None:
        self._bounds.move(slice_.key, slice_.began)
        if not slice_.is_filtered:
            self._pass.done(slice_.key)

    @override
    def settle(self) -> None:
        if self.knows_all:
            self._bounds.keep_only(self.is_there)
            self._pass.keep_only(self.is_there)


class OverlapPolicy(WindowPolicy):
    """A log that never changes: only what the next window repeats is kept in the ledger.

    The ledger's homes are hours, so that whole hours are dropped; `reading` as in `WindowPolicy`.
    """

    HOUR = len("2024-01-31T12")

    @override
    def home_of(self, record: Record, slice_: Slice) -> str:
        return f"{slice_.key}@{str(record.get(self._stamp or ''))[: self.HOUR]}"

    @override
    def is_stale(self, home: str) -> bool:
        key, _, hour = home.partition("@")
        since = self.since(key)
        return since is not None and hour < since[: self.HOUR]

    @override
    def is_there(self, home: str) -> bool:
        return super().is_there(home.partition("@")[0])
