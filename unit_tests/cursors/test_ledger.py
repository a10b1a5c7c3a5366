"""The ledger, held against a model of plain dicts; and its size."""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from source_asana.cursors import packing, table
from source_asana.cursors.ledger import Ledger

# Gids, what only looks like one, and keys with parts.
KEYS = [
    *map(str, range(1198, 1212)),
    "0",
    "9223372036854775807",
    "9223372036854775808",
    "007",
    "-1",
    "1_0",
    "１",  # noqa: RUF001
    "",
    "a",
    "12/34",
    "größe",
]
HOMES = ["1", "2", "3", "ws", "ws/x", *(f"ws/{number}" for number in range(10)), "", "04"]
keys, homes = st.sampled_from(KEYS), st.sampled_from(HOMES)
tags = st.sampled_from([0, 1, 2, 2**32 - 1]) | st.integers(0, 2**32 - 1)
some_homes = st.frozensets(homes)
Pair = tuple[str, str]


class Model:
    """What a ledger does, said with a dict: (key, home) -> [tag, whether it is shown]."""

    def __init__(self, *, by_home: bool) -> None:
        self.by_home = by_home
        self.rows: dict[Pair, tuple[int, bool]] = {}

    def record(self, key: str, home: str) -> list[Pair]:
        return [pair for pair in self.of(key) if not self.by_home or pair[1] == home]

    def of(self, key: str) -> list[Pair]:
        return [pair for pair in self.rows if pair[0] == key]

    def tag_of(self, key: str, home: str) -> int | None:
        return next((self.rows[pair][0] for pair in self.record(key, home)), None)

    def tag(self, key: str, home: str, tag: int) -> None:
        for pair in self.record(key, home):
            self.rows[pair] = (tag, self.rows[pair][1])

    def enter(self, key: str, home: str, tag: int) -> None:
        self.tag(key, home, tag)
        self.rows[key, home] = (tag, True)

    def sweep(self, complete: frozenset[str]) -> list[Pair]:
        gone = {p for p, (_, shown) in self.rows.items() if not shown and p[1] in complete}
        if self.by_home:
            return sorted(gone)
        departed = {key for key, _ in gone if all(pair in gone for pair in self.of(key))}
        for pair in gone:
            if pair[0] not in departed:
                del self.rows[pair]
        return sorted((key, "") for key in departed)


class LedgerMachine(RuleBasedStateMachine):
    """Does the same to a ledger and to a model, and compares."""

    by_home = False

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.model = Ledger(by_home=self.by_home), Model(by_home=self.by_home)

    snapshots: Bundle[Any] = Bundle("snapshots")

    @rule(key=keys, home=homes, tag=tags)
    def enter(self, key: str, home: str, tag: int) -> None:
        self.ledger.enter(key, home, tag)
        self.model.enter(key, home, tag)

    @rule(number=st.integers(1200, 1260), home=homes, tag=tags)
    def enter_several(self, number: int, home: str, tag: int) -> None:
        for key in map(str, range(number, number + 12)):
            self.enter(key, home, tag)

    @rule(key=keys, home=homes)
    def show(self, key: str, home: str) -> None:
        tag = self.model.tag_of(key, home)
        if tag is None:
            with pytest.raises(KeyError):
                self.ledger.show(key, home)
        else:
            self.ledger.show(key, home)
            self.model.enter(key, home, tag)

    @rule(key=keys, home=homes)
    def miss(self, key: str, home: str) -> None:
        self.ledger.miss(key, home)
        self.model.tag(key, home, 0)

    @rule(key=keys, home=homes | st.none())
    def remove(self, key: str, home: str | None) -> None:
        self.ledger.remove(key, home)
        for pair in self.model.of(key):
            if home in (None, pair[1]):
                del self.model.rows[pair]

    @rule(home=homes)
    def forget_home(self, home: str) -> None:
        self.ledger.forget_homes((home,))
        self.forget(lambda one: one == home)

    @rule(chosen=some_homes, by_function=st.booleans())
    def forget_homes(self, chosen: frozenset[str], *, by_function: bool) -> None:
        self.ledger.forget_homes(chosen.__contains__ if by_function else chosen)
        self.forget(chosen.__contains__)

    def forget(self, is_chosen: Callable[[str], bool]) -> None:
        rows = self.model.rows.items()
        self.model.rows = {pair: row for pair, row in rows if not is_chosen(pair[1])}

    @rule(target=snapshots, complete=some_homes)
    def sweep(self, complete: frozenset[str]) -> tuple[Any, list[Pair]]:
        departed = self.ledger.sweep(complete)
        found = list(departed)
        assert len(departed) == len(found) == len(set(found))
        assert all(pair in self.model.rows and pair[1] in complete for pair in found)
        pairs = found if self.by_home else [(key, "") for key, _ in found]
        assert sorted(pairs) == self.model.sweep(complete)
        return departed, found

    @rule(target=snapshots, tag=tags, shown=st.none() | st.booleans())
    def rows_where(self, tag: int, *, shown: bool | None) -> tuple[Any, list[Pair]]:
        rows = self.ledger.rows_where(tag.__eq__, shown=shown)
        found = list(rows)
        assert sorted(found) == sorted(
            pair
            for pair, (own, is_shown) in self.model.rows.items()
            if own == tag and shown in (None, is_shown)
        )
        return rows, found

    @rule(snapshot=snapshots)
    def keep(self, snapshot: tuple[Any, list[Pair]]) -> None:
        rows, found = snapshot
        assert list(rows) == found

    @rule()
    def store(self) -> None:
        value = self.ledger.dump()
        before = orjson.dumps(value)
        assert len(before.decode()) == packing.characters(value)
        self.ledger = Ledger.load(orjson.loads(before), by_home=self.by_home)
        assert orjson.dumps(self.ledger.dump()) == before
        rows = self.model.rows.items()
        self.model.rows = {pair: (tag, False) for pair, (tag, _) in rows}

    @rule(key=keys, home=homes, tag=tags)
    def change_what_was_dumped(self, key: str, home: str, tag: int) -> None:
        value = self.ledger.dump()
        before = orjson.dumps(value)
        self.enter(key, home, tag)
        self.miss(key, home)
        assert orjson.dumps(value) == before

    @invariant()
    def counts_rows_and_homes(self) -> None:
        assert len(self.ledger) == len(self.model.rows)
        inhabited = {home for _, home in self.model.rows}
        assert sorted(self.ledger.homes()) == sorted(inhabited)
        assert all(self.ledger.has_home(home) == (home in inhabited) for home in HOMES)

    @precondition(lambda self: len(self.model.rows) < 40)
    @rule()
    def knows_tags_and_what_is_shown(self) -> None:
        for key in KEYS:
            shown = [home for _, home in self.model.of(key) if self.model.rows[key, home][1]]
            assert self.ledger.was_shown(key) == bool(shown)
            for home in HOMES:
                assert self.ledger.tag_of(key, home) == self.model.tag_of(key, home)
                assert self.ledger.is_shown(key, home) == (home in shown)


