"""Has numbers stand for texts, so that rows can be flat arrays.

Nothing here is thread-safe: whoever owns these holds a lock of its own.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

from source_asana.cursors.table import LOWEST, Chunk, Table

LIMIT = 2**63
UNKNOWN = -1
"""Stands for a text without a number: numbers of texts start at `LOWEST`, far below."""


def gid_number(text: str) -> int | None:
    """Return the number below 2**63 that a text is, None for any other text.

    A number that is written in another way, such as `007`, is another text.
    """
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 <= number < LIMIT and str(number) == text else None


class Numbers:
    """Has a number for every text: that of a gid is the gid, that of any other is below zero.

    A number always stands for the same text, so whoever holds one can read it at any time.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def get(self, text: str) -> int:
        """Return the number of a text, `UNKNOWN` for a text that was never added."""
        number = gid_number(text)
        return self._numbers.get(text, UNKNOWN) if number is None else number

    def add(self, text: str) -> int:
        """Return the number of a text, which gets one where it has none."""
        number = self.get(text)
        if number == UNKNOWN:
            number = self._numbers[text] = LOWEST + len(self._texts)
            self._texts.append(text)
        return number

    def text(self, number: int) -> str:
        """Return the text that a number stands for."""
        return str(number) if number >= 0 else self._texts[number - LOWEST]


class Homes:
    """Has an index, counted from 0 in order of arrival, for the text of every home.

    A home takes 26 bytes, 28 where there are many.

    Attributes:
        rows: how many rows each home has, by its index; the ledger counts them.
    """

    def __init__(self, texts: Iterable[str] = (), gids: Iterable[int] = ()) -> None:
        """Take the homes of a state: the gids rise, no text is a gid, and none comes twice."""
        self._numbers = Numbers()
        self._by_index = array("q", [*map(self._numbers.add, texts), *gids])
        self.rows = array("I", bytes(4 * len(self._by_index)))
        self._indexes = Table()
        self._indexes.extend(Chunk(self._by_index, range(len(self.rows)), self.rows))
        # Rows come home by home, so most questions are about the same home as the one before.
        self._last: tuple[str | None, int] = (None, UNKNOWN)

    def __len__(self) -> int:
        """Return the number of indexes given out."""
        return len(self._by_index)

    def get(self, text: str) -> int:
        """Return the index of a home, `UNKNOWN` for one that was never added."""
        last, index = self._last
        if text == last:
            return index
        chunk, start, end = self._indexes.find(self._numbers.get(text))
        if start == end:
            return UNKNOWN
        self._last = text, chunk.marks[start]
        return chunk.marks[start]

    def add(self, text: str) -> int:
        """Return the index of a home, which gets one where it has none."""
        index = self.get(text)
        if index == UNKNOWN:
            index = len(self._by_index)
            self._insert(self._numbers.add(text), index)
        return index

    def _insert(self, number: int, index: int) -> None:
        _, at, _ = self._indexes.find(number)
        self._indexes.insert(at, number, index, 0)
        self._by_index.append(number)
        self.rows.append(0)

    def text(self, index: int) -> str:
        """Return the text of a home."""
        return self._numbers.text(self._by_index[index])

    def inhabited(self) -> list[int]:
        """Return the indexes of the homes that have rows."""
        return [index for index, rows in enumerate(self.rows) if rows]

    def in_order(self) -> tuple[list[str], array[int], list[int]]:
        """Return the homes that have rows, as the constructor takes them, and their indexes."""
        gids = sorted((self._by_index[at], at) for at in self.inhabited())
        split = bisect_left(gids, (0, 0))
        texts = sorted((self.text(at), at) for _, at in gids[:split])
        indexes = [at for _, at in texts] + [at for _, at in gids[split:]]
        return [text for text, _ in texts], array("q", (gid for gid, _ in gids[split:])), indexes


class Snapshot:
    """Holds rows as they were when somebody asked for them, in 12 bytes each."""

    def __init__(self, numbers: Numbers, homes: Homes) -> None:
        self._names = numbers, homes
        self._keys, self._homes = array("q"), array("I")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._keys)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs of key and home."""
        numbers, homes = self._names
        # These always stand for the same texts, whatever becomes of the ledger.
        for number, home in zip(self._keys, self._homes, strict=True):
            yield numbers.text(number), homes.text(home)

    def add(self, chunk: Chunk, chosen: Sequence[object]) -> None:
        """Add the rows of a chunk whose entry in `chosen` is true."""
        self._keys.extend(compress(chunk.keys, chosen))
        self._homes.extend(mark >> 1 for mark in compress(chunk.marks, chosen))
