"""Keeps what an incremental stream has sent: the keys of its records, with a tag of each version.

A row is a key, a home and a tag. The key is the text of a record's primary key; the home is the
text of the partition that shows the record; the tag is a number of 32 bits that stands for the
version that was sent (see `tags`), or 0 where the homes no longer showed the record. A record in
several homes has several rows. A row is *shown* when its home showed the record in this sync.

A row takes 14 bytes of flat arrays in memory, 16 where there are more than 32,000 homes (`table`),
and about 11 characters in the state (`packing`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import chain, compress
from operator import and_, eq, gt, not_, or_
from typing import Any

from source_asana.cursors.columns import damaged
from source_asana.cursors.names import UNKNOWN, Homes, Numbers, Snapshot
from source_asana.cursors.packing import (
    Rows,
    State,
    characters,
    in_pieces,
    pack_rows,
    pack_state,
    unpack_rows,
    unpack_state,
    unpack_textual,
)
from source_asana.cursors.table import Chunk, Span, Table

SHOWN = 1
"""The lowest bit of a row's mark; the index of its home is above it."""
# The characters of an empty ledger; and of a row, until a dump shows how many it takes.
LEAST_CHARACTERS = 80
USUAL_DENSITY = 11.0

Choice = Container[str] | Callable[[str], bool]
"""Names some homes: a set of them, or a function that is true for them."""


