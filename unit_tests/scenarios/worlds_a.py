"""What scenarios share: settings, syncs without waits, and what a destination holds wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from typing_extensions import override

from sandbox import Sandbox
from source_asana.cursors import states
from source_asana.http import client
from unit_tests.conftest import NO_LIMIT
from unit_tests.properties.lab import DELETED, differences
from unit_tests.properties.runs import Destination, Record, Sync, key_of

DAY = 86_400
FAMILY = ("tasks", "subtasks", "stories", "attachments")
# No listing is read whole just because its time has come.
HARDLY = {"full_scan_interval_hours": 8760}
TRACKED = {"track_deletions": True}
# More messages than any sync prints.
FATAL = 1 << 30


def send_at_once(patch: pytest.MonkeyPatch) -> None:
    """Let the connector send without a budget, and print a state whenever something has ended."""
    patch.setattr(client, "PAID_PER_MINUTE", NO_LIMIT)
    patch.setattr(states, "SHORTEST_SILENCE_SECONDS", 0.0)
    patch.setattr(states, "LONG_SILENCE_SECONDS", 0.0)


class Killable(Destination):
    """A destination whose syncs end as if killed right after a message of choice.

    Attributes:
        kills_at: whether a sync is killed once a message was taken; None lets all of them end.
    """

    kills_at: Callable[[Record], bool] | None = None

    @override
    def sync(self, asana: Sandbox, streams: Sequence[str], **settings: Any) -> Sync:
        return super().sync(asana, streams, **{"kill_after": FATAL, **settings})

    @override
    def take(self, message: Record, done: Sync) -> None:
        super().take(message, done)
        if self.kills_at and self.kills_at(message):
            done.messages = FATAL


def counts(done: Sync) -> dict[str, int]:
    """Return how many records a sync sent, by stream; tombstones count."""
    return {stream: len(records) for stream, records in done.records.items() if records}


def wrong(
    asana: Sandbox, destination: Destination, streams: Iterable[str], *, extra: bool = True
) -> list[str]:
    """Return how a destination differs from Asana, in words; without excuses.

    Args:
        asana: the sandbox.
        destination: what was synced to.
        streams: whose records are compared, in every column.
        extra: whether what Asana no longer has counts as well.
    """
    return [line for stream in streams for line in _wrong(asana, destination, stream, extra=extra)]


def _wrong(asana: Sandbox, destination: Destination, stream: str, *, extra: bool) -> Iterator[str]:
    truth = {key_of(stream, record): record for record in asana.truth(stream)}
    held = {k: row for k, row in destination.rows[stream].items() if not row.get(DELETED)}
    for key, record in truth.items():
        if different := differences(stream, held.get(key), record):
            yield f"{stream} {key}: {different}"
    if extra:
        yield from (f"{stream} {key} is still there" for key in held.keys() - truth.keys())
