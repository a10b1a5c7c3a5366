"""Writes numbers by text for the state, packed like a ledger, and reads them.

They are bounds by partition and gates by parent.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Any

from source_asana.cursors.columns import damaged, pack, unpack
from source_asana.cursors.names import gid_number
from source_asana.cursors.packing import PIECE_ROWS, pack_homes, unpack_homes


def pack_texts(values: Mapping[str, int]) -> dict[str, Any]:
    """Return numbers by text as a JSON value; there is at least one, and none is below 0."""
    gids = array("q", sorted(n for key in values if (n := gid_number(key)) is not None))
    texts = sorted(key for key in values if gid_number(key) is None)
    least = min(values.values())
    numbers = array("Q", (values[key] - least for key in _keys(texts, gids)))
    noise = max(0, max(numbers).bit_length() - 5)
    return {
        "keys": pack_homes(texts, gids),
        "from": least,
        "values": [[len(piece), pack(piece, noise)] for piece in _pieces(numbers)],
    }


def unpack_texts(value: Any) -> dict[str, int]:
    """Return what `pack_texts` was given.

    Raises:
        ValueError: the value is damaged.
    """
    match value:
        case {"keys": keys, "from": int(least), "values": list(pieces)}:
            texts, gids = unpack_homes(keys)
            numbers = [least + n for piece in pieces for n in _unpacked(piece)]
        case _:
            raise damaged("its numbers do not have the form that they should")
    if len(numbers) != len(texts) + len(gids):
        raise damaged("it has more or fewer numbers than keys")
    return dict(zip(_keys(texts, gids), numbers, strict=True))


def _keys(texts: list[str], gids: array[int]) -> Iterator[str]:
    yield from texts
    yield from map(str, gids)


def _pieces(numbers: array[int]) -> Iterator[array[int]]:
    for start in range(0, len(numbers), PIECE_ROWS):
        yield numbers[start : start + PIECE_ROWS]


def _unpacked(piece: Any) -> array[int]:
    match piece:
        case [int(count), text] if 0 < count <= PIECE_ROWS:
            return unpack(text, count, "Q")
        case _:
            raise damaged("a piece does not have the parts that it should")
