"""Reading policies: which slices a stream has in a sync, and what each of them asks for.

A policy only saves requests. What is sent is decided by the ledger, record by record.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from source_asana.cursors.ledger import Ledger
from source_asana.cursors.parts import Columns, Part
from source_asana.cursors.walks import Walks
from source_asana.fields.schemas import SYNC_COLUMNS, load_schema
from source_asana.http.clock import Millis, to_millis
from source_asana.http.errors import Reach, Verdict
from source_asana.parents.plan import StreamPlan
from source_asana.parents.routers import AsanaRouter
from source_asana.parents.slices import Slice
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
        columns: which columns earlier syncs have read, and which the token may not read.
        reads_all: whether each sync reads all records, as far as it may.
        knows_all: whether every partition there is was handed out or passed over in this sync.
        is_keyless: whether part of the ledger was given up: the keys of tasks' children.
        is_coarse: whether changes are told by timestamps alone; see docs/design.md.
        files_answers: whether a departed record that is still there is sent as what it is now.
    """

    is_incremental = True
    reads_all = True
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
        named = plan.columns or load_schema(plan.name)["properties"]
        self.columns = Columns(set(named) - SYNC_COLUMNS)
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

    def read_again(self) -> None:
        """Forget what saves requests, so that this sync reads all records for a further column."""

    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        """Return whether the state shows that an earlier sync has read this partition.

        Args:
            slice_: was refused.
            reach: how far the refusal reaches.
        """
        del slice_, reach
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
        """Return whether no sync compares with the rows of a partition, so that they go."""
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