class LedgerByHomeMachine(LedgerMachine):
    """The same where a key in two homes is two records."""

    by_home = True


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    """Have few rows fill several chunks in memory, and several pieces in the state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "CHUNK_ROWS", 5)
        patch.setattr(packing, "PIECE_ROWS", 7)
        yield


MANY = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase
TestLedger.settings = MANY
TestLedgerByHome = LedgerByHomeMachine.TestCase
TestLedgerByHome.settings = MANY


# ── size ───────────────────────────────────────────────────────────────────────────────────────

ROWS, PROJECTS = 60_000, 1200
FIRST_GID, SPREAD = 1_200_000_000_000_000, 10_000_000


def filled(order: str) -> Ledger:
    """Return a ledger of tasks whose gids are as far apart as those of a large customer."""
    chance = random.Random(1)  # noqa: S311
    gids = sorted(FIRST_GID + chance.randrange(ROWS * SPREAD) for _ in range(ROWS))
    if order == "random":
        chance.shuffle(gids)
    ledger = Ledger()
    for place, gid in enumerate(gids):
        home = FIRST_GID - 10**12 + place * PROJECTS // ROWS
        ledger.enter(str(gid), str(home), chance.randrange(1, 2**32))
    return ledger


@pytest.fixture
def _real_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "CHUNK_ROWS", 4096)
    monkeypatch.setattr(packing, "PIECE_ROWS", 65_536)


@pytest.mark.slow
@pytest.mark.usefixtures("_real_chunks")
@pytest.mark.parametrize("order", ["rising", "random"])
def test_a_row_takes_few_bytes(order: str) -> None:
    tracemalloc.start()
    try:
        ledger = filled(order)
        # Homes are few; the arrays of chunks that have grown have some room at their ends.
        assert tracemalloc.get_traced_memory()[0] / len(ledger) < 19
    finally:
        tracemalloc.stop()
    loaded = Ledger.load(ledger.dump())
    columns = [column for chunk in loaded._table.chunks for column in (chunk.keys, chunk.marks)]
    columns += [chunk.tags for chunk in loaded._table.chunks]
    assert sum(map(sys.getsizeof, columns)) / ROWS < 16.2


@pytest.mark.usefixtures("_real_chunks")
def test_a_row_takes_few_characters_and_no_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = filled("random")
    state = ledger.dump()

    assert len(orjson.dumps(state)) / ROWS < 13
    assert ledger.size_estimate() == pytest.approx(len(orjson.dumps(state)), rel=0.01)
    assert Ledger().size_estimate() == pytest.approx(len(orjson.dumps(Ledger().dump())), abs=20)
    monkeypatch.setattr(packing, "PIECE_ROWS", 1000)
    longest = max(len(text) for text in texts_of(ledger.dump()))
    # A piece of 65,536 rows is 65.5 times as long.
    assert longest * 65.536 < 1_000_000


def texts_of(value: Any) -> Iterator[str]:
    """Return all texts within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_of(item)
