"""The messages on standard output, written in chunks of some kilobytes.

The CDK's buffer gathers the text of a tenth of a second, several megabytes in a fast read, and
holds it in four copies while it is written. That takes 25 MB, and a fifth of the CPU of a read.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import AbstractContextManager
from typing import BinaryIO

PIECE_CHARACTERS = 65_536
LONGEST_SECONDS = 0.1
# For a sync that is killed, a state counts only once it is out.
AT_ONCE = '{"type":"STATE"'


class Output:
    """Writes whole lines; one thread uses it.

    Args:
        stream: takes bytes. If it is unbuffered (PYTHONUNBUFFERED is usual in images), a pipe takes
            a chunk in parts.
        turn: held while a chunk is written. Whoever else writes to the stream must hold it too, or
            a line of the log ends up in the middle of a record.
    """

    def __init__(self, stream: BinaryIO, turn: AbstractContextManager[object]) -> None:
        self._stream = stream
        self._turn = turn
        self._lines: list[str] = []
        self._size = 0
        self._flushed_at = time.monotonic()

    def write(self, line: str) -> None:
        """Take one message; it is written at once, or with those that follow it closely."""
        self._lines.append(line)
        self._size += len(line)
        if (
            self._size >= PIECE_CHARACTERS
            or time.monotonic() - self._flushed_at >= LONGEST_SECONDS
            or line.startswith(AT_ONCE)
        ):
            self.flush()

    def flush(self) -> None:
        """Write what was taken; after an error that is not tried again."""
        if not self._lines:
            return
        self._lines.append("")
        chunk = memoryview("\n".join(self._lines).encode())
        self._lines, self._size = [], 0
        with self._turn:
            while chunk:
                written = self._stream.write(chunk)
                if written is None:  # an unbuffered stream that does not block
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                chunk = chunk[written:]
            self._stream.flush()
        self._flushed_at = time.monotonic()
