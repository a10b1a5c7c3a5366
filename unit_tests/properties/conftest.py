"""Settings of the property tests: few examples by default, as many as wanted for a long run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest
from airbyte_cdk.sources.declarative import concurrent_declarative_source
from hypothesis import HealthCheck, settings

from source_asana.components import cursors, runtime

settings.register_profile(
    "quick", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
settings.register_profile(
    "long", deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
settings.load_profile("long" if "PROPERTY_EXAMPLES" in os.environ else "quick")


schema_of_cdk = cache(concurrent_declarative_source.get_declarative_component_schema)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Send as fast as the sandbox answers, and a state whenever something was finished."""
    patch = pytest.MonkeyPatch()
    patch.setattr(runtime, "PAID_PER_MINUTE", 10**9)
    patch.setattr(cursors, "SHORTEST_SILENCE_SECONDS", 0.0)
    patch.setattr(cursors, "KEYS_A_SECOND", 10**9)
    patch.setattr(concurrent_declarative_source, "get_declarative_component_schema", schema_of_cdk)
    yield
    patch.undo()
