"""Syncs that may end at any message, and a destination that merges what they send by key."""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from sandbox import Sandbox
from source_asana.runtime import Runtime
from unit_tests.building import FewStreams
from unit_tests.sync import catalog, config_for, instants_in, streams, tasks_in

Record = dict[str, Any]
SLICE_SECONDS = 0.0005


class PassingTime:
    """A process's clock whose waits pass at once: retries and outages take no time."""

    def __init__(self) -> None:
        self._slept = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds
        time.sleep(SLICE_SECONDS)


class Source(FewStreams):
    """The source with a clock of its own, and a way to end it."""

    runtime: Runtime | None = None

    @override
    def _validate_source(self) -> None:
        """Do nothing: other tests load the manifest as it is."""

    @override
    def _runtime(self, config: Any, **options: Any) -> Runtime:
        clock = PassingTime()
        own = {"monotonic": clock.monotonic, "sleep": clock.sleep}
        self.runtime = super()._runtime(config, **own, **options)
        return self.runtime

    def end(self) -> None:
        """Let every thread end soon, so that a read nobody listens to leaves none behind."""
        if self.runtime:
            self.runtime.stop.abort(AirbyteTracedException(message="nobody listens"))


def messages(
    source: FewStreams, config: Record, configured: Record, state: Sequence[Record] | None
) -> Iterator[Record]:
    """Yield what a read prints, message by message."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["read"]
        for key, content in (("config", config), ("catalog", configured), ("state", state)):
            if content is not None:
                path = Path(folder) / f"{key}.json"
                path.write_text(json.dumps(content))
                arguments += [f"--{key}", str(path)]
        source.build_for(configured)
        entrypoint = AirbyteEntrypoint(source)
        yield from map(json.loads, entrypoint.run(entrypoint.parse_args(arguments)))


@dataclass
class Sync:
    """What one sync sent before it ended or was killed."""

    records: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    messages: int = 0
    killed: bool = False
    failed: bool = False
    before_last_state: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    before_former_state: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))

    def gids(self, stream: str) -> list[str]:
        return sorted(record["gid"] for record in self.records[stream])

    def complete(self, stream: str) -> bool:
        return self.statuses.get(stream) == "COMPLETE"


class Destination:
    """Holds the newest record of each key and the newest state of each stream, as Airbyte does.

    Attributes:
        rows: stream -> key -> the record with the newest `synced_at`.
        history: stream -> everything that was sent.
        states: stream -> its last state.
        uncommitted: stream -> the keys of what a killed sync printed after its last state, or just
            before it: should Asana take it back before the next sync, nobody knows of it any more.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Record]] = defaultdict(dict)
        self.history: dict[str, list[Record]] = defaultdict(list)
        self.states: dict[str, Record] = {}
        self.uncommitted: dict[str, set[str]] = defaultdict(set)

    def state_of(self, stream: str) -> Record:
        return dict(self.states[stream]["stream"]["stream_state"])

    def instants(self, stream: str) -> dict[str, int]:
        """Return the instants and watermarks in a stream's state: key -> milliseconds."""
        return instants_in(self.state_of(stream))

    def tasks(self, stream: str) -> dict[str, str]:
        """Return the tasks in the state of their children: gid -> `read` or `due`."""
        return tasks_in(self.state_of(stream))

    def sync(
        self,
        asana: Sandbox,
        streams: Sequence[str],
        *,
        kill_after: int | None = None,
        columns: Any = None,
        refreshed: Sequence[str] = (),
        **settings: Any,
    ) -> Sync:
        """Read incrementally from the last state; end as if killed after that many messages.

        Streams in `refreshed` are read by a full refresh.
        """
        source, done = Source(), Sync()
        config = config_for(asana, **{"change_detection": "listing", **settings})
        configured = catalog(
            streams,
            incremental=True,
            columns=columns,
            track_deletions=bool(settings.get("track_deletions")),
        )
        for entry in configured["streams"]:
            if entry["stream"]["name"] in refreshed:
                entry["sync_mode"] = "full_refresh"
        state = list(self.states.values())
        try:
            for message in messages(source, config, configured, state):
                if done.killed:
                    continue
                self.take(message, done)
                if kill_after is not None and done.messages >= kill_after:
                    done.killed = True
                    asana.before_request(None)
                    source.end()
        except AirbyteTracedException:
            done.failed = True
        except BaseException:
            # The threads of a read that hangs would keep the tests from ending.
            source.end()
            raise
        self._note_uncommitted(done)
        return done

    def _note_uncommitted(self, done: Sync) -> None:
        """Note what was printed after the last state of its stream, or while that was made."""
        covered = done.before_former_state if done.killed else done.before_last_state
        for stream, records in done.records.items():
            keys = [key_of(stream, record) for record in records]
            committed = len(covered[stream])
            self.uncommitted[stream] -= set(keys)
            self.uncommitted[stream] |= set(keys[committed:])

    def take(self, message: Record, done: Sync) -> None:
        """Take one message as Airbyte does."""
        kind = message["type"]
        if kind == "RECORD":
            done.messages += 1
            stream, record = message["record"]["stream"], message["record"]["data"]
            done.records[stream].append(record)
            self.history[stream].append(record)
            key = key_of(stream, record)
            held = self.rows[stream].get(key)
            # The newer version wins whatever came last, by the stream's cursor field.
            if not (held and is_newer(held, record)):
                self.rows[stream][key] = record
        elif kind == "STATE":
            done.messages += 1
            stream = message["state"]["stream"]["stream_descriptor"]["name"]
            self.states[stream] = message["state"]
            done.before_former_state[stream] = done.before_last_state[stream]
            done.before_last_state[stream] = list(done.records[stream])
        elif kind == "TRACE" and message["trace"]["type"] == "STREAM_STATUS":
            status = message["trace"]["stream_status"]
            done.statuses[status["stream_descriptor"]["name"]] = status["status"]
        elif kind == "TRACE" and message["trace"]["type"] == "ERROR":
            done.errors.append(message["trace"]["error"]["message"])


def key_of(stream: str, record: Record) -> str:
    """Return a record's primary key as one text: its gid, or several joined by `/`."""
    paths = streams()[stream].get("source_defined_primary_key") or [["gid"]]
    return "/".join(str(record.get(path[0])) for path in paths)


def is_newer(one: Record, other: Record) -> bool:
    """Return whether the first of two versions is the newer one."""
    return bool(one["synced_at"] > other["synced_at"])
