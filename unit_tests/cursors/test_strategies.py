"""Reading strategies of single listings: which slices a sync has, and what each asks for."""

from __future__ import annotations

from typing import Any

import pytest

from source_asana.core.ledger import Ledger
from source_asana.cursors.partial import (
    AppendOnlyStrategy,
    NewestChildStrategy,
    WindowStrategy,
)
from source_asana.cursors.strategies import Strategy, Unread
from source_asana.http.clock import from_millis, to_millis
from source_asana.http.errors import Reach
from source_asana.parents.feeds import Ending
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from unit_tests.cursors.surroundings import (
    BEGAN,
    HOUR,
    all_slices,
    runtime,
    slice_of,
    stored_by,
    strategy_of,
    tell,
)

GATE: dict[str, Any] = {"newest_child": "current.gid", "cursor_field": "created_at"}
LOG: dict[str, Any] = {"cursor_field": "created_at", "lookback_window": "PT5M"}
ENTRIES: dict[str, Any] = {
    "cursor_field": "entered_on",
    "datetime_format": "%Y-%m-%d",
    "start_datetime": "1970-01-01",
    "lookback_window": "P{{ config['time_entries_lookback_days'] }}D",
    "full_scan": True,
}


def keys(slices: list[Slice]) -> list[str]:
    return [slice_.key for slice_ in slices]


def begin(strategy: Strategy, slice_: Slice) -> None:
    """Begin a slice, as the cursor does."""
    slice_.began = strategy.runtime.clock.instant()


def read(strategy: Strategy, *, only: str | None = None) -> list[Slice]:
    """Read the slices of a whole sync, or only that of one key; return them."""
    slices = all_slices(strategy)
    for slice_ in slices:
        if only in (None, slice_.key):
            begin(strategy, slice_)
            strategy.complete(slice_)
            if not slice_.is_filtered:
                strategy.partitions.completed(slice_.key)
    strategy.settle()
    return slices


# ── whole lists ────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_read_whole_at_each_sync() -> None:
    strategy = strategy_of(Strategy, slice_of("1"), slice_of("2"))

    slices = read(strategy)

    assert keys(slices) == ["1", "2"]
    assert [slice_.get("since") for slice_ in slices] == [None, None]
    assert not any(slice_.is_filtered for slice_ in slices)
    assert stored_by(strategy) == {}


@pytest.mark.parametrize("ending", list(Ending))
def test_all_partitions_are_known_after_complete_parents(ending: Ending) -> None:
    strategy = strategy_of(Strategy, slice_of("1"), shared=runtime(ending))
    assert not strategy.knows_all

    all_slices(strategy)

    assert strategy.knows_all is (ending <= Ending.UNAVAILABLE)
    assert strategy.unread("1") is Unread.UNKNOWN
    assert (strategy.unread("2") is Unread.REMOVED) is strategy.knows_all


@pytest.mark.parametrize(
    ("stamp", "is_in_scope"),
    [
        ("2026-01-01T00:00:00.000Z", True),
        ("2026-01-01T00:00:00.001Z", True),
        ("2025-12-31T23:59:59.999Z", False),
        (None, True),
    ],
)
def test_what_is_older_than_the_start_date_is_out_of_scope(
    stamp: str | None, *, is_in_scope: bool
) -> None:
    shared = runtime(start_date="2026-01-01T01:00:00+01:00")
    one = slice_of("1")

    dated = strategy_of(Strategy, one, shared=shared, cursor_field="modified_at")
    assert dated.is_in_scope({"gid": "7", "modified_at": stamp}, one) is is_in_scope
    assert strategy_of(Strategy, one, shared=shared).is_in_scope({"modified_at": stamp}, one)
    assert strategy_of(Strategy, one, cursor_field="modified_at").is_in_scope(
        {"modified_at": stamp}, one
    )


# ── gates ──────────────────────────────────────────────────────────────────────────────────────


def gated(newest: str | None, shared: Runtime | None = None, **options: Any) -> NewestChildStrategy:
    return strategy_of(
        NewestChildStrategy,
        slice_of("1", current=newest and {"gid": newest}),
        shared=shared or runtime(),
        **GATE,
        **options,
    )


@pytest.mark.parametrize(
    ("before", "now", "is_read"),
    [
        ("7", "7", False),
        ("7", "8", True),
        ("7", None, True),
        (None, None, False),
        (None, "7", True),
    ],
)
def test_a_parent_is_read_where_its_newest_child_is_another(
    before: str | None, now: str | None, *, is_read: bool
) -> None:
    first = gated(before)
    assert keys(read(first)) == ["1"]

    second = gated(now, stored=stored_by(first))

    assert bool(read(second)) is is_read
    assert read(gated(now, stored=stored_by(second))) == []


