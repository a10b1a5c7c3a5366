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
    yield f"{'stream':<{wide}}  first: requests      rows     state  usual: requests      rows"
    for name, cost in shown.items():
        yield (
            f"{name:<{wide}}  {cost.requests:>15.0f}  {cost.rows:>8.0f}  {cost.state:>8.0f}  "
            f"{cost.usual:>15.0f}  {cost.usual_rows:>8.0f}"
        )
    state = sum(cost.state for cost in shown.values())
    first = [(cost.requests, cost.rows) for cost in shown.values()]
    usual = [(cost.usual, cost.usual_rows) for cost in shown.values()]
    yield f"First sync: {_summed(first, found)}, {state:.0f} characters of state."
    yield f"Usual sync: {_summed(usual, found)}."
    for name in found.cut:
        yield f"At least: {name} has more records than could be counted."
    yield f"Asked with {made.requests} requests."


def _summed(costs: list[tuple[float, float]], found: Costs) -> str:
    requests, rows = (sum(column) for column in zip(*costs, strict=True))
    low, high = requests * (1 - found.doubt), requests * (1 + found.doubt)
    minute = found.per_minute
    return (
        f"{requests:.0f} requests ({max(0, low):.0f} to {high:.0f}), about "
        f"{requests / minute:.1f} minutes at {minute:.0f} a minute, {rows:.0f} rows"
    )
