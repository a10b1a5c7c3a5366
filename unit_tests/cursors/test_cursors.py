"""The cursors of single listings, fed by hand: bounds, gates, digests, tokens, and bad states."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from source_asana.cursors.base import AsanaCursor, BoundCursor
from source_asana.cursors.lists import DigestCursor, GateCursor, TokenCursor
from source_asana.tasks.cursors_children import ChildCursor
from source_asana.tasks.cursors_walks import ListingCursor, WalkCursor

from source_asana.http.clock import from_millis
from source_asana.http.errors import Action, Rule, Verdict
from source_asana.parents.feeds import Ending
from unit_tests.cursors.cursors_by_hand import (
    BEGUN,
    HOUR,
    Part,
    make,
    piece,
    runtime,
    states,
    sync,
    tell,
)

NO_ACCESS = Verdict(Rule((403,), None, Action.SKIP, "no access"), 403, "No access")
STAMP = {"field": "modified_at"}
GATE = {"field": "created_at", "gate": "current.gid"}


def at(gid: str, millis: int, field: str = "modified_at") -> dict[str, Any]:
    return {"gid": gid, field: from_millis(millis)}


# ── states ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [BoundCursor, GateCursor, DigestCursor, TokenCursor, ChildCursor])
@pytest.mark.parametrize(
    "state",
    [{"v": 2, "bounds": {}}, {"bounds": {}}, {"cursor": "2026-01-01"}, {"modified_at": "2026"}],
)
def test_a_state_of_another_version_or_connector_is_refused(
    kind: type[AsanaCursor], state: dict[str, Any]
) -> None:
    with pytest.raises(AirbyteTracedException, match=r"state of stream `s`.*reset the stream"):
        make(kind, state)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (BoundCursor, {"bounds": {"1": "2026"}}),
        (BoundCursor, {"bounds": {"1": True}}),
        (BoundCursor, {"bounds": [1]}),
        (GateCursor, {"bounds": {"1": [1]}}),
        (GateCursor, {"bounds": {"1": ["1", None]}}),
        (DigestCursor, {"bounds": {}, "seen": {"1": "%%%"}}),
        (DigestCursor, {"bounds": {}, "seen": {"1": 7}}),
        (TokenCursor, {"tokens": {"1": 7}}),
        (ChildCursor, {"bounds": {}, "pending": "1"}),
        (ChildCursor, {"bounds": {}, "pending": [1]}),
        (ChildCursor, {"bounds": {}, "unfinished": {"1": "x"}}),
        (ListingCursor, {"bounds": {"1": [1, 2]}}),
        (ListingCursor, {"bounds": {"1": [1, "a", "b"]}}),
        (ListingCursor, {"bounds": {}, "recent": {"1": {"a": 1}}}),
        (WalkCursor, {"bounds": {}, "unpassed": "1"}),
        (WalkCursor, {"bounds": {}, "passed": "1"}),
    ],
)
def test_a_damaged_state_is_refused(kind: type[AsanaCursor], state: dict[str, Any]) -> None:
    with pytest.raises(AirbyteTracedException, match=r"state of stream `s`.*reset the stream"):
        make(kind, {"v": 1, **state})


@pytest.mark.parametrize(
    "state",
    [None, {}, {"__ab_no_cursor_state_message": True}, {"__ab_full_refresh_sync_complete": 1}],
)
def test_no_state_and_that_of_a_full_refresh_start_from_nothing(state: Any) -> None:
    assert make(BoundCursor, state).bounds == {}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (BoundCursor, {"bounds": {"1": 5, "2": 6}}),
        (GateCursor, {"bounds": {"1": [5, "7"], "2": [6, None]}}),
        (DigestCursor, {"bounds": {"1": 5}, "seen": {"1": "AAAAAAAAAAE="}, "passes": {"1": 4}}),
        (TokenCursor, {"tokens": {"1": "abc:1"}}),
        (ListingCursor, {"bounds": {"1": [5, "AAAAAAAAAAE"], "2": 6}, "passed": 9}),
        (WalkCursor, {"bounds": {"1": [5, "AAAAAAAAAAE"]}, "unpassed": ["1"]}),
        (ChildCursor, {"bounds": {"1": 5}, "pending": ["3"], "unfinished": {"4": 2}}),
    ],
)
def test_a_state_comes_out_as_it_went_in(kind: type[AsanaCursor], state: dict[str, Any]) -> None:
    assert make(kind, {"v": 1, **state}).state == {"v": 1, **state}


def test_a_full_refresh_neither_takes_a_state_nor_gives_one() -> None:
    cursor = make(BoundCursor, {"foreign": 1}, incremental=False, pieces=[piece("1")], **STAMP)
    assert sync(cursor, {"1": [at("7", 0)]}) == {"1": ["7"]}
    assert states(cursor) == []
    cursor.ensure_at_least_one_state_emitted()
    assert states(cursor) == [{"__ab_no_cursor_state_message": True}]


def test_a_state_is_sent_when_there_is_progress_and_the_last_one_is_old_enough() -> None:
    shared = runtime()
    now = 0.0
    shared.monotonic = lambda: now
    parts = [piece(str(n)) for n in range(4)]
    cursor = make(BoundCursor, pieces=parts, shared=shared, **STAMP)
    sent = []
    for number, one in enumerate(parts):
        now += (0.5, 2.0, 0.5, 30.0)[number]
        cursor.begin(one)
        cursor.close_partition(Part(one))
        sent.append(len(states(cursor)))
    assert sent == [0, 1, 0, 1]
    now += 60
    cursor._progressed()
    assert states(cursor) == []


def test_a_large_state_is_sent_less_often_but_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared, now = runtime(), 0.0
    shared.monotonic = lambda: now
    monkeypatch.setattr(cursors, "KEYS_A_SECOND", 10)
    parts = [piece("0"), piece("1"), piece("2")]
    known = {str(n): 1 for n in range(100)}
    cursor = make(BoundCursor, {"v": 1, "bounds": known}, pieces=parts, shared=shared, **STAMP)
    for one, wait, count in zip(parts, (9.0, 1.5, 31.0), (0, 1, 1), strict=True):
        now += wait
        cursor.begin(one)
        cursor.close_partition(Part(one))
        assert len(states(cursor)) == count


class Full(InMemoryMessageRepository):
    """A queue in which a reader's message waits for its place until there is room."""

    def __init__(self, reader: threading.Thread) -> None:
        """Begin without room."""
        super().__init__()
        self.reader = reader
        self.waits, self.room = threading.Event(), threading.Event()

    def emit_message(self, message: AirbyteMessage) -> None:
        if threading.current_thread() is self.reader:
            self.waits.set()
            self.room.wait(10)
        super().emit_message(message)


