"""Which records a stream's partitions no longer show, and which of them are looked into now.

What is not shown may be deleted, hidden, moved, or missing from one bad answer: nothing is deleted
in the destination before Asana says that it is gone.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator

from source_asana.cursors.sending import Raw, Sender
from source_asana.cursors.stamps import Stamp
from source_asana.parents.slices import DepartureSlice, Row
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.deletions")
# More departures than this, and than this share of a stream, are looked into by the next sync: an
# answer may have been wrong as a whole.
MOST_AT_ONCE = 100
LARGEST_SHARE = 0.3
ROWS_A_SLICE = 25
MISSED = 0
FIRST = "first"
"""The scope of a stream that was never read: there is none to differ from."""
# Requests for that take at most this part of an hour of the quota in one sync.
MINUTES_A_SYNC = 10


class Lookups:
    """How many departed records may still be looked into in this sync, over all streams.

    Args:
        runtime: knows how many requests a minute Asana allows.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._lock = threading.Lock()
        self._budget = runtime.client.budget
        self._taken = 0

    def take(self, wanted: int) -> int:
        """Return how many of so many records may be looked into."""
        with self._lock:
            left = int(MINUTES_A_SYNC * self._budget.per_minute) - self._taken
            given = max(0, min(wanted, left))
            self._taken += given
            return given


class Departures:
    """Finds the departed records of one stream after all its slices are over.

    Args:
        stream: its name.
        lock: the cursor's; held by the caller of `slices`.
        sender: its ledger.
        runtime: what all streams share.
        scope: what was read when the last state was written, None before that. With another one,
            what departs leaves silently; where this sync's is unknown, it waits for the next sync.

    Attributes:
        are_judged: whether the ledger was swept in this sync.
    """

    def __init__(
        self,
        stream: str,
        lock: threading.RLock,
        sender: Sender,
        runtime: Runtime,
        scope: str | None,
    ) -> None:
        self._stream = stream
        self._lock = lock
        self._sender = sender
        self._runtime = runtime
        self._lookups = runtime.part(Lookups)
        self._scope = scope
        self._marked: set[Row] = set()
        self.are_judged = False

    @property
    def are_by_home(self) -> bool:
        """Whether a record is one of its partition: the same gid elsewhere is another record."""
        return self._sender.by_home

    @property
    def is_scope_unknown(self) -> bool:
        """Whether the token's user cannot be read, who may be that of the last state or another."""
        is_named = self._scope not in {FIRST, None, self._runtime.scope}
        return is_named and self._runtime.user is None

    @property
    def _is_another_scope(self) -> bool:
        return self._scope not in {FIRST, self._runtime.scope} and not self.is_scope_unknown

    def mark(self, is_whole: Callable[[str], bool]) -> None:
        """Mark what whole walks did not show, before a state says that those partitions were read.

        They may not be read again for long; the lock is held.
        """
        if self._is_another_scope:
            return
        for row in self._sender.ledger.sweep(is_whole):
            if self._sender.ledger.tag_of(*row) != MISSED:
                self._marked.add(row)
                self._sender.ledger.miss(*row)

    def slices(
        self, shows_nothing_more: Callable[[str], bool], told: frozenset[str] = frozenset()
    ) -> list[DepartureSlice]:
        """Return the slices in which departed records are looked into; sweeps the ledger.

        Args:
            shows_nothing_more: whether a partition was walked whole, or is gone itself.
            told: gids that are deleted as the audit log says.
        """
        departed = self._departed(shows_nothing_more)
        rows = [*departed, *self._told(told, departed)]
        rows = self._put_off(rows) if self.is_scope_unknown else list(self._chosen(rows))
        starts = range(0, len(rows), ROWS_A_SLICE)
        return [DepartureSlice(rows[start : start + ROWS_A_SLICE]) for start in starts]

    def _departed(self, shows_nothing_more: Callable[[str], bool]) -> list[Row]:
        """Return the rows to look into: new departures first, then those of earlier syncs."""
        ledger = self._sender.ledger
        departed = list(ledger.sweep(shows_nothing_more))
        self.are_judged = True
        waiting = ledger.rows_where(lambda tag: tag == MISSED, shown=False)
        if self._is_another_scope:
            # Those that wait, too: the next sync, in the same scope, would look into them.
            for row in [*departed, *waiting]:
                self._sender.remove(*row)
            return []
        missed = [row for row in waiting if row not in self._marked]
        # Another order each time, so that none is always beyond the most.
        random.shuffle(missed)
        new = [row for row in departed if ledger.tag_of(*row) != MISSED or row in self._marked]
        if len(new) > max(MOST_AT_ONCE, LARGEST_SHARE * (len(ledger) - len(missed))):
            self._postpone(new)
            new = []
        # A key in several homes is one record.
        once: dict[Row, Row] = {}
        for key, home in [*new, *missed]:
            once.setdefault((key, home if self._sender.by_home else ""), (key, home))
        return list(once.values())

    def _told(self, told: frozenset[str], departed: list[Row]) -> Iterator[Row]:
        """Yield the records that the audit log names and that no list could tell of yet."""
        if self._is_another_scope or self._sender.by_home:
            return
        known = {key for key, _ in departed}
        for key in sorted(told - known):
            home = self._sender.ledger.home_of(key)
            if home is not None and not self._sender.ledger.was_shown(key):
                yield key, home

    def _postpone(self, rows: list[Row]) -> None:
        LOGGER.warning(
            "Stream %s: Asana no longer shows %d records. As that is much at once, the next sync "
            "looks into them before anything is deleted.",
            self._stream,
            len(rows),
        )
        self._miss(rows)

    def _put_off(self, rows: list[Row]) -> list[Row]:
        """Have the rows wait for a sync that knows whether its scope is another one."""
        if rows:
            self._runtime.report.once(
                logging.WARNING,
                "Asana does not say whose token this is (`/users/me`), so what is no longer shown "
                "waits for a sync in which it does: an OAuth app needs the scope `users:read`.",
            )
        self._miss(rows)
        return []

    def _chosen(self, rows: list[Row]) -> Iterator[Row]:
        allowed = self._lookups.take(len(rows))
        yield from rows[:allowed]
        self._miss(rows[allowed:])

    def _miss(self, rows: list[Row]) -> None:
        self._runtime.report.counts(self._stream).waiting += len(rows)
        for row in rows:
            self._sender.ledger.miss(*row)

    # ── what became of a record; called by workers, without the lock ───────────────────────────

    def buried(self, key: str, home: str, stamp: Stamp) -> Iterator[Raw]:
        """Yield the tombstone of a record that is gone."""
        yield from self._sender.bury(key, home, stamp)

    def forget(self, key: str, home: str) -> None:
        """Drop a record that Asana hides or that is in no partition: its row stays as it is."""
        with self._lock:
            self._sender.remove(key, home)

    def forget_home(self, key: str, home: str) -> None:
        """Drop a record from one partition, as it is in another one now."""
        with self._lock:
            self._sender.ledger.remove(key, home)

    def keep(self, key: str, home: str) -> None:
        """Note that a record is still there, though no list shows it."""
        with self._lock:
            self._sender.ledger.show(key, home)

    def miss(self, key: str, home: str) -> None:
        """Note that the next sync is to look into a record."""
        with self._lock:
            self._miss([(key, home)])
