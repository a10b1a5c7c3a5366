"""Rate limits as Asana enforces them: a sync finds out what it may send, and keeps to it."""

from __future__ import annotations

import time
from functools import partial

import pytest

from sandbox import Clock, Sandbox, World
from source_asana.runtime import Runtime
from unit_tests.mock_server import expect
from unit_tests.sync import Sync, read

# A busy machine delays a request by some milliseconds: at a greater speed they are seconds.
SPEED = 6.0
BEGAN = time.time()
NAMES = ("projects", "sections", "tasks", "subtasks", "stories")


class FastClock(Clock):
    """The sandbox's time, as fast as the connector's."""

    def now(self) -> float:
        """Return seconds since 1970."""
        return BEGAN + (time.time() - BEGAN) * SPEED + self.skew


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose time and the connector's run together, the budget as in real syncs."""
    quick = partial(
        Runtime,
        monotonic=lambda: time.monotonic() * SPEED,
        sleep=lambda seconds: time.sleep(seconds / SPEED),
    )
    monkeypatch.setattr("source_asana.source.Runtime", quick)
    monkeypatch.setattr("source_asana.http.client.PAID_PER_MINUTE", 1500)
    return World.generate(tasks=150, projects=8, clock=FastClock())


def refusals(asana: Sandbox) -> int:
    return sum(entry.status == 429 for entry in asana.log)


def whole(asana: Sandbox, sync: Sync) -> None:
    assert sync.errors == []
    expect.whole(asana, sync, NAMES)


def test_a_plan_of_150_a_minute_costs_a_handful_of_refusals(world: World) -> None:
    with Sandbox(world, requests_per_minute=150) as asana:
        sync = read(asana, NAMES, num_workers=20)
        whole(asana, sync)
        assert refusals(asana) <= 40
        said = [line for line in sync.warnings if "rate limit" in line]
        assert len(said) <= 1


def test_a_quota_that_was_configured_is_kept_from_the_start(world: World) -> None:
    with Sandbox(world, requests_per_minute=150) as asana:
        sync = read(asana, NAMES, num_workers=20, requests_per_minute=150)
        whole(asana, sync)
        assert refusals(asana) == 0


def test_no_more_requests_are_in_flight_than_workers(world: World) -> None:
    with Sandbox(world, latency_ms=5) as asana:
        whole(asana, read(asana, NAMES, num_workers=6))
        assert 2 <= asana.max_inflight <= 6


def test_a_limit_on_requests_in_flight_is_met_by_pauses(world: World) -> None:
    with Sandbox(world, concurrent=4, latency_ms=5) as asana:
        whole(asana, read(asana, NAMES, num_workers=10))
        assert refusals(asana) > 0
