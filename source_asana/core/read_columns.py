"""Which columns earlier syncs have read, and which the token may not read."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any


class Columns:
    """Knows the columns that earlier syncs have read, and those that the token may not read.

    A column was read if a request that asked for it was answered. That is decided once, when the
    state is loaded: refusals of this sync do not change it. The caller holds the cursor's lock.

    Args:
        selected: names of the columns that this sync sends.

    Attributes:
        unreadable: columns that the token could not read so far, until `grant`.
        withdrawn: columns that were read before and are refused now. Nothing of the stream is sent
            then, as nulls would replace their values.
        is_read: whether a request of this sync was answered with the columns that it may read.
    """

    def __init__(self, selected: Iterable[str]) -> None:
        # The names themselves would take a kilobyte.
        self._digests = {
            name: blake2b(name.encode(), digest_size=3).hexdigest() for name in selected
        }
        self._before = frozenset[str]()
        self._refused = frozenset[str]()
        self.unreadable = frozenset[str]()
        self.withdrawn = frozenset[str]()
        self.is_read = False

    def load(self, read: Any, unreadable: Any) -> None:
        """Take the stored values of `columns` and `unreadable`.

        Raises:
            TypeError: they are not what `dump` returns.
        """
        if not isinstance(read, str) or not isinstance(unreadable, list):
            raise TypeError("its columns are no text, or its unreadable columns are no list")
        self._before = frozenset(read[start : start + 6] for start in range(0, len(read), 6))
        self.unreadable = frozenset(map(str, unreadable))

    @property
    def number(self) -> int:
        """How many columns this sync sends."""
        return len(self._digests)

    @property
    def were_read(self) -> bool:
        """Whether an earlier sync has read anything of this stream."""
        return bool(self._before)

    @property
    def further(self) -> bool:
        """Whether a column is to be read that earlier syncs have not read."""
        without = self.unreadable | self._refused
        wanted = {digest for name, digest in self._digests.items() if name not in without}
        return self.were_read and not wanted <= self._before

    def grant(self) -> None:
        """Note that a request was answered: what it was not refused may be read from now on."""
        self.unreadable &= self._refused

    def refuse(self, names: Iterable[str]) -> None:
        """Note columns that the token may not read."""
        refused = self._digests.keys() & set(names)
        withdrawn = {name for name in refused if self._digests[name] in self._before}
        self.withdrawn |= withdrawn
        self._refused |= refused - withdrawn

    def dump(self, *, reads_all: bool) -> dict[str, Any]:
        """Return what the state keeps: `columns`, a text, and `unreadable`, a list of names.

        Args:
            reads_all: whether the sync reads all records, so that each of them has the columns
                which the token could not read before.
        """
        if not self.is_read:
            read, unreadable = self._before, self.unreadable | self._refused
        else:
            without = self._refused if reads_all else self._refused | self.unreadable
            read = frozenset(
                digest for name, digest in self._digests.items() if name not in without
            )
            unreadable = self._refused
        return {"columns": "".join(sorted(read)) or None, "unreadable": sorted(unreadable) or None}
