"""Writes rows of a text key and a number for the state, and reads them.

    {"numbers": [piece, ...], "texts": [texts, ...], "rows": [piece, ...]}

Almost all keys are gids, which are numbers: `numbers` has their rows. The other keys are listed in
`texts`, and `rows` has their rows, with the position in this list instead of the key. A key may
have several rows. `texts` are sorted, lists of them as JSON, as base64 of zlib: thousands of
`workspace/user` have much in common.

A piece is a text, at most `PIECE_ROWS` rows long, which are sorted by key, then by number: base64
of zlib of byte planes. A row is two numbers of 8 bytes: how far its key is above the one before,
and its number. A plane has the same byte of all rows of the piece. So the high bytes, which hardly
differ, are together and cost little; the low bytes are noise, which zlib passes through.

Rows fill the pieces as they come, which mostly is listing by listing. Sorting all of them takes
longer and half as much memory again, and makes no shorter text: what the keys gain by it, the
listings lose.
"""

from __future__ import annotations

import json
import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, chain, islice, pairwise, starmap
from operator import ge, sub
from struct import Struct
from typing import Any

LIMIT = 2**63
# Even if nothing in them can be compressed, so many rows are a text of 700,000 characters.
PIECE_ROWS = 32_768
PIECE_TEXTS = 8_192
MOST_TEXT = 4_000_000
# Big-endian, so that packed rows are sorted as their numbers are.
ROW = Struct(">QQ")


def damaged(reason: str) -> ValueError:
    """Return the error for a value that cannot be read."""
    return ValueError(f"A part of the state is damaged: {reason}.")


def number_of(text: str) -> int | None:
    """Return the number below 2**63 that a text is, None for any other text.

    A number that is written in another way, such as `007`, is another text.
    """
    # 2**63 has 19 digits. Digits outside ASCII are digits for `int`, too.
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    number = int(text)
    return number if number < LIMIT and (text[0] != "0" or text == "0") else None


def order_of(text: str) -> tuple[bool, int, str]:
    """Return where a key is in an order that `decode_rows` keeps, for `sorted`."""
    number = number_of(text)
    return number is None, number or 0, text


def encode_numbers(values: Mapping[str, int]) -> dict[str, Any]:
    """Return numbers by text as a JSON value; they are from 0 to 2**64 - 1."""
    return encode_rows(values.keys(), values.values())


def decode_numbers(value: Any) -> dict[str, int]:
    """Return what `encode_numbers` was given; where that was sorted by `order_of`, it still is.

    Raises:
        ValueError: the value is damaged; one sentence says how.
    """
    keys, numbers = decode_rows(value)
    values = dict(zip(keys, numbers, strict=True))
    if len(values) < len(keys):
        raise damaged("a key is there twice")
    return values


def encode_rows(keys: Iterable[str], values: Iterable[int]) -> dict[str, Any]:
    """Return rows as a JSON value.

    Args:
        keys: one for each row, in any order.
        values: the number of each row, from 0 to 2**64 - 1. No row may be there twice.
    """
    others: list[tuple[str, int]] = []

    def numbered() -> Iterator[bytes]:
        for key, value in zip(keys, values, strict=True):
            number = number_of(key)
            if number is None:
                others.append((key, value))
            else:
                yield ROW.pack(number, value)

    numbers = _pieces(numbered())
    texts = sorted({key for key, _ in others})
    positions = {text: position for position, text in enumerate(texts)}
    rows = _pieces(ROW.pack(positions[key], value) for key, value in others)
    return {"numbers": numbers, "texts": _listed(texts), "rows": rows}


def decode_rows(value: Any) -> tuple[list[str], list[int]]:
    """Return the keys and the numbers of rows: those of numbers first, then the others.

    Raises:
        ValueError: the value is damaged; one sentence says how.
    """
    match value:
        case {"numbers": list(numbers), "texts": list(packed), "rows": list(rows)}:
            gids, values = _unpacked(numbers, LIMIT)
            texts = [text for piece in packed for text in _texts(piece)]
        case _:
            raise damaged("rows do not have the form that they should")
    if not all(isinstance(text, str) and number_of(text) is None for text in texts):
        raise damaged("a key is not the text that it should be")
    if any(before >= text for before, text in pairwise(texts)):
        raise damaged("its texts are not sorted")
    positions, more = _unpacked(rows, len(texts))
    return [*map(str, gids), *map(texts.__getitem__, positions)], values + more


def _listed(texts: list[str]) -> list[str]:
    starts = range(0, len(texts), PIECE_TEXTS)
    lists = (json.dumps(texts[start : start + PIECE_TEXTS]).encode() for start in starts)
    return [b64encode(zlib.compress(one)).decode("ascii") for one in lists]


def _texts(piece: Any) -> list[Any]:
    text = _inflated(piece, MOST_TEXT)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise damaged("its texts are no list")
    return found


def _pieces(rows: Iterator[bytes]) -> list[str]:
    batches = iter(lambda: sorted(islice(rows, PIECE_ROWS)), [])
    return [_piece(b"".join(batch)) for batch in batches]


def _piece(rows: bytes) -> str:
    cells = array("Q", rows)
    cells.byteswap()  # Airbyte's images are built for little-endian machines only.
    keys, values = cells[::2], cells[1::2]
    gaps = array("Q", map(sub, keys, chain((0,), keys)))
    columns = gaps.tobytes(), values.tobytes()
    planes = b"".join(column[position::8] for column in columns for position in range(8))
    # There are only runs to find. Looking for more takes twice as long and finds chance matches,
    # which cost more than they save.
    packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
    return b64encode(packer.compress(planes) + packer.flush()).decode("ascii")


def _unpacked(pieces: list[Any], limit: int) -> tuple[list[int], list[int]]:
    keys: list[int] = []
    values: list[int] = []
    for piece in pieces:
        planes = _inflated(piece, PIECE_ROWS * ROW.size)
        if len(planes) % ROW.size:
            raise damaged("a piece is longer or shorter than it should be")
        half = len(planes) // 2
        gids, numbers = list(accumulate(_column(planes[:half]))), _column(planes[half:])
        if any(starmap(ge, pairwise(zip(gids, numbers, strict=True)))):
            raise damaged("its rows are not sorted")
        if gids[-1] >= limit:
            raise damaged("a row has a key that cannot be")
        keys += gids
        values += numbers
    return keys, values


def _column(planes: bytes) -> array[int]:
    count = len(planes) // 8
    raw = bytearray(len(planes))
    for position in range(8):
        raw[position::8] = planes[position * count : (position + 1) * count]
    return array("Q", bytes(raw))


def _inflated(piece: Any, most: int) -> bytes:
    if not isinstance(piece, str):
        raise damaged("a piece is not a text")
    unpacker = zlib.decompressobj()
    try:
        # Nothing is unpacked beyond what a piece may have, whatever the text says.
        planes = unpacker.decompress(b64decode(piece, validate=True), most + 1)
    except ValueError:
        raise damaged("a piece is not valid base64") from None
    except zlib.error:
        raise damaged("a piece is not valid zlib") from None
    if not unpacker.eof or unpacker.unused_data or not planes:
        raise damaged("a piece is longer or shorter than it should be")
    return planes
