"""Fixtures for whole syncs: their waits pass quickly, and no budget holds them up."""

from __future__ import annotations

import time
from functools import partial

import pytest
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource

from source_asana.components.runtime import Runtime

SPEED = 50.0
NO_LIMIT = 10_000_000


def quicken(patch: pytest.MonkeyPatch, speed: float = SPEED) -> None:
    """Let the connector's time pass `speed` times as fast, and let it send without a budget."""
    quick = partial(
        Runtime,
        monotonic=lambda: time.monotonic() * speed,
        sleep=lambda seconds: time.sleep(seconds / speed),
    )
    patch.setattr("source_asana.source.Runtime", quick)
    patch.setattr("source_asana.components.runtime.PAID_PER_MINUTE", NO_LIMIT)
    patch.setattr("source_asana.components.feeds.WAKE_SECONDS", 1 / speed)
    patch.setattr("source_asana.components.slices.WAKE_SECONDS", 1 / speed)
    # A fifth of a short sync; the manifest is the same in all of them, and checked by main.py's.
    patch.setattr(YamlDeclarativeSource, "_validate_source", lambda _: None)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the connector's waits pass quickly; see `quicken`."""
    quicken(monkeypatch)
