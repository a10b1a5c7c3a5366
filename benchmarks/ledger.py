"""The ledger alone, with a million rows: CPU to store and load it, memory, characters."""

import random
import time
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from benchmarks.common import Options
from benchmarks.report import Row, at_most
from source_asana.core.ledger import Ledger

ROWS, PARTITIONS = 1_000_000, 20_000
# Somebody who made a million tasks in four years has gids that are about this far apart.
FIRST_GID, GAP = 1_200_000_000_000_000, 10_000_000
DUMP_SECONDS, LOAD_SECONDS = 1.0, 1.0
# With the room in a dict that has just grown.
ROW_BYTES = 150
# Where any gid may be in any project, the project alone takes two characters more.
CHARACTERS, CHARACTERS_MIXED = 11.0, 12.5
TEXT_THOUSANDS = 1000.0
ROUNDS = 3


Rows = tuple["array[int]", "array[int]"]
"""Gids and their partitions, one partition after another, as listings show them."""


def ledger(options: Options) -> Iterator[Row]:
    """Fill a ledger, store it and load it."""
    del options
    yield from _measured("projects one after another", _rows(mixed=False), CHARACTERS)
    yield from _measured("projects side by side", _rows(mixed=True), CHARACTERS_MIXED)


def _rows(*, mixed: bool) -> Rows:
    chance = random.Random(1)  # noqa: S311
    gids = sorted(FIRST_GID + chance.randrange(ROWS * GAP) for _ in range(ROWS))
    if mixed:
        chance.shuffle(gids)
    partitions = (FIRST_GID - PARTITIONS + row * PARTITIONS // ROWS for row in range(ROWS))
    return array("q", gids), array("q", partitions)


def _measured(name: str, rows: Rows, most: float) -> Iterator[Row]:
    what = f"{ROWS:,} rows, {name}"
    full, seconds = _timed(lambda: _filled(rows))
    yield Row(f"{what}: entering one", f"{seconds / ROWS * 1e6:.1f} µs")
    seconds = min(_timed(full.dump)[1] for _ in range(ROUNDS))
    yield at_most(f"{what}: storing them", seconds, DUMP_SECONDS, " s", digits=2)
    text = orjson.dumps(full.dump())
    seconds = min(_timed(lambda: _loaded(text))[1] for _ in range(ROUNDS))
    yield at_most(f"{what}: loading them", seconds, LOAD_SECONDS, " s", digits=2)
    yield at_most(f"{what}: characters of each", len(text) / ROWS, most, digits=1)
    longest = max(_lengths(orjson.loads(text))) / 1000
    yield at_most(f"{what}: thousands of characters of a text", longest, TEXT_THOUSANDS)
    for how, size in (
        ("entered", _memory(lambda: _filled(rows))),
        ("loaded", _memory(lambda: _loaded(text))),
    ):
        yield at_most(f"{what}: bytes of each, {how}", size / ROWS, ROW_BYTES, digits=1)


def _filled(rows: Rows) -> Ledger:
    full = Ledger()
    for gid, partition in zip(*rows, strict=True):
        # Multiplied by 2**32 over the golden ratio, neighbours have fingerprints nothing alike.
        full.enter(str(gid), str(partition), gid * 2_654_435_769 % 2**32)
    return full


def _loaded(text: bytes) -> Ledger:
    return Ledger.load(orjson.loads(text))


def _timed(act: Callable[[], Ledger | dict[str, Any]]) -> tuple[Any, float]:
    before = time.process_time()
    result = act()
    return result, time.process_time() - before


def _memory(make: Callable[[], Ledger]) -> int:
    tracemalloc.start()
    kept = make()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size


def _lengths(value: Any) -> Iterator[int]:
    if isinstance(value, str):
        yield len(value)
    elif isinstance(value, dict):
        yield from _lengths(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _lengths(item)
