"""Every sync here is a fast one; most read a small world made by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from unit_tests.mock_server.worlds import Small


@pytest.fixture(autouse=True)
def _fast(fast: None) -> None:
    """Have the connector's waits pass quickly."""


@pytest.fixture
def small() -> Small:
    return Small()


@pytest.fixture
def asana(small: Small) -> Iterator[Sandbox]:
    with Sandbox(small.world) as sandbox:
        yield sandbox
