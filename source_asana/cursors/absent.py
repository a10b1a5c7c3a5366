"""Keeps a record that no list shows for one more sync, as it may only have slipped through.

A record that moves while a sync goes on, from a list that is still to be read to one that was read
already, is in neither. If it left the ledger at once, the next sync would send it anew, with all
that hangs on it, though nothing changed.
"""

from __future__ import annotations

from typing import Any

from source_asana.cursors.ledger import Ledger
from source_asana.cursors.names import Snapshot

ABSENT = 1


class Absent:
    """Has the rows of a ledger that the last sync did not find; a part of the state (`Part`).

    Args:
        by_home: as the ledger's.
    """

    def __init__(self, *, by_home: bool = False) -> None:
        self._by_home = by_home
        self._rows = Ledger(by_home=by_home)

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        self._rows = Ledger.load(value, by_home=self._by_home)

    def dump(self) -> Any:
        """Return the packed rows; see `Part`."""
        return self._rows.dump() if len(self._rows) else None

    def size(self) -> int:
        """Return about how many characters the rows take."""
        return self._rows.size_estimate() if len(self._rows) else 0

    def settle(self, ledger: Ledger, departed: Snapshot) -> None:
        """Delete the rows that departed for the second time; called once, at the end of a sync.

        Args:
            ledger: was just swept.
            departed: what the sweep found.
        """
        rows = Ledger(by_home=self._by_home)
        for key, home in departed:
            if self._rows.tag_of(key, home) is None:
                rows.enter(key, home, ABSENT)
            else:
                ledger.remove(key, home if self._by_home else None)
        for key, home in self._rows.rows_where(lambda tag: tag == ABSENT):
            # What this sync had no reason to read, it can neither find nor miss.
            if ledger.tag_of(key, home) is not None and not self._is_shown(ledger, key, home):
                rows.enter(key, home, ABSENT)
        self._rows = rows

    def _is_shown(self, ledger: Ledger, key: str, home: str) -> bool:
        return ledger.is_shown(key, home) if self._by_home else ledger.was_shown(key)