def test_a_parent_whose_listing_failed_is_read_again() -> None:
    failed = gated("7")
    all_slices(failed)
    failed.settle()

    assert keys(read(gated("7", stored=stored_by(failed)))) == ["1"]


def test_every_parent_is_read_by_a_full_scan() -> None:
    stored: dict[str, Any] = {}
    read_at = []
    for hour in range(41):
        shared = runtime(now=BEGAN + hour * HOUR, full_scan_interval_hours=10)
        strategy = gated("7", shared, stored=stored)
        if read(strategy):
            read_at.append(hour)
        stored = stored_by(strategy)

    assert read_at == [0, 10, 20, 30, 40]


def test_a_full_refresh_reads_every_parent() -> None:
    stored = stored_by(gated("7"))

    assert keys(read(gated("7", stored=stored, is_incremental=False))) == ["1"]


@pytest.mark.parametrize("ending", list(Ending))
def test_gates_of_missing_parents_go_only_after_complete_parents(ending: Ending) -> None:
    first = strategy_of(NewestChildStrategy, slice_of("1"), slice_of("gone"), **GATE)
    read(first)
    second = strategy_of(
        NewestChildStrategy, slice_of("1"), shared=runtime(ending), stored=stored_by(first), **GATE
    )
    read(second)
    third = strategy_of(NewestChildStrategy, stored=stored_by(second), **GATE)

    assert third.was_read(slice_of("1"), Reach.PARTITION)
    assert third.was_read(slice_of("gone"), Reach.PARTITION) is (ending > Ending.UNAVAILABLE)


# ── windows ────────────────────────────────────────────────────────────────────────────────────


def daily(hour: int, **further: Any) -> Runtime:
    """Return the runtime of a sync that begins in this hour, with a full scan once a day."""
    return runtime(now=BEGAN + hour * HOUR, full_scan_interval_hours=24, **further)


def test_a_first_read_asks_for_everything_and_the_next_from_the_instant_on() -> None:
    first = strategy_of(WindowStrategy, slice_of("1"), **LOG)
    [slice_] = read(first)
    assert (slice_.get("since"), slice_.is_filtered) == (None, False)
    assert first.was_read(slice_, Reach.PARTITION)

    second = strategy_of(
        WindowStrategy, slice_of("1"), slice_of("2"), stored=stored_by(first), **LOG
    )
    known, new = all_slices(second)

    assert (known.get("since"), known.is_filtered) == (from_millis(BEGAN - 300_000), True)
    assert (new.get("since"), new.is_filtered) == (None, False)
    assert (second.was_read(known, Reach.PARTITION), second.was_read(new, Reach.PARTITION)) == (
        True,
        False,
    )


def test_the_instant_is_the_time_when_the_first_request_was_sent() -> None:
    shared = runtime()
    strategy = strategy_of(WindowStrategy, slice_of("1"), shared=shared, **LOG)
    [slice_] = all_slices(strategy)
    tell(shared, BEGAN + HOUR)
    begin(strategy, slice_)
    tell(shared, BEGAN + 2 * HOUR)
    strategy.complete(slice_)

    [later] = all_slices(
        strategy_of(WindowStrategy, slice_of("1"), stored=stored_by(strategy), **LOG)
    )

    assert later.get("since") == from_millis(BEGAN + HOUR - 300_000)


def test_a_window_that_was_not_read_to_its_end_stays() -> None:
    first = strategy_of(WindowStrategy, slice_of("1"), slice_of("2"), **LOG)
    read(first, only="1")

    second = strategy_of(
        WindowStrategy, slice_of("1"), slice_of("2"), stored=stored_by(first), **LOG
    )

    assert [slice_.is_filtered for slice_ in all_slices(second)] == [True, False]


def test_a_first_read_begins_at_the_start_date() -> None:
    shared = runtime(start_date="2026-01-31T12:00:00+02:00")

    [dated] = all_slices(strategy_of(WindowStrategy, slice_of("1"), shared=shared, **ENTRIES))
    [log] = all_slices(strategy_of(WindowStrategy, slice_of("1"), shared=shared, **LOG))

    # All that is in scope is asked for, so the listing is complete.
    assert (dated.get("since"), dated.is_filtered) == ("2026-01-31", False)
    assert (log.get("since"), log.is_filtered) == ("2026-01-31T10:00:00.000Z", False)


def test_a_full_refresh_asks_for_everything() -> None:
    first = strategy_of(WindowStrategy, slice_of("1"), **LOG)
    read(first)

    strategy = strategy_of(WindowStrategy, slice_of("1"), is_incremental=False, **LOG)
    [slice_] = all_slices(strategy)

    assert (slice_.get("since"), slice_.is_filtered) == (None, False)


