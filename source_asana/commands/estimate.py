"""`estimate`: what a first sync and a usual one cost, from at most 50 requests."""

from __future__ import annotations

from collections.abc import Iterator

from source_asana.costs import Costs
from source_asana.prepared import Prepared


def estimated(made: Prepared) -> Iterator[str]:
    """Yield the cost of each stream, and that of a first sync and a usual one."""
    found = Costs(made)
    costs = found.costs()
    shown = {name: costs[name] for name in made.retrievers if name in costs}
    wide = max(len(name) for name in shown)
    yield f"{'stream':<{wide}}  first: requests      rows     state  usual: requests"
    for name, cost in shown.items():
        yield (
            f"{name:<{wide}}  {cost.requests:>15.0f}  {cost.rows:>8.0f}  {cost.state:>8.0f}  "
            f"{cost.usual:>15.0f}"
        )
    first = sum(cost.requests for cost in shown.values())
    usual = sum(cost.usual for cost in shown.values())
    low, high = 1 - found.doubt, 1 + found.doubt
    minute = found.per_minute
    yield (
        f"First sync: {first:.0f} requests ({first * low:.0f} to {first * high:.0f}), about "
        f"{first / minute:.1f} minutes at {minute:.0f} a minute, "
        f"{sum(cost.rows for cost in shown.values()):.0f} rows, "
        f"{sum(cost.state for cost in shown.values()):.0f} characters of state."
    )
    yield (
        f"Usual sync: {usual:.0f} requests ({usual * low:.0f} to {usual * high:.0f}), about "
        f"{usual / minute:.1f} minutes."
    )
    yield f"Asked with {made.requests} requests."
