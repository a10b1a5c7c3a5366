"""When listings were covered, when everything is read, and what is outstanding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.core.listings import HOUR, Failed, FullScan, Instants, Listings

START = 1_774_746_000_000
KEYS = [str(number) for number in range(40)] + ["w/1", "w/2"]


def scan_of(hours: int = 1, now: int | None = START, scanned: int | None = None) -> FullScan:
    return FullScan(lambda: hours, lambda: now, scanned)


def stored(part: Instants | FullScan | Failed) -> Any:
    return orjson.loads(orjson.dumps(part.dump()))


# ── instants ───────────────────────────────────────────────────────────────────────────────────


def test_a_listing_has_no_instant_before_it_was_covered() -> None:
    instants = Instants()
    assert instants.get("1") is None
    assert "1" not in instants
    assert len(instants) == 0
    assert instants.dump() is None

    instants.note("1")

    assert instants.get("1") is None
    assert "1" not in instants
    assert list(instants) == ["1"]


def test_an_instant_moves_where_the_servers_time_is_known() -> None:
    instants = Instants()

    instants.move("1", 5)
    instants.move("1", None)
    assert instants.get("1") == 5
    instants.move("1", 3)
    instants.note("1")
    assert instants.get("1") == 3
    assert "1" in instants


def test_instants_come_back_from_the_state() -> None:
    instants, again = Instants(), Instants()
    for number, key in enumerate(KEYS):
        instants.move(key, START + number)
    instants.note("known")

    again.load(stored(instants))

    assert again.by_key == instants.by_key


def test_instants_may_move_while_they_are_looked_through() -> None:
    instants = Instants({"1": 1})

    for key in instants:
        instants.move(key + "1", 2)

    assert sorted(instants) == ["1", "11"]


def test_instants_of_listings_that_no_longer_exist_are_dropped() -> None:
    instants = Instants({"1": 1, "2": 1})

    instants.keep_only("2".__eq__)

    assert list(instants) == ["2"]


def test_listings_with_instants_later_than_the_servers_time_are_known_and_not_covered() -> None:
    instants = Instants({str(number): START + number for number in range(3)})

    instants.drop_after(START + 1)

    assert [key for key in instants if key in instants] == ["0", "1"]
    assert "2" in list(instants)


# ── full scans ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("now", [START, None])
def test_the_first_sync_is_a_full_scan(now: int | None) -> None:
    assert scan_of(now=now).is_due()


@pytest.mark.parametrize(
    ("hours", "later", "is_due"),
    [(2, 0, False), (2, 2 * HOUR - 1, False), (2, 2 * HOUR, True), (0, 0, True)],
)
def test_a_full_scan_is_due_once_in_an_interval(hours: int, later: int, *, is_due: bool) -> None:
    assert scan_of(hours, START + later, START).is_due() is is_due


def test_without_the_servers_time_no_other_full_scan_is_due() -> None:
    scan = scan_of(0, None, START)

    assert not scan.is_due()
    scan.done(None)
    assert scan.scanned == START


def test_what_a_sync_is_does_not_change_meanwhile() -> None:
    times = iter([START, START + 9 * HOUR])
    scan = FullScan(lambda: 1, lambda: next(times), START)

    assert [scan.is_due(), scan.is_due()] == [False, False]


def test_a_full_scan_for_another_stream_counts_for_both() -> None:
    scan = scan_of(1, START + 1, START)
    assert not scan.is_due()

    scan.begin()
    scan.done(START + 1)

    assert scan.scanned == START + 1


@given(gaps=st.lists(st.integers(1, 3 * HOUR // 2), min_size=4, max_size=30))
def test_there_is_one_full_scan_in_an_interval(gaps: list[int]) -> None:
    now, scanned, times = START, START, [START]
    for gap in gaps:
        now += gap
        scan = scan_of(1, now, scanned)
        if scan.is_due():
            times.append(now)
        scan.done(now)
        scanned = stored(scan)

    assert scanned == times[-1]
    distances = [after - before for before, after in zip(times, [*times[1:], now], strict=True)]
    assert all(HOUR <= distance < HOUR + max(gaps) for distance in distances[:-1])
    assert distances[-1] < HOUR


@pytest.mark.parametrize(("now", "is_due"), [(START - 1, True), (START, False)])
def test_a_full_scan_later_than_the_servers_time_counts_as_none(now: int, *, is_due: bool) -> None:
    scan = scan_of(8760, now, START)

    scan.drop_after(now)

    assert scan.is_due() is is_due


# ── walks that failed ──────────────────────────────────────────────────────────────────────────


def test_failed_walks_come_back_from_the_state() -> None:
    failed = Failed({"7": "1", "8": "w/2"})
    again = Failed()

    again.load(stored(failed))

    assert again == failed
    assert Failed().dump() is None


# ── values that are not ours ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (Instants, 7),
        (Instants, {"1": 5}),
        (scan_of, None),
        (scan_of, {}),
        (scan_of, "now"),
        (Failed, []),
        (Failed, {"7": 1}),
    ],
)
def test_a_value_that_no_part_has_written_is_refused(
    make: Callable[[], Instants | FullScan | Failed], value: Any
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make().load(value)


# ── what is outstanding ────────────────────────────────────────────────────────────────────────


def listings_of(instants: dict[str, int], watermark: int | None = None) -> Listings:
    """Return what a stream keeps of the listings of a workspace `w`."""
    made = Listings(scan_of(8760, START, START))
    made.instants.by_key = dict(instants)
    made.watermarks.move("w", watermark)
    return made


@pytest.mark.parametrize(
    ("instant", "watermark", "is_outstanding"),
    [
        (0, None, True),
        (5, None, False),
        (5, 5, False),
        (6, 5, False),
        (4, 5, True),
    ],
)
def test_a_listing_is_outstanding_if_its_instant_is_behind_the_watermark(
    instant: int, watermark: int | None, *, is_outstanding: bool
) -> None:
    made = listings_of({"1": instant}, watermark)

    assert made.is_outstanding("1", "w") is is_outstanding
    assert made.is_outstanding("unknown", "w")


def test_once_instants_are_cleared_everything_known_is_outstanding() -> None:
    made = listings_of({"1": 5, "2": 9}, 5)

    made.clear()

    assert all(made.is_outstanding(key, "w") for key in "12")
    assert sorted(made.instants) == ["1", "2"]


def test_a_listing_that_was_not_covered_is_outstanding_after_the_settle() -> None:
    # This sync read listing 1, and listing 2 failed; it was read up to the watermark before.
    made = listings_of({"1": 20, "2": 10}, 10)

    made.settle(20, {"w": ["1", "2", "3"]}, [], {"7": "1"})

    assert made.watermarks.get("w") == 20
    assert [made.is_outstanding(key, "w") for key in "123"] == [False, True, True]
    assert "3" in list(made.instants)
    assert made.failed.by_key == {"7": "1"}


def test_a_search_covers_the_named_listings_that_were_not_outstanding() -> None:
    made = listings_of({"1": 10, "2": 9, "3": 10, "4": 25}, 10)

    made.settle(20, {"w": ["1", "2", "4", "5"]}, ["1", "2"], {})

    # Listing 3 was not named, 2 and 5 were outstanding, 4 was read in this sync.
    assert made.instants.by_key == {"1": 20, "2": 9, "3": 10, "4": 25, "5": 0}
    assert [made.is_outstanding(key, "w") for key in "12345"] == [False, True, True, False, True]


def test_the_watermark_of_a_workspace_that_is_not_selected_goes() -> None:
    made = listings_of({"1": 5}, 5)

    made.settle(20, {"v": []}, [], {})

    assert list(made.watermarks) == ["v"]


def test_without_the_servers_time_the_settle_moves_nothing() -> None:
    made = listings_of({"1": 10}, 10)

    made.settle(None, {"w": ["1"]}, ["1"], {})

    assert (made.instants.get("1"), made.watermarks.get("w")) == (10, 10)
    assert made.full_scan.scanned == START


@pytest.mark.parametrize("hours", [0, 8760])
def test_the_settle_notes_a_full_scan(hours: int) -> None:
    made = Listings(scan_of(hours, START + 5, START))

    made.settle(START + 5, {}, [], {})

    assert made.full_scan.scanned == START + (0 if hours else 5)


def test_the_parts_have_their_names_in_the_state() -> None:
    made = listings_of({"1": 5}, 5)

    assert {name: part.dump() is not None for name, part in made.parts().items()} == {
        "listings": True,
        "watermarks": True,
        "scanned": True,
        "scan_requests": False,
        "failed": False,
        "tokens": False,
    }
