"""Writes a ledger as a JSON value for the state, with about 11 characters a row, and reads it.

    {"version": 1, "homes": {...}, "rows": [[count, keys, homes, tags], ...],
     "texts": [[key, home, tag], ...]}

A home is written as the place of its text in the order that `unpack_homes` returns. `rows` has the
keys that are gids, in pieces, whose keys, homes and tags are a text each (see `columns`); `texts`
has the other keys. Whatever is damaged raises `ValueError`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate, compress, pairwise
from operator import eq
from typing import Any, NamedTuple

from source_asana.cursors.columns import damaged, gaps_of, pack, pack_rising, rising, unpack
from source_asana.cursors.names import gid_number
from source_asana.cursors.table import Chunk

VERSION = 1
# A text has 700,000 characters where a number takes all of its eight bytes; a million are allowed.
PIECE_ROWS = 65_536
# For fewer homes, prefix and packed gids would be longer than the texts.
SHARED_BY = 8
TAGS = 2**32


class Rows(NamedTuple):
    """Has rows in three columns: keys, which begin at 0 or above and never fall, homes, tags."""

    keys: array[int]
    homes: array[int]
    tags: array[int]


class State(NamedTuple):
    """Has the parts of the JSON value: the homes unpacked, the rows as they are written."""

    texts: list[str]
    gids: array[int]
    pieces: list[Any]
    textual: list[Any]


def pack_state(state: State) -> dict[str, Any]:
    """Return the JSON value; its rows are packed already."""
    homes = pack_homes(state.texts, state.gids)
    return {"version": VERSION, "homes": homes, "rows": state.pieces, "texts": state.textual}


def unpack_state(value: Any) -> State:
    """Return the parts of the JSON value."""
    match value:
        case {"version": 1, "homes": homes, "rows": list(pieces), "texts": list(textual)}:
            return State(*unpack_homes(homes), pieces, textual)
        case {"version": version} if version != VERSION:
            raise damaged(f"its version is {version!r}, not {VERSION}")
        case _:
            raise damaged("it does not have the form that it should")


def in_pieces(chunks: Iterable[Chunk], places: array[int]) -> Iterator[Rows]:
    """Yield the rows of a table whose keys are gids, at most `PIECE_ROWS` at a time.

    Args:
        chunks: those of the table.
        places: which index a home has in the state, by mark.
    """
    rows = Rows(array("q"), array("I"), array("I"))
    for chunk in chunks:
        for column, more in zip(rows, _placed(chunk, places), strict=True):
            column.extend(more)
        while len(rows.keys) >= PIECE_ROWS:
            yield Rows(*(column[:PIECE_ROWS] for column in rows))
            rows = Rows(*(column[PIECE_ROWS:] for column in rows))
    if rows.keys:
        yield rows


def _placed(chunk: Chunk, places: array[int]) -> Rows:
    rows = chunk.part(bisect_left(chunk.keys, 0), len(chunk.keys))
    homes = array("I", map(places.__getitem__, rows.marks))
    if not any(map(eq, rows.keys, rows.keys[1:])):
        return Rows(rows.keys, homes, rows.tags)
    # The homes of a key may have another order in the state.
    columns = zip(*sorted(zip(rows.keys, homes, rows.tags, strict=True)), strict=True)
    return Rows(*map(array, "qII", columns))


def pack_rows(rows: Rows, *, shared: bool) -> list[Any]:
    """Return at most `PIECE_ROWS` rows as a JSON value.

    Args:
        rows: at least one row, sorted by key, then by home.
        shared: whether all rows of a key have the same tag, which is then written once.
    """
    tags = rows.tags
    if shared:
        tags = array("I", compress(tags, gaps_of(rows.keys)))
    # Homes in runs are best compressed whole; in homes without order, the low bits are noise, too.
    noise = max(0, max(rows.homes).bit_length() - 7)
    homes = min((pack(rows.homes, low_bits) for low_bits in (0, noise)), key=len)
    return [len(rows.keys), pack_rising(rows.keys), homes, pack(tags, 32)]


def unpack_rows(piece: Any, *, homes: int, shared: bool) -> Rows:
    """Return the rows of a piece; `homes` is how many homes there are."""
    count, keys, indexes, tags = _parts(piece, 4)
    gaps = unpack(keys, count, "Q")
    places = unpack(indexes, count, "I")
    if max(places) >= homes:
        raise damaged("a row has a home that does not exist")
    if not gaps[0] or (gaps.count(0) and not _sorted(gaps, places)):
        raise damaged("its rows are not sorted")
    return Rows(rising(gaps), places, _unpack_tags(tags, gaps, shared=shared))


def _sorted(gaps: array[int], homes: array[int]) -> bool:
    pairs = zip(gaps[1:], pairwise(homes), strict=True)
    return all(gap or before < home for gap, (before, home) in pairs)


def _unpack_tags(text: Any, gaps: array[int], *, shared: bool) -> array[int]:
    if not shared or not (again := gaps.count(0)):
        return unpack(text, len(gaps), "I")
    tags = unpack(text, len(gaps) - again, "I")
    places = accumulate(map(bool, gaps), initial=-1)
    next(places)
    return array("I", map(tags.__getitem__, places))


def _parts(piece: Any, size: int) -> list[Any]:
    if not isinstance(piece, list) or len(piece) != size:
        raise damaged("a piece does not have the parts that it should")
    # True and False are integers, too, but no counts.
    if type(piece[0]) is not int or not 0 < piece[0] <= PIECE_ROWS:
        raise damaged("a piece declares a number of rows that cannot be")
    return piece


def pack_homes(texts: Iterable[str], gids: array[int]) -> dict[str, Any]:
    """Return homes as a JSON value.

    Args:
        texts: the homes that are no gids; those that end in a slash and a gid are packed like gids.
        gids: the other homes, a rising array of "q".
    """
    paths: dict[str, list[int]] = {}
    others = []
    for text in texts:
        above, slash, number = text.rpartition("/")
        gid = gid_number(number) if slash else None
        if gid is None:
            others.append(text)
        else:
            paths.setdefault(above, []).append(gid)
    for above in [above for above, below in paths.items() if len(below) < SHARED_BY]:
        others += [f"{above}/{gid}" for gid in paths.pop(above)]
    packed = {above: _pack_gids(array("q", sorted(paths[above]))) for above in sorted(paths)}
    return {"gids": _pack_gids(gids), "paths": packed, "texts": sorted(others)}


def _pack_gids(gids: array[int]) -> list[Any]:
    pieces = (gids[start : start + PIECE_ROWS] for start in range(0, len(gids), PIECE_ROWS))
    return [[len(piece), pack_rising(piece)] for piece in pieces]


def unpack_homes(value: Any) -> tuple[list[str], array[int]]:
    """Return what `pack_homes` was given, the texts in alphabetical order."""
    match value:
        case {"gids": gids, "paths": dict(paths), "texts": list(texts)}:
            below = [f"{above}/{gid}" for above in paths for gid in _unpack_gids(paths[above])]
            return _distinct(texts + below), _unpack_gids(gids)
        case _:
            raise damaged("its homes do not have the form that they should")


def _unpack_gids(pieces: Any) -> array[int]:
    if not isinstance(pieces, list):
        raise damaged("its homes are not in pieces")
    gids = array("q")
    for piece in pieces:
        count, text = _parts(piece, 2)
        gids += rising(unpack(text, count, "Q"))
    if any(before >= gid for before, gid in pairwise(gids)):
        raise damaged("its homes are not sorted")
    return gids


def _distinct(texts: list[Any]) -> list[str]:
    # A gid among them could be the same home as one in the other list.
    if not all(isinstance(text, str) and gid_number(text) is None for text in texts):
        raise damaged("a home is not the text that it should be")
    if len(set(texts)) < len(texts):
        raise damaged("a home is there twice")
    return sorted(texts)


def unpack_textual(rows: Iterable[Any], *, homes: int) -> Iterator[tuple[str, int, int]]:
    """Yield key, home and tag of the rows whose keys are no gids."""
    for row in rows:
        match row:
            case [str(key), int(home), int(tag)] if gid_number(key) is None:
                if not 0 <= home < homes or not 0 <= tag < TAGS:
                    raise damaged("a row has a home or a tag that cannot be")
                yield key, home, tag
            case _:
                raise damaged("a row does not have the form that it should")


def characters(value: Any) -> int:
    """Return how long a JSON value without white space is, if none of its texts needs escapes."""
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, list):
        return max(2, 1 + sum(characters(item) + 1 for item in value))
    if isinstance(value, dict):
        return max(2, 1 + sum(len(key) + 4 + characters(item) for key, item in value.items()))
    return len(str(value))
