"""Which missing records one sync asks about, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from source_asana.core.ledger import Ledger
from source_asana.core.missing import MOST_AT_ONCE
from source_asana.core.partitions import ELSEWHERE
from source_asana.cursors import missing as module
from source_asana.cursors.missing import FIRST, Allowance, MissingRecords
from source_asana.cursors.sending import Sender, Stamp, Stamps, fingerprinter
from source_asana.cursors.strategies import Strategy
from source_asana.http.clock import Millis
from source_asana.parents.slices import Row
from source_asana.runtime import Runtime
from unit_tests.cursors.surroundings import GivenRouter, runtime, strategy_of

NOBODY: Mapping[str, int] = {}
BEFORE = -(10**9)
"""Long before the sync began."""


class Child(GivenRouter):
    """Partitions that hang on a parent of the same gid."""

    def parent_of(self, partition: str) -> tuple[str, str] | None:
        return "parents", partition


class Sync:
    """The missing records of one sync, with the rows that an earlier one has entered."""

    def __init__(
        self, keys: Iterable[str], partitions: Iterable[str] = ("p",), *, by_partition: bool = False
    ) -> None:
        self.shared = runtime()
        self.strategy = strategy_of(Strategy, shared=self.shared)
        self.strategy.router = Child([])
        self.key = ("project_id", "gid") if by_partition else ("gid",)
        self.sender = self._sender()
        partitions = list(partitions)
        for key in keys:
            for partition in partitions:
                self.ledger.enter(key, partition, 5)
        self.next()

    def _sender(self) -> Sender:
        stamps = Stamps(lambda: Millis(0))
        return Sender(self.strategy.lock, self.key, fingerprinter(()), stamps, self.shared.stop)

    @property
    def ledger(self) -> Ledger:
        return self.sender.ledger

    def next(self, shared: Runtime | None = None) -> None:
        """Begin the next sync, with the state of this one."""
        self.shared = shared or self.shared
        value = self.ledger.dump()
        self.sender = self._sender()
        self.sender.ledger = Ledger.load(value, by_partition=self.sender.by_partition)

    def missing(self, scope: str | None = "") -> MissingRecords:
        scope = self.shared.scope if scope == "" else scope
        return MissingRecords(self.strategy, self.sender, self.shared, scope)

    def asks(
        self,
        is_over: Callable[[str], bool] = lambda _: True,
        *,
        scope: str | None = "",
        hinted: Mapping[str, int] = NOBODY,
        is_removed: Callable[[str], bool] = lambda _: False,
    ) -> list[Row]:
        """Return the rows that the sync asks about once these partitions are over."""
        made = self.missing(scope)
        self.says(is_over, is_removed)
        self.strategy.hinted = hinted
        made.flag()
        return [row for slice_ in made.slices() for row in slice_.rows]

    def says(
        self,
        is_over: Callable[[str], bool] = lambda _: True,
        is_removed: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Have the strategy say this of partitions."""
        self.strategy.is_over = is_over  # type: ignore[method-assign]
        self.strategy.is_removed = is_removed  # type: ignore[method-assign]

    def waiting(self) -> int:
        return self.shared.report.counts("s").waiting


def many(number: int) -> list[str]:
    return list(map(str, range(number)))


# ── what is asked ──────────────────────────────────────────────────────────────────────────────


def test_what_no_partition_shows_is_asked_about() -> None:
    sync = Sync("12", ["p", "q"])
    sync.ledger.show("2", "q")

    assert [key for key, _ in sync.asks()] == ["1"]
    # The other record has left a partition only.
    assert sync.ledger.partitions_of("2") == ["q"]


def test_a_partition_that_is_not_complete_says_nothing() -> None:
    assert Sync("12", ["p", "q"]).asks("p".__eq__) == []


def test_records_of_a_partition_are_asked_about_one_by_one() -> None:
    sync = Sync("1", ["p", "q"], by_partition=True)
    sync.ledger.show("1", "q")

    assert sync.asks() == [("1", "p")]


