"""The missing records of one stream: which of them are asked about, and what becomes of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from source_asana.core.missing import Choice, choose
from source_asana.core.partitions import ELSEWHERE, partition_in
from source_asana.cursors.sending import Raw, Sender, Stamp
from source_asana.cursors.strategies import Strategy
from source_asana.parents.slices import ConfirmSlice, Row
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.deletions")
ROWS_A_SLICE = 25
FIRST = "first"
"""The scope of a stream that was never read: there is none to differ from."""
# In one sync, questions about missing records take at most so many minutes of the quota.
MINUTES_A_SYNC = 10


class Allowance:
    """How many questions about missing records may still be asked in this sync, by all streams.

    Records that wait since an earlier sync take at most half of them, so that a new deletion is
    confirmed in the same sync, however many records Asana does not answer for.

    Args:
        runtime: knows how many requests a minute Asana allows.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._lock = threading.Lock()
        self._budget = runtime.client.budget
        self._taken = 0
        self._taken_by_old = 0

    @property
    def _most(self) -> int:
        return int(MINUTES_A_SYNC * self._budget.per_minute)

    def for_new(self, wanted: int) -> int:
        """Return how many of so many questions about new records may be asked."""
        with self._lock:
            return self._take(wanted, self._most - self._taken)

    def for_old(self, wanted: int) -> int:
        """Return how many of so many questions about records that wait may be asked."""
        with self._lock:
            left = min(self._most - self._taken, (self._most + 1) // 2 - self._taken_by_old)
            given = self._take(wanted, left)
            self._taken_by_old += given
            return given

    def _take(self, wanted: int, left: int) -> int:
        given = max(0, min(wanted, left))
        self._taken += given
        return given


class MissingRecords:
    """Flags the missing records of one stream, and chooses those that Asana is asked about.

    Args:
        strategy: the stream's; its lock is held by the callers of `flag` and `slices`.
        sender: has its ledger.
        runtime: what all streams share.
        scope: what was read when the last state was written, None before that. With another one,
            what is missing leaves silently; where this sync's is unknown, it waits for the next
            sync.
    """

    def __init__(
        self, strategy: Strategy, sender: Sender, runtime: Runtime, scope: str | None
    ) -> None:
        self._strategy = strategy
        self._lock = strategy.lock
        self._sender = sender
        self._runtime = runtime
        self._allowance = runtime.part(Allowance)
        self._scope = scope
        self._asked: set[Row] = set()
        self._is_first = True

    @property
    def are_by_partition(self) -> bool:
        """Whether a record is one of its partition: the same gid elsewhere is another record."""
        return self._sender.by_partition

    @property
    def is_scope_unknown(self) -> bool:
        """Whether the token's user cannot be read, who may be that of the last state or another."""
        is_named = self._scope not in {FIRST, None, self._runtime.scope}
        return is_named and self._runtime.user is None

    @property
    def is_another_scope(self) -> bool:
        """Whether the last state was written by a sync that could read something else."""
        return self._scope not in {FIRST, self._runtime.scope} and not self.is_scope_unknown

    @property
    def is_another_user(self) -> bool:
        """Whether the last state was written by a sync with another user's token."""
        before, now = (
            scope.partition(".")[2] for scope in (self._scope or "", self._runtime.scope)
        )
        return self.is_another_scope and bool(before) and before != now

    # ── what is missing; with the lock ─────────────────────────────────────────────────────────

    def flag(self) -> None:
        """Flag what is missing, before a state says that its partitions were read."""
        strategy, ledger = self._strategy, self._sender.ledger
        is_all, has_shown = self.is_another_user, strategy.has_shown
        # Asana may say of what it hides from this user that it is deleted. So nothing stays that
        # a list which failed would not show.
        strategy.sweep(ledger, lambda one: strategy.is_over(one) or (is_all and not has_shown(one)))
        for key, at in strategy.hinted.items() if not self.are_by_partition else ():
            partition = ledger.partition_of(key)
            if partition is None:
                self._enter(key)
                continue
            is_news = at >= self._runtime.certain_until
            if is_news or not ledger.was_shown(key):
                ledger.miss(key, partition)
        if self.is_another_scope:
            for rows in ledger.missing():
                for row in rows:
                    self._sender.remove(*row)
                    if not strategy.has_shown(row[1]):
                        strategy.left(partition_in(row[1]))

    def _enter(self, key: str) -> None:
        """Flag a record that events place here, though the ledger does not know it.

        A sync may have sent it whose state Airbyte did not keep.
        """
        doubts, ledger = self._strategy.doubts, self._sender.ledger
        partition = doubts.was_here(key) if doubts else None
        if partition is not None and (key, partition) not in self._asked:
            ledger.enter(key, partition, 0)
            ledger.miss(key, partition)

    def slices(self) -> list[ConfirmSlice]:
        """Return the slices in which missing records are asked about; call it until it is empty.

        After the first time these are the records that hang on what was found deleted meanwhile.
        """
        new, waiting = (self._unasked(rows) for rows in self._sender.ledger.missing())
        is_first, self._is_first = self._is_first, False
        if self.is_scope_unknown:
            rows = self._put_off(len(new) + len(waiting)) if is_first else []
        elif is_first:
            rows = self._chosen(new, waiting)
        else:
            hanging = [row for row in (*new, *waiting) if self._hangs_on_deleted(row)]
            rows = self._chosen(hanging, [])
        self._asked.update(rows)
        starts = range(0, len(rows), ROWS_A_SLICE)
        return [ConfirmSlice(rows[start : start + ROWS_A_SLICE]) for start in starts]

    def _unasked(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if row not in self._asked]

    def _chosen(self, new: list[Row], waiting: list[Row]) -> list[Row]:
        choice = choose(
            new,
            waiting,
            size=len(self._sender.ledger),
            is_proven=self._is_proven,
            is_expected=self._is_expected,
            question=self._question,
            take_for_new=self._allowance.for_new,
            take_for_old=self._allowance.for_old,
        )
        self._say(choice, len(new))
        return choice.rows

    def _say(self, choice: Choice, new: int) -> None:
        self._runtime.report.counts(self._strategy.plan.name).waiting += choice.waiting
        if choice.is_cautious:
            LOGGER.warning(
                "Stream %s: Asana no longer shows %d records. As these are many, the next sync "
                "asks Asana about each before it deletes any.",
                self._strategy.plan.name,
                new,
            )

    def _put_off(self, waiting: int) -> list[Row]:
        """Have the rows wait for a sync that knows whether its scope is another one."""
        if waiting:
            self._runtime.report.once(
                logging.WARNING,
                "Asana does not say whose token this is (`/users/me`), so deletions wait for a "
                "sync in which it does: an OAuth app needs the scope `users:read`.",
            )
            self._runtime.report.counts(self._strategy.plan.name).waiting += waiting
        return []

    def _is_proven(self, row: Row) -> bool:
        return self._question(row) in self._runtime.deleted

    def _hangs_on_deleted(self, row: Row) -> bool:
        return self._parent(row) in self._runtime.deleted

    def _is_expected(self, row: Row) -> bool:
        key, partition = row
        is_named = key in self._strategy.hinted or partition in self._strategy.hinted
        is_elsewhere = partition.startswith(ELSEWHERE)
        return is_elsewhere or is_named or self._hangs_on_deleted(row)

    def _question(self, row: Row) -> str:
        """Return the gid of what is asked about for a record: its parent, or itself."""
        parent = None if self._strategy.outlives_parent else self._parent(row)
        return parent or row[0]

    def _parent(self, row: Row) -> str | None:
        """Return the gid of the parent of a partition that is removed, None of any other."""
        if not self._strategy.is_removed(row[1]):
            return None
        parent = self._strategy.router.parent_of(partition_in(row[1]))
        return parent[1] if parent else None

    # ── what became of a record; called by workers, without the lock ───────────────────────────

    def tombstone(self, key: str, partition: str, stamp: Stamp) -> Iterator[Raw]:
        """Yield the tombstone of a record that is deleted, or that left its partition."""
        yield from self._sender.tombstone(key, partition, stamp)

    def goes_along(self, key: str) -> None:
        """Note that a record is deleted with its parent, and what hangs on it as well."""
        if not self.are_by_partition:
            self._runtime.deleted.add(key)

    def remove(self, key: str, partition: str) -> None:
        """Drop a record that Asana hides: its row in the destination stays as it is."""
        with self._lock:
            self._sender.remove(key, partition)

    def move(self, key: str, partition: str, now: str) -> None:
        """Note that a record exists, and which partition it is in now."""
        with self._lock:
            ledger = self._sender.ledger
            fingerprint = ledger.fingerprint(key, partition)
            if fingerprint is None:
                return
            self._sender.remove(key, partition)
            ledger.enter(key, now, fingerprint)
