"""A ledger does what a plain dict of rows would do, and what missing and sweeping mean."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from source_asana.core.ledger import Ledger, Row

KEYS = ["1", "12", "0012", str(2**63 - 1), str(2**63), "a/b", "", "²"]
PARTITIONS = ["7", "70", "007", "7/8", "elsewhere"]
FINGERPRINTS = [0, 1, 5, 2**32 - 1]

keys = st.sampled_from(KEYS)
partitions = st.sampled_from(PARTITIONS)
fingerprints = st.sampled_from(FINGERPRINTS)
choices = st.frozensets(partitions)


class Model:
    """A row is [fingerprint, shown, missing]; nothing here is clever."""

    def __init__(self, *, by_partition: bool) -> None:
        self.by_partition = by_partition
        self.rows: dict[Row, list[int]] = {}

    def record(self, key: str, partition: str) -> dict[Row, list[int]]:
        return {
            row: state
            for row, state in self.rows.items()
            if row[0] == key and (row[1] == partition or not self.by_partition)
        }

    def records(self) -> list[dict[Row, list[int]]]:
        return [self.record(key, partition) for key, partition in self.rows]

    def enter(self, key: str, partition: str, fingerprint: int) -> None:
        for state in self.record(key, partition).values():
            state[0] = fingerprint
        self.rows[key, partition] = [fingerprint, 1, 0]

    def show(self, key: str, partition: str) -> None:
        record = self.record(key, partition)
        if not record:
            raise KeyError(key)
        self.rows[key, partition] = [next(iter(record.values()))[0], 1, 0]

    def miss(self, key: str, partition: str) -> None:
        for state in self.record(key, partition).values():
            state[2] = state[2] or 2

    def remove(self, key: str, partition: str | None) -> None:
        self.keep(lambda row: row[0] != key or partition not in (None, row[1]))

    def keep(self, stays: Callable[[Row], bool]) -> None:
        self.rows = {row: state for row, state in self.rows.items() if stays(row)}

    def sweep(self, complete: frozenset[str]) -> None:
        gone = {row for row, (_, shown, _) in self.rows.items() if not shown and row[1] in complete}
        for record in self.records():
            for row in record:
                if row in gone and record.keys() <= gone:
                    self.rows[row][2] = self.rows[row][2] or 2
                elif row in gone:
                    self.rows.pop(row, None)

    def missing(self, complete: frozenset[str], flags: set[int]) -> list[dict[Row, list[int]]]:
        """Return the records all of whose rows are flagged so, in complete partitions."""
        return [
            record
            for record in self.records()
            if all(state[2] in flags and row[1] in complete for row, state in record.items())
        ]

    def drop_missing(self, complete: frozenset[str]) -> None:
        for record in self.missing(complete, {1}):
            assert not any(shown for _, shown, _ in record.values())
            self.keep(lambda row, record=record: row not in record)  # type: ignore[misc]

    def load(self) -> None:
        self.rows = {row: [state[0], 0, min(state[2], 1)] for row, state in self.rows.items()}


class LedgerMachine(RuleBasedStateMachine):
    by_partition = False

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger(by_partition=self.by_partition)
        self.model = Model(by_partition=self.by_partition)

    @rule(key=keys, partition=partitions, fingerprint=fingerprints)
    def enter(self, key: str, partition: str, fingerprint: int) -> None:
        self.ledger.enter(key, partition, fingerprint)
        self.model.enter(key, partition, fingerprint)

    @rule(key=keys, partition=partitions)
    def show(self, key: str, partition: str) -> None:
        if self.model.record(key, partition):
            self.ledger.show(key, partition)
            self.model.show(key, partition)
        else:
            with pytest.raises(KeyError):
                self.ledger.show(key, partition)

    @rule(key=keys, partition=partitions)
    def miss(self, key: str, partition: str) -> None:
        self.ledger.miss(key, partition)
        self.model.miss(key, partition)

    @rule(key=keys, partition=st.none() | partitions)
    def remove(self, key: str, partition: str | None) -> None:
        self.ledger.remove(key, partition)
        self.model.remove(key, partition)

    @rule(choice=choices)
    def sweep(self, choice: frozenset[str]) -> None:
        asked: list[str] = []
        known = set(self.ledger.partitions())
        self.ledger.sweep(lambda name: asked.append(name) or name in choice)  # type: ignore[func-returns-value]
        assert sorted(asked) == sorted(known)
        self.model.sweep(choice)

    @rule(choice=choices)
    def drop_missing(self, choice: frozenset[str]) -> None:
        self.ledger.drop_missing(choice.__contains__)
        self.model.drop_missing(choice)

    @rule(choice=choices)
    def drop_partitions(self, choice: frozenset[str]) -> None:
        self.ledger.drop_partitions(choice.__contains__)
        self.model.keep(lambda row: row[1] not in choice)

    @rule(chosen=st.frozensets(fingerprints, min_size=2))
    def keep_only(self, chosen: frozenset[int]) -> None:
        self.ledger.keep_only(chosen.__contains__)
        rows = self.model.rows
        self.model.keep(lambda row: rows[row][0] in chosen)

    @rule()
    def load(self) -> None:
        value = orjson.loads(orjson.dumps(self.ledger.dump()))
        self.ledger = Ledger.load(value, by_partition=self.by_partition)
        assert orjson.loads(orjson.dumps(self.ledger.dump())) == value
        self.model.load()

    @rule(key=keys, partition=partitions)
    def take(self, key: str, partition: str) -> None:
        value = self.ledger.dump()
        ledger = Ledger.load(value, by_partition=self.by_partition)
        dump = ledger.snapshot()
        ledger.enter(key, partition, 7)
        ledger.remove(key)
        ledger.sweep(PARTITIONS.__contains__)
        assert dump() == value

    @rule(choice=choices)
    def missing(self, choice: frozenset[str]) -> None:
        self._compare_missing(choice, self.ledger.missing(choice.__contains__))

    def _compare_missing(
        self, complete: frozenset[str], found: tuple[list[Row], list[Row]]
    ) -> None:
        old = self.model.missing(complete, {1})
        new = [record for record in self.model.missing(complete, {1, 2}) if record not in old]
        for records, rows in zip((new, old), found, strict=True):
            assert {frozenset(record) for record in records} == {
                frozenset(self.model.record(*row)) for row in rows
            }
            assert len({frozenset(record) for record in records}) == len(rows)

    @precondition(lambda self: hasattr(self, "ledger"))
    @invariant()
    def agree(self) -> None:
        ledger, model = self.ledger, self.model
        assert sorted(ledger.rows()) == sorted(model.rows)
        assert len(ledger) == len(model.rows)
        assert sorted(ledger.rows(lambda value: value > 1)) == sorted(
            row for row, state in model.rows.items() if state[0] > 1
        )
        self._compare_missing(frozenset(PARTITIONS), ledger.missing())
        held = {partition for _, partition in model.rows}
        assert sorted(ledger.partitions()) == sorted(held)
        for partition in PARTITIONS:
            assert ledger.has_partition(partition) == (partition in held)
        for key in KEYS:
            self._agree_about(key)

    def _agree_about(self, key: str) -> None:
        ledger, rows = self.ledger, self.model.rows
        mine = {row[1]: state for row, state in rows.items() if row[0] == key}
        assert sorted(ledger.partitions_of(key)) == sorted(mine)
        assert ledger.partition_of(key) == next(iter(ledger.partitions_of(key)), None)
        assert ledger.was_shown(key) == any(shown for _, shown, _ in mine.values())
        for partition in PARTITIONS:
            states = list(self.model.record(key, partition).values())
            assert ledger.fingerprint(key, partition) == (states[0][0] if states else None)
            assert ledger.is_shown(key, partition) == bool(mine.get(partition, [0, 0])[1])
            assert ledger.is_missing(key, partition) == (
                bool(states) and all(missing == 1 for _, _, missing in states)
            )


class LedgerMachineByPartition(LedgerMachine):
    by_partition = True


MANY = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestLedger = LedgerMachine.TestCase
TestLedger.settings = MANY
TestLedgerByPartition = LedgerMachineByPartition.TestCase
TestLedgerByPartition.settings = MANY


def next_sync(ledger: Ledger) -> Ledger:
    return Ledger.load(orjson.loads(orjson.dumps(ledger.dump())))


def everything(partition: str) -> bool:
    return bool(partition)


def test_what_a_complete_partition_does_not_show_is_missing_and_says_since_when() -> None:
    first = Ledger()
    first.enter("1", "7", 5)
    first.enter("2", "7", 5)

    second = next_sync(first)
    second.show("1", "7")
    second.sweep(everything)
    assert second.missing() == ([("2", "7")], [])
    # Until the next sync nobody may rely on it.
    assert not second.is_missing("2", "7")

    third = next_sync(second)
    assert third.is_missing("2", "7")
    assert third.missing() == ([], [("2", "7")])
    third.sweep(everything)
    assert third.missing() == ([("1", "7")], [("2", "7")])

    third.show("2", "7")
    assert third.missing() == ([("1", "7")], [])
    assert third.fingerprint("2", "7") == 5


def test_a_record_that_left_one_of_its_partitions_is_not_missing() -> None:
    first = Ledger()
    for partition in ("7", "8", "9"):
        first.enter("1", partition, 5)

    second = next_sync(first)
    second.show("1", "8")
    # What 9 shows is not known, so this row stays.
    second.sweep({"7", "8"}.__contains__)

    assert second.missing() == ([], [])
    assert second.partitions_of("1") == ["8", "9"]


def test_without_deletions_what_is_missing_for_the_second_time_is_dropped() -> None:
    first = Ledger()
    first.enter("1", "7", 5)

    second = next_sync(first)
    second.sweep(everything)
    second.drop_missing(everything)
    assert len(second) == 1

    third = next_sync(second)
    third.drop_missing(lambda _: False)
    assert len(third) == 1
    third.drop_missing(everything)
    assert len(third) == 0


@given(count=st.integers(200, 400))
@settings(max_examples=3, deadline=None)
def test_a_row_takes_few_characters(count: int) -> None:
    ledger = Ledger()
    for number in range(count * 100):
        noise = zlib.crc32(str(number).encode())
        gid = 1_200_000_000_000_000 + number * 10_000_000 + noise % 10_000_000
        ledger.enter(str(gid), str(1_300_000_000_000_000 + number // 50), noise)

    size = len(orjson.dumps(ledger.dump()))
    assert size / len(ledger) < 11


LEDGER = {"partitions": {"numbers": [], "texts": ["a"], "rows": []}}


@pytest.mark.parametrize("value", [None, [], {}, {"partitions": {}}, {"rows": {}}, LEDGER])
def test_what_is_no_ledger_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^A part of the state is damaged: .*\.$"):
        Ledger.load(value)
