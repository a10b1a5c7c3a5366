"""The cursor over syncs that are killed, fail and go on: what a destination has in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.partial import NewestChildStrategy, WindowStrategy
from source_asana.cursors.states import StateShare
from source_asana.http.errors import Rule, Verdict
from source_asana.parents.feeds import Ending, Feed
from source_asana.parents.routers import ParentRouter
from source_asana.parents.slices import Slice
from unit_tests.cursors.surroundings import BEGAN, cursor_of, runtime, slice_of

NO_ACCESS = Verdict(Rule("no access"), 403, "No access")
DELETED = Verdict(Rule("deleted"), 404, "Unknown object")
Record = dict[str, Any]
# What is missing for the second time is dropped.
SYNCS = 2


class Closed:
    """What the CDK closes: all that a cursor asks of it is its slice."""

    def __init__(self, slice_: Slice) -> None:
        """Take the slice."""
        self._slice = slice_

    def to_slice(self) -> Slice:
        return self._slice


def states_in(messages: list[AirbyteMessage]) -> list[Record]:
    return [vars(m.state.stream.stream_state) for m in messages if m.state and m.state.stream]


def close(cursor: AsanaCursor, slice_: Slice) -> None:
    cursor.close_partition(Closed(slice_))  # type: ignore[arg-type]  # all that is asked of it


def end(cursor: AsanaCursor) -> None:
    """End a sync whose slices are over."""
    if cursor.is_incremental:
        cursor.settle({}, None, is_sound=True)
    cursor.ensure_at_least_one_state_emitted()


def read(
    cursor: AsanaCursor, shown: Mapping[str, list[Record]], failing: frozenset[str] = frozenset()
) -> Iterator[Record]:
    """Yield what is sent in a whole sync whose partitions show these records.

    A failing partition shows one of them.
    """
    for slice_ in cursor.stream_slices():
        slice_.began = cursor._runtime.clock.instant()
        stamp = cursor.stamp()
        for record in shown.get(slice_.key, [])[: 1 if slice_.key in failing else None]:
            if cursor.is_in_scope(record, slice_):
                yield from cursor.sent(dict(record), slice_, stamp, is_shared=True)
        if slice_.key in failing:
            cursor.open_slices.closed()
        else:
            close(cursor, slice_)
    end(cursor)


# ── many syncs ─────────────────────────────────────────────────────────────────────────────────

PARTITIONS = ["1", "2", "3"]
GIDS = [str(number) for number in range(10, 16)]


@dataclass
class World:
    """Which partitions show which records, and the version of each.

    Attributes:
        by_partition: whether a record in two partitions has a version in each.
    """

    by_partition: bool
    shown: dict[str, set[str]] = field(
        default_factory=lambda: {partition: set() for partition in PARTITIONS}
    )
    versions: dict[str, int] = field(default_factory=dict)

    def name(self, partition: str, gid: str) -> str:
        return f"{partition}/{gid}" if self.by_partition else gid

    def record(self, partition: str, gid: str) -> Record:
        version = self.versions.get(self.name(partition, gid), 0)
        record = {"gid": gid, "version": version}
        return {**record, "project_id": partition} if self.by_partition else record

    def records(self) -> dict[str, list[Record]]:
        return {
            partition: [self.record(partition, gid) for gid in self.shown[partition]]
            for partition in PARTITIONS
        }

    def truth(self) -> dict[str, Record]:
        rows = self.records().items()
        return {self.name(partition, one["gid"]): one for partition, row in rows for one in row}


class SyncMachine(RuleBasedStateMachine):
    """Edits a world and syncs it; some syncs are killed, some partitions fail."""

    by_partition = False

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.by_partition)
        self.state: Record | None = None
        self.destination: dict[str, Record] = {}
        # What the last state must know: name -> version.
        self.known: dict[str, int] = {}
        self.shared = runtime()

    @rule(partition=st.sampled_from(PARTITIONS), gid=st.sampled_from(GIDS))
    def edit(self, partition: str, gid: str) -> None:
        # No version comes back: a destination may keep what a killed sync printed beyond its last
        # state, and then a change that was taken back cannot be seen.
        name = self.world.name(partition, gid)
        self.world.shown[partition].add(gid)
        self.world.versions[name] = self.world.versions.get(name, 0) + 1

    @rule(partition=st.sampled_from(PARTITIONS), gid=st.sampled_from(GIDS))
    def unshare(self, partition: str, gid: str) -> None:
        self.world.shown[partition].discard(gid)
        # Whether the next syncs see that it is missing, and drop it, depends on what fails.
        self.known.pop(self.world.name(partition, gid), None)

    @rule(kill_after=st.integers(0, 12), failing=st.frozensets(st.sampled_from(PARTITIONS)))
    def sync_badly(self, kill_after: int, failing: frozenset[str]) -> None:
        self._sync(kill_after, failing)

    @rule()
    def sync(self) -> None:
        sent = self._sync(None, frozenset())
        truth = self.world.truth()
        have = {name: self.destination.get(name) for name in truth}
        assert have == truth
        assert self._sync(None, frozenset()) == []
        assert len(sent) <= len(truth)

    def _sync(self, kill_after: int | None, failing: frozenset[str]) -> list[Record]:
        slices = [slice_of(partition) for partition in PARTITIONS]
        key = ("project_id", "gid") if self.by_partition else ("gid",)
        cursor, repository = cursor_of(*slices, stored=self.state, key=key, shared=self.shared)
        sent: list[Record] = []
        messages = 0
        records = read(cursor, self.world.records(), failing)
        for record in records:
            messages += self._commit(repository, sent)
            if kill_after is not None and messages >= kill_after:
                records.close()  # type: ignore[attr-defined]  # it is a generator
                return sent
            messages += 1
            sent.append(record)
            row = {name: value for name, value in record.items() if name != "synced_at"}
            assert self.known.get(self._name(row)) != row["version"]
            self.destination[self._name(row)] = row
        self._commit(repository, sent)
        return sent

    def _name(self, record: Record) -> str:
        return self.world.name(record.get("project_id", ""), record["gid"])

    def _commit(self, repository: InMemoryMessageRepository, sent: list[Record]) -> int:
        """Take the states that came since; return how many there were."""
        found = states_in(list(repository.consume_queue()))
        if found:
            self.state = found[-1]
            self.known.update((self._name(record), record["version"]) for record in sent)
        return len(found)


class SyncByPartitionMachine(SyncMachine):
    """The same where a record in two partitions is two records."""

    by_partition = True


MANY = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSyncs = SyncMachine.TestCase
TestSyncs.settings = MANY
TestSyncsByPartition = SyncByPartitionMachine.TestCase
TestSyncsByPartition.settings = MANY


# ── single syncs ───────────────────────────────────────────────────────────────────────────────


def after(
    shown: Mapping[str, list[Record]], *slices: Slice, **options: Any
) -> tuple[list[str], Record]:
    """Sync once; return the gids that were sent, and the last state."""
    cursor, repository = cursor_of(*(slices or map(slice_of, shown)), **options)
    sent = [record["gid"] for record in read(cursor, shown)]
    return sent, states_in(list(repository.consume_queue()))[-1]


def tasks(*gids: str, **columns: Any) -> list[Record]:
    return [{"gid": gid, **columns} for gid in gids]


@pytest.mark.parametrize(("missing", "sent"), [(1, []), (SYNCS, ["7"])])
def test_what_is_missing_twice_is_dropped(missing: int, sent: list[str]) -> None:
    _, state = after({"1": tasks("7", "8")})
    for _ in range(missing):
        _, state = after({"1": tasks("8")}, stored=state)

    assert after({"1": tasks("7", "8")}, stored=state)[0] == sent


@pytest.mark.parametrize("verdict", [NO_ACCESS, DELETED])
def test_a_refused_listing_says_nothing_and_that_of_a_deleted_parent_does(verdict: Verdict) -> None:
    _, state = after({"1": tasks("7")})
    for _ in range(SYNCS):
        cursor, repository = cursor_of(slice_of("1"), stored=state)
        [slice_] = cursor.stream_slices()
        assert cursor.was_read(slice_, verdict.rule.reach)
        assert cursor.columns.were_read
        slice_.began = cursor._runtime.clock.instant()
        cursor.refused(slice_, verdict)
        close(cursor, slice_)
        end(cursor)
        state = states_in(list(repository.consume_queue()))[-1]

    sent, _ = after({"1": tasks("7")}, stored=state)

    assert sent == ([] if verdict is NO_ACCESS else ["7"])


@pytest.mark.parametrize("ending", [Ending.COMPLETE, Ending.REFUSED])
def test_the_records_of_a_missing_partition_are_dropped_after_complete_parents(
    ending: Ending,
) -> None:
    _, state = after({"1": tasks("7"), "2": tasks("8")})
    for _ in range(SYNCS):
        _, state = after({"1": tasks("7")}, stored=state, shared=runtime(ending))

    sent, _ = after({"1": tasks("7"), "2": tasks("8")}, stored=state)

    assert sent == (["8"] if ending is Ending.COMPLETE else [])


def test_a_partition_of_several_slices_is_complete_when_all_are() -> None:
    active, archived = slice_of("1"), slice_of("1")
    shown = {"1": tasks("7")}
    _, state = after(shown, active, archived)
    cursor, repository = cursor_of(active, archived, stored=state)
    first, _ = cursor.stream_slices()
    first.began = cursor._runtime.clock.instant()
    close(cursor, first)
    end(cursor)
    state = states_in(list(repository.consume_queue()))[-1]

    assert after(shown, active, archived, stored=state)[0] == []


def test_between_the_slices_of_a_partition_nothing_in_it_is_missing() -> None:
    shared = runtime()
    parents = shared.feeds.of_kind(Feed, "parents")
    parents.add([{"gid": "1", "workspace_gid": "w", "began": BEGAN}])
    parents.announced(Ending.COMPLETE)
    variants: list[Mapping[str, Any]] = [{"is_archived": one} for one in ("false", "true")]
    named: dict[str, Any] = {"parent_key": "gid", "partition_field": "parent_gid"}
    router = ParentRouter({}, {}, stream="parents", variants=variants, **named)
    router.bind(shared.settings, shared.feeds)
    state: Record | None = None
    between, rounds = [], []
    for shown in (["7", "8"], ["7", "8"], ["7"]):
        slices = router.stream_slices()
        cursor, repository = cursor_of(*slices, stored=state, shared=shared, tracks_deletions=True)
        sent = []
        # Each slice is over, and a state is printed, before the next one is handed out.
        for slice_, record in zip_longest(cursor.stream_slices(), tasks(*shown)):
            if record:
                sent += list(cursor.sent(record, slice_, cursor.stamp()))
            close(cursor, slice_)
        missing = []
        between.append(len(states_in(list(repository.consume_queue()))))
        cursor.settle({}, None, is_sound=True)
        for slice_ in cursor.to_confirm():
            missing += slice_.rows
            cursor.open_slices.closed()
        cursor.ensure_at_least_one_state_emitted()
        state = states_in(list(repository.consume_queue()))[-1]
        rounds.append(([record["gid"] for record in sent], [key for key, _ in missing]))

    assert between == [len(variants)] * 3
    assert rounds == [(["7", "8"], []), ([], []), ([], ["8"])]


def test_a_filtered_listing_says_nothing_of_what_it_does_not_show() -> None:
    log: dict[str, Any] = {
        "kind": WindowStrategy,
        "cursor_field": "created_at",
        "lookback_window": "PT5M",
    }
    _, state = after({"1": tasks("7")}, **log)
    _, state = after({"1": []}, stored=state, **log)

    assert after({"1": tasks("7")}, stored=state, **log)[0] == []


def test_what_another_slice_has_sent_is_seen_where_it_is_known() -> None:
    cursor, _ = cursor_of(slice_of("1"), slice_of("2"))
    first, second = cursor.stream_slices()
    assert len(list(cursor.sent({"gid": "7"}, first, cursor.stamp()))) == 1
    for gid in ("7", "8"):
        cursor.seen({"gid": gid}, second)

    assert cursor.sender
    assert cursor.sender.ledger.is_shown("7", "2")
    assert not cursor.sender.ledger.was_shown("8")


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_partition_is_complete_when_the_stream_that_reads_it_says_so(
    *, is_complete: bool
) -> None:
    _, state = after({"1": tasks("7")})
    for _ in range(SYNCS):
        cursor, repository = cursor_of(stored=state)
        cursor.expect("1")
        if is_complete:
            cursor.completed("1")
        end(cursor)
        [state] = states_in(list(repository.consume_queue()))
    assert ("ledger" in state) is not is_complete


def test_what_was_sent_stays_in_scope_and_what_is_new_is_compared_with_the_start_date() -> None:
    old = tasks("7", modified_at="2020-01-01T00:00:00.000Z")
    sent, state = after({"1": old}, cursor_field="modified_at")
    assert sent == ["7"]
    dated = {"shared": runtime(start_date="2026-01-01T00:00:00Z"), "cursor_field": "modified_at"}

    assert after({"1": old}, **dated)[0] == []
    edited = [{**old[0], "name": "edited"}]
    assert after({"1": edited}, stored=state, **dated)[0] == ["7"]


def test_a_full_refresh_neither_takes_a_state_nor_gives_one() -> None:
    cursor, repository = cursor_of(slice_of("1"), stored={"v": 99}, is_incremental=False)

    sent = list(read(cursor, {"1": tasks("7", "7", "8")}))

    assert [record["gid"] for record in sent] == ["7", "8"]
    assert all(record["synced_at"] for record in sent)
    assert states_in(list(repository.consume_queue())) == [{"__ab_no_cursor_state_message": True}]


def test_stamps_rise_from_sync_to_sync() -> None:
    _, first = after({"1": tasks("7")})
    first["synced_at"] += 10**9
    cursor, _ = cursor_of(slice_of("1"), stored=first)

    assert cursor.stamp().at > first["synced_at"]


@pytest.mark.parametrize(
    "damage",
    [
        {"ledger": []},
        {"ledger": {"rows": 9}},
        {"gates": 7},
        {"scanned": []},
        {"synced_at": "today"},
        {"synced_at": None},
    ],
)
def test_a_damaged_state_is_a_mistake_of_the_user(damage: Record) -> None:
    gates: dict[str, Any] = {"kind": NewestChildStrategy, "newest_child": "current.gid"}

    with pytest.raises(AirbyteTracedException, match=r"The state of stream `s`.*reset the stream"):
        cursor_of(stored={"v": 3, **damage}, **gates)


def test_a_stream_without_room_for_its_ledger_keeps_that_in_its_state() -> None:
    _, state = after({"1": tasks("7")})
    cursor, repository = cursor_of(slice_of("1"), stored=state)
    cursor.stream_state.drop_ledger()
    cursor.ensure_at_least_one_state_emitted()
    [state] = states_in(list(repository.consume_queue()))
    assert "ledger" not in state

    later, _ = cursor_of(slice_of("1"), stored=state)

    assert later.strategy.is_ledger_dropped
    assert later.sender
    assert later.sender.is_ledger_dropped


# ── when states are printed ────────────────────────────────────────────────────────────────────


def test_a_state_is_printed_when_there_is_progress_and_the_last_one_is_old_enough() -> None:
    shared = runtime()
    slices = [slice_of(str(number)) for number in range(4)]
    cursor, repository = cursor_of(*slices, shared=shared)
    now = cursor._emission._printed_at
    printed = []
    for slice_, seconds in zip(cursor.stream_slices(), (0.5, 2.0, 0.5, 30.0), strict=True):
        now += seconds
        shared.client.monotonic = lambda now=now: now  # type: ignore[misc]  # now, not later
        close(cursor, slice_)
        printed.append(len(states_in(list(repository.consume_queue()))))
    shared.client.monotonic = lambda: now + 60
    cursor.progressed()

    assert printed == [0, 1, 0, 1]
    assert states_in(list(repository.consume_queue())) == []


class Full(InMemoryMessageRepository):
    """A queue in which the message of one thread waits until there is room."""

    def __init__(self, thread: threading.Thread) -> None:
        """Begin without room."""
        super().__init__()
        self.thread = thread
        self.waits, self.room = threading.Event(), threading.Event()

    def emit_message(self, message: AirbyteMessage) -> None:
        if threading.current_thread() is self.thread:
            self.waits.set()
            self.room.wait(10)
        super().emit_message(message)


def test_a_state_that_waits_for_room_does_not_keep_other_streams_from_their_states() -> None:
    cursor, _ = cursor_of(slice_of("1"))
    [slice_] = cursor.stream_slices()
    reader = threading.Thread(target=close, args=(cursor, slice_))
    queue = Full(reader)
    cursor._emission._states._repository = queue
    cursor._emission._states.count_in("t", StateShare(lambda: {"v": 3}))
    reader.start()
    assert queue.waits.wait(5)

    other = threading.Thread(target=cursor._emission._states.emit, args=("t",))
    other.start()
    other.join(5)
    ended = not other.is_alive()
    queue.room.set()
    reader.join()

    assert ended
