"""What a sync takes for granted of the CDK, and would not notice until records are lost.

Each test reads small streams as `SourceAsana.read` does, and names what rests on it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from importlib.resources import files
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
import requests_mock
import yaml
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import AirbyteLogMessage, AirbyteMessage, Level, Type
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.declarative.retrievers import Retriever
from airbyte_cdk.sources.declarative.schema import InlineSchemaLoader
from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    DeclarativePartitionFactory,
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.sources.types import Record, StreamSlice
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets, update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.messages import OwnMessages
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from source_asana.source import SYNC_LOGGER, SourceAsana, _pool
from unit_tests.given import CONFIG, settings

pytestmark = pytest.mark.timeout(30)

SECONDS = 5.0
Raw = Mapping[str, Any]


def two_records(slice_: Slice) -> Iterator[Raw]:
    for number in (1, 2):
        yield {"id": f"{slice_.key}{number}"}


class Reads(Retriever):
    def __init__(self, read: Callable[[Slice], Iterable[Any]]) -> None:
        self._read = read

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[Any]:
        del records_schema
        assert isinstance(stream_slice, Slice)
        return self._read(stream_slice)


class Slices(StreamSlicer):
    def __init__(self, slices: Callable[[], Iterable[Slice]]) -> None:
        self._slices = slices

    def stream_slices(self) -> Iterable[StreamSlice]:
        return self._slices()


class Noted(Cursor):
    """Prints a state when a partition is closed, and a last one; notes what it is called for.

    Attributes:
        calls: what happened, and whether the main thread did it.
        closed: the slices of the partitions that were closed.
    """

    def __init__(self, name: str, repository: MessageRepository) -> None:
        self._name, self._repository = name, repository
        self._manager = ConnectorStateManager()
        self._lock = threading.Lock()
        self.calls: list[tuple[str, bool]] = []
        self.closed: list[Any] = []

    def _note(self, call: str) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        self.calls.append((call, is_main))

    def _print(self, state: str) -> None:
        with self._lock:
            self._manager.update_state_for_stream(self._name, None, {"read": state})
            message = self._manager.create_state_message(self._name, None)
        self._repository.emit_message(message)

    @property
    def state(self) -> MutableMapping[str, Any]:
        return {}

    def observe(self, record: Record) -> None:
        del record
        self._note("observed")

    def close_partition(self, partition: Partition) -> None:
        self._note("closed")
        slice_ = partition.to_slice()
        assert isinstance(slice_, Slice)
        self.closed.append(slice_)
        self._print(slice_.key)

    def ensure_at_least_one_state_emitted(self) -> None:
        self._note("last")
        self._print("all")

    def should_be_synced(self, record: Record) -> bool:
        del record
        return True


class Seen(Queue[Any]):
    """Notes what it has taken; nobody waits for ever, so that a test which fails ends."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.taken: list[Any] = []

    def put(self, item: Any, block: bool = True, timeout: float | None = SECONDS) -> None:  # noqa: FBT001, FBT002  # the queue's
        super().put(item, block, timeout)
        self.taken.append(item)


class Sync:
    """Reads streams as `SourceAsana.read` does.

    Args:
        size: how many messages may wait.
    """

    def __init__(self, size: int = 500) -> None:
        self.queue = Seen(size)
        self.repository = ConcurrentMessageRepository(self.queue, OwnMessages())
        self._streams: list[AbstractStream] = []

    def add(
        self,
        name: str,
        slices: Callable[[], Iterable[Slice]],
        read: Callable[[Slice], Iterable[Any]] = two_records,
    ) -> Noted:
        """Add a stream, and return its cursor."""
        cursor = Noted(name, self.repository)
        loader = InlineSchemaLoader({}, {})
        factory = DeclarativePartitionFactory(name, loader, Reads(read), self.repository)
        generator = StreamSlicerPartitionGenerator(factory, Slices(slices))
        self._streams.append(DefaultStream(generator, name, {}, [], None, SYNC_LOGGER, cursor))
        return cursor

    def printed(self) -> Iterator[str]:
        """Yield the messages in words."""
        runtime = Runtime(settings(num_workers=2))
        pool = _pool(runtime, self.queue, self.repository, len(self._streams))
        yield from map(in_words, pool.read(self._streams))


def in_words(message: AirbyteMessage) -> str:
    if message.record:
        return f"{message.record.stream} record {message.record.data['id']}"
    if message.state and message.state.stream:
        state = message.state.stream
        return f"{state.stream_descriptor.name} state {state.stream_state.read}"  # type: ignore[union-attr]  # a blob
    if message.trace and message.trace.stream_status:
        status = message.trace.stream_status
        return f"{status.stream_descriptor.name} {status.status.value}"
    assert message.trace
    assert message.trace.error
    assert message.trace.error.stream_descriptor
    return f"{message.trace.error.stream_descriptor.name} error"


def slices_of(*keys: str) -> Callable[[], Iterable[Slice]]:
    return lambda: (Slice({"gid": key}, key=key) for key in keys)


