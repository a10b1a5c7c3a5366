"""Helpers of the scenarios: how often a sync is a full scan, and what a sync printed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox import Sandbox, World
from sandbox.hooks import Where
from sandbox.server_time import parse_moment
from source_asana.cursors import missing, states
from unit_tests.conftest import NO_LIMIT
from unit_tests.properties.lab import DELETED
from unit_tests.properties.runs import Destination, Sync, key_of
from unit_tests.scenarios.worlds_a import wrong

FAMILY = ("tasks", "subtasks", "stories", "attachments")
HOUR = 3600
DAY = 24 * HOUR


def new_world() -> World:
    """Return an empty world where it is always the same time at first.

    Where a full scan is spread over several syncs, the time decides which lists each of them reads.
    """
    world = World.empty()
    world.clock.skew = parse_moment("2026-03-01T12:00:00Z") - time.time()
    return world


def scan_every(hours: int) -> dict[str, Any]:
    """Return the setting for a full scan after so many hours, 0 for one in every sync."""
    return {"full_scan_interval_hours": hours}


ALWAYS = scan_every(0)
HARDLY = scan_every(8760)


def tombstones(done: Sync) -> dict[str, list[str]]:
    """Return the keys of a sync's tombstones, sorted, by stream."""
    found = {
        stream: sorted(key_of(stream, record) for record in records if record.get(DELETED))
        for stream, records in done.records.items()
    }
    return {stream: keys for stream, keys in found.items() if keys}


def sent(done: Sync) -> dict[str, list[str]]:
    """Return the keys of a sync's records, tombstones left out, sorted, by stream."""
    found = {
        stream: sorted(key_of(stream, record) for record in records if not record.get(DELETED))
        for stream, records in done.records.items()
    }
    return {stream: keys for stream, keys in found.items() if keys}


def unlike_asana(asana: Sandbox, destination: Destination, *streams: str) -> list[str]:
    """Return the differences between a destination and what the token sees in Asana, in words."""
    return wrong(asana, destination, streams)


def asked(asana: Sandbox, path: str) -> int:
    """Return how many requests fit a template or a regex over path and query, refused ones too."""
    where = Where.named(path)
    return sum(where.fits(e.path, e.path_template, e.params) for e in asana.log)


def print_every_state(patch: pytest.MonkeyPatch) -> None:
    """Have a state printed whenever something was finished, not every two seconds."""
    patch.setattr(states, "SHORTEST_SILENCE_SECONDS", 0.0)
    patch.setattr(states, "LONG_SILENCE_SECONDS", 0.0)


def ask_about_few(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let a sync ask about so many records that lists no longer show; with `fast` only."""
    patch.setattr(missing, "MINUTES_A_SYNC", number / NO_LIMIT)