def test_a_state_that_waits_for_room_does_not_keep_a_stream_from_its_end() -> None:
    shared, one = runtime(), piece("1")
    cursor = make(BoundCursor, pieces=[one], shared=shared, **STAMP)
    shared.monotonic = lambda: cursor._emitted_at + 60.0
    cursor.begin(one)
    reader = threading.Thread(target=cursor.close_partition, args=(Part(one),))
    cursor._repository = queue = Full(reader)
    reader.start()
    assert queue.waits.wait(5)
    # The thread that makes room in the queue ends the streams as well.
    main = threading.Thread(target=cursor.ensure_at_least_one_state_emitted)
    main.start()
    main.join(5)
    ended = not main.is_alive()
    queue.room.set()
    for thread in (main, reader):
        thread.join()
    assert ended
    assert states(cursor) == 2 * [{"v": 1, "bounds": {"1": BEGUN}}]


# ── bounds ─────────────────────────────────────────────────────────────────────────────────────


def test_a_bound_is_the_time_when_the_listing_began_not_when_it_ended() -> None:
    shared = runtime()
    cursor = make(BoundCursor, pieces=[piece("1")], shared=shared, **STAMP)
    [one] = cursor.stream_slices()
    cursor.begin(one)
    tell(shared, BEGUN + HOUR)
    assert cursor.bounds == {}
    cursor.close_partition(Part(one))
    assert cursor.bounds == {"1": BEGUN}


