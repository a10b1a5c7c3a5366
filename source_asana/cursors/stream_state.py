"""Keeps what a stream remembers from sync to sync: loads it, gives it back, and makes room.

State: `{"v": 3, "synced_at": instant, "ledger": …, …parts of the strategy, …}`, see docs/design.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from source_asana.core.ledger import Ledger
from source_asana.core.listings import FullScan, Instants, Tokens
from source_asana.core.versions import Versions
from source_asana.cursors.missing import FIRST, MissingRecords
from source_asana.cursors.sending import Sender, Stamps
from source_asana.cursors.states import VERSION, States, StateShare, damaged, size_of
from source_asana.cursors.strategies import Strategy
from source_asana.http.clock import Millis
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
        audit_watermark: up to when the audit log has named what was deleted.
    """

    stream: str
    strategy: Strategy
    sender: Sender | None
    runtime: Runtime
    stamps: Stamps
    tracks_deletions: bool
    missing: MissingRecords | None = None
    audit_watermark: Millis | None = None
    _scope: str | None = None
    # What the last sync has reported, until this one has come to its end.
    _reported: frozenset[str] = frozenset()

    # ── load ───────────────────────────────────────────────────────────────────────────────────

    def load(self, states: States) -> None:
        """Take the stored state, and count it in.

        Raises:
            AirbyteTracedException: a config error for a state that is damaged.
        """
        stored, strategy = states.stored(self.stream), self.strategy
        try:
            self._take(stored)
            for name in stored.get("dropped", []):
                while name in strategy.droppable():
                    self.drop_ledger()
        except (ValueError, TypeError) as error:
            raise damaged(self.stream, str(error)) from None
        if self.sender:
            self.sender.ledger.drop_partitions(strategy.is_expired)
            # Switched off or on: a tombstone may have been printed just before the last sync ended.
            strategy.resends_missing = self.tracks_deletions or "scope" in stored
            self.sender.resends_missing = strategy.resends_missing
            if self.tracks_deletions and not strategy.is_ledger_dropped:
                self.missing = MissingRecords(strategy, self.sender, self.runtime, self._scope)
        share = StateShare(self.state, size_of(stored), strategy.rank, self.drop_ledger, self.rows)
        states.count_in(self.stream, share)

    def _take(self, stored: Mapping[str, Any]) -> None:
        if self.sender and "ledger" in stored:
            by_partition = self.sender.by_partition
            self.sender.ledger = Ledger.load(stored["ledger"], by_partition=by_partition)
        for name, part in self.strategy.parts().items():
            if name in stored:
                part.load(stored[name])
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
                if isinstance(part, Instants | FullScan | Tokens):
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
            until: up to when the log was read.
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
        ledger = sender.ledger.take() if sender and len(sender.ledger) else None
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
