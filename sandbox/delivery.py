"""How events reach their streams: usually all at once and once each, on request worse.

Source: the description's tag Events, which promises each event at most once, within a minute on
average. Repeated events are not reported; a reader should bear them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Delivery:
    """What becomes of the events that are recorded while it holds.

    Attributes:
        lost: share of the events that never arrive.
        repeated: share of those that arrive twice.
        late: share of what arrives that does so only after `delay` seconds, behind younger events.
        delay: seconds.
        silent: whether likes, tags, followers and dependencies make events.
        seed: decides which events are hit.
    """

    lost: float = 0.0
    repeated: float = 0.0
    late: float = 0.0
    delay: float = 600.0
    silent: bool = False
    seed: int = 0
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        """Start the dice."""
        self.random = Random(self.seed)  # noqa: S311 - reproducible

    def arrivals(self, now: float) -> list[float]:
        """Return when an event of this instant arrives: never, once or twice."""
        if self._hits(self.lost):
            return []
        copies = 2 if self._hits(self.repeated) else 1
        return [now + self.delay if self._hits(self.late) else now for _ in range(copies)]

    def _hits(self, share: float) -> bool:
        return self.random.random() < share
