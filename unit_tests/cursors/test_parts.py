"""What policies keep in the state: bounds, gates, the rolling pass."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.cursors.parts import HOUR, Bounds, Columns, Gates, Part, RollingPass
from source_asana.http.clock import Millis

START = 1_774_746_000_000
KEYS = [str(number) for number in range(40)] + ["w/1", "w/2"]


def rolling(hours: int = 1, now: int | None = START) -> RollingPass:
    return RollingPass(hours, lambda: None if now is None else Millis(now))


def again(part: Part, new: Part) -> Part:
    """Return another part with what the first one keeps."""
    value = orjson.loads(orjson.dumps(part.dump()))
    if value is not None:
        new.load(value)
    return new


# ── bounds ─────────────────────────────────────────────────────────────────────────────────────


def test_a_partition_has_no_bound_before_it_was_read_to_its_end() -> None:
    bounds = Bounds()

    assert bounds.get("1") is None
    assert "1" not in bounds
    assert len(bounds) == 0
    assert bounds.dump() is None


def test_a_bound_moves_where_the_servers_time_is_known() -> None:
    bounds = Bounds()

    bounds.move("1", Millis(5))
    bounds.move("1", None)
    assert bounds.get("1") == 5
    bounds.move("1", Millis(3))
    assert bounds.get("1") == 3
    assert "1" in bounds


def test_bounds_come_back_from_the_state() -> None:
    bounds = Bounds()
    for number, key in enumerate(KEYS):
        bounds.move(key, Millis(START + number))
    found = again(bounds, Bounds())
    assert isinstance(found, Bounds)

    assert {key: found.get(key) for key in found} == {key: bounds.get(key) for key in KEYS}


def test_bounds_may_move_while_they_are_looked_through() -> None:
    bounds = Bounds()
    bounds.move("1", Millis(1))

    for key in bounds:
        bounds.move(key + "1", Millis(2))

    assert sorted(bounds) == ["1", "11"]


def test_bounds_of_what_is_gone_are_dropped() -> None:
    bounds = Bounds()
    for key in ("1", "2"):
        bounds.move(key, Millis(1))

    bounds.keep_only("2".__eq__)

    assert list(bounds) == ["2"]


def test_bounds_that_are_later_than_the_servers_time_are_dropped() -> None:
    bounds = Bounds()
    for number in range(3):
        bounds.move(str(number), Millis(START + number))
    bounds.drop_after(Millis(START + 1))

    assert sorted(bounds) == ["0", "1"]


# ── gates ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("closed_at", "now", "is_another"),
    [
        (None, None, False),
        (None, "7", True),
        ("7", "7", False),
        ("7", "8", True),
        ("7", None, True),
        ("a-b", "a-b", False),
        ("a-b", "a-c", True),
        ("9" * 30, "9" * 30, False),
        ("9" * 30, "9" * 29, True),
    ],
)
def test_a_gate_tells_whether_the_newest_child_is_another(
    closed_at: str | None,
    now: str | None,
    *,
    is_another: bool,
) -> None:
    gates = Gates()
    assert gates.shows_another("1", now)

    gates.close("1", closed_at)

    assert gates.shows_another("1", now) is is_another
    found = again(gates, Gates())
    assert isinstance(found, Gates)
    assert found.shows_another("1", now) is is_another


def test_gates_count_what_was_read_and_drop_what_is_gone() -> None:
    gates = Gates()
    assert gates.dump() is None
    gates.close("1", None)
    gates.close("2", "7")
    assert (len(gates), "1" in gates, "3" in gates) == (2, True, False)

    gates.keep_only("2".__eq__)

    assert (len(gates), "1" in gates) == (1, False)


@pytest.mark.parametrize("kind", [Bounds, Gates])
def test_a_large_part_knows_its_size(kind: type[Bounds | Gates]) -> None:
    chance, part = Random(1), kind()  # noqa: S311
    for _ in range(5000):
        key, gid = str(10**15 + chance.randrange(10**12)), 10**15 + chance.randrange(10**12)
        if isinstance(part, Bounds):
            part.move(key, Millis(START + chance.randrange(HOUR)))
        else:
            part.close(key, str(gid))

    assert 0.6 * part.size() < len(orjson.dumps(part.dump())) < 1.05 * part.size()


# ── the rolling pass ───────────────────────────────────────────────────────────────────────────


def test_at_first_every_partition_is_due() -> None:
    assert all(rolling().is_due(key) for key in KEYS)


def test_without_the_servers_time_none_is_due_and_nothing_is_kept() -> None:
    passing = rolling(now=None)

    assert not any(passing.is_due(key) for key in KEYS)
    passing.claim("1")
    passing.advance()
    assert passing.dump() is None


@given(gaps=st.lists(st.integers(1, 3 * HOUR // 2), min_size=4, max_size=30))
def test_each_partition_is_passed_once_in_a_period(gaps: list[int]) -> None:
    now, passing = START, rolling()
    passing.advance()
    passed: dict[str, list[int]] = {key: [] for key in KEYS}
    for gap in gaps:
        now += gap
        new = again(passing, rolling(now=now))
        assert isinstance(new, RollingPass)
        passing = new
        for key in KEYS:
            if passing.is_due(key):
                passed[key].append(now)
                passing.claim(key)
                passing.done(key)
        passing.advance()
    for times in passed.values():
        # Never longer than a period and the wait for the next sync; nor in every sync.
        assert all(after - before < HOUR + max(gaps) for before, after in pairwise([START, *times]))
        assert len(times) <= 1 + (now - START) // HOUR + sum(gap >= HOUR for gap in gaps)


def test_the_pass_is_spread_over_the_period() -> None:
    passing, due = rolling(hours=100), set()
    passing.advance()
    for hour in range(1, 101):
        new = again(passing, rolling(100, START + hour * HOUR))
        assert isinstance(new, RollingPass)
        passing = new
        due.add(sum(map(passing.is_due, map(str, range(1000)))))
        passing.advance()

    assert max(due) < 40


def test_a_period_of_nothing_passes_everything_in_every_sync() -> None:
    passing = rolling(hours=0)
    passing.advance()

    assert all(passing.is_due(key) for key in KEYS)


def test_what_was_claimed_and_not_done_is_owed_to_the_next_sync() -> None:
    first = rolling()
    for key in ("1", "2"):
        first.claim(key)
    first.done("1")
    first.advance()

    second = again(first, rolling(now=START + 1))
    assert isinstance(second, RollingPass)

    assert [key for key in ("1", "2", "3") if second.is_due(key)] == ["2"]
    second.done("2")
    assert not second.is_due("2")


def test_what_is_claimed_stays_due_when_the_pass_has_advanced() -> None:
    passing = rolling()
    passing.claim("1")
    passing.advance()

    assert passing.is_due("1")
    assert not passing.is_due("2")


def test_what_is_gone_is_not_owed() -> None:
    passing = rolling()
    passing.claim("1")

    passing.keep_only("2".__eq__)

    assert passing.dump() is None


@pytest.mark.parametrize(("now", "is_due"), [(START - 1, True), (START, False)])
def test_a_pass_that_was_advanced_later_than_the_servers_time_is_due(
    now: int, *, is_due: bool
) -> None:
    before = rolling(8760)
    before.advance()
    after = again(before, rolling(8760, now))
    after.drop_after(Millis(now))

    assert [after.is_due(key) for key in KEYS] == [is_due] * len(KEYS)


def test_a_sync_has_one_time_however_long_it_takes() -> None:
    times = iter([START, START + 9 * HOUR])
    passing = RollingPass(1, lambda: Millis(next(times)))
    passing.claim("1")
    passing.advance()

    assert passing.dump() == {"at": START, "open": ["1"]}


# ── states that are not ours ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (Bounds, 7),
        (Bounds, {"1": 5}),
        (Gates, []),
        (rolling, None),
        (rolling, []),
        (rolling, {"at": "now"}),
        (rolling, {"at": 5, "open": "1"}),
        (rolling, {"at": 5, "open": {"1": 1}}),
    ],
)
def test_a_value_that_no_part_has_written_is_refused(make: Callable[[], Part], value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make().load(value)


# ── columns ────────────────────────────────────────────────────────────────────────────────────


def columns_after(
    *syncs: tuple[set[str], set[str]], reads_all: bool = False
) -> tuple[Columns, list[tuple[bool, frozenset[str]]]]:
    """Return the columns after some syncs, and of each sync what was further and what was lost.

    Args:
        syncs: the selected columns of each, and those that Asana refuses in it.
        reads_all: whether the stream reads all records at each sync.
    """
    stored: dict[str, Any] = {}
    said = []
    columns = Columns(())
    for selected, refused in syncs:
        columns = Columns(selected)
        columns.load(stored.get("columns") or "", stored.get("lacks") or [])
        columns.lack(refused)
        if columns.lacked:
            columns.grant()
        further = columns.further
        columns.is_read = not columns.lost
        stored = columns.dump(reads_all=reads_all)
        said.append((further, columns.lost))
    return columns, said


NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("syncs", "said"),
    [
        ([({"a"}, set()), ({"a"}, set())], [(False, NONE), (False, NONE)]),
        ([({"a"}, set()), ({"a", "b"}, set())], [(False, NONE), (True, NONE)]),
        (
            [({"a", "b"}, set()), ({"a"}, set()), ({"a", "b"}, set())],
            [(False, NONE)] * 2 + [(True, NONE)],
        ),
        # Never readable, so nothing is lost; granted at last.
        (
            [({"a", "b"}, {"b"}), ({"a", "b"}, {"b"}), ({"a", "b"}, set()), ({"a", "b"}, set())],
            [(False, NONE), (False, NONE), (True, NONE), (False, NONE)],
        ),
        # Readable before: lost until it is readable again, and no further column then.
        (
            [({"a", "b"}, set()), ({"a", "b"}, {"b"}), ({"a", "b"}, {"b"}), ({"a", "b"}, set())],
            [(False, NONE), (False, frozenset("b")), (False, frozenset("b")), (False, NONE)],
        ),
        # Selected for the first time without its scope: nothing was sent that nulls could replace.
        ([({"a"}, set()), ({"a", "b"}, {"b"})], [(False, NONE), (False, NONE)]),
    ],
)
def test_columns_are_further_once_and_lost_if_they_were_read(
    syncs: list[tuple[set[str], set[str]]], said: list[tuple[bool, frozenset[str]]]
) -> None:
    assert columns_after(*syncs)[1] == said


def test_a_sync_without_an_answer_keeps_what_was_read_and_what_is_missing() -> None:
    first = Columns({"a", "b"})
    first.lack({"b"})
    first.is_read = True
    stored = first.dump(reads_all=False)
    quiet = Columns({"a", "b"})
    quiet.load(stored["columns"], stored["lacks"])

    assert stored["lacks"] == ["b"]
    assert quiet.dump(reads_all=False) == stored


@pytest.mark.parametrize("reads_all", [True, False])
def test_a_column_that_turns_out_readable_is_read_if_all_records_are(*, reads_all: bool) -> None:
    columns = Columns({"a", "b"})
    first = Columns({"a"})
    first.is_read = True
    columns.load(first.dump(reads_all=False)["columns"], ["b"])
    columns.is_read = True
    stored = columns.dump(reads_all=reads_all)
    after = Columns({"a", "b"})
    after.load(stored["columns"], stored["lacks"] or [])

    assert stored["lacks"] is None
    assert after.further is not reads_all


@pytest.mark.parametrize("value", [(7, []), ("", "b"), (None, [])])
def test_stored_columns_that_are_damaged_are_refused(value: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError):
        Columns(()).load(*value)
