"""Keeps what a stream remembers from sync to sync: loads it, gives it back, and makes room.

State: `{"v": 3, "synced_at": instant, "ledger": …, …parts of the strategy, …}`, see docs/design.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from source_asana.core.hints import Tokens
from source_asana.core.ledger import Ledger
from source_asana.core.listings import FullScan, Instants
from source_asana.cursors.missing import FIRST, MissingRecords
from source_asana.cursors.sending import Sender, Stamps
from source_asana.cursors.states import VERSION, States, damaged
from source_asana.cursors.strategies import Strategy
from source_asana.http.clock import Millis
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.states")
# How many characters stand for a refusal.
DIGEST = 8


class StreamState:
    """What one incremental stream remembers.

    Args:
        stream: its name.
        strategy: keeps its own parts; its lock is held by the callers of `take` and `settle`.
        sender: keeps the ledger, None for a stream without one.
        runtime: what all streams share.
        stamps: gives `synced_at`.
        tracks_deletions: whether what is deleted is sent as a tombstone.

    Attributes:
        missing: what is missing; None where deletions are not tracked.
        audit_watermark: up to when the audit log has named what was deleted.
    """

    def __init__(
        self,
        stream: str,
        strategy: Strategy,
        sender: Sender | None,
        runtime: Runtime,
        stamps: Stamps,
        *,
        tracks_deletions: bool,
    ) -> None:
        self.missing: MissingRecords | None = None
        self.audit_watermark: Millis | None = None
        self._stream = stream
        self._strategy = strategy
        self._sender = sender
        self._runtime = runtime
        self._stamps = stamps
        self._tracks_deletions = tracks_deletions
        self._scope: str | None = None
        # What the last sync has reported, until this one has come to its end.
        self._reported = frozenset[str]()

    # ── load ───────────────────────────────────────────────────────────────────────────────────

    def load(self, states: States) -> None:
        """Take the stored state, and count it in.

        Raises:
            AirbyteTracedException: a config error for a state that is damaged.
        """
        stored, strategy = states.stored(self._stream), self._strategy
        try:
            self._take(stored)
            for name in stored.get("dropped", []):
                while name in strategy.droppable():
                    self.drop_ledger()
        except (ValueError, TypeError) as error:
            raise damaged(self._stream, str(error)) from None
        if self._sender:
            self._sender.ledger.drop_partitions(strategy.is_expired)
            # Switched off or on: a tombstone may have been printed just before the last sync ended.
            strategy.resends_missing = self._tracks_deletions or "scope" in stored
            self._sender.resends_missing = strategy.resends_missing
            if self._tracks_deletions and not strategy.is_ledger_dropped:
                self.missing = MissingRecords(strategy, self._sender, self._runtime, self._scope)
        states.count_in(self._stream, strategy.rank, self.drop_ledger, self.size)

    def _take(self, stored: Mapping[str, Any]) -> None:
        if self._sender and "ledger" in stored:
            by_partition = self._sender.by_partition
            self._sender.ledger = Ledger.load(stored["ledger"], by_partition=by_partition)
        for name, part in self._strategy.parts().items():
            if name in stored:
                part.load(stored[name])
        self._stamps.raise_to(Millis(int(stored.get("synced_at", 0))))
        if self._sender:
            self._sender.since = int(stored.get("synced_at", 0))
        reported = str(stored.get("reported", ""))
        self._reported = frozenset(
            reported[start : start + DIGEST] for start in range(0, len(reported), DIGEST)
        )
        self._runtime.report.remember(self._reported)
        self._scope = stored.get("scope") if stored else FIRST
        until = stored.get("audit_watermark")
        self.audit_watermark = None if until is None else Millis(int(until))
        self._strategy.columns.load(stored.get("columns", ""), stored.get("unreadable", []))
        self._strategy.was_refused = bool(stored.get("refused"))

    def drop_after(self, now: Millis) -> None:
        """Count stored instants later than the server's first `Date` as none.

        One answer's `Date` was wrong then: nothing would be asked for until that time has come.
        Called once the first answer is there, before the first slice is asked for.
        """
        with self._strategy.lock:
            for part in self._strategy.parts().values():
                if isinstance(part, Instants | FullScan | Tokens):
                    part.drop_after(now)
            if self.audit_watermark is not None and self.audit_watermark > now:
                self.audit_watermark = None

    def notice_scope(self) -> None:
        """Have everything be read in another scope: what it does not show leaves in one sync."""
        if self.missing and self.missing.is_another_scope:
            self._strategy.scan.begin()

    def notice_columns(self) -> None:
        """Have all records read again where earlier syncs have not read one of their columns."""
        strategy = self._strategy
        with strategy.lock:
            if strategy.reads_all or not strategy.columns.further:
                return
            strategy.read_again()
        LOGGER.info(
            "Stream %s: a column was added, so all of its records are read again.", self._stream
        )

    # ── room ───────────────────────────────────────────────────────────────────────────────────

    def drop_ledger(self) -> int | None:
        """Drop for good what no longer fits into the state; return the rank of what is next."""
        with self._strategy.lock:
            rank = self._strategy.drop(self._sender.ledger if self._sender else Ledger())
            if rank is None:
                self.missing = None
                if self._sender:
                    self._sender.is_ledger_dropped = True
                    self._sender.ledger = Ledger(by_partition=self._sender.by_partition)
            return rank

    def size(self) -> int:
        """Return about how many characters the state takes; called without the strategy's lock."""
        strategy = self._strategy
        with strategy.lock:
            rows = self._sender.ledger.size_estimate() if self._sender else 0
            parts = sum(part.size() for part in strategy.parts().values())
            reported = DIGEST * len(self._runtime.report.digests(self._stream))
            return rows + parts + strategy.columns.size() + reported

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
        self._strategy.settle()
        self._reported = frozenset()
        if self.missing:
            self.missing.flag()
            self.audit_watermark = until or self.audit_watermark
            if is_sound and not self.missing.is_scope_unknown:
                self._scope = self._runtime.scope
        elif self._sender and not self._strategy.is_ledger_dropped:
            self._sender.ledger.drop_missing(self._strategy.is_over)
            self._strategy.sweep(self._sender.ledger, self._strategy.is_over)

    # ── dump ───────────────────────────────────────────────────────────────────────────────────

    def take(self) -> Callable[[], dict[str, Any]]:
        """Return what makes the state as it is now, which may be called without the lock."""
        strategy, sender = self._strategy, self._sender
        if (
            sender
            and not strategy.is_ledger_dropped
            and not (self.missing and self.missing.is_another_scope)
        ):
            strategy.sweep(sender.ledger, strategy.partitions.is_complete)
        ledger = sender.ledger.copy() if sender and len(sender.ledger) else None
        further = {
            **{name: part.dump() for name, part in strategy.parts().items()},
            "synced_at": self._stamps.last if sender else None,
            "dropped": list(strategy.dropped) or None,
            "refused": strategy.is_refused or strategy.was_refused or None,
            "scope": self._scope_now() if self.missing else None,
            "audit_watermark": self.audit_watermark if self.missing else None,
            "reported": self._refusals() or None,
            **strategy.columns.dump(reads_all=strategy.reads_all),
        }

        def made() -> dict[str, Any]:
            rows = {} if ledger is None else {"ledger": ledger.dump()}
            present = {
                name: one() if callable(one) else one
                for name, one in further.items()
                if one is not None
            }
            return {"v": VERSION, **present, **rows}

        return made

    def _refusals(self) -> str:
        """Return what the next sync need not report as new."""
        return "".join(sorted(self._reported | self._runtime.report.digests(self._stream)))

    def _scope_now(self) -> str | None:
        return self._runtime.scope if self._scope == FIRST else self._scope
