"""Fixtures for whole syncs: their waits pass quickly, and no budget holds them up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import pytest
from airbyte_cdk.sources.declarative import concurrent_declarative_source
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource
from airbyte_cdk.sources.streams.http import rate_limiting
from hypothesis import HealthCheck, settings

from source_asana.runtime import Runtime

# How long making an example takes says something about the machine, not about the connector.
SLOW = [HealthCheck.too_slow]
settings.register_profile("gate", deadline=None, derandomize=True, suppress_health_check=SLOW)
settings.load_profile("gate")

SPEED = 50.0
NO_LIMIT = 10_000_000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the findings and scenarios to the slow tests, as they take a second each."""
    for item in items:
        if {"findings", "scenarios"} & set(item.path.parts):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _parsed_once() -> Iterator[None]:
    """Have the manifest and the CDK's schema of manifests parsed once: a third of a short sync.

    Each source gets a manifest of its own, as the CDK writes into it.
    """
    read = YamlDeclarativeSource._read_and_parse_yaml_file
    process = YamlDeclarativeSource._pre_process_manifest

    @cache
    def processed(source_class: type, path: str) -> str:
        blank = source_class.__new__(source_class)
        return json.dumps(process(blank, read(blank, path)))

    def load(source: YamlDeclarativeSource, path: str) -> Any:
        return json.loads(processed(type(source), path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(YamlDeclarativeSource, "_read_and_parse_yaml_file", load)
        patch.setattr(YamlDeclarativeSource, "_pre_process_manifest", lambda _, done: done)
        name = "get_declarative_component_schema"
        schema = cache(getattr(concurrent_declarative_source, name))
        patch.setattr(concurrent_declarative_source, name, schema)
        yield


def quicken(patch: pytest.MonkeyPatch, speed: float = SPEED) -> None:
    """Let the connector's time pass `speed` times as fast, and let it send without a budget."""
    quick = partial(
        Runtime,
        monotonic=lambda: time.monotonic() * speed,
        sleep=lambda seconds: time.sleep(seconds / speed),
    )
    patch.setattr("source_asana.source.Runtime", quick)
    patch.setattr("source_asana.http.client.PAID_PER_MINUTE", NO_LIMIT)
    patch.setattr("source_asana.http.stop.WAKE_SECONDS", 1 / speed)
    no_pauses_of_the_client(patch)


def no_pauses_of_the_client(patch: pytest.MonkeyPatch) -> None:
    """Have the CDK's client not sleep for a second before it sends again."""
    patch.setattr(rate_limiting, "time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the connector's waits pass quickly; see `quicken`."""
    quicken(monkeypatch)
