"""The lines of a gzipped file, decoded as its bytes come: neither file nor text is ever whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

# How much text is decoded at once, whatever a chunk inflates to.
TEXT_BYTES = 1 << 20
GZIP = zlib.MAX_WBITS | 16


class BrokenFileError(Exception):
    """A file that is not what it should be; the message says in words what is wrong with it."""


def lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of a gzipped file in order, as many at a time as one decoding completes.

    Raises:
        BrokenFileError: the file is not gzip, is damaged, or ends before its end.
    """
    rest: list[bytes] = []
    for text in _texts(chunks):
        first, *more = text.split(b"\n")
        rest.append(first)
        if more:
            whole = [b"".join(rest), *more[:-1]]
            rest = [more[-1]]
            yield [line for line in whole if line]
    last = b"".join(rest)
    if last:
        yield [last]


def _texts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(GZIP)
    try:
        for chunk in chunks:
            left = chunk
            while left:
                yield from _inflated(inflater, left)
                # Several gzip members in one file are one text; zeros only fill it up.
                left = inflater.unused_data.lstrip(b"\0")
                if left:
                    inflater = zlib.decompressobj(GZIP)
    except zlib.error:
        raise BrokenFileError("it is not a sound gzip file") from None
    if not inflater.eof:
        raise BrokenFileError("it is cut off")


def _inflated(inflater: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """Yield what the bytes inflate to, in pieces of a limited size."""
    while not inflater.eof:
        text = inflater.decompress(data, TEXT_BYTES)
        data = inflater.unconsumed_tail
        if text:
            yield text
        if not data and len(text) < TEXT_BYTES:
            return
