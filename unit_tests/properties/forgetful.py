"""A destination that keeps all records, while the states that Airbyte keeps are older ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from sandbox import Sandbox
from unit_tests.properties.runs import Destination, Record, Sync
from unit_tests.properties.test_change_feed import HOUR, STREAMS

ALL = 99


class Forgetful(Destination):
    """Keeps all records, and the states that were printed, so that later ones can be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.printed: dict[str, list[Record]] = {stream: [] for stream in STREAMS}

    @override
    def take(self, message: Record, done: Sync) -> None:
        super().take(message, done)
        if message["type"] == "STATE":
            stream = message["state"]["stream"]["stream_descriptor"]["name"]
            self.printed[stream].append(message["state"])

    def lose(self, lost: Mapping[str, int]) -> None:
        """Go back by so many states of a stream, but not behind that of the syncs at first."""
        for stream, number in lost.items():
            kept = max(1, len(self.printed[stream]) - number)
            del self.printed[stream][kept:]
            self.states[stream] = self.printed[stream][-1]

    def lose_all(self, streams: Sequence[str]) -> None:
        """Go back to the states of the syncs at first."""
        self.lose(dict.fromkeys(streams, ALL))


def settled(asana: Sandbox, options: Mapping[str, Any]) -> Forgetful:
    """Return what two syncs have brought, so that each project has a token."""
    destination = Forgetful()
    for _ in range(2):
        destination.sync(asana, STREAMS, **options)
        asana.clock.advance(HOUR)
    for printed in destination.printed.values():
        del printed[:-1]
    return destination
