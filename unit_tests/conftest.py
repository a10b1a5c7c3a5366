"""Fixtures for whole syncs: their waits pass quickly, and no budget holds them up."""

from __future__ import annotations

import time
from functools import partial

import pytest

from source_asana.components.runtime import Runtime

SPEED = 50.0
NO_LIMIT = 10_000_000


def fast_monotonic() -> float:
    """Return seconds that pass fifty times as fast as real ones."""
    return time.monotonic() * SPEED


def fast_sleep(seconds: float) -> None:
    """Sleep a fiftieth of `seconds`."""
    time.sleep(seconds / SPEED)


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Let the connector's time pass fifty times as fast, and let it send without a budget."""
    quick = partial(Runtime, monotonic=fast_monotonic, sleep=fast_sleep)
    patch.setattr("source_asana.source.Runtime", quick)
    patch.setattr("source_asana.components.runtime.PAID_PER_MINUTE", NO_LIMIT)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the connector's waits pass quickly; see `quicken`."""
    quicken(monkeypatch)
