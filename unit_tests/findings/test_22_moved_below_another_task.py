"""A subtask that hangs on another task now outlives the one that it was under."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.findings.copies import (
    BROKEN,
    DAY,
    NO_ACCESS,
    TRACKED,
    TREE,
    YEARLY,
    Copy,
    below,
    ghosts,
    new_world,
    tree,
    wrong,
)
from unit_tests.properties.lab import DELETED

slow = pytest.mark.slow


def sync(asana: Sandbox, copy: Copy, **options: Any) -> None:
    """Sync a day later."""
    asana.clock.advance(DAY)
    copy.sync(asana, TREE, **options)


@pytest.mark.parametrize("trouble", [NO_ACCESS, pytest.param(BROKEN, marks=slow)])
@pytest.mark.parametrize("what", ["listing", pytest.param("walk", marks=slow)])
def test_its_new_parent_could_not_be_read(what: str, trouble: dict[str, Any]) -> None:
    world, copy = new_world(), Copy()
    old, new = (tree(world, world.add_project(name)) for name in ("Old", "New"))
    moves = below(world, old)
    path = rf"/tasks\?.*project={world[new]['_projects'][0]}"
    with Sandbox(world) as asana:
        sync(asana, copy, **TRACKED)
        world.set_parent(moves, new)
        world.delete(old)
        fault = asana.fault(
            "status", path if what == "listing" else f"/tasks/{new}/subtasks", times=None, **trouble
        )
        sync(asana, copy, **TRACKED)
        assert not copy.rows["subtasks"][moves].get(DELETED)
        assert ghosts(asana, copy) == {}
        fault.times = 0
        for _ in range(2):
            sync(asana, copy, **TRACKED)
        assert wrong(asana, copy) == {}


@slow
def test_only_the_audit_log_tells_that_its_old_parent_is_deleted() -> None:
    world, copy = new_world(), Copy()
    old, new = (tree(world, world.add_project(name)) for name in ("Old", "New"))
    moves = below(world, old)
    with Sandbox(world, plan="service") as asana:
        for _ in range(2):
            sync(asana, copy, **YEARLY)
        world.set_parent(moves, new, moves_stamp=False)
        world.delete(old)
        sync(asana, copy, **YEARLY)
        assert not copy.rows["subtasks"][moves].get(DELETED)
        assert ghosts(asana, copy) == {}