def test_without_a_server_clock_no_bound_is_kept() -> None:
    shared = runtime()
    shared.clock._latest = None
    cursor = make(BoundCursor, pieces=[piece("1")], shared=shared, **STAMP)
    sync(cursor, {})
    assert cursor.bounds == {}


def test_a_refused_or_failed_partition_keeps_its_bound() -> None:
    cursor = make(
        BoundCursor, {"v": 1, "bounds": {"1": 5, "2": 6}}, pieces=[piece("1"), piece("2")], **STAMP
    )
    first, second = cursor.stream_slices()
    for one in (first, second):
        cursor.begin(one)
    cursor.refused(first, NO_ACCESS)
    cursor.close_partition(Part(first))
    cursor.failed(second, lasting=True)
    assert cursor.bounds == {"1": 5, "2": 6}


@pytest.mark.parametrize(("millis", "sent"), [(-1, []), (0, ["7"]), (1, ["7"])])
def test_a_bound_is_inclusive(millis: int, sent: list[str]) -> None:
    state = {"v": 1, "bounds": {"1": BEGUN}}
    cursor = make(BoundCursor, state, pieces=[piece("1")], **STAMP)
    assert sync(cursor, {"1": [at("7", BEGUN + millis)]}) == {"1": sent}


def test_a_record_without_a_stamp_is_sent() -> None:
    cursor = make(BoundCursor, {"v": 1, "bounds": {"1": BEGUN}}, pieces=[piece("1")], **STAMP)
    assert sync(cursor, {"1": [{"gid": "7"}, {"gid": "8", "modified_at": None}]}) == {
        "1": ["7", "8"]
    }


def test_the_parameter_is_the_bound_or_the_start_date_or_left_out() -> None:
    pieces = [piece("known"), piece("new")]
    state = {"v": 1, "bounds": {"known": BEGUN + 7}}
    since = [p.cursor_slice for p in make(BoundCursor, state, pieces=pieces).stream_slices()]
    assert since == [{"since": "2026-03-29T01:00:00.007Z"}, {}]
    shared = runtime(start_date="2026-01-31T12:00:00+02:00")
    made = make(BoundCursor, state, pieces=pieces, shared=shared)
    since = [p.cursor_slice for p in made.stream_slices()]
    assert since[1] == {"since": "2026-01-31T10:00:00.000Z"}


@pytest.mark.parametrize("kind", [BoundCursor, GateCursor, DigestCursor, TokenCursor])
@pytest.mark.parametrize("ending", list(Ending))
def test_what_vanished_leaves_the_state_only_after_complete_parents(
    kind: type[AsanaCursor], ending: Ending
) -> None:
    bounds: Any = {"1": BEGUN, "gone": BEGUN}
    if kind is GateCursor:
        bounds = {key: [BEGUN, None] for key in bounds}
    state = {"v": 1, "bounds": bounds, "seen": {"gone": ""}, "tokens": {"1": "a", "gone": "b"}}
    cursor = make(kind, state, pieces=[piece("1")], shared=runtime(ending), gate="current.gid")
    list(cursor.stream_slices())
    left = cursor.tokens if kind is TokenCursor else cursor.bounds
    assert ("gone" in left) == (ending is not Ending.COMPLETE)
    assert "1" in left


