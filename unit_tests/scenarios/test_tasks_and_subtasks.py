"""A task becomes a subtask, or the other way round: it leaves the stream that it was in."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    ALWAYS,
    DAY,
    FAMILY,
    new_world,
    sent,
    tombstones,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")


@pytest.mark.parametrize(
    ("change_detection", "moves_stamp"), [("listing", True), ("search", False)]
)
def test_a_task_that_left_a_stream_has_its_tombstone_there(
    change_detection: str, *, moves_stamp: bool
) -> None:
    world = new_world()
    project = world.add_project("P")
    stays = world.add_task("Stays", projects=[project])
    sinks = world.add_task("Sinks", projects=[project])
    below = world.add_task("Below it", parent=sinks)
    rises = world.add_task("Rises", parent=stays)
    changes = world.add_task("Changes its parent", parent=stays)
    for task in (stays, sinks, below, rises, changes):
        world.comment(task)
        world.add_attachment(task)
    options = {"track_deletions": True, "change_detection": change_detection, **ALWAYS}
    with Sandbox(world) as asana:
        destination = Destination()
        for _ in range(2):
            asana.clock.advance(DAY)
            destination.sync(asana, FAMILY, **options)
        world.set_parent(sinks, stays, moves_stamp=moves_stamp)
        world.move_task(sinks, remove_project=project)
        world.set_parent(rises, None, moves_stamp=moves_stamp)
        world.move_task(rises, add_project=project)
        world.set_parent(changes, sinks, moves_stamp=moves_stamp)
        asana.clock.advance(DAY)
        asana.reset_log()
        done = destination.sync(asana, FAMILY, **options)
        # Asana has it, so its answer is the record and not a 404.
        looked_up = {e.path: e.status for e in asana.log if e.path_template == "/tasks/{task_gid}"}
        asana.clock.advance(DAY)
        quiet = destination.sync(asana, FAMILY, **options)
        assert unlike_asana(asana, destination, *FAMILY) == []
    assert tombstones(done) == {"tasks": [sinks], "subtasks": [rises]}
    assert set(looked_up) <= {f"/tasks/{sinks}", f"/tasks/{rises}"}
    assert set(looked_up.values()) <= {200}
    assert rises in sent(done)["tasks"]
    assert {sinks, changes} <= set(sent(done)["subtasks"])
    assert (sent(quiet), tombstones(quiet)) == ({}, {})
