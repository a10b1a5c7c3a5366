"""The output: whole lines, whoever else writes, and errors that are told."""

from __future__ import annotations

import io
import json
import os
import threading
from contextlib import nullcontext
from typing import cast

import pytest

from source_asana.run import PIECE_CHARACTERS, Output

RECORD = json.dumps({"type": "RECORD", "record": {"data": {"notes": "n" * 3000}}})
LOG = json.dumps({"type": "LOG", "log": {"message": "m" * 300}})


def test_a_line_of_the_log_is_in_no_record_where_the_pipe_is_unbuffered() -> None:
    reading, writing = os.pipe()
    lines: list[bytes] = []

    def read() -> None:
        with os.fdopen(reading, "rb") as source:
            lines.extend(source)

    reader = threading.Thread(target=read)
    reader.start()
    turn, over = threading.Lock(), threading.Event()
    with os.fdopen(writing, "wb", buffering=0) as raw:

        def log() -> None:
            while not over.is_set():
                with turn:
                    raw.write(f"{LOG}\n".encode())

        logger = threading.Thread(target=log)
        logger.start()
        output = Output(cast("io.BufferedWriter", raw), turn)
        for _ in range(3000):
            output.write(RECORD)
        output.flush()
        over.set()
        logger.join()
    reader.join()
    assert {line.decode().rstrip() for line in lines} == {RECORD, LOG}
    assert sum(line.startswith(b'{"type": "RECORD"') for line in lines) == 3000


class InParts(io.BytesIO):
    """Takes a thousand bytes at once."""

    def write(self, piece: object) -> int:
        return super().write(bytes(cast("bytes", piece))[:1000])


def test_what_is_taken_in_parts_is_written_whole() -> None:
    stream = InParts()
    output = Output(stream, nullcontext())
    for _ in range(50):
        output.write(RECORD)
    output.flush()
    assert stream.getvalue().decode() == f"{RECORD}\n" * 50


def test_a_stream_that_takes_nothing_now_is_an_error() -> None:
    class Full(io.BytesIO):
        def write(self, piece: object) -> int:
            del piece
            return cast("int", None)

    output = Output(Full(), nullcontext())
    output.write(RECORD)
    with pytest.raises(BlockingIOError):
        output.flush()
    output.flush()


def test_lines_are_gathered_and_states_are_not() -> None:
    stream = io.BytesIO()
    output = Output(stream, nullcontext())
    output.write(RECORD)
    assert stream.getvalue() == b""
    output.write('{"type":"STATE","state":{}}')
    assert stream.getvalue().count(b"\n") == 2
    written = len(stream.getvalue())
    output.write("x" * PIECE_CHARACTERS)
    assert len(stream.getvalue()) == written + PIECE_CHARACTERS + 1
