"""Keeps what a reading policy has in the state: bounds, gates, the place of the rolling pass.

Every part takes its own value of the state with `load` and gives it back with `dump`. The cursor
that owns them holds a lock for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any, Protocol

from source_asana.cursors.numbers import pack_texts, unpack_texts
from source_asana.http.clock import Millis

HOUR = 3_600_000


class Part(Protocol):
    """Is one value in a stream's state."""

    def load(self, value: Any) -> None:
        """Take a stored value.

        Raises:
            ValueError: it is not what `dump` returns.
        """

    def dump(self) -> Any:
        """Return the value to store, None to leave it out."""

    def size(self) -> int:
        """Return about how many characters the value takes."""


class Bounds:
    """Has a bound per partition: the server's time before the listing that named its parent.

    Bounds only save requests; what is sent is the ledger's affair.
    """

    def __init__(self) -> None:
        self._bounds: dict[str, int] = {}

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        self._bounds = unpack_texts(value)

    def dump(self) -> Any:
        """Return the packed bounds; see `Part`."""
        return pack_texts(self._bounds) if self._bounds else None

    def size(self) -> int:
        """Return about how many characters the bounds take."""
        return 12 * len(self._bounds)

    def __contains__(self, key: object) -> bool:
        """Return whether an earlier sync, or this one, has read a partition to its end."""
        return key in self._bounds

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of a copy, as partitions may complete meanwhile."""
        return iter(list(self._bounds))

    def __len__(self) -> int:
        """Return how many partitions have a bound."""
        return len(self._bounds)

    def get(self, key: str) -> Millis | None:
        """Return a partition's bound, None for one that was never read to its end."""
        bound = self._bounds.get(key)
        return None if bound is None else Millis(bound)

    def move(self, key: str, bound: Millis | None) -> None:
        """Set a partition's bound; it stays where the server's time is not known."""
        if bound is not None:
            self._bounds[key] = bound

    def keep_only(self, is_there: Callable[[str], bool]) -> None:
        """Drop the partitions that no longer exist."""
        self._bounds = {key: bound for key, bound in self._bounds.items() if is_there(key)}

    def drop_after(self, now: Millis) -> None:
        """Drop the bounds that are later than the server's time."""
        self._bounds = {key: bound for key, bound in self._bounds.items() if bound <= now}


class Gates:
    """Has, per parent, the gid of its newest child when its children were last read."""

    def __init__(self) -> None:
        self._gids: dict[str, int] = {}

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        self._gids = unpack_texts(value)

    def dump(self) -> Any:
        """Return the packed gates; see `Part`."""
        return pack_texts(self._gids) if self._gids else None

    def size(self) -> int:
        """Return about how many characters the gates take."""
        return 14 * len(self._gids)

    def __len__(self) -> int:
        """Return how many parents were read."""
        return len(self._gids)

    def __contains__(self, key: object) -> bool:
        """Return whether a parent's children have been read."""
        return key in self._gids

    def shows_another(self, key: str, gid: str | None) -> bool:
        """Return whether the newest child is another one than when the children were read."""
        return self._gids.get(key) != _gate(gid)

    def close(self, key: str, gid: str | None) -> None:
        """Remember the newest child of a parent whose children were read."""
        self._gids[key] = _gate(gid)

    def keep_only(self, is_there: Callable[[str], bool]) -> None:
        """Drop the parents that no longer exist."""
        self._gids = {key: gid for key, gid in self._gids.items() if is_there(key)}


def _gate(gid: str | None) -> int:
    """Return a number that stands for the newest child, 0 where there is none."""
    if not gid:
        return 0
    return int(gid) if gid.isdigit() and len(gid) < 19 else _digest(gid)


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big")