def test_time_entries_step_back_and_are_read_completely_by_a_full_scan() -> None:
    stored: dict[str, Any] = {}
    asked = []
    for hour in range(0, 97, 6):
        shared = daily(hour, time_entries_lookback_days=30)
        strategy = strategy_of(
            WindowStrategy, slice_of("1"), shared=shared, stored=stored, **ENTRIES
        )
        [slice_] = read(strategy)
        asked.append((slice_.get("since"), slice_.is_filtered))
        stored = stored_by(strategy)

    assert asked[0] == ("1970-01-01", False)
    complete = [number for number, (_, is_filtered) in enumerate(asked) if not is_filtered]
    assert complete == [0, 4, 8, 12, 16]
    filtered = [since for since, is_filtered in asked if is_filtered]
    assert filtered[0] == "2026-02-27"
    assert filtered == sorted(map(str, filtered))


@pytest.mark.parametrize(
    ("before", "since"),
    [("2026-03-02T11:59:59Z", "2026-03-01"), ("2026-03-02T12:00:02Z", "2026-03-02")],
)
def test_without_lookback_time_entries_of_a_day_that_is_not_over_everywhere_are_read(
    before: str, since: str
) -> None:
    began = to_millis(before) or 0
    options = {"time_entries_lookback_days": 0, "full_scan_interval_hours": 8760}
    first = strategy_of(
        WindowStrategy, slice_of("1"), shared=runtime(now=began, **options), **ENTRIES
    )
    read(first)
    shared = runtime(now=began + HOUR, **options)
    [slice_] = all_slices(
        strategy_of(
            WindowStrategy, slice_of("1"), shared=shared, stored=stored_by(first), **ENTRIES
        )
    )
    assert slice_.get("since") == since


def test_what_a_full_scan_could_not_read_is_read_by_the_next_sync() -> None:
    slices = [slice_of("1"), slice_of("2")]
    first = strategy_of(WindowStrategy, *slices, shared=daily(0), **ENTRIES)
    read(first)
    second = strategy_of(
        WindowStrategy, *slices, shared=daily(30), stored=stored_by(first), **ENTRIES
    )
    assert not any(slice_.is_filtered for slice_ in read(second, only="2"))

    third = strategy_of(
        WindowStrategy, *slices, shared=daily(31), stored=stored_by(second), **ENTRIES
    )

    assert [slice_.is_filtered for slice_ in all_slices(third)] == [False, True]


@pytest.mark.parametrize("ending", list(Ending))
def test_instants_of_missing_partitions_go_only_after_complete_parents(ending: Ending) -> None:
    first = strategy_of(WindowStrategy, slice_of("1"), slice_of("gone"), **LOG)
    read(first)
    second = strategy_of(
        WindowStrategy,
        slice_of("1"),
        shared=runtime(ending),
        stored=stored_by(first),
        **LOG,
    )
    read(second)
    third = strategy_of(WindowStrategy, stored=stored_by(second), **LOG)

    assert third.was_read(slice_of("1"), Reach.PARTITION)
    assert third.was_read(slice_of("gone"), Reach.PARTITION) is (ending > Ending.UNAVAILABLE)


# ── the audit log ──────────────────────────────────────────────────────────────────────────────


def event(millis: int) -> dict[str, Any]:
    return {"gid": "7", "created_at": from_millis(millis)}


def test_the_log_is_kept_by_hours_and_whole_hours_expire() -> None:
    first = strategy_of(AppendOnlyStrategy, slice_of("1"), **LOG)
    [slice_] = all_slices(first)
    hours = [first.partition_of(event(BEGAN + number * HOUR), slice_) for number in (-2, -1, 0)]
    assert hours == ["1@2026-03-28T23", "1@2026-03-29T00", "1@2026-03-29T01"]
    assert not any(first.is_expired(hour) for hour in hours)
    begin(first, slice_)
    first.complete(slice_)

    # The next window begins five minutes before the instant, 01:00.
    assert [first.is_expired(hour) for hour in hours] == [True, False, False]
    assert first.unread(hours[0]) is Unread.UNKNOWN
    assert first.unread("2@2026-03-28T23") is Unread.REMOVED


def test_a_strategy_says_which_ledger_was_dropped() -> None:
    strategy = strategy_of(Strategy, slice_of("1"))
    assert not strategy.is_ledger_dropped
    assert strategy.droppable() == ["ledger"]
    assert strategy.drop(Ledger()) is None
    assert strategy.is_ledger_dropped
    assert (strategy.dropped, strategy.droppable()) == (["ledger"], [])


def test_instants_are_milliseconds() -> None:
    strategy = strategy_of(WindowStrategy, slice_of("1"), **LOG)
    read(strategy)
    again = strategy_of(WindowStrategy, stored=stored_by(strategy), **LOG)

    assert again.since("1") == from_millis(BEGAN - 300_000)
