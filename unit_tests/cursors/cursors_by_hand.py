"""What a cursor is surrounded by, as little as it takes to feed it by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
)
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.sources.types import StreamSlice
from source_asana.cursors.base import AsanaCursor

from source_asana.config import parse_config
from source_asana.http.clock import from_millis
from source_asana.parents.feeds import Ending
from source_asana.parents.routers import AsanaRouter
from source_asana.runtime import Runtime

HOUR = 3_600_000
# 2026-03-29T01:00:00Z, the bound at which everything here begins.
BEGUN = 1_774_746_000_000


class Router(AsanaRouter):
    """Slices given by hand, of one parent."""

    def __init__(self, pieces: Iterable[StreamSlice] = ()) -> None:
        self.pieces = list(pieces)

    def parents(self) -> Mapping[str, frozenset[str]]:
        return {"parents": frozenset()}

    def stream_slices(self) -> Iterable[StreamSlice]:
        return list(self.pieces)


class Part:
    """What the CDK closes: all that a cursor asks of it is its slice."""

    def __init__(self, piece: StreamSlice) -> None:
        self.piece = piece

    def to_slice(self) -> StreamSlice:
        return self.piece


def piece(key: str, *, begun: int | None = BEGUN, **item: Any) -> StreamSlice:
    return StreamSlice(
        partition={"parent_gid": key},
        cursor_slice={},
        extra_fields={"key": key, "begun": begun, "item": {"gid": key, **item}},
    )


def runtime(ending: Ending = Ending.COMPLETE, **config: Any) -> Runtime:
    settings = {"credentials": {"personal_access_token": "unused-token"}, **config}
    made = Runtime(parse_config(settings))
    made.feeds.of("parents").ending = ending
    tell(made, BEGUN)
    return made


def tell(shared: Runtime, bound: int) -> None:
    """Have the server's clock give this bound from now on."""
    shared.clock._latest = None
    date = datetime.fromisoformat(from_millis(bound + 1000))
    shared.clock.observe({"Date": format_datetime(date, usegmt=True)})


def make(
    kind: type[AsanaCursor],
    state: Mapping[str, Any] | None = None,
    *,
    pieces: Iterable[StreamSlice] = (),
    shared: Runtime | None = None,
    incremental: bool = True,
    **change: Any,
) -> Any:
    """Return a cursor of stream `s` with this state."""
    stored = AirbyteStateMessage(
        type=AirbyteStateType.STREAM,
        stream=AirbyteStreamState(
            stream_descriptor=StreamDescriptor(name="s"),
            stream_state=AirbyteStateBlob(**(state or {})),
        ),
    )
    return kind(
        "s",
        Router(pieces),
        runtime=shared or runtime(),
        states=ConnectorStateManager([stored] if state is not None else []),
        repository=InMemoryMessageRepository(),
        incremental=incremental,
        change=change,
    )


def states(cursor: AsanaCursor) -> list[Mapping[str, Any]]:
    """Return the states that a cursor has sent since the last question."""
    sent = [m.state for m in cursor._repository.consume_queue() if m.state]
    return [vars(state.stream.stream_state) for state in sent if state.stream]


def sync(cursor: AsanaCursor, records: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """Read every slice whole; return the gids that the cursor lets through, by key."""
    sent = {}
    for one in cursor.stream_slices():
        key = one.extra_fields["key"]
        cursor.begin(one)
        found = [record for record in records.get(key, []) if cursor.wanted(record, one)]
        sent[key] = [record["gid"] for record in found if cursor.changed(record, one)]
        cursor.close_partition(Part(one))  # type: ignore[arg-type]  # all that is asked of it
    return sent