def test_a_record_of_several_partitions_is_asked_about_once() -> None:
    sync = Sync("1", ["p", "q"])
    sync.ledger.miss("1", "p")

    assert len(sync.asks("p".__eq__)) == 1


def test_what_was_missing_and_is_shown_again_is_not_asked_about() -> None:
    sync = Sync("12")
    for key in "12":
        sync.ledger.miss(key, "p")
    sync.ledger.enter("2", "p", 7)

    assert sync.asks() == [("1", "p")]


def test_what_the_audit_log_names_is_asked_about_unless_it_was_shown() -> None:
    sync = Sync("123")
    sync.ledger.show("2", "p")

    assert sync.asks(lambda _: False, hinted=dict.fromkeys(("1", "2", "99"), BEFORE)) == [
        ("1", "p")
    ]


def test_what_is_missing_is_asked_about_in_slices_that_are_small() -> None:
    sync = Sync(many(60))
    made = sync.missing()
    sync.says()
    made.flag()

    assert [len(slice_.rows) for slice_ in made.slices()] == [25, 25, 10]
    assert made.slices() == []


# ── scopes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scope", [None, "another"])
def test_in_another_scope_what_is_missing_leaves_silently(scope: str | None) -> None:
    sync = Sync("123", ["p", "q"])
    sync.shared.user = "1"
    sync.ledger.show("2", "p")
    sync.ledger.miss("3", "p")

    assert sync.asks("p".__eq__, scope=scope) == []
    assert sync.asks(scope=scope) == []
    assert sync.ledger.rows() == [("2", "p")]


def test_a_first_sync_has_no_other_scope() -> None:
    assert Sync("1").asks(scope=FIRST) == [("1", "p")]


def test_where_the_user_is_unknown_what_is_missing_waits(caplog: pytest.LogCaptureFixture) -> None:
    sync = Sync("12")
    sync.shared.user = "1"
    scope = sync.shared.scope
    sync.ledger.show("2", "p")
    sync.shared.user = None

    assert sync.asks(scope=scope) == []
    assert sync.waiting() == 1
    assert [record.message[:42] for record in caplog.records] == [
        "Asana does not say whose token this is (`/"
    ]
    sync.next()
    sync.ledger.show("2", "p")
    sync.shared.user = "1"
    assert sync.asks(scope=scope) == [("1", "p")]


def test_a_user_who_was_never_known_is_the_same_one() -> None:
    sync = Sync("1")
    assert sync.shared.user is None

    assert sync.asks(scope=sync.shared.scope) == [("1", "p")]


# ── what waits ─────────────────────────────────────────────────────────────────────────────────


def test_too_much_at_once_is_asked_about_by_the_next_sync(caplog: pytest.LogCaptureFixture) -> None:
    keys = many(MOST_AT_ONCE + 1)
    sync = Sync(keys)

    assert sync.asks() == []

    [record] = caplog.records
    assert record.message == (
        "Stream s: Asana no longer shows 101 records. As these are many, the next sync asks Asana "
        "about each before it deletes any."
    )
    assert sync.waiting() == len(keys)
    sync.next()
    assert sorted(key for key, _ in sync.asks()) == sorted(keys)


@pytest.mark.parametrize("partition", [ELSEWHERE, f"{ELSEWHERE}/p"])
def test_what_is_elsewhere_is_no_surprise(partition: str) -> None:
    sync = Sync(many(MOST_AT_ONCE + 1), [partition])

    assert len(sync.asks()) == MOST_AT_ONCE + 1


def test_what_the_audit_log_names_is_no_surprise() -> None:
    keys = many(MOST_AT_ONCE + 2)
    sync = Sync(keys)

    asked = sync.asks(hinted=dict.fromkeys(keys[1:], BEFORE))

    assert sorted(key for key, _ in asked) == sorted(keys)