# ── gates ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("known", "now", "asked"),
    [
        (None, None, True),  # Whether "none now" means "never one" is not known.
        (None, "7", True),
        ([5, None], None, False),
        ([5, None], "7", True),
        ([5, "7"], "7", False),
        ([5, "7"], "8", True),
        ([5, "7"], None, False),
    ],
)
def test_a_gate_opens_for_what_is_new(known: Any, now: str | None, asked: bool) -> None:  # noqa: FBT001 - a table
    state = {"v": 1, "bounds": {"1": known} if known else {}}
    cursor = make(GateCursor, state, pieces=[piece("1", current=now and {"gid": now})], **GATE)
    pieces = list(cursor.stream_slices())
    assert bool(pieces) == asked
    if asked:
        assert pieces[0].cursor_slice == ({"since": from_millis(5)} if known else {})
        assert cursor.bounds == state["bounds"]
        cursor.begin(pieces[0])
        cursor.close_partition(Part(pieces[0]))
    # A gate that stayed closed takes the time of the parents' listing too.
    assert cursor.bounds == {"1": [BEGUN, now]}


@pytest.mark.parametrize("known", [[5, "7"], [5, "8"]])
def test_behind_a_gate_the_bound_is_when_the_parents_were_listed(known: list[Any]) -> None:
    """What came since then shows in the next list of the parents, not in this one."""
    shared = runtime()
    one = piece("1", current={"gid": "7"})
    cursor = make(GateCursor, {"v": 1, "bounds": {"1": known}}, pieces=[one], shared=shared, **GATE)
    tell(shared, BEGUN + HOUR)
    sync(cursor, {})
    assert cursor.bounds == {"1": [BEGUN, "7"]}


def test_behind_a_gate_only_what_is_new_is_sent() -> None:
    one = piece("1", current={"gid": "9"})
    cursor = make(GateCursor, {"v": 1, "bounds": {"1": [BEGUN, "8"]}}, pieces=[one], **GATE)
    records = [at("7", BEGUN - 1, "created_at"), at("8", BEGUN, "created_at"), {"gid": "9"}]
    assert sync(cursor, {"1": records}) == {"1": ["8", "9"]}


def test_a_gate_whose_listing_failed_opens_again() -> None:
    one = piece("1", current={"gid": "9"})
    cursor = make(GateCursor, {"v": 1, "bounds": {"1": [5, "8"]}}, pieces=[one], **GATE)
    [first] = cursor.stream_slices()
    cursor.failed(first, lasting=True)
    [second] = make(GateCursor, cursor.state, pieces=[one], **GATE).stream_slices()
    assert second.cursor_slice == {"since": from_millis(5)}


# ── digests ────────────────────────────────────────────────────────────────────────────────────


def test_what_differs_from_its_digest_is_sent() -> None:
    def again(state: Any, *records: dict[str, Any]) -> tuple[list[str], Any]:
        cursor = make(DigestCursor, state, pieces=[piece("1")])
        return sync(cursor, {"1": list(records)})["1"], cursor.state

    sent, state = again(None, {"gid": "1", "a": 1}, {"gid": "2", "a": 1})
    assert sent == ["1", "2"]
    sent, state = again(state, {"a": 1, "gid": "2"}, {"gid": "1", "a": 2})
    assert sent == ["1"]
    sent, state = again(state, {"gid": "1", "a": 1})
    assert sent == ["1"]
    sent, state = again(state, {"gid": "1", "a": 1}, {"gid": "2", "a": 1})
    assert sent == ["2"], "what had gone comes back"


def test_a_list_that_was_not_read_whole_leaves_the_digests_alone() -> None:
    cursor = make(DigestCursor, None, pieces=[piece("1")])
    sync(cursor, {"1": [{"gid": "1"}]})
    later = make(DigestCursor, cursor.state, pieces=[piece("1")])
    [one] = later.stream_slices()
    later.begin(one)
    assert later.changed({"gid": "2"}, one)
    later.failed(one, lasting=True)
    assert later.state == cursor.state


ENTRIES = {
    "field": "entered_on",
    "days": True,
    "first": "1970-01-01",
    "overlap": "time_entries_lookback_days",
    "period": True,
}


