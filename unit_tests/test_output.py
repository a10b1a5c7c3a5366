"""The output: whole lines, whoever else writes and whatever signal comes, and states at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECORD = json.dumps({"type": "RECORD", "record": {"data": {"notes": "n" * 3000}}})
STATE = '{"type":"STATE","state":{}}'
LOG = '{"type":"LOG","log":{"level":"INFO","message":"' + "m" * 300 + '"}}'
# A read whose messages are those of a list.
BEGIN = f"""
import logging, signal, sys, threading
from source_asana import run

class Entrypoint:
    def __init__(self, source):
        pass

    def run(self, options):
        yield from messages()

    @staticmethod
    def parse_args(args):
        pass

run.AirbyteEntrypoint = Entrypoint
RECORD, STATE = {RECORD!r}, {STATE!r}
"""
MANY = (
    BEGIN
    + """
def messages():
    yield from [RECORD] * 3000

def log():
    while not over.is_set():
        logging.getLogger("airbyte").info("m" * 300)

# Each comes while the pipe is full.
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
over = threading.Event()
logger = threading.Thread(target=log, daemon=True)
logger.start()
run._launch(None)
over.set()
logger.join()
run.PRINT_BUFFER.flush()
signal.setitimer(signal.ITIMER_REAL, 0)
"""
)
FEW = (
    BEGIN
    + """
def messages():
    run.PRINT_BUFFER.last_flush_time += 3600
    yield RECORD
    yield STATE
    sys.stdin.readline()
    yield RECORD
    sys.stdin.readline()

run._launch(None)
"""
)


def started(script: str) -> subprocess.Popen[bytes]:
    """Return a process whose output is not buffered, as in images."""
    return subprocess.Popen(  # noqa: S603 - this repository's own code
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@pytest.mark.timeout(60)
def test_lines_are_whole_whatever_signal_comes_and_whoever_else_writes() -> None:
    with started(MANY) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line.decode().rstrip("\n"))
            if len(lines) % 100 == 0:
                time.sleep(0.01)
    assert process.returncode == 0
    assert set(lines) == {RECORD, LOG}
    assert lines.count(RECORD) == 3000


@pytest.mark.timeout(60)
def test_states_are_out_at_once_and_records_are_gathered() -> None:
    with started(FEW) as process:
        assert process.stdin
        assert process.stdout
        assert [process.stdout.readline().decode() for _ in range(2)] == [
            f"{RECORD}\n",
            f"{STATE}\n",
        ]
        process.stdin.write(b"\n")
        process.stdin.flush()
        os.set_blocking(process.stdout.fileno(), False)
        time.sleep(0.5)
        assert not process.stdout.read()
        os.set_blocking(process.stdout.fileno(), True)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.read().decode() == f"{RECORD}\n"