class Ledger:
    """Holds the rows of one stream. It is not thread-safe: the caller holds a lock of its own.

    Args:
        by_home: whether a key in two homes is two records, each with a tag of its own. Else it is
            one record, whose rows always have the same tag.
    """

    def __init__(self, *, by_home: bool = False) -> None:
        self._by_home = by_home
        self._keys, self._homes, self._table = Numbers(), Homes(), Table()
        self._density = USUAL_DENSITY

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._table)

    def tag_of(self, key: str, home: str) -> int | None:
        """Return the tag that was last entered for a record, None for an unknown one.

        `home` counts only with `by_home`: else the record has one tag for all of its homes.
        """
        chunk, start, end = self._record(key, home)
        return chunk.tags[start] if start < end else None

    def enter(self, key: str, home: str, tag: int) -> None:
        """Note that a version was sent, which `home` holds and showed.

        A tag is at least 0 and below 2**32.
        """
        number, place = self._keys.add(key), self._homes.add(home)
        span = self._table.find(number)
        own = _narrowed(span, place)
        _tag(own if self._by_home else span, tag)
        self._show(own, number, place, tag)

    def show(self, key: str, home: str) -> None:
        """Note that `home` holds and showed a known record; its tag stays.

        Raises:
            KeyError: the record is unknown.
        """
        number, place = self._keys.get(key), self._homes.add(home)
        span = self._table.find(number)
        own = _narrowed(span, place)
        chunk, start, end = own if self._by_home else span
        if start == end:
            raise KeyError(key)
        self._show(own, number, place, chunk.tags[start])

    def _show(self, own: Span, number: int, place: int, tag: int) -> None:
        chunk, at, end = own
        if at < end:
            chunk.marks[at] |= SHOWN
        else:
            self._insert(own, number, place << 1 | SHOWN, tag)

    def _insert(self, own: Span, number: int, mark: int, tag: int) -> None:
        self._table.insert(own[1], number, mark, tag)
        self._homes.rows[mark >> 1] += 1

    def is_shown(self, key: str, home: str) -> bool:
        """Return whether `home` showed the record in this sync."""
        chunk, at, end = self._span(key, home)
        return at < end and bool(chunk.marks[at] & SHOWN)

    def was_shown(self, key: str) -> bool:
        """Return whether any home showed the key in this sync."""
        chunk, start, end = self._span(key)
        return any(mark & SHOWN for mark in chunk.marks[start:end])

    def miss(self, key: str, home: str) -> None:
        """Give a known record the tag 0; `home` counts only with `by_home`."""
        _tag(self._record(key, home), 0)

    def remove(self, key: str, home: str | None = None) -> None:
        """Delete the row of a key in one home, or all of its rows, if there are any."""
        span = chunk, start, end = self._span(key, home)
        if start < end:
            self._leave(chunk.marks[start:end])
            self._table.delete(span)

    def _record(self, key: str, home: str) -> Span:
        return self._span(key, home if self._by_home else None)

    def _span(self, key: str, home: str | None = None) -> Span:
        span = self._table.find(self._keys.get(key))
        return span if home is None else _narrowed(span, self._homes.get(home))

    def _leave(self, marks: Iterable[int]) -> None:
        for home, rows in Counter(mark >> 1 for mark in marks).items():
            self._homes.rows[home] -= rows

    def home_of(self, key: str) -> str | None:
        """Return a home of a key, None if it is unknown."""
        chunk, start, end = self._span(key)
        return self._homes.text(chunk.marks[start] >> 1) if start < end else None

    def homes(self) -> list[str]:
        """Return the homes that have rows, in no particular order."""
        return [self._homes.text(home) for home in self._homes.inhabited()]

    def has_home(self, home: str) -> bool:
        """Return whether a home has rows."""
        return bool((place := self._homes.get(home)) >= 0 and self._homes.rows[place])

    def forget_homes(self, choice: Choice) -> None:
        """Delete the rows of the chosen homes in one pass."""
        goes = self._by_mark(choice, shown=True)
        for chunk in self._table.chunks if any(goes) else ():
            self._drop(chunk, bytes(map(goes.__getitem__, chunk.marks)))
        self._table.drop_empty()

    def keep_only(self, tagged: Callable[[int], bool]) -> None:
        """Delete the rows whose tag is not chosen, in one pass; what was shown stays shown."""
        for chunk in self._table.chunks:
            self._drop(chunk, bytes(not tagged(tag) for tag in chunk.tags))
        self._table.drop_empty()

    def rows_where(self, tagged: Callable[[int], bool], *, shown: bool | None = None) -> Snapshot:
        """Return the rows whose tag fulfils `tagged`, and that are shown, or not, as `shown` says.

        Without `shown`, both are returned.
        """
        rows = Snapshot(self._keys, self._homes)
        for chunk in self._table.chunks:
            chosen = list(map(tagged, chunk.tags))
            if shown is not None:
                pairs = zip(chosen, chunk.marks, strict=True)
                chosen = [yes and mark & SHOWN == shown for yes, mark in pairs]
            rows.add(chunk, chosen)
        return rows

    def sweep(self, complete: Choice) -> Snapshot:
        """Find the records that departed, and delete the rows of homes that others have left.

        This is for the end of a sync. A record departed if all of its homes are complete and none
        of them showed it: its rows stay for the caller to decide. Of any other record, the rows
        that a complete home did not show are deleted.

        Args:
            complete: the homes all of whose walks ended, so that they showed whatever there is.

        Returns:
            One pair for each key that departed; with `by_home` one for each row that did.
        """
        goes = self._by_mark(complete, shown=False)
        departed = Snapshot(self._keys, self._homes)
        for chunk in self._table.chunks:
            gone = bytes(map(goes.__getitem__, chunk.marks))
            if any(gone):
                self._sweep(chunk, gone, departed)
        self._table.drop_empty()
        return departed

    def _sweep(self, chunk: Chunk, gone: bytes, departed: Snapshot) -> None:
        if self._by_home:
            departed.add(chunk, gone)
            return
        held = set(compress(chunk.keys, map(not_, gone)))
        elsewhere = bytes(map(and_, gone, map(held.__contains__, chunk.keys)))
        again = map(eq, chunk.keys, chain((UNKNOWN,), chunk.keys))
        departed.add(chunk, bytes(map(gt, gone, map(or_, elsewhere, again))))
        self._drop(chunk, elsewhere)

    def _by_mark(self, choice: Choice, *, shown: bool) -> bytearray:
        """Return 1 for each mark of a chosen home; for marks of shown rows only if `shown`."""
        chosen = choice if callable(choice) else choice.__contains__
        marks = bytearray(2 * len(self._homes))
        for home in self._homes.inhabited():
            if chosen(self._homes.text(home)):
                marks[home << 1] = 1
                marks[home << 1 | SHOWN] = shown
        return marks

    def _drop(self, chunk: Chunk, gone: bytes) -> None:
        if any(gone):
            self._leave(compress(chunk.marks, gone))
            chunk.keep(bytes(map(not_, gone)))

    def dump(self) -> dict[str, Any]:
        """Return a copy of the ledger as a JSON value, which does not say what was shown."""
        texts, gids, homes = self._homes.in_order()
        # Which index a home has in the state, by mark.
        places = array("I", bytes(8 * len(self._homes)))
        for place, home in enumerate(homes):
            places[home << 1] = places[home << 1 | SHOWN] = place
        rows = in_pieces(self._table.chunks, places)
        pieces = [pack_rows(piece, shared=not self._by_home) for piece in rows]
        value = pack_state(State(texts, gids, pieces, sorted(self._textual(places))))
        self._measure(value)
        return value

    def _textual(self, places: array[int]) -> Iterator[list[Any]]:
        for chunk in self._table.chunks:
            gids = bisect_left(chunk.keys, 0)
            rows = zip(chunk.keys[:gids], chunk.marks, chunk.tags, strict=False)
            for key, mark, tag in rows:
                yield [self._keys.text(key), places[mark], tag]

    def _measure(self, value: Any) -> None:
        self._density = characters(value) / len(self) if len(self) else USUAL_DENSITY

    def size_estimate(self) -> int:
        """Return about how many characters a dump would have, judging by the last dump or load."""
        return LEAST_CHARACTERS + int(len(self) * self._density)

    @classmethod
    def load(cls, value: Any, *, by_home: bool = False) -> Ledger:
        """Return the ledger that was dumped.

        Raises:
            ValueError: the value is damaged; one sentence says how.
        """
        state, ledger = unpack_state(value), cls(by_home=by_home)
        homes = ledger._homes = Homes(state.texts, state.gids)
        for piece in state.pieces:
            ledger._append(unpack_rows(piece, homes=len(homes), shared=not by_home))
        for key, home, tag in unpack_textual(state.textual, homes=len(homes)):
            ledger._append_textual(key, home, tag)
        ledger._measure(value)
        return ledger

    def _append(self, rows: Rows) -> None:
        marks = array("I", [home << 1 for home in rows.homes])
        last = self._table.chunks[-1]
        if last.keys and (last.keys[-1], last.marks[-1]) >= (rows.keys[0], marks[0]):
            raise damaged("its pieces are not sorted")
        self._check(rows.keys[0], rows.tags[0])
        self._table.extend(Chunk(rows.keys, marks, rows.tags))
        for home, count in Counter(rows.homes).items():
            self._homes.rows[home] += count

    def _append_textual(self, key: str, home: int, tag: int) -> None:
        number = self._keys.add(key)
        own = _narrowed(self._table.find(number), home)
        if own[1] < own[2]:
            raise damaged("a row is there twice")
        self._check(number, tag)
        self._insert(own, number, home << 1, tag)

    def _check(self, number: int, tag: int) -> None:
        chunk, start, end = self._table.find(number)
        if start < end and not self._by_home and chunk.tags[start] != tag:
            raise damaged("a key has two tags")


def _narrowed(span: Span, home: int) -> Span:
    """Return the row of one home among the rows of a key, or the empty span where it would be."""
    chunk, start, end = span
    if start == end:
        return span
    at = bisect_left(chunk.marks, home << 1, start, end)
    return chunk, at, at + (at < end and chunk.marks[at] >> 1 == home)


def _tag(span: Span, tag: int) -> None:
    chunk, start, end = span
    for at in range(start, end):
        chunk.tags[at] = tag
