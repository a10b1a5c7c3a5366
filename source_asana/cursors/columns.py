"""Writes columns of numbers as texts for the state, and reads them.

A column becomes one text: the base64 of a byte that says how many low bits of each number are
noise, then of these bits as they are, then of the bits above them, compressed. A tag is nothing but
noise, and so is most of the distance between two gids; it would only slow zlib down. What is left
of a distance suits the codes of zlib well when it is one byte.

Damaged texts raise `ValueError`, and nothing is decoded beyond the count that was declared. The
order of the bytes is that of little-endian machines, as Airbyte's images are built for no others.
"""

from __future__ import annotations

import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

DIGITS = [bytes(48 + (byte >> bit & 1) for byte in range(256)) for bit in range(8)]
BITS = bytes.maketrans(b"01", b"\0\1")


def damaged(reason: str) -> ValueError:
    """Return the error for a state that cannot be read."""
    return ValueError(f"The ledger in the state is damaged: {reason}.")


def pack(values: array[int], low_bits: int) -> str:
    """Return a column as a text.

    Args:
        values: an array of "Q" or "I".
        low_bits: how many low bits of each number are noise; the right number makes the text
            short, and any other only makes it longer.
    """
    count, size = len(values), values.itemsize
    raw = values.tobytes()
    if any(raw[size - 1 :: size]):  # These numbers leave no room to shift them.
        low_bits -= low_bits % 8
    shift = -low_bits % 8
    if shift:
        # All numbers are shifted at once, as one integer: the bits above the noise begin a byte.
        raw = (int.from_bytes(raw, "little") << shift).to_bytes(count * size, "little")
    planes = [raw[place::size] for place in range(size)]
    if shift:
        planes[0] = _pack_bits(planes[0], range(shift, 8))
    whole = (low_bits + shift) // 8
    blob = bytes((low_bits,)) + b"".join(planes[:whole]) + _deflate(planes[whole:])
    return b64encode(blob).decode("ascii")


def unpack(text: Any, count: int, code: str) -> array[int]:
    """Return the `count` numbers of a column as an array with this type code, "Q" or "I"."""
    values = array(code)
    size = values.itemsize
    planes, shift = _planes(_blob(text), count, size)
    raw = bytearray(count * size)
    for place in range(len(planes) // count):
        raw[place::size] = planes[place * count : (place + 1) * count]
    lanes = int.from_bytes(raw, "little") >> shift if shift else None
    values.frombytes(raw if lanes is None else lanes.to_bytes(len(raw), "little"))
    return values


def _planes(blob: bytes, count: int, size: int) -> tuple[bytes, int]:
    shift = -blob[0] % 8
    whole = (blob[0] + shift) // 8
    if whole > size:
        raise damaged("a column has numbers that are too large")
    odd = -(-count // 8) * (8 - shift) if shift else 0
    start = 1 + odd + count * (whole - bool(shift))
    if len(blob) < start:
        raise damaged("a column is shorter than declared")
    low = _unpack_bits(blob[1 : 1 + odd], count, range(shift, 8)) if shift else b""
    high = _inflate(blob[start:], count * (size - whole))
    if len(high) % count:
        raise damaged("a column is shorter than declared")
    return low + blob[1 + odd : start] + high, shift


def _blob(text: Any) -> bytes:
    if not isinstance(text, str):
        raise damaged("a column is not a text")
    try:
        blob = b64decode(text, validate=True)
    except ValueError:
        raise damaged("a column is not valid base64") from None
    if not blob:
        raise damaged("a column is empty")
    return blob


def _pack_bits(plane: bytes, bits: Iterable[int]) -> bytes:
    size = -(-len(plane) // 8)
    return b"".join(int(plane.translate(DIGITS[bit]), 2).to_bytes(size, "big") for bit in bits)


def _unpack_bits(packed: bytes, count: int, bits: Sequence[int]) -> bytes:
    size, total = -(-count // 8), 0
    for place, bit in enumerate(bits):
        number = int.from_bytes(packed[place * size : (place + 1) * size], "big")
        digits = f"{number:0{count}b}".encode("ascii")[-count:].translate(BITS)
        total |= int.from_bytes(digits, "little") << bit
    return total.to_bytes(count, "little")


def _deflate(planes: Sequence[bytes]) -> bytes:
    used = len(planes)
    while used and not any(planes[used - 1]):
        used -= 1
    # There are only runs to find, and looking for more takes twice as long.
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    return packer.compress(b"".join(planes[:used])) + packer.flush() if used else b""


def _inflate(blob: bytes, most: int) -> bytes:
    if not blob:
        return b""
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(blob, most + 1)
    except zlib.error:
        raise damaged("a column is not valid zlib") from None
    if len(data) > most or not unpacker.eof or unpacker.unused_data:
        raise damaged("a column is longer or shorter than declared")
    return data


def pack_rising(numbers: array[int]) -> str:
    """Return an array of "q" as a text; its numbers begin at 0 or above and never fall."""
    gaps = gaps_of(numbers)
    mean = (numbers[-1] - numbers[0]) // len(numbers)
    return pack(gaps, max(0, mean.bit_length() - 5))


def gaps_of(numbers: array[int]) -> array[int]:
    """Return how far each number is above the one before: 0 for a repeated one, never at first."""
    # The first gap counts from -1, so that it is never 0. As the numbers never fall, one
    # subtraction takes each from its neighbour without borrowing.
    size = len(numbers) * numbers.itemsize
    lanes = int.from_bytes(numbers.tobytes(), "little")
    lanes = (lanes - (lanes << 64) + 1) & ((1 << 8 * size) - 1)
    return array("Q", lanes.to_bytes(size, "little"))


def rising(gaps: array[int]) -> array[int]:
    """Return the numbers that have these gaps, as an array of "q"."""
    try:
        return array("q", accumulate(gaps, initial=-1))[1:]
    except OverflowError:
        raise damaged("a number is too large") from None