class Columns:
    """Knows the columns that earlier syncs have read, and those that the token may not read.

    A column was read if a request that asked for it was answered. That is decided once, when the
    state is loaded: refusals of this sync do not change it. The caller holds the cursor's lock.

    Args:
        selected: names of the columns that this sync sends.

    Attributes:
        lacked: columns that the token could not read so far, until `grant`.
        lost: columns that were read before and are refused now. Nothing of the stream is sent
            then, as nulls would replace their values.
        is_read: whether a request of this sync was answered with the columns that it may read.
    """

    def __init__(self, selected: Iterable[str]) -> None:
        # The names themselves would take a kilobyte.
        self._marks = {name: blake2b(name.encode(), digest_size=3).hexdigest() for name in selected}
        self._before = frozenset[str]()
        self._lacks = frozenset[str]()
        self.lacked = frozenset[str]()
        self.lost = frozenset[str]()
        self.is_read = False

    def load(self, read: Any, lacks: Any) -> None:
        """Take the stored values of `columns` and `lacks`.

        Raises:
            TypeError: they are not what `dump` returns.
        """
        if not isinstance(read, str) or not isinstance(lacks, list):
            raise TypeError("its columns are no text, or what it lacks is no list")
        self._before = frozenset(read[start : start + 6] for start in range(0, len(read), 6))
        self.lacked = frozenset(map(str, lacks))

    @property
    def were_read(self) -> bool:
        """Whether an earlier sync has read anything of this stream."""
        return bool(self._before)

    @property
    def further(self) -> bool:
        """Whether a column is to be read that earlier syncs have not read."""
        without = self.lacked | self._lacks
        wanted = {mark for name, mark in self._marks.items() if name not in without}
        return self.were_read and not wanted <= self._before

    def grant(self) -> None:
        """Note that a request was answered: what it was not refused may be read from now on."""
        self.lacked &= self._lacks

    def lack(self, names: Iterable[str]) -> None:
        """Note columns that the token may not read."""
        refused = self._marks.keys() & set(names)
        lost = {name for name in refused if self._marks[name] in self._before}
        self.lost |= lost
        self._lacks |= refused - lost

    def dump(self, *, reads_all: bool) -> dict[str, Any]:
        """Return what the state keeps: `columns`, a text, and `lacks`, a list of names.

        Args:
            reads_all: whether the sync reads all records, so that each of them has the columns
                which the token lacked before.
        """
        if not self.is_read:
            read, lacks = self._before, self.lacked | self._lacks
        else:
            without = self._lacks if reads_all else self._lacks | self.lacked
            read = frozenset(mark for name, mark in self._marks.items() if name not in without)
            lacks = self._lacks
        return {"columns": "".join(sorted(read)) or None, "lacks": sorted(lacks) or None}

    def size(self) -> int:
        """Return about how many characters the state keeps."""
        return 6 * len(self._marks) + 20 * len(self._lacks)


class RollingPass:
    """Decides which partitions are read whole though nothing says that they changed.

    What moves no timestamp, such as moves, likes and tags, shows only in whole listings. The pass
    rolls: a partition's hash gives its place in the period, and each sync reads those whose place
    has come up since the last one, so that the cost is spread.

    Args:
        hours: the period; with 0, every partition is due in every sync.
        now: returns the server's time before this sync's requests, None while that is not known.
        rolls: whether the cost is spread; else all partitions are due in one sync, which sees what
            none of them shows.
    """

    def __init__(self, hours: int, now: Callable[[], Millis | None], *, rolls: bool = True) -> None:
        self._rolls = rolls
        self._period = hours * HOUR
        self._clock = now
        self._rolled: Millis | None = None
        self._last: int | None = None
        self._open: set[str] = set()

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        match value:
            case {"at": int() | None as last, "open": list(keys)}:
                self._last, self._open = last, set(map(str, keys))
            case {"at": int() as last} if "open" not in value:
                self._last, self._open = last, set()
            case _:
                raise ValueError("the pass does not have the form that it should")

    def dump(self) -> Any:
        """Return when the pass was last advanced, and which partitions it still owes."""
        if self._last is None and not self._open:
            return None
        owed = {"open": sorted(self._open)} if self._open else {}
        return {"at": self._last, **owed}

    def size(self) -> int:
        """Return about how many characters the value takes."""
        return 30 + 19 * len(self._open)

    def is_due(self, key: str) -> bool:
        """Return whether the pass has come to a partition, in this sync or in an unfinished one."""
        now = self._now()
        return key in self._open or (now is not None and self._comes(key, now))

    def _comes(self, key: str, now: Millis) -> bool:
        if self._last is None or self._period == 0 or now - self._last >= self._period:
            return True
        place = _digest(key) % self._period if self._rolls else 0
        return (now - place) // self._period > (self._last - place) // self._period

    def _now(self) -> Millis | None:
        if self._rolled is None:
            self._rolled = self._clock()
        return self._rolled

    def claim(self, key: str) -> None:
        """Owe a partition, if it is due, until it is done, however many syncs that takes."""
        if self.is_due(key):
            self._open.add(key)

    def done(self, key: str) -> None:
        """Note that a partition was read whole."""
        self._open.discard(key)

    def advance(self) -> None:
        """Note that every partition was asked about, so that the next sync continues here."""
        self._last = self._now() or self._last

    def keep_only(self, is_there: Callable[[str], bool]) -> None:
        """Drop the partitions that no longer exist."""
        self._open = {key for key in self._open if is_there(key)}

    def drop_after(self, now: Millis) -> None:
        """Have every partition be due if the last advance is later than the server's time."""
        if self._last is not None and self._last > now:
            self._last = None
