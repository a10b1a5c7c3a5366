"""Settings of the property tests: few examples by default, as many as wanted for a long run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest
from airbyte_cdk.sources.declarative import concurrent_declarative_source
from hypothesis import HealthCheck, Phase, settings

from source_asana.cursors import states
from source_asana.http import client

# Making a failing example smaller takes minutes: it is done when asked for.
SHRINK = [Phase.shrink] if "PROPERTY_SHRINK" in os.environ else []
ALL = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.generate, *SHRINK],
    "suppress_health_check": list(HealthCheck),
    "report_multiple_bugs": False,
}
settings.register_profile("quick", derandomize=True, **ALL)
settings.register_profile("long", print_blob=True, **ALL)
settings.load_profile("long" if "PROPERTY_EXAMPLES" in os.environ else "quick")


schema_of_cdk = cache(concurrent_declarative_source.get_declarative_component_schema)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Send as fast as the sandbox answers, and a state whenever something was finished."""
    patch = pytest.MonkeyPatch()
    patch.setattr(client, "PAID_PER_MINUTE", 10**9)
    patch.setattr(states, "SHORTEST_SILENCE_SECONDS", 0.0)
    patch.setattr(states, "LONG_SILENCE_SECONDS", 0.0)
    patch.setattr(concurrent_declarative_source, "get_declarative_component_schema", schema_of_cdk)
    yield
    patch.undo()
