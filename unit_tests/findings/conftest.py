"""Every sync here sends as fast as the sandbox answers, and a state whenever there is progress."""

from __future__ import annotations

import pytest

from source_asana.cursors import states
from source_asana.http import client


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no budget and no pause between two states hold a sync up."""
    monkeypatch.setattr(client, "PAID_PER_MINUTE", 10**9)
    monkeypatch.setattr(states, "SHORTEST_SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(states, "LONG_SILENCE_SECONDS", 0.0)
