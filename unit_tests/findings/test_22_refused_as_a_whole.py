"""A stream that Asana refuses as a whole, everywhere or in one workspace, and then no longer."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.findings.copies import DAY, TREE, Copy, Sync, below, new_world, tree, wrong

slow = pytest.mark.slow
LACKING: dict[str, Any] = {"status": 402, "message": "Payment required", "times": None}
SEARCHED: dict[str, Any] = {"full_scan_interval_hours": 8760, "change_detection": "search"}


def sync(asana: Sandbox, copy: Copy, **options: Any) -> Sync:
    """Sync a day later."""
    asana.clock.advance(DAY)
    return copy.sync(asana, TREE, **options)


@pytest.mark.parametrize("options", [SEARCHED, pytest.param({}, id="listing", marks=slow)])
def test_what_another_workspace_lacks_has_nothing_sent_again(options: dict[str, Any]) -> None:
    world, copy = new_world(), Copy()
    other = world.add_workspace("Other")
    tree(world, world.add_project("P"))
    task = tree(world, world.add_project("Q", workspace=other))
    with Sandbox(world, plan="advanced") as asana:
        asana.fault("status", rf"/tasks/({task}|{below(world, task)})/stories", **LACKING)
        done = [sync(asana, copy, **options) for _ in range(4)]
        assert [bool(one.records["stories"]) for one in done] == [True, False, False, False]
        asana.clear_faults()
        sync(asana, copy, **options)
        assert wrong(asana, copy) == {}


@pytest.mark.parametrize(
    ("stream", "path"),
    [
        ("subtasks", r"/tasks/\d+/subtasks"),
        pytest.param("stories", r"/tasks/\d+/stories", marks=slow),
        pytest.param("attachments", "/attachments", marks=slow),
    ],
)
def test_it_is_read_completely_once_it_is_granted(stream: str, path: str) -> None:
    world, copy = new_world(), Copy()
    project = world.add_project("P")
    for _ in range(5):
        tree(world, project)
    with Sandbox(world, plan="advanced") as asana:
        asana.fault("status", path, **LACKING)
        requests = []
        for _ in range(4):
            asana.reset_log()
            sync(asana, copy, **SEARCHED)
            requests.append(len(asana.log))
        # Several workers may ask before the first of them is refused.
        assert max(requests) == requests[0]
        assert copy.rows[stream] == {}
        asana.clear_faults()
        sync(asana, copy, **SEARCHED)
        assert wrong(asana, copy) == {}
        assert not any(sync(asana, copy, **SEARCHED).records.values())
