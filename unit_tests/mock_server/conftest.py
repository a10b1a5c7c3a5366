"""Every sync here is a fast one."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _fast(fast: None) -> None:
    """Have the connector's waits pass quickly."""