def test_beyond_the_share_of_the_quota_records_wait_in_another_order_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MINUTES_A_SYNC", 20 / 1500)
    sync, asked = Sync(many(60)), set[str]()
    assert len(sync.asks()) == 20
    for _ in range(60):
        # Asana says nothing of them.
        sync.next(runtime())
        rows = sync.asks()
        # Those that wait take half of what all may.
        assert len(rows) == 10
        assert sync.waiting() == 50
        asked.update(key for key, _ in rows)

    assert asked == set(many(60))


def test_all_streams_of_a_sync_share_the_quota_and_what_waits_takes_half_of_it() -> None:
    allowance = runtime().part(Allowance)

    assert allowance.for_old(14_000) == 7500
    assert allowance.for_old(1) == 0
    assert allowance.for_new(7000) == 7000
    assert allowance.for_new(2000) == 500
    assert allowance.for_new(5) == 0
    other = runtime().part(Allowance)
    assert other.for_new(14_999) == 14_999
    assert other.for_old(5) == 1


# ── parents ────────────────────────────────────────────────────────────────────────────────────


def test_children_of_a_parent_that_is_gone_take_one_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MINUTES_A_SYNC", 1 / 1500)
    sync = Sync(many(30))

    assert len(sync.asks(is_removed="p".__eq__)) == 30


def test_what_hangs_on_a_deleted_parent_comes_in_another_round() -> None:
    sync = Sync(many(2 * MOST_AT_ONCE))
    made = sync.missing()
    sync.says(is_removed="p".__eq__)
    made.flag()
    # So many are cautiously left for the next sync.
    assert made.slices() == []

    sync.shared.deleted.add("p")

    assert sum(len(slice_.rows) for slice_ in made.slices()) == 2 * MOST_AT_ONCE
    assert made.slices() == []


# ── what becomes of them ───────────────────────────────────────────────────────────────────────

STAMP = Stamp(Millis(5), "1970-01-01T00:00:00.005Z")


def test_a_deleted_record_leaves_with_a_tombstone() -> None:
    sync = Sync("12", ["p", "q"])
    records = sync.missing().tombstone("1", "p", STAMP)

    assert next(records) == {"gid": "1", "synced_at": STAMP.text, "_ab_cdc_deleted_at": STAMP.text}
    assert sync.ledger.fingerprint("1", "p") == 5
    assert list(records) == []
    assert sorted(sync.ledger.rows()) == [("2", "p"), ("2", "q")]


def test_what_hangs_on_what_is_deleted_with_its_parent_goes_along() -> None:
    sync = Sync("12", ["p", "q"])
    sync.missing().goes_along("1")
    assert sync.shared.deleted == {"1"}


def test_what_left_a_partition_is_not_deleted_itself() -> None:
    # The projects of a portfolio, for example.
    sync = Sync("1", by_partition=True)

    assert len(list(sync.missing().tombstone("1", "p", STAMP))) == 1

    assert sync.shared.deleted == set()


def rows_after(act: Callable[[MissingRecords], Any]) -> list[Row]:
    """Return the rows of a missing record 1 after this, and hold that 2 stays as it was."""
    sync = Sync("12", ["p"])
    made = sync.missing()
    sync.says()
    made.flag()
    act(made)
    assert sync.ledger.fingerprint("2", "p") == 5
    assert not sync.ledger.was_shown("2")
    rows = [row for row in sync.ledger.rows() if row[0] == "1"]
    assert all(sync.ledger.is_shown(*row) for row in rows)
    assert [row for rows in sync.ledger.missing() for row in rows] == [("2", "p")]
    return rows


def test_a_forbidden_record_leaves_the_ledger() -> None:
    assert rows_after(lambda made: made.remove("1", "p")) == []


def test_a_record_that_exists_moves_to_where_it_is_now() -> None:
    assert rows_after(lambda made: made.move("1", "p", "p")) == [("1", "p")]
    assert rows_after(lambda made: made.move("1", "p", "q")) == [("1", "q")]


def test_a_record_that_was_removed_meanwhile_does_not_come_back() -> None:
    sync = Sync("1")
    made = sync.missing()
    made.remove("1", "p")

    made.move("1", "p", "q")

    assert len(sync.ledger) == 0
