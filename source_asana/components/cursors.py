"""Bounds per partition and their state: the common part, and the cursors of single listings.

A bound is the server's time before the first request of the listing that named the parents; it
moves only when the partition is complete. The CDK's cursors keep the largest stamp seen, start new
partitions at a global one and emit every ten minutes. `cursors_family` has the cursors that follow
the task feed.

State: `{"v": 1, ...}` per stream; every kind says below which further keys it has. Instants are
milliseconds since 1970.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record, StreamSlice
from typing_extensions import override

from source_asana.components.clock import from_millis, to_millis
from source_asana.components.errors import Verdict
from source_asana.components.feeds import Ending
from source_asana.components.partitions import AsanaRouter
from source_asana.components.runtime import Runtime
from source_asana.config import config_error

VERSION = 1
# A state is sent at least this often while there is progress, a large one less often than a small
# one.
LONGEST_SILENCE_SECONDS = 30.0
SHORTEST_SILENCE_SECONDS = 2.0
KEYS_A_SECOND = 400
# What the CDK writes for streams without a cursor: switching to incremental starts from nothing.
FOREIGN_BUT_EMPTY = frozenset({NO_CURSOR_STATE_KEY, "__ab_full_refresh_sync_complete"})


def damaged(stream: str) -> Exception:
    """Return the error for a state that this connector did not write, or that was changed since."""
    return config_error(
        f"The state of stream `{stream}` is not one of this connector, or it is damaged: reset "
        "the stream, "
        "so that it is read anew."
    )


class AsanaCursor(Cursor):
    """A stream that is read whole at each sync; the base of all others.

    Args:
        stream: stream name.
        router: where the slices come from.
        runtime: what all streams share.
        states, repository: the CDK's state manager and message queue.
        incremental: whether the catalog asks for an incremental sync; else state is neither read
            nor written.
        change: parameters of the cursor from the manifest's key `change`.
    """

    def __init__(
        self,
        stream: str,
        router: AsanaRouter,
        *,
        runtime: Runtime,
        states: ConnectorStateManager,
        repository: MessageRepository,
        incremental: bool,
        change: Mapping[str, Any],
    ) -> None:
        self.stream = stream
        self.router = router
        self.runtime = runtime
        self.change = change
        self.incremental = incremental
        self._states = states
        self._repository = repository
        self._lock = threading.RLock()
        self._emitting = threading.Lock()
        self._emitted_at = runtime.monotonic()
        self._emitted: MutableMapping[str, Any] = {}
        self._refused: set[int] = set()
        start = runtime.settings.start_date
        self.start = to_millis(start.isoformat()) if start else None
        if incremental:
            self._load(self._stored())
            self._emitted = self.state
        self.has_read_before = bool(getattr(self, "bounds", None) or getattr(self, "tokens", None))

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    def _stored(self) -> Mapping[str, Any]:
        stored: Mapping[str, Any] = self._states.get_stream_state(self.stream, None)
        if not stored or FOREIGN_BUT_EMPTY & stored.keys():
            return {}
        if stored.get("v") != VERSION:
            raise damaged(self.stream)
        return stored

    def _load(self, stored: Mapping[str, Any]) -> None:
        """Take a stored state of this version.

        Raise `damaged` where it is not what `_dump` writes.
        """

    def _dump(self) -> dict[str, Any]:
        """Return the state to store, without its version; called under the lock."""
        return {}

    def _size(self) -> int:
        """Return roughly how many keys the state has."""
        return 0

    def _checked(
        self, stored: Mapping[str, Any], name: str, kind: type | tuple[type, ...]
    ) -> dict[str, Any]:
        values = stored.get(name, {})
        if not isinstance(values, Mapping):
            # The CDK hands nested objects on as its own blob type.
            values = getattr(values, "__dict__", None)
        if not isinstance(values, Mapping) or not all(
            isinstance(key, str) and isinstance(value, kind) and not isinstance(value, bool)
            for key, value in values.items()
        ):
            raise damaged(self.stream)
        return dict(values)

    @property
    @override
    def state(self) -> MutableMapping[str, Any]:
        with self._lock:
            return (
                {"v": VERSION, **self._dump()} if self.incremental else {NO_CURSOR_STATE_KEY: True}
            )

    def _progressed(self) -> None:
        """Emit the state if the last one is long enough ago."""
        # One thread at a time, so that states come in their order.
        if not self.incremental or not self._emitting.acquire(blocking=False):
            return
        try:
            state = self._due()
            if state is not None:
                # Without the lock: a full queue is emptied by the thread that may be asking for it.
                self._emit(state)
        finally:
            self._emitting.release()

    def _due(self) -> MutableMapping[str, Any] | None:
        """Return the state if it is to be emitted now."""
        with self._lock:
            pause = min(
                LONGEST_SILENCE_SECONDS, max(SHORTEST_SILENCE_SECONDS, self._size() / KEYS_A_SECOND)
            )
            now = self.runtime.monotonic()
            if now - self._emitted_at < pause:
                return None
            # A state without progress would only seem to commit the records before it.
            current = self.state
            if current == self._emitted:
                return None
            self._emitted_at, self._emitted = now, current
            return current

    def _emit(self, state: Mapping[str, Any]) -> None:
        self._states.update_state_for_stream(self.stream, None, state)
        self._repository.emit_message(self._states.create_state_message(self.stream, None))

    @override
    def ensure_at_least_one_state_emitted(self) -> None:
        self._emit(self.state)

    # ── what the CDK and the retriever call ────────────────────────────────────────────────────

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        yield from self.router.stream_slices()

    @override
    def observe(self, record: Record) -> None:
        """Do nothing: bounds do not come from records."""

    @override
    def should_be_synced(self, record: Record) -> bool:
        return True

    @override
    def close_partition(self, partition: Partition) -> None:
        piece = partition.to_slice()
        assert isinstance(piece, StreamSlice)
        with self._lock:
            if id(piece) in self._refused:
                self._refused.discard(id(piece))
                return
            self.complete(piece)
        self._progressed()

    def begin(self, piece: StreamSlice) -> None:
        """Note that the first request of a slice is about to be sent."""

    def complete(self, piece: StreamSlice) -> None:
        """Note that all records of a slice were handed on; called under the lock."""

    def refused(self, piece: StreamSlice, verdict: Verdict) -> None:
        """Note that Asana refused a slice: it ends without an error and without a new bound."""
        del verdict
        self.abandon(piece)

    def was_readable(self, piece: StreamSlice) -> bool:
        """Return whether an earlier sync has read this partition."""
        return piece.extra_fields["key"] in getattr(self, "bounds", ())

    def abandon(self, piece: StreamSlice) -> None:
        """Have a slice end without an error and without a new bound."""
        with self._lock:
            self._refused.add(id(piece))

    def failed(self, piece: StreamSlice, *, lasting: bool) -> None:
        """Note that a slice failed; `lasting` when this slice alone does (no outage)."""

    def wanted(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        """Return whether a record, as Asana sent it, belongs to this sync."""
        del record, piece
        return True

    def changed(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        """Return whether a finished record differs from what was sent in an earlier sync."""
        del record, piece
        return True

    # ── helpers ────────────────────────────────────────────────────────────────────────────────

    def parents_complete(self) -> bool:
        """Return whether the parents' listings were complete.

        So that what they lack has vanished.
        """
        feeds = self.runtime.feeds
        return all(feeds.of(parent).ending is Ending.COMPLETE for parent in self.router.parents())


def with_since(piece: StreamSlice, since: str | None) -> StreamSlice:
    """Return the slice with `since` for the manifest's `{{ stream_interval.since }}`.

    Without it the parameter is left out.
    """
    cursor_slice = {} if since is None else {"since": since}
    return StreamSlice(
        partition=piece.partition, cursor_slice=cursor_slice, extra_fields=dict(piece.extra_fields)
    )


class BoundCursor(AsanaCursor):
    """A bound per partition, by the listing's own beginning. State: `{"bounds": {key: instant}}`.

    `change`: `field` is the record's stamp; records older than the bound are dropped (Asana filters
    by it, or does not).
    """

    def _load(self, stored: Mapping[str, Any]) -> None:
        self.bounds: dict[str, int] = self._checked(stored, "bounds", int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.bounds = {}
        self._begun: dict[int, int | None] = {}
        super().__init__(*args, **kwargs)

    @override
    def _dump(self) -> dict[str, Any]:
        return {"bounds": dict(self.bounds)}

    @override
    def _size(self) -> int:
        return len(self.bounds)

    def floor(self, key: str) -> int | None:
        """Return the oldest instant that this sync is about for a partition.

        None for everything.
        """
        return self.bounds.get(key, self.start)

    def floor_of(self, piece: StreamSlice) -> int | None:
        """Return the oldest instant that this sync is about for a slice."""
        return self.floor(piece.extra_fields["key"])

    @override
    def stream_slices(self) -> Iterator[StreamSlice]:
        seen = set()
        for piece in self.router.stream_slices():
            seen.add(piece.extra_fields["key"])
            floor = self.floor_of(piece)
            yield with_since(piece, None if floor is None else from_millis(floor))
        self.forget_all_but(seen)

    def forget_all_but(self, seen: set[str]) -> None:
        """Drop the partitions that no longer exist, if the parents' listings were complete."""
        if self.parents_complete():
            with self._lock:
                self.bounds = {key: bound for key, bound in self.bounds.items() if key in seen}

    @override
    def begin(self, piece: StreamSlice) -> None:
        with self._lock:
            self._begun[id(piece)] = self.runtime.clock.bound()

    @override
    def complete(self, piece: StreamSlice) -> None:
        begun = self._begun.pop(id(piece), None)
        if begun is not None:
            self.bounds[piece.extra_fields["key"]] = begun

    @override
    def wanted(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        floor = self.floor_of(piece)
        if floor is None:
            return True
        stamp = to_millis(record.get(self.change["field"]))
        return stamp is None or stamp >= floor