def entry(gid: str, day: str, minutes: int = 1) -> dict[str, Any]:
    return {"gid": gid, "entered_on": day, "minutes": minutes}


def test_time_entries_are_read_from_the_look_back_and_whole_once_in_a_period() -> None:
    shared = runtime(time_entries_lookback_days=30, listing_pass_hours=168)
    entries = [entry("1", "2026-01-01"), entry("2", "2026-02-26"), entry("3", "2026-03-29")]
    state: Any = None
    wanted = [
        (0, "1970-01-01", ["1", "2", "3"]),
        (24, "2026-02-27", []),
        (168, "1970-01-01", ["1", "2"]),
        (169, "2026-03-06", []),
    ]
    for hours, since, sent in wanted:
        tell(shared, BEGUN + hours * HOUR)
        cursor = make(DigestCursor, state, pieces=[piece("1")], shared=shared, **ENTRIES)
        [one] = cursor.stream_slices()
        assert one.cursor_slice == {"since": since}
        shown = [record for record in entries if record["entered_on"] >= since]
        cursor = make(DigestCursor, state, pieces=[piece("1")], shared=shared, **ENTRIES)
        assert sync(cursor, {"1": shown}) == {"1": sent}, hours
        state = cursor.state


def test_a_pass_that_becomes_due_while_entries_are_read_is_not_taken_for_done() -> None:
    shared = runtime(listing_pass_hours=1)
    state = {"v": 1, "bounds": {"1": BEGUN - HOUR}, "seen": {}, "passes": {"1": BEGUN - HOUR + 1}}
    cursor = make(DigestCursor, state, pieces=[piece("1")], shared=shared, **ENTRIES)
    [one] = cursor.stream_slices()
    assert one.cursor_slice != {"since": "1970-01-01"}
    cursor.begin(one)
    tell(shared, BEGUN + HOUR)
    cursor.close_partition(Part(one))
    assert cursor.state["passes"] == state["passes"]
    cursor = make(DigestCursor, cursor.state, pieces=[piece("1")], shared=shared, **ENTRIES)
    assert next(iter(cursor.stream_slices())).cursor_slice == {"since": "1970-01-01"}


def test_the_audit_log_steps_back_five_minutes_and_sends_nothing_twice() -> None:
    change = {"field": "created_at", "overlap": 5}
    events = [at(str(n), BEGUN - n * 60_000, "created_at") for n in range(8)]
    cursor = make(DigestCursor, None, pieces=[piece("1")], **change)
    [one] = cursor.stream_slices()
    assert one.cursor_slice == {}
    assert sync(cursor, {"1": events}) == {"1": [str(n) for n in range(8)]}
    later = make(DigestCursor, cursor.state, pieces=[piece("1")], **change)
    [one] = later.stream_slices()
    assert one.cursor_slice == {"since": from_millis(BEGUN - 300_000)}
    late = at("late", BEGUN - 250_000, "created_at")
    assert sync(later, {"1": [*events[:6], late]}) == {"1": ["late"]}
    # Only what is read again next time needs to be known.
    assert len(later.state["seen"]["1"]) < 7 * 12


# ── tokens ─────────────────────────────────────────────────────────────────────────────────────


def test_a_token_counts_when_its_slice_is_complete() -> None:
    cursor = make(TokenCursor, {"v": 1, "tokens": {"1": "old"}}, pieces=[piece("1"), piece("2")])
    first, second = cursor.stream_slices()
    assert (cursor.token(first), cursor.token(second)) == ("old", None)
    for one in (first, second):
        cursor.begin(one)
        cursor.advance(one, "newer")
    assert cursor.tokens == {"1": "old"}
    cursor.failed(second, lasting=True)
    cursor.close_partition(Part(first))
    assert cursor.tokens == {"1": "newer"}


def test_events_have_no_full_refresh() -> None:
    cursor = make(TokenCursor, None, pieces=[piece("1")], incremental=False)
    assert list(cursor.stream_slices()) == []
