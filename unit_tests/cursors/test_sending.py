"""The three rules: what is sent, when it is entered, and who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.core.ledger import Ledger
from source_asana.cursors.sending import Once, Sender, Stamp, Stamps, fingerprinter
from source_asana.http.clock import Millis, from_millis
from source_asana.http.stop import Stop

START = 1_774_746_000_000
Record = dict[str, Any]


def sender(*key: str, stop: Stop | None = None) -> Sender:
    stamps = Stamps(lambda: Millis(START))
    return Sender(threading.RLock(), key or ("gid",), fingerprinter(()), stamps, stop or Stop())


def stamp(second: int = 0) -> Stamp:
    at = Millis(START + 1000 * second)
    return Stamp(at, from_millis(at))


def task(name: str = "a", gid: str = "1") -> Record:
    return {"gid": gid, "name": name}


def sent(
    made: Sender, record: Record, partition: str = "p", at: int = 0, *, is_shared: bool = False
) -> list[Record]:
    """Return what is sent of a record, once it is on its way."""
    return list(made.send(record, partition, stamp(at), is_shared=is_shared))


class Worker:
    """A thread that sends a record, and holds it until it is told to go on."""

    def __init__(self, made: Sender, record: Record, partition: str = "p", at: int = 0) -> None:
        """Start it."""
        self.sent: list[Record] = []
        self.error: Exception | None = None
        self.begun, self._on = threading.Event(), threading.Event()
        self._records = made.send(record, partition, stamp(at), is_shared=True)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for record in self._records:
                self.sent.append(record)
                self.begun.set()
                assert self._on.wait(10)
        except Exception as error:  # noqa: BLE001  # the test looks at it
            self.error = error

    def end(self) -> list[Record]:
        """Have it go on and end; return what it sent."""
        self._on.set()
        self.thread.join(5)
        assert not self.thread.is_alive()
        return self.sent


def test_what_is_unknown_or_differs_is_sent_with_its_stamp() -> None:
    made = sender()

    assert sent(made, task()) == [{**task(), "synced_at": "2026-03-29T01:00:00.000Z"}]
    assert sent(made, task(), at=1) == []
    assert sent(made, task("b"), at=2) == [{**task("b"), "synced_at": "2026-03-29T01:00:02.000Z"}]
    assert sent(made, task("a"), at=3) == [{**task("a"), "synced_at": "2026-03-29T01:00:03.000Z"}]


def test_it_is_entered_when_it_is_on_its_way_and_not_before() -> None:
    made = sender()
    records = made.send(task(), "p", stamp(), is_shared=False)
    next(records)
    assert not made.knows(task(), "p")

    assert list(records) == []

    assert made.knows(task(), "p")
    assert made.ledger.is_shown("1", "p")


def test_a_sync_that_is_killed_meanwhile_sends_it_again() -> None:
    made = sender()
    records: Iterator[Record] = made.send(task(), "p", stamp(), is_shared=False)
    next(records)
    records.close()  # type: ignore[attr-defined]  # it is a generator

    assert not made.knows(task(), "p")
    assert len(sent(made, task())) == 1


def test_what_is_not_sent_is_shown() -> None:
    made = sender()
    made.ledger.enter("1", "p", fingerprinter(())(task()))
    for partition in ("p", "q"):
        made.ledger.remove("1", "q")
        assert sent(made, task(), partition) == []
        assert made.ledger.is_shown("1", partition)


def test_another_partition_that_shows_the_same_version_is_entered_without_sending() -> None:
    made = sender()
    assert len(sent(made, task(), "p")) == 1
    assert sent(made, task(), "q") == []

    assert sorted(made.ledger.partitions()) == ["p", "q"]
    assert len(sent(made, task("b"), "q")) == 1
    assert sent(made, task("b"), "p") == []


def test_a_key_of_two_columns_is_a_record_of_its_partition() -> None:
    made = sender("project_id", "gid")

    assert made.by_partition
    assert len(sent(made, task(), "p")) == 1
    assert len(sent(made, task(), "q")) == 1
    assert sent(made, task(), "p") == []
    assert len(sent(made, task("b"), "q")) == 1
    assert sent(made, task(), "p") == []


def test_an_older_page_never_replaces_a_newer_one() -> None:
    made = sender()
    assert len(sent(made, task("new"), "p", at=5, is_shared=True)) == 1

    assert sent(made, task("old"), "q", at=4, is_shared=True) == []

    assert made.ledger.is_shown("1", "q")
    assert sent(made, task("new"), "p", at=6, is_shared=True) == []


def test_within_one_partition_the_last_page_counts() -> None:
    made = sender()
    sent(made, task("a"), at=5)

    assert len(sent(made, task("b"), at=4)) == 1


def test_without_room_for_a_ledger_nothing_is_entered() -> None:
    made = sender()
    made.is_ledger_dropped = True

    assert len(sent(made, task())) == 1
    assert len(made.ledger) == 0


def test_two_workers_send_a_record_once_and_the_second_one_waits_until_it_is_entered() -> None:
    made = sender()
    first = Worker(made, task(), "p")
    assert first.begun.wait(5)
    second = Worker(made, task(), "q")
    second.thread.join(0.05)
    assert second.thread.is_alive()
    assert not made.ledger.has_partition("q")

    assert len(first.end()) == 1
    assert second.end() == []

    assert sorted(made.ledger.partitions()) == ["p", "q"]


def test_where_the_first_worker_fails_the_second_one_sends() -> None:
    made = sender()
    records: Iterator[Record] = made.send(task(), "p", stamp(), is_shared=True)
    next(records)
    second = Worker(made, task(), "q")
    records.close()  # type: ignore[attr-defined]  # it is a generator

    assert second.begun.wait(5)
    assert len(second.end()) == 1
    assert made.ledger.partitions() == ["q"]


def test_records_of_other_keys_do_not_wait() -> None:
    made = sender()
    first = Worker(made, task())
    assert first.begun.wait(5)

    assert len(sent(made, task(gid="2"))) == 1
    first.end()


def test_who_waits_hears_of_the_end_of_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.http.stop.WAKE_SECONDS", 0.01)
    stop = Stop()
    made = sender(stop=stop)
    first = Worker(made, task())
    assert first.begun.wait(5)
    second = Worker(made, task(), "q")
    stop.abort(AirbyteTracedException(message="over"))
    second.thread.join(5)

    assert isinstance(second.error, AirbyteTracedException)
    first.end()


def test_many_workers_send_each_version_once() -> None:
    made = sender()
    found: list[Record] = []

    def work(partition: str) -> None:
        for number in range(200):
            records = made.send(task(gid=str(number)), partition, stamp(), is_shared=True)
            found.extend(records)

    threads = [threading.Thread(target=work, args=(str(partition),)) for partition in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(int(record["gid"]) for record in found) == list(range(200))
    assert len(made.ledger) == 1200


# ── what was missing ───────────────────────────────────────────────────────────────────────────


def after_missing(made: Sender, *, is_loaded: bool = True) -> None:
    """Have record 1 be sent, and be missing after that, in an earlier sync or in this one."""
    sent(made, task())
    made.ledger.miss("1", "p")
    if is_loaded:
        made.ledger = Ledger.load(made.ledger.dump(), by_partition=made.by_partition)


@pytest.mark.parametrize("resends_missing", [False, True])
def test_what_was_missing_is_sent_again_if_its_tombstone_may_have_been(
    *, resends_missing: bool
) -> None:
    made = sender()
    made.resends_missing = resends_missing
    after_missing(made)

    assert len(sent(made, task())) == resends_missing

    assert made.ledger.missing() == ([], [])
    assert sent(made, task()) == []


def test_what_is_missing_since_this_sync_is_not_sent_again() -> None:
    made = sender()
    made.resends_missing = True
    after_missing(made, is_loaded=False)

    assert sent(made, task()) == []


def test_a_tombstone_precedes_the_loss_of_the_record() -> None:
    made = sender()
    after_missing(made)
    records = made.tombstone("1", "p", stamp(1))

    assert next(records) == {
        "gid": "1",
        "synced_at": stamp(1).text,
        "_ab_cdc_deleted_at": stamp(1).text,
    }
    # A sync that is killed here has to send it again, should it be restored.
    assert made.ledger.is_missing("1", "p")
    assert list(records) == []
    assert not made.knows(task(), "p")
    assert len(sent(made, task())) == 1


@pytest.mark.parametrize("partition", ["p", "elsewhere/p"])
def test_the_tombstone_of_a_record_of_its_partition_names_that(partition: str) -> None:
    made = sender("project_id", "gid")
    for one in (partition, "q"):
        sent(made, task(), one)

    [tombstone] = made.tombstone("1", partition, stamp(1))

    assert (tombstone["project_id"], tombstone["gid"]) == ("p", "1")
    assert made.ledger.rows() == [("1", "q")]


def test_in_a_full_refresh_a_record_comes_once() -> None:
    once = Once()

    assert [once.is_first(key) for key in ("1", "2", "1")] == [True, True, False]
