"""Which partitions were read completely, and which missing records are asked about in this sync.

What is missing may be deleted, forbidden, moved, or only left out of one bad answer: nothing is
deleted in the destination before Asana says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

# More new ones than this, and than this share of a stream, wait for the next sync: an answer may
# have been wrong as a whole.
MOST_AT_ONCE = 100
LARGEST_SHARE = 0.3

Row = tuple[str, str]
"""A record's key, and the key of a partition that it is in."""


@dataclass(slots=True)
class Choice:
    """What is asked about now, and what waits for the next sync.

    Attributes:
        rows: in the order in which they are asked about.
        waiting: how many wait.
        is_cautious: whether all new ones wait, as they are too many at once.
    """

    rows: list[Row]
    waiting: int
    is_cautious: bool


def choose(
    new: Iterable[Row],
    waiting: Iterable[Row],
    *,
    size: int,
    is_proven: Callable[[Row], bool],
    is_expected: Callable[[Row], bool],
    question: Callable[[Row], str],
    take_for_new: Callable[[int], int],
    take_for_old: Callable[[int], int],
) -> Choice:
    """Choose among the missing records of a stream.

    Args:
        new: those that are missing since this sync.
        waiting: those that were missing before; they come in random order.
        size: how many rows the stream has.
        is_proven: whether it is known already that a record is deleted: that takes no request.
        is_expected: whether nothing is wrong if many such rows are missing at once.
        question: what Asana is asked for a record; the same for several records of one parent.
        take_for_new: takes how many questions are wanted about new records; returns how many may be
            asked.
        take_for_old: the same for those that wait.
    """
    proven = [row for row in (*new, *waiting) if is_proven(row)]
    new = [row for row in new if not is_proven(row)]
    old = [row for row in waiting if not is_proven(row)]
    surprising = sum(not is_expected(row) for row in new)
    is_cautious = surprising > max(MOST_AT_ONCE, LARGEST_SHARE * (size - len(old)))
    put_off = [row for row in new if not is_expected(row)] if is_cautious else []
    asked = [row for row in new if is_expected(row)] if is_cautious else new
    random.shuffle(old)
    first, left = _within(asked, question, take_for_new)
    second, later = _within(old, question, take_for_old)
    return Choice([*proven, *first, *second], len(put_off) + len(left) + len(later), is_cautious)


def _within(
    rows: list[Row], question: Callable[[Row], str], take: Callable[[int], int]
) -> tuple[list[Row], list[Row]]:
    """Return the rows that may be asked about, and the others."""
    questions = list(dict.fromkeys(map(question, rows)))
    allowed = set(questions[: take(len(questions))])
    chosen = [row for row in rows if question(row) in allowed]
    return chosen, [row for row in rows if question(row) not in allowed]


@dataclass(slots=True, eq=False)
class Completeness:
    """Counts the open slices of each partition, which may have several: active and archived.

    The caller holds the stream's lock.
    """

    _open: dict[str, int] = field(default_factory=dict)
    _several: set[str] = field(default_factory=set)
    _unfinished: set[str] = field(default_factory=set)

    def handed_out(self, partition: str, *, is_last: bool = True) -> None:
        """Count a slice that is handed out; `is_last` says that no other follows."""
        if partition in self._open:
            self._several.add(partition)
        if is_last:
            self._unfinished.discard(partition)
        else:
            self._unfinished.add(partition)
        self._open[partition] = self._open.get(partition, 0) + 1

    def completed(self, partition: str) -> None:
        """Count one that was read to its end, unfiltered."""
        self._open[partition] = self._open.get(partition, 0) - 1

    def is_expected(self, partition: str) -> bool:
        """Return whether this sync has a slice of a partition."""
        return partition in self._open

    def has_several(self, partition: str) -> bool:
        """Return whether this sync has several slices of a partition."""
        return partition in self._several

    def is_complete(self, partition: str) -> bool:
        """Return whether every slice of a partition was handed out, and was complete."""
        return self._open.get(partition) == 0 and partition not in self._unfinished
