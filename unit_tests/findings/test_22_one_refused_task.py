"""A task whose children alone are refused: a warning, and no reason for the stream to fail."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.findings.copies import (
    DAY,
    NO_ACCESS,
    TRACKED,
    TREE,
    Copy,
    new_world,
    tree,
    wrong,
)

slow = pytest.mark.slow


@pytest.mark.parametrize("options", [TRACKED, pytest.param({}, id="untracked", marks=slow)])
@pytest.mark.parametrize("what", ["stories", pytest.param("subtasks", marks=slow)])
def test_a_sync_that_has_nothing_else_to_read_succeeds(what: str, options: dict[str, Any]) -> None:
    world, copy = new_world(), Copy()
    task = tree(world, world.add_project("P"))
    with Sandbox(world, plan="advanced") as asana:
        copy.sync(asana, TREE, **options)
        asana.fault("status", f"/tasks/{task}/{what}", times=None, **NO_ACCESS)
        world.comment(task)
        for _ in range(3):
            asana.clock.advance(DAY)
            assert not copy.sync(asana, TREE, **options).failed
        asana.clear_faults()
        asana.clock.advance(DAY)
        copy.sync(asana, TREE, **options)
        assert wrong(asana, copy) == {}
