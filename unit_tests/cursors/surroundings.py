"""What a strategy or a cursor is surrounded by, as little as it takes to drive it by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any, TypeVar

from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
)
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository
from typing_extensions import override

from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.partial import SyncTokenStrategy
from source_asana.cursors.sending import Sender, Stamps, fingerprinter
from source_asana.cursors.states import States
from source_asana.cursors.strategies import Strategy
from source_asana.http.clock import Millis, from_millis
from source_asana.parents.feeds import Ending, Feed
from source_asana.parents.plan import StreamPlan
from source_asana.parents.routers import AsanaRouter
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from unit_tests.given import settings

HOUR = 3_600_000
# 2026-03-29T01:00:00Z, the instant at which everything here begins.
BEGAN = Millis(1_774_746_000_000)
P = TypeVar("P", bound=Strategy)


class GivenRouter(AsanaRouter):
    """Slices given by hand, of one parent."""

    def __init__(self, slices: Iterable[Slice]) -> None:
        super().__init__(config={}, parameters={})
        self.slices = list(slices)

    @override
    def parents(self) -> Mapping[str, frozenset[str]]:
        return {"parents": frozenset()}

    @override
    def stream_slices(self) -> Iterable[Slice]:
        return list(self.slices)


def slice_of(key: str, **item: Any) -> Slice:
    return Slice({"parent_gid": key}, key=key, item={"gid": key, **item})


def runtime(ending: Ending = Ending.COMPLETE, now: int = BEGAN, **further: Any) -> Runtime:
    """Return a runtime whose parents ended like this and whose sync begins now."""
    made = Runtime(settings(**further))
    made.feeds.of_kind(Feed, "parents").ending = ending
    tell(made, now)
    return made


def tell(shared: Runtime, instant: int) -> None:
    """Have the server's clock give this instant from now on."""
    shared.clock._latest = shared.clock._date = None
    date = datetime.fromisoformat(from_millis(instant + 1000))
    shared.clock.observe({"Date": format_datetime(date, usegmt=True)})


def strategy_of(
    kind: type[P],
    *slices: Slice,
    shared: Runtime | None = None,
    stored: Mapping[str, Any] | None = None,
    is_incremental: bool = True,
    **keys: Any,
) -> P:
    """Return a strategy of stream `s` with these parts of a state."""
    shared = shared or runtime()
    router = GivenRouter(slices)
    router.bind(shared.settings, shared.feeds)
    made = kind(
        StreamPlan("s", is_incremental, frozenset({"gid", "synced_at"})),
        router,
        shared,
        keys,
    )
    for name, value in (stored or {}).items():
        made.parts()[name].load(value)
    return made


def stored_by(strategy: Strategy) -> dict[str, Any]:
    """Return what a strategy keeps for the next sync."""
    values = {name: part.dump() for name, part in strategy.parts().items()}
    return {name: value for name, value in values.items() if value is not None}


def all_slices(strategy: Strategy) -> list[Slice]:
    """Return the slices of a whole sync, as the cursor asks for them."""
    found = list(strategy.slices())
    for slice_ in found:
        strategy.partitions.handed_out(slice_.key, is_last=slice_.is_last)
    strategy.listed()
    return found


class Clock:
    """A process's clock on which every look takes a minute, so that every state is due."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 60.0
        return self.now


def cursor_of(
    *slices: Slice,
    stored: Mapping[str, Any] | None = None,
    kind: type[Strategy] = Strategy,
    key: tuple[str, ...] = ("gid",),
    shared: Runtime | None = None,
    is_incremental: bool = True,
    tracks_deletions: bool = False,
    **keys: Any,
) -> tuple[AsanaCursor, InMemoryMessageRepository]:
    """Return the cursor of stream `s` with this state, and where it prints its states."""
    shared = shared or runtime()
    shared.client.monotonic = Clock()
    strategy = strategy_of(kind, *slices, shared=shared, is_incremental=is_incremental, **keys)
    given = AirbyteStateMessage(
        type=AirbyteStateType.STREAM,
        stream=AirbyteStreamState(
            stream_descriptor=StreamDescriptor(name="s"),
            stream_state=AirbyteStateBlob(**(stored or {})),
        ),
    )
    repository = InMemoryMessageRepository()
    states = States(ConnectorStateManager([given] if stored is not None else []), repository)
    stamps = Stamps(shared.clock.now)
    sender = None
    if kind is not SyncTokenStrategy:
        sender = Sender(strategy.lock, key, fingerprinter(()), stamps, shared.stop)
    made = AsanaCursor(
        strategy.plan,
        strategy,
        sender,
        shared,
        states=states,
        stamps=stamps,
        tracks_deletions=tracks_deletions,
    )
    return made, repository
