"""Keeps what a stream has sent: the keys of its records, with a fingerprint of each version.

A row is a key, a partition and a fingerprint. The key is the text of a record's primary key; the
partition is the text that names the listing, or the parent, which showed the record; the
fingerprint is a number of 32 bits that stands for the version that was sent. A record that several
partitions show has several rows.

A row is *shown* when its partition showed the record in this sync. It is *missing* when its
partition was read completely and did not show the record: since an earlier sync, or only since this
one. A record is missing when all of its rows are.

A row is one number in memory, by its key:

    partition, by index | shown | missing since this sync | since an earlier one | fingerprint
                     35      34                        33                      32            0

Up to 33 million partitions this number takes 32 bytes; with the key and the dict a row takes 130 to
145. In the state a row takes about 11 characters (`codec`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from source_asana.core import codec

SHIFT = 35
SHOWN = 1 << 34
NOW = 1 << 33
EARLIER = 1 << 32
MISSING = NOW | EARLIER
FINGERPRINT = EARLIER - 1

Row = tuple[str, str]
"""A key and a partition."""
Choice = Callable[[str], bool]
"""Is true for some partitions; it is asked once for each that has rows."""


class Ledger:
    """Holds the rows of one stream. It is not thread-safe: the caller holds a lock.

    Args:
        by_partition: whether a key in two partitions is two records, each with a fingerprint of its
            own. Else it is one record, whose rows always have the same fingerprint.
    """

    def __init__(self, *, by_partition: bool = False) -> None:
        self._by_partition = by_partition
        # One row of each key; and the other rows of the few keys that have several.
        self._first: dict[str, int] = {}
        self._more: dict[str, list[int]] = {}
        self._size = 0
        # Partitions by index, with the number of their rows. No index is used again in a sync.
        self._names: list[str] = []
        self._counts: list[int] = []
        self._indexes: dict[str, int] = {}

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._size

    def fingerprint(self, key: str, partition: str) -> int | None:
        """Return the fingerprint of the version that was sent, None for an unknown record.

        `partition` counts only with `by_partition`.
        """
        row = self._first.get(key)
        if self._by_partition and row is not None and row >> SHIFT != self._indexes.get(partition):
            row = next(iter(self._rows_of(key, partition)), None)
        return None if row is None else row & FINGERPRINT

    def enter(self, key: str, partition: str, fingerprint: int) -> None:
        """Note that a version was sent, which `partition` showed in this sync.

        A fingerprint is at least 0 and below 2**32.
        """
        index = self._index(partition)
        new = index << SHIFT | SHOWN | fingerprint
        first = self._first.get(key)
        if first is None:
            self._first[key] = new
            self._count(new, 1)
        elif first >> SHIFT == index and key not in self._more:
            self._first[key] = new
        else:
            self._put(key, new)

    def show(self, key: str, partition: str) -> None:
        """Note that `partition` showed a known record in this sync; its fingerprint stays.

        Raises:
            KeyError: the record is unknown.
        """
        first = self._first[key]
        if first >> SHIFT == self._indexes.get(partition):
            self._first[key] = first & ~MISSING | SHOWN
            return
        record = self._record(key, partition)
        if not record:
            raise KeyError(key)
        self._put(key, self._index(partition) << SHIFT | SHOWN | record[0] & FINGERPRINT)

    def is_shown(self, key: str, partition: str) -> bool:
        """Return whether `partition` showed the record in this sync."""
        first = self._first.get(key, 0)
        if first >> SHIFT == self._indexes.get(partition):
            return bool(first & SHOWN)
        return key in self._more and any(row & SHOWN for row in self._rows_of(key, partition))

    def was_shown(self, key: str) -> bool:
        """Return whether any partition showed the key in this sync."""
        return any(row & SHOWN for row in self._rows_of(key))

    def miss(self, key: str, partition: str) -> None:
        """Note that a record is missing, since this sync unless an earlier one noted it.

        An unknown record stays unknown. `partition` counts only with `by_partition`.
        """
        record = self._record(key, partition)
        rows = self._rows_of(key)
        self._set(key, [_flagged(row) if row in record else row for row in rows])

    def is_missing(self, key: str, partition: str) -> bool:
        """Return whether a record is missing since an earlier sync.

        `partition` counts only with `by_partition`.
        """
        if key not in self._more and not self._by_partition:
            return bool(self._first.get(key, 0) & EARLIER)
        record = self._record(key, partition)
        return bool(record) and all(row & EARLIER for row in record)

    def remove(self, key: str, partition: str | None = None) -> None:
        """Delete the row of a key in one partition, or all of its rows, if there are any."""
        self._drop([(key, row) for row in self._rows_of(key, partition)])

    def partition_of(self, key: str) -> str | None:
        """Return the first partition of a key, None if the key is unknown."""
        row = self._first.get(key)
        return None if row is None else self._names[row >> SHIFT]

    def partitions_of(self, key: str) -> list[str]:
        """Return all partitions of a key."""
        return [self._names[row >> SHIFT] for row in self._rows_of(key)]

    def has_partition(self, partition: str) -> bool:
        """Return whether a partition has rows."""
        index = self._indexes.get(partition)
        return index is not None and self._counts[index] > 0

    def partitions(self) -> list[str]:
        """Return the partitions that have rows, in no particular order."""
        return [name for name, count in zip(self._names, self._counts, strict=True) if count]

    def rows(self, chosen: Callable[[int], bool] | None = None) -> list[Row]:
        """Return the rows whose fingerprint is chosen, or all of them."""
        names = self._names
        return [
            (key, names[row >> SHIFT])
            for key, row in self._all()
            if chosen is None or chosen(row & FINGERPRINT)
        ]

    def drop_partitions(self, choice: Choice) -> None:
        """Delete all rows of the chosen partitions."""
        goes = self._ask(choice)
        self._drop([(key, row) for key, row in self._all() if goes[row >> SHIFT]])

    def keep_only(self, chosen: Callable[[int], bool]) -> None:
        """Delete the rows whose fingerprint is not chosen."""
        self._drop([(key, row) for key, row in self._all() if not chosen(row & FINGERPRINT)])

    def sweep(self, complete: Choice) -> None:
        """Judge the rows that were not shown, though their partition was read completely.

        If the record has any other row, it has only left these partitions: their rows are deleted.
        Otherwise it is missing: its rows stay and are flagged. With `by_partition` each row is
        judged alone.

        Args:
            complete: whether everything that a partition has was shown in this sync.
        """
        asked = self._ask(complete)

        def stays(row: int) -> bool:
            return bool(row & SHOWN) or not asked[row >> SHIFT]

        # Most rows were shown, so this line, without a call, decides how long a sweep takes.
        unseen = [key for key, row in self._all() if not row & SHOWN and asked[row >> SHIFT]]
        several = {key for key in unseen if key in self._more}
        for key in unseen:
            if key not in several:
                self._first[key] = _flagged(self._first[key])
        for key in several:
            rows = self._rows_of(key)
            if self._by_partition or not any(map(stays, rows)):
                self._set(key, [row if stays(row) else _flagged(row) for row in rows])
            else:
                self._drop([(key, row) for row in rows if not stays(row)])

    def missing(self, complete: Choice | None = None) -> tuple[list[Row], list[Row]]:
        """Return the missing records, one row of each: those since this sync, then the others.

        Args:
            complete: where it is given, only records all of whose partitions it is true for count.
        """
        new: list[Row] = []
        old: list[Row] = []
        for key, rows in self._missing(complete):
            since = new if any(row & NOW for row in rows) else old
            since.append((key, self._names[rows[0] >> SHIFT]))
        return new, old

    def drop_missing(self, complete: Choice) -> None:
        """Delete the records that are missing since an earlier sync.

        Args:
            complete: all partitions of such a record must be complete (see `sweep`).
        """
        # No shown row is among them: showing a row clears the flag of an earlier sync, and only a
        # load sets it.
        for key, rows in self._missing(complete):
            if all(row & EARLIER for row in rows):
                self._drop([(key, row) for row in rows])

    def snapshot(self) -> Callable[[], dict[str, Any]]:
        """Return what dumps the ledger as it is now, which may be called while it changes."""
        keys = [*self._first, *(key for key, rows in self._more.items() for _ in rows)]
        rows = array("Q", chain(self._first.values(), *self._more.values()))
        names = sorted(self.partitions(), key=codec.order_of)
        positions = [0] * len(self._names)
        for position, name in enumerate(names):
            positions[self._indexes[name]] = position << SHIFT

        def dump() -> dict[str, Any]:
            kept = (
                positions[row >> SHIFT] | row & FINGERPRINT | (EARLIER if row & MISSING else 0)
                for row in rows
            )
            return {
                "partitions": codec.encode_numbers(dict.fromkeys(names, 0)),
                "rows": codec.encode_rows(keys, kept),
            }

        return dump

    def dump(self) -> dict[str, Any]:
        """Return the ledger as a JSON value, which does not say what was shown."""
        return self.snapshot()()

    @classmethod
    def load(cls, value: Any, *, by_partition: bool = False) -> Ledger:
        """Return the ledger that was dumped.

        Raises:
            ValueError: the value is damaged; one sentence says how.
        """
        match value:
            case {"partitions": partitions, "rows": rows}:
                ledger = cls(by_partition=by_partition)
                for name in codec.decode_numbers(partitions):
                    ledger._index(name)
            case _:
                raise codec.damaged("the ledger does not have the form that it should")
        first, counts = ledger._first, ledger._counts
        limit = len(counts) << SHIFT
        for key, row in zip(*codec.decode_rows(rows), strict=True):
            if row >= limit or row & (SHOWN | NOW):
                raise codec.damaged("a row has a partition or a flag that cannot be")
            if key in first:
                ledger._load_another(key, row)
            else:
                first[key] = row
            counts[row >> SHIFT] += 1
        ledger._size = sum(counts)
        return ledger

    def _load_another(self, key: str, row: int) -> None:
        """Add a row to a key that has some."""
        first, others = self._first[key], self._more.get(key, [])
        if any(row >> SHIFT == other >> SHIFT for other in (first, *others)):
            raise codec.damaged("a row is there twice")
        if (first ^ row) & FINGERPRINT and not self._by_partition:
            raise codec.damaged("a key has two fingerprints")
        self._more[key] = [*others, row]

    def _all(self) -> Iterator[tuple[str, int]]:
        more = ((key, row) for key, rows in self._more.items() for row in rows)
        return chain(self._first.items(), more)

    def _rows_of(self, key: str, partition: str | None = None) -> list[int]:
        """Return the row of a key in one partition, or all of its rows, if there are any."""
        first = self._first.get(key)
        rows = [] if first is None else [first, *self._more.get(key, ())]
        if partition is None:
            return rows
        index = self._indexes.get(partition)
        return [row for row in rows if row >> SHIFT == index]

    def _record(self, key: str, partition: str) -> list[int]:
        return self._rows_of(key, partition if self._by_partition else None)

    def _missing(self, complete: Choice | None) -> Iterator[tuple[str, list[int]]]:
        asked = self._ask(complete) if complete else [True] * len(self._names)
        rows = self._all() if self._by_partition else self._first.items()
        for key, first in [(key, row) for key, row in rows if row & MISSING]:
            record = [first] if self._by_partition else self._rows_of(key)
            if all(row & MISSING and asked[row >> SHIFT] for row in record):
                yield key, record

    def _ask(self, choice: Choice) -> list[bool]:
        """Return the answer for each index."""
        pairs = zip(self._names, self._counts, strict=True)
        return [count > 0 and choice(name) for name, count in pairs]

    def _index(self, partition: str) -> int:
        index = self._indexes.get(partition)
        if index is None:
            index = self._indexes[partition] = len(self._names)
            self._names.append(partition)
            self._counts.append(0)
        return index

    def _put(self, key: str, new: int) -> None:
        """Add a row to a known key, or replace the one that the key has in this partition."""
        # The bits that all rows of the key take from the new one.
        same = 0 if self._by_partition else FINGERPRINT
        others = new & same
        index = new >> SHIFT
        rows = [
            new if row >> SHIFT == index else row & ~same | others for row in self._rows_of(key)
        ]
        if new not in rows:
            rows.append(new)
            self._count(new, 1)
        self._set(key, rows)

    def _count(self, row: int, change: int) -> None:
        self._counts[row >> SHIFT] += change
        self._size += change

    def _set(self, key: str, rows: list[int]) -> None:
        if rows:
            self._first[key] = rows[0]
        else:
            self._first.pop(key, None)
        if len(rows) > 1:
            self._more[key] = rows[1:]
        else:
            self._more.pop(key, None)

    def _drop(self, rows: list[tuple[str, int]]) -> None:
        for key, dropped in rows:
            self._count(dropped, -1)
            self._set(key, [row for row in self._rows_of(key) if row != dropped])


def _flagged(row: int) -> int:
    return row if row & MISSING else row | NOW
