"""What a policy or a cursor is surrounded by, as little as it takes to drive it by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any, TypeVar

from typing_extensions import override

from source_asana.cursors.policies import Policy
from source_asana.http.clock import Millis, from_millis
from source_asana.parents.feeds import Ending
from source_asana.parents.plan import StreamPlan
from source_asana.parents.routers import AsanaRouter
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from unit_tests.given import settings

HOUR = 3_600_000
# 2026-03-29T01:00:00Z, the bound at which everything here begins.
BEGAN = Millis(1_774_746_000_000)
P = TypeVar("P", bound=Policy)


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


def slice_of(key: str, *, began: Millis | None = BEGAN, **item: Any) -> Slice:
    return Slice({"parent_gid": key}, key=key, item={"gid": key, **item}, began=began)


def runtime(ending: Ending = Ending.COMPLETE, **further: Any) -> Runtime:
    """Return a runtime whose parents ended like this and whose server's clock gives `BEGAN`."""
    made = Runtime(settings(**further))
    made.feeds.of("parents").ending = ending
    tell(made, BEGAN)
    return made


def tell(shared: Runtime, bound: int) -> None:
    """Have the server's clock give this bound from now on."""
    shared.clock._latest = shared.clock._date = None
    date = datetime.fromisoformat(from_millis(bound + 1000))
    shared.clock.observe({"Date": format_datetime(date, usegmt=True)})


def policy_of(
    kind: type[P],
    *slices: Slice,
    shared: Runtime | None = None,
    stored: Mapping[str, Any] | None = None,
    is_incremental: bool = True,
    **reading: Any,
) -> P:
    """Return a policy of stream `s` with these parts of a state."""
    shared = shared or runtime()
    router = GivenRouter(slices)
    router.bind(shared.settings, shared.feeds)
    made = kind(
        StreamPlan("s", is_incremental, frozenset({"gid", "synced_at"})), router, shared, reading
    )
    for name, value in (stored or {}).items():
        made.parts()[name].load(value)
    return made


def stored_by(policy: Policy) -> dict[str, Any]:
    """Return what a policy keeps for the next sync."""
    values = {name: part.dump() for name, part in policy.parts().items()}
    return {name: value for name, value in values.items() if value is not None}


def all_slices(policy: Policy) -> list[Slice]:
    """Return the slices of a whole sync, as the cursor asks for them."""
    found = list(policy.slices())
    policy.listed()
    return found