# ── order ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 500])
def test_records_come_before_the_state_that_names_them(size: int) -> None:
    # A killed sync goes on from the last state that was printed.
    sync = Sync(size)
    sync.add("tasks", slices_of(*"abcdefgh"))
    printed = list(sync.printed())
    for key in "abcdefgh":
        records = [printed.index(f"tasks record {key}{number}") for number in (1, 2)]
        assert records == sorted(records)
        assert records[1] < printed.index(f"tasks state {key}")
    assert (printed[0], printed[1]) == ("tasks STARTED", "tasks RUNNING")
    assert set(printed[-2:]) == {"tasks state all", "tasks COMPLETE"}


def test_a_record_is_in_the_queue_when_its_reader_goes_on() -> None:
    # The ledger has a record once the reader goes on, so a state may name it from then on.
    sync, on_its_way = Sync(), []

    def read(slice_: Slice) -> Iterator[Raw]:
        for record in two_records(slice_):
            yield record
            on_its_way.append(Record(record, "tasks") in sync.queue.taken)

    sync.add("tasks", slices_of("a", "b"), read)
    list(sync.printed())
    assert on_its_way == [True] * 4


def test_a_reader_does_not_go_on_while_the_queue_is_full() -> None:
    # What waits for a slow destination would take all of the memory otherwise.
    sync, went_on = Sync(1), threading.Event()

    def read(_: Slice) -> Iterator[Raw]:
        for number in range(4):
            yield {"id": number}
        went_on.set()

    sync.add("tasks", slices_of("a"), read)
    printed = sync.printed()
    while next(printed) != "tasks record 0":
        pass
    # One record is printed, one in the queue, one in the reader's hand.
    assert not went_on.wait(0.3)
    assert "tasks COMPLETE" in list(printed)
    assert went_on.is_set()


# ── partitions ───────────────────────────────────────────────────────────────────────────────────


def test_a_partition_that_fails_is_not_closed_and_its_stream_is_incomplete() -> None:
    # Only what was closed counts as read; whatever failed is read again.
    def read(slice_: Slice) -> Iterator[Raw]:
        yield from two_records(slice_)
        if slice_.key == "b":
            raise AirbyteTracedException(message="no answer")

    sync = Sync()
    cursor, other = sync.add("tasks", slices_of(*"abc"), read), sync.add("tags", slices_of("d"))
    printed = []
    with pytest.raises(AirbyteTracedException):
        printed.extend(sync.printed())
    assert sorted(slice_.key for slice_ in cursor.closed) == ["a", "c"]
    assert [slice_.key for slice_ in other.closed] == ["d"]
    assert {f"tasks record {key}{number}" for key in "abc" for number in (1, 2)} < set(printed)
    assert printed.index("tasks error") < printed.index("tasks INCOMPLETE")
    assert {"tasks state all", "tags state all", "tags COMPLETE"} < set(printed)


def test_a_generator_that_fails_leaves_what_it_has_handed_out() -> None:
    # Parents that cannot be listed make a stream incomplete, and the others are read all the same.
    def slices() -> Iterator[Slice]:
        yield Slice({}, key="a")
        raise AirbyteTracedException(message="no parents")

    sync = Sync()
    cursor = sync.add("tasks", slices)
    printed = []
    with pytest.raises(AirbyteTracedException):
        printed.extend(sync.printed())
    assert [slice_.key for slice_ in cursor.closed] == ["a"]
    assert set(printed[-2:]) == {"tasks state all", "tasks INCOMPLETE"}


def test_the_slices_of_the_generator_are_those_that_are_read_and_closed() -> None:
    # A slice is told how it ends while it is read, and its cursor looks at that.
    slices, read = [Slice({}, key=key) for key in "ab"], []

    def reads(slice_: Slice) -> Iterator[Raw]:
        read.append(slice_)
        yield from two_records(slice_)

    sync = Sync()
    cursor = sync.add("tasks", lambda: slices, reads)
    list(sync.printed())
    assert {id(one) for one in slices} == {id(one) for one in read}
    assert {id(one) for one in slices} == {id(one) for one in cursor.closed}


def test_a_record_belongs_to_the_stream_that_it_names() -> None:
    # The records of an inline stream lie in those of its parent; an export shows four streams.
    def read(slice_: Slice) -> Iterator[Any]:
        for record in two_records(slice_):
            yield record
            yield Record(data=record, stream_name="goal_fields")
        has_read.set()

    def none() -> Iterator[Slice]:
        has_read.wait(SECONDS)
        yield from ()

    sync, has_read = Sync(), threading.Event()
    sync.add("goals", slices_of("a"), read)
    sync.add("goal_fields", none)
    printed = list(sync.printed())
    inline = [one.removeprefix("goal_fields ") for one in printed if one.startswith("goal_fields")]
    assert inline[:4] == ["STARTED", "RUNNING", "record a1", "record a2"]
    assert set(inline[4:]) == {"state all", "COMPLETE"}
    assert [one for one in printed if "goals record" in one] == [
        "goals record a1",
        "goals record a2",
    ]


