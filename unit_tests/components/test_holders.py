"""Which tasks a first read asks for attachments, where a search names those that have some."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from source_asana.components.cursors_children import FEWEST_WORTH_A_SEARCH, ChildCursor

OVERLAP = 900_000


def test_a_later_search_of_another_workspace_does_not_hide_a_change() -> None:
    now = [1_000_000_000]
    cursor: Any = ChildCursor.__new__(ChildCursor)
    cursor.runtime = SimpleNamespace(
        clock=SimpleNamespace(bound=lambda: now[0]), searches=SimpleNamespace(overlap=OVERLAP)
    )
    cursor.search_holders = lambda _workspace: set[int]()
    cursor._holders = {}
    old = [(0, gid, False) for gid in range(FEWEST_WORTH_A_SEARCH)]
    assert cursor._worth_reading("one", old) == []
    now[0] += 10 * OVERLAP
    assert cursor._worth_reading("two", old) == []
    changed = [(1_000_000_001, 1, False)]
    assert cursor._worth_reading("one", changed) == changed
