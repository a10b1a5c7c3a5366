"""Which departed records are looked into now, and which wait for a later sync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from source_asana.cursors import departures
from source_asana.cursors.departures import LARGEST_SHARE, MOST_AT_ONCE, Departures, Lookups
from source_asana.cursors.ledger import Ledger
from source_asana.cursors.sending import Sender
from source_asana.cursors.stamps import Stamp, Stamps
from source_asana.cursors.tags import tagger
from source_asana.http.clock import Millis
from source_asana.http.stop import Stop
from source_asana.runtime import Runtime
from unit_tests.given import settings


def sender_of(
    keys: Iterable[str], homes: Iterable[str] = ("p",), *, by_home: bool = False
) -> Sender:
    """Return what sends a stream whose earlier sync has entered these records."""
    key = ("project_id", "gid") if by_home else ("gid",)
    stamps = Stamps(lambda: Millis(0))
    made = Sender(threading.RLock(), key, tagger(()), stamps, Stop())
    homes = list(homes)
    for one in keys:
        for home in homes:
            made.ledger.enter(one, home, 5)
    made.ledger = again(made.ledger, by_home=by_home)
    return made


def again(ledger: Ledger, *, by_home: bool = False) -> Ledger:
    """Return the ledger as the next sync loads it."""
    return Ledger.load(ledger.dump(), by_home=by_home)


def everywhere(home: str) -> bool:
    del home
    return True


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(settings())


def departures_of(sender: Sender, runtime: Runtime, scope: str | None) -> Departures:
    return Departures("s", threading.RLock(), sender, runtime, scope)


def looked_into(
    sender: Sender,
    runtime: Runtime,
    complete: Callable[[str], bool] = everywhere,
    scope: str | None = "",
) -> list[tuple[str, str]]:
    """Return the rows that one sync looks into."""
    scope = runtime.scope if scope == "" else scope
    found = departures_of(sender, runtime, scope).slices(complete)
    return [row for slice_ in found for row in slice_.rows]


def test_what_no_partition_shows_is_looked_into(runtime: Runtime) -> None:
    sender = sender_of("12", ["p", "q"])
    sender.ledger.show("2", "q")

    assert [key for key, _ in looked_into(sender, runtime)] == ["1"]
    # The other record has left a partition only.
    assert not sender.ledger.is_shown("2", "p")
    assert sender.ledger.tag_of("2", "q") == 5


def test_a_walk_that_was_not_whole_says_nothing(runtime: Runtime) -> None:
    assert looked_into(sender_of("12", ["p", "q"]), runtime, "p".__eq__) == []


def test_records_of_a_partition_are_looked_into_one_by_one(runtime: Runtime) -> None:
    sender = sender_of("1", ["p", "q"], by_home=True)
    sender.ledger.show("1", "q")

    assert looked_into(sender, runtime) == [("1", "p")]


@pytest.mark.parametrize("scope", [None, "another"])
def test_in_another_scope_what_departs_leaves_silently(runtime: Runtime, scope: str | None) -> None:
    runtime.user = "1"
    sender = sender_of("12", ["p", "q"])
    sender.ledger.show("2", "p")

    assert looked_into(sender, runtime, scope=scope) == []
    assert sender.ledger.tag_of("1", "p") is None
    assert sender.ledger.tag_of("2", "p") == 5


def test_in_another_scope_what_waits_leaves_silently_too(runtime: Runtime) -> None:
    runtime.user = "1"
    sender = sender_of("12", ["p", "q"])
    sender.ledger.miss("1", "p")

    assert looked_into(sender, runtime, lambda _: False, scope="another") == []
    assert [sender.ledger.tag_of(key, "p") for key in "12"] == [None, 5]


def test_where_the_user_is_unknown_what_departs_waits(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.user = "1"
    scope = runtime.scope
    sender = sender_of("12", ["p", "q"])
    sender.ledger.show("2", "p")
    runtime.user = None

    assert looked_into(sender, runtime, scope=scope) == []
    assert sender.ledger.tag_of("1", "p") == 0
    assert [record.message[:42] for record in caplog.records] == [
        "Asana does not say whose token this is (`/"
    ]
    sender.ledger = again(sender.ledger)
    sender.ledger.show("2", "p")
    runtime.user = "1"
    assert [key for key, _ in looked_into(sender, runtime, scope=scope)] == ["1"]


def test_a_user_who_was_never_known_is_the_same_one(runtime: Runtime) -> None:
    assert runtime.user is None
    scope = runtime.scope

    assert [key for key, _ in looked_into(sender_of("1"), runtime, scope=scope)] == ["1"]


def many(number: int) -> list[str]:
    return list(map(str, range(number)))


def test_much_at_once_is_looked_into_by_the_next_sync(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    keys = many(MOST_AT_ONCE + 1)
    sender = sender_of(keys)

    assert looked_into(sender, runtime) == []

    [record] = caplog.records
    assert record.message == (
        "Stream s: Asana no longer shows 101 records. As that is much at once, the next sync looks "
        "into them before anything is deleted."
    )
    assert len(list(sender.ledger.rows_where((0).__eq__))) == len(keys)
    sender.ledger = again(sender.ledger)
    assert sorted(key for key, _ in looked_into(sender, runtime)) == sorted(keys)


@pytest.mark.parametrize(("departed", "known"), [(MOST_AT_ONCE, MOST_AT_ONCE), (101, 400)])
def test_a_hundred_or_a_small_share_is_not_much(
    runtime: Runtime, departed: int, known: int
) -> None:
    assert departed <= max(MOST_AT_ONCE, LARGEST_SHARE * known)
    sender = sender_of(many(known))
    for key in many(known)[departed:]:
        sender.ledger.show(key, "p")

    assert len(looked_into(sender, runtime)) == departed


def test_what_was_missed_and_is_shown_again_is_not_looked_into(runtime: Runtime) -> None:
    sender = sender_of("12")
    for key in "12":
        sender.ledger.miss(key, "p")
    sender.ledger.enter("2", "p", 7)

    assert looked_into(sender, runtime) == [("1", "p")]


def test_a_missed_record_of_several_partitions_is_looked_into_once(runtime: Runtime) -> None:
    sender = sender_of("1", ["p", "q"])
    sender.ledger.miss("1", "p")

    assert len(looked_into(sender, runtime, "p".__eq__)) == 1


def test_beyond_the_share_of_the_quota_records_wait_in_another_order_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(departures, "MINUTES_A_SYNC", 20 / 1500)
    keys, found = many(60), set[str]()
    sender = sender_of(keys)
    for _ in range(40):
        some = Runtime(settings())
        made = departures_of(sender, some, some.scope)
        rows = [row for slice_ in made.slices(everywhere) for row in slice_.rows]
        assert len(rows) == 20
        assert some.report.counts("s").waiting == 40
        found.update(key for key, _ in rows)
        # Nothing could be found out about these.
        for row in rows:
            sender.ledger.miss(*row)
        sender.ledger = again(sender.ledger)

    assert found == set(keys)


def test_all_streams_of_a_sync_share_the_quota(runtime: Runtime) -> None:
    lookups = runtime.part(Lookups)

    assert lookups.take(14_000) == 14_000
    assert lookups.take(2000) == 1000
    assert lookups.take(5) == 0


def test_slices_are_small() -> None:
    runtime = Runtime(settings())
    found = departures_of(sender_of(many(60)), runtime, runtime.scope).slices(everywhere)

    assert [len(slice_.rows) for slice_ in found] == [25, 25, 10]


# ── what becomes of them ───────────────────────────────────────────────────────────────────────

STAMP = Stamp(Millis(5), "1970-01-01T00:00:00.005Z")


def test_a_record_that_is_gone_leaves_with_a_tombstone(runtime: Runtime) -> None:
    sender = sender_of("12", ["p", "q"])
    records = departures_of(sender, runtime, None).buried("1", "p", STAMP)

    assert next(records) == {
        "gid": "1",
        "synced_at": STAMP.text,
        "_ab_cdc_deleted_at": STAMP.text,
    }
    assert sender.ledger.tag_of("1", "p") == 5
    assert list(records) == []
    assert sender.ledger.tag_of("1", "p") is None
    assert sender.ledger.tag_of("2", "p") == 5


def test_the_tombstone_of_a_record_of_its_partition_names_that(runtime: Runtime) -> None:
    sender = sender_of("1", ["p", "q"], by_home=True)
    [tombstone] = departures_of(sender, runtime, None).buried("1", "p", STAMP)

    assert (tombstone["project_id"], tombstone["gid"]) == ("p", "1")
    assert sender.ledger.tag_of("1", "p") is None
    assert sender.ledger.tag_of("1", "q") == 5


def test_what_is_found_out_about_a_record(runtime: Runtime) -> None:
    sender = sender_of("1234", ["p", "q"])
    made = departures_of(sender, runtime, None)
    made.forget("1", "p")
    made.forget_home("2", "p")
    made.keep("3", "p")
    made.miss("4", "p")

    rows = [(key, home) for key in "1234" for home in "pq" if sender.ledger.has_home(home)]
    shown = [row for row in rows if sender.ledger.is_shown(*row)]
    assert sender.ledger.tag_of("1", "q") is None
    assert sorted(sender.ledger.rows_where(lambda _: True)) == [
        ("2", "q"),
        ("3", "p"),
        ("3", "q"),
        ("4", "p"),
        ("4", "q"),
    ]
    assert shown == [("3", "p")]
    assert sender.ledger.tag_of("4", "q") == 0
    assert runtime.report.counts("s").waiting == 1
