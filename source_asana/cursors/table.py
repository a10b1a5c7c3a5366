"""Keeps rows sorted by a number in flat columns: 14 or 16 bytes a row, and no object for any.

Nothing here is thread-safe: whoever owns a table holds a lock of its own.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import compress

# To insert a row moves half of a chunk on average, which is 32 kB and takes a microsecond.
CHUNK_ROWS = 4096
LOWEST = -(2**63)
# Marks below this take two bytes, others four.
SHORT_MARKS = 2**16


class Chunk:
    """Holds some rows in three columns, sorted by key, then by mark.

    Attributes:
        keys: numbers from `LOWEST` to 2**63 - 1.
        marks, tags: numbers below 2**32, whose meaning is the owner's affair.
    """

    __slots__ = ("keys", "marks", "tags")

    def __init__(self, keys: Iterable[int], marks: Iterable[int], tags: Iterable[int]) -> None:
        self.keys = array("q", keys)
        self.marks = _marks(marks)
        self.tags = array("I", tags)

    def part(self, start: int, end: int) -> Chunk:
        """Return a copy of the rows from `start` up to, but not including, `end`."""
        return Chunk(self.keys[start:end], self.marks[start:end], self.tags[start:end])

    def append(self, rows: Chunk) -> None:
        """Put rows behind the last one."""
        self.keys += rows.keys
        self._make_room(rows.marks)
        self.marks += array(self.marks.typecode, rows.marks)
        self.tags += rows.tags

    def insert(self, at: int, key: int, mark: int, tag: int) -> None:
        """Put a row in front of row `at`."""
        self._make_room((mark,))
        self.keys.insert(at, key)
        self.marks.insert(at, mark)
        self.tags.insert(at, tag)

    def _make_room(self, marks: Iterable[int]) -> None:
        if self.marks.typecode == "H" and max(marks, default=0) >= SHORT_MARKS:
            self.marks = array("I", self.marks)

    def delete(self, start: int, end: int) -> None:
        """Delete the rows from `start` up to, but not including, `end`."""
        for column in (self.keys, self.marks, self.tags):
            del column[start:end]

    def keep(self, chosen: Sequence[object]) -> None:
        """Keep the rows whose entry in `chosen` is true."""
        self.keys = array("q", compress(self.keys, chosen))
        self.marks = _marks(compress(self.marks, chosen))
        self.tags = array("I", compress(self.tags, chosen))

    def boundary(self) -> int:
        """Return the number of a row near the middle where another key begins, 0 without one."""
        middle = self.keys[len(self.keys) // 2]
        at = bisect_left(self.keys, middle) or bisect_right(self.keys, middle)
        return at % len(self.keys)


def _marks(marks: Iterable[int]) -> array[int]:
    """Return a column of its own for marks, as short as they allow."""
    given = marks if isinstance(marks, array) else array("I", marks)
    # What is short is short in every part of it.
    if given.typecode == "H" or max(given, default=0) >= SHORT_MARKS:
        return given[:]
    return array("H", given)


Span = tuple[Chunk, int, int]
"""Rows of one chunk, from the first number up to, but not including, the second."""


class Table:
    """Holds chunks in the order of their keys; all rows of one key are in one chunk."""

    def __init__(self) -> None:
        self.chunks = [Chunk((), (), ())]
        # A key belongs to the last chunk whose number here is not above it. The numbers stay when
        # rows go, so they need not be keys of the table.
        self._lowest = [LOWEST]

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(len(chunk.keys) for chunk in self.chunks)

    def find(self, key: int) -> Span:
        """Return the rows of a key, or the empty span where they would be."""
        chunk = self.chunks[bisect_right(self._lowest, key) - 1]
        keys = chunk.keys
        start = end = bisect_left(keys, key)
        if start < len(keys) and keys[start] == key:
            end = start + 1
            # Most keys have one row; it is worth searching only for the others.
            if end < len(keys) and keys[end] == key:
                end = bisect_right(keys, key, end)
        return chunk, start, end

    def insert(self, at: int, key: int, mark: int, tag: int) -> None:
        """Put a row in front of row `at` of the chunk where `find` sees its key."""
        place = bisect_right(self._lowest, key) - 1
        chunk = self.chunks[place]
        chunk.insert(at, key, mark, tag)
        if len(chunk.keys) > CHUNK_ROWS:
            self._split(place, at)

    def _split(self, place: int, inserted: int) -> None:
        chunk = self.chunks[place]
        last = len(chunk.keys) - 1
        # Keys that come in rising order leave full chunks behind, not halves.
        appended = place == len(self.chunks) - 1 and inserted == last
        start = bisect_left(chunk.keys, chunk.keys[last]) if appended else chunk.boundary()
        if start:
            self.chunks[place : place + 1] = [chunk.part(0, start), chunk.part(start, last + 1)]
            self._lowest.insert(place + 1, chunk.keys[start])

    def delete(self, span: Span) -> None:
        """Delete the rows of a span that `find` returned, or of a part of it."""
        chunk, start, end = span
        chunk.delete(start, end)
        if not chunk.keys:
            self.drop_empty()

    def drop_empty(self) -> None:
        """Drop the chunks without rows; whoever takes rows out of `chunks` calls this."""
        full = [at for at, chunk in enumerate(self.chunks) if chunk.keys]
        self.chunks = [self.chunks[at] for at in full] or [Chunk((), (), ())]
        self._lowest = [LOWEST, *(self._lowest[at] for at in full[1:])]

    def extend(self, rows: Chunk) -> None:
        """Append sorted rows, none of which is below the last row of the table."""
        last = self.chunks[-1]
        # A key whose rows continue here stays in its chunk, however many they are.
        start = bisect_right(rows.keys, last.keys[-1]) if last.keys else 0
        last.append(rows.part(0, start))
        while start < len(rows.keys):
            end = _end(rows.keys, start)
            self.chunks.append(rows.part(start, end))
            self._lowest.append(rows.keys[start])
            start = end
        if not self.chunks[0].keys:
            self.drop_empty()


def _end(keys: array[int], start: int) -> int:
    end = start + CHUNK_ROWS
    if end >= len(keys):
        return len(keys)
    return max(bisect_left(keys, keys[end], start), bisect_right(keys, keys[start], start))