# ── threads ──────────────────────────────────────────────────────────────────────────────────────


def test_workers_close_partitions_and_the_main_thread_asks_for_the_last_state() -> None:
    # The last state may be printed without a place in the queue, that of a partition waits for one.
    sync = Sync(1)
    cursor = sync.add("tasks", slices_of("a", "b"))
    list(sync.printed())
    calls = sorted(cursor.calls)
    assert calls == [("closed", False)] * 2 + [("last", True)] + [("observed", False)] * 4


def test_generators_may_wait_in_threads_of_their_own() -> None:
    # The generator of a child waits for its parents, which may wait for theirs.
    names = [f"level_{number}" for number in range(8)]
    were_read = {name: threading.Event() for name in names}
    threads = set()

    def after(parent: str | None) -> Iterator[Slice]:
        threads.add(threading.get_ident())
        assert parent is None or were_read[parent].wait(SECONDS)
        yield Slice({}, key="a")

    def reading(name: str) -> Callable[[Slice], Iterator[Raw]]:
        def read(slice_: Slice) -> Iterator[Raw]:
            yield from two_records(slice_)
            were_read[name].set()

        return read

    sync = Sync()
    # The children first: each takes a thread before its parent does.
    for parent, name in reversed([*zip([None, *names], names, strict=False)]):
        sync.add(name, lambda parent=parent: after(parent), reading(name))  # type: ignore[misc]  # its own parent
    printed = list(sync.printed())
    assert {f"{name} COMPLETE" for name in names} <= set(printed)
    assert len(threads) == len(names)
    assert threading.get_ident() not in threads


def log(text: str) -> AirbyteMessage:
    return AirbyteMessage(type=Type.LOG, log=AirbyteLogMessage(level=Level.INFO, message=text))


def test_who_makes_the_repository_never_waits_for_room_and_all_others_do() -> None:
    # The main thread makes it, and is the one that empties the queue.
    queue: Queue[Any] = Queue(1)
    repository = ConcurrentMessageRepository(queue, OwnMessages())
    first, second, third = (log(text) for text in ("first", "second", "third"))
    repository.emit_message(first)
    worker = threading.Thread(target=repository.emit_message, args=(second,), daemon=True)
    worker.start()
    repository.emit_message(third)
    assert list(repository.consume_queue()) == [third]
    worker.join(0.2)
    assert worker.is_alive()
    assert [queue.get(timeout=SECONDS), queue.get(timeout=SECONDS)] == [first, second]
    with pytest.raises(Empty):
        queue.get_nowait()


def test_the_log_is_written_under_the_lock_of_its_buffer() -> None:
    # `run.py: Output` holds it while it writes, so that no line is torn.
    has_written = threading.Event()

    def write() -> None:
        PRINT_BUFFER.flush()
        has_written.set()

    with PRINT_BUFFER.lock:
        threading.Thread(target=write, daemon=True).start()
        assert not has_written.wait(0.2)
    assert has_written.wait(SECONDS)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["check", "discover", "read"])
def test_the_cdk_registers_its_secrets_before_the_command_does(
    command: str, tmp_path: Path
) -> None:
    # Those of the CDK are what the spec calls a secret; ours are all texts among the credentials.
    config = {"credentials": {**CONFIG["credentials"], "other": "another-secret"}}
    contents = {"config": config, "catalog": {"streams": []}}
    arguments = [command]
    for name in ("config", "catalog") if command == "read" else ("config",):
        path = tmp_path / name
        path.write_text(json.dumps(contents[name]), "utf-8")
        arguments += [f"--{name}", str(path)]
    entrypoint = AirbyteEntrypoint(SourceAsana())
    try:
        with requests_mock.Mocker() as asana:
            asana.get(requests_mock.ANY, status_code=401, json={"errors": [{"message": "no"}]})
            list(entrypoint.run(entrypoint.parse_args(arguments)))
        assert filter_secrets("the-token, another-secret") == "****, ****"
    finally:
        update_secrets([])


# What only the CDK's own `streams` and `read` act on, in place of which the source has its own.
REPLACED = {
    "api_budget",
    "concurrency_level",
    "dynamic_streams",
    "max_concurrent_async_job_count",
    "stream_groups",
}
ACTED_ON = {"check", "definitions", "spec", "streams", "type", "version"}
ABOUT = {"description", "metadata", "schemas"}


def test_the_manifest_has_what_the_source_acts_on_and_the_cdk_knows_no_more() -> None:
    described = files("airbyte_cdk.sources.declarative") / "declarative_component_schema.yaml"
    known = yaml.safe_load(described.read_text("utf-8"))["properties"]
    assert set(SourceAsana().resolved_manifest) == ACTED_ON
    assert set(known) == ACTED_ON | REPLACED | ABOUT, "does a new key need a part in `read`?"
