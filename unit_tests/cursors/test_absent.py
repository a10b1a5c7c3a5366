"""What no list shows leaves the ledger when it is missed for the second time."""

from __future__ import annotations

import orjson
import pytest

from source_asana.cursors.absent import Absent
from source_asana.cursors.ledger import Ledger


def next_sync(ledger: Ledger, *, by_home: bool = False) -> Ledger:
    """Return the ledger as the next sync loads it: nothing is shown yet."""
    return Ledger.load(orjson.loads(orjson.dumps(ledger.dump())), by_home=by_home)


def kept_by(absent: Absent, *, by_home: bool = False) -> Absent:
    """Return it as the next sync loads it."""
    value, loaded = orjson.loads(orjson.dumps(absent.dump())), Absent(by_home=by_home)
    if value is not None:
        loaded.load(value)
    return loaded


def ledger_of(*rows: tuple[str, str], by_home: bool = False) -> Ledger:
    ledger = Ledger(by_home=by_home)
    for key, home in rows:
        ledger.enter(key, home, 7)
    return next_sync(ledger, by_home=by_home)


def settle(ledger: Ledger, absent: Absent, *complete: str) -> None:
    absent.settle(ledger, ledger.sweep(complete))


def test_a_record_stays_for_one_sync_and_goes_with_the_second() -> None:
    ledger, absent = ledger_of(("1", "a"), ("2", "a")), Absent()

    ledger.show("2", "a")
    settle(ledger, absent, "a")
    assert ledger.tag_of("1", "a") == 7
    assert absent.size() > 0

    ledger, absent = next_sync(ledger), kept_by(absent)
    ledger.show("2", "a")
    settle(ledger, absent, "a")
    assert ledger.tag_of("1", "a") is None
    assert ledger.tag_of("2", "a") == 7
    assert absent.dump() is None


def test_a_record_that_is_shown_again_has_all_its_time_again() -> None:
    ledger, absent = ledger_of(("1", "a")), Absent()
    settle(ledger, absent, "a")

    ledger, absent = next_sync(ledger), kept_by(absent)
    ledger.show("1", "b")
    settle(ledger, absent, "a", "b")
    assert absent.dump() is None

    ledger, absent = next_sync(ledger), kept_by(absent)
    settle(ledger, absent, "a", "b")
    assert ledger.tag_of("1", "b") == 7


def test_a_sync_that_did_not_read_a_list_changes_nothing_about_it() -> None:
    ledger, absent = ledger_of(("1", "a")), Absent()
    settle(ledger, absent, "a")

    ledger, absent = next_sync(ledger), kept_by(absent)
    settle(ledger, absent)
    assert ledger.tag_of("1", "a") == 7

    ledger, absent = next_sync(ledger), kept_by(absent)
    settle(ledger, absent, "a")
    assert ledger.tag_of("1", "a") is None


@pytest.mark.parametrize("by_home", [False, True])
def test_only_with_homes_of_their_own_rows_go_one_by_one(*, by_home: bool) -> None:
    ledger, absent = ledger_of(("1", "a"), ("1", "b"), by_home=by_home), Absent(by_home=by_home)
    for _ in range(2):
        ledger.show("1", "b")
        settle(ledger, absent, "a", "b")
        ledger, absent = next_sync(ledger, by_home=by_home), kept_by(absent, by_home=by_home)
    assert ledger.homes() == ["b"]
    assert absent.dump() is None


def test_what_was_taken_out_of_the_ledger_meanwhile_is_not_waited_for() -> None:
    ledger, absent = ledger_of(("1", "a")), Absent()
    settle(ledger, absent, "a")
    ledger.remove("1")
    settle(ledger, absent)
    assert absent.dump() is None


def test_a_damaged_value_is_refused() -> None:
    with pytest.raises(ValueError, match="form"):
        Absent().load({"keys": 1})
