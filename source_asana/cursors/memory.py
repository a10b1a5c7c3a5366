"""Keeps what a stream remembers from sync to sync: loads it, gives it back, and makes room.

State: `{"v": 2, "synced_at": instant, "ledger": …, …parts of the policy, …}`, see docs/design.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from source_asana.cursors.absent import Absent
from source_asana.cursors.departures import FIRST, Departures
from source_asana.cursors.ledger import Ledger
from source_asana.cursors.parts import Bounds, Part, RollingPass
from source_asana.cursors.policies import Policy
from source_asana.cursors.sending import Sender
from source_asana.cursors.stamps import Stamps
from source_asana.cursors.states import VERSION, States, damaged
from source_asana.http.clock import Millis
from source_asana.runtime import Runtime

LOGGER = logging.getLogger("airbyte.source_asana.states")


class Memory:
    """What one incremental stream remembers; the policy's lock is held by the caller of `dump`.

    Args:
        stream: its name.
        policy: keeps its own parts.
        sender: keeps the ledger, None for a stream without one.
        runtime: what all streams share.
        stamps: gives `synced_at`.
        tracks_deletions: whether what is gone is sent as a tombstone.

    Attributes:
        departures: what the partitions no longer show; None where deletions are not tracked.
        absent: what they did not show in the last sync, where deletions are not tracked.
        told_until: up to when the audit log has told what was deleted.
    """

    def __init__(
        self,
        stream: str,
        policy: Policy,
        sender: Sender | None,
        runtime: Runtime,
        stamps: Stamps,
        *,
        tracks_deletions: bool,
    ) -> None:
        self.departures: Departures | None = None
        self.absent = Absent(by_home=sender is not None and sender.by_home)
        self.told_until: Millis | None = None
        self._stream = stream
        self._policy = policy
        self._sender = sender
        self._runtime = runtime
        self._stamps = stamps
        self._tracks_deletions = tracks_deletions
        self._scope: str | None = None

    def load(self, states: States) -> None:
        """Take the stored state, and count it in.

        Raises:
            AirbyteTracedException: a config error for a state that is damaged.
        """
        stored = states.stored(self._stream)
        try:
            self._take(stored)
        except (ValueError, TypeError) as error:
            raise damaged(self._stream, str(error)) from None
        self._shrink_as(stored)
        if self._sender:
            self._sender.ledger.forget_homes(self._policy.is_stale)
        if self._sender and self._tracks_deletions and not self._policy.is_coarse:
            self.departures = Departures(
                self._stream, self._policy.lock, self._sender, self._runtime, self._scope
            )
            # Asana is asked about what is absent, so nothing has to wait for the next sync.
            self.absent = Absent(by_home=self._sender.by_home)
        states.open_account(self._stream, self._policy.rank, self.shrink, self.size)

    def _take(self, stored: Mapping[str, Any]) -> None:
        if self._sender and "ledger" in stored:
            by_home = self._sender.by_home
            self._sender.ledger = Ledger.load(stored["ledger"], by_home=by_home)
        for name, part in self._parts().items():
            if name in stored:
                part.load(stored[name])
        self._stamps.raise_to(Millis(int(stored.get("synced_at", 0))))
        self._scope = stored.get("scope") if stored else FIRST
        until = stored.get("told_until")
        self.told_until = None if until is None else Millis(int(until))
        self._policy.columns.load(stored.get("columns", ""), stored.get("lacks", []))

    def _parts(self) -> dict[str, Part]:
        return {**self._policy.parts(), "absent": self.absent}

    def _shrink_as(self, stored: Mapping[str, Any]) -> None:
        """Drop what an earlier sync had no room for."""
        while stored.get("coarse") and not self._policy.is_coarse:
            self.shrink()
        if stored.get("keyless") and self._policy.rank == 0:
            self.shrink()

    def shrink(self) -> int | None:
        """Drop for good what no longer fits into the state; return the rank of what is next."""
        with self._policy.lock:
            rank = self._policy.give_up(self._sender.ledger if self._sender else Ledger())
            if rank is None:
                self.departures = None
                if self._sender:
                    self._sender.is_coarse = True
                    self._sender.ledger = Ledger(by_home=self._sender.by_home)
                    self.absent = Absent(by_home=self._sender.by_home)
            return rank

    def size(self) -> int:
        """Return about how many characters the state takes; called without the policy's lock."""
        policy = self._policy
        with policy.lock:
            rows = self._sender.ledger.size_estimate() if self._sender else 0
            parts = sum(part.size() for part in self._parts().values())
            return rows + parts + policy.columns.size()

    def dump(self) -> dict[str, Any]:
        """Return the state."""
        policy, ledger = self._policy, self._sender.ledger if self._sender else Ledger()
        if self.departures and not self.departures.are_judged:
            self.departures.mark(policy.walks.is_whole)
        further = {
            **{name: part.dump() for name, part in self._parts().items()},
            "synced_at": self._stamps.last if self._sender else None,
            "ledger": ledger.dump() if len(ledger) else None,
            "keyless": policy.is_keyless or None,
            "coarse": policy.is_coarse or None,
            "scope": self._scope_now() if self.departures else None,
            "told_until": self.told_until,
            **policy.columns.dump(reads_all=policy.reads_all),
        }
        return {"v": VERSION, **{name: one for name, one in further.items() if one is not None}}

    def drop_after(self, now: Millis) -> None:
        """Count stored instants later than the server's first `Date` as none.

        One answer's `Date` was wrong then: nothing would be asked for until that time has come.
        Called once the first answer is there, before the first slice is asked for.
        """
        with self._policy.lock:
            for part in self._parts().values():
                if isinstance(part, Bounds | RollingPass):
                    part.drop_after(now)
            if self.told_until is not None and self.told_until > now:
                self.told_until = None

    def told(self, until: Millis | None) -> None:
        """Note up to when the audit log has told what was deleted."""
        with self._policy.lock:
            self.told_until = until or self.told_until

    def _scope_now(self) -> str | None:
        return self._runtime.scope if self._scope == FIRST else self._scope

    def close(self) -> None:
        """Have the last state name the sync's scope, if what departed was judged in it."""
        departures = self.departures
        if departures and departures.are_judged and not departures.is_scope_unknown:
            self._scope = self._runtime.scope

    def notice_columns(self) -> None:
        """Have all records read again where earlier syncs have not read one of their columns."""
        policy = self._policy
        with policy.lock:
            if policy.reads_all or not policy.columns.further:
                return
            policy.read_again()
        LOGGER.info(
            "Stream %s: a column was added, so all of its records are read again.", self._stream
        )
