"""A sync is killed when a list of tasks is over, and stories have not come to its later ones."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from source_asana import source
from source_asana.core import task_list
from unit_tests.properties.runs import Record
from unit_tests.scenarios.worlds_a import Killable, send_at_once, wrong
from unit_tests.scenarios.worlds_b import ALWAYS, DAY, asked, new_world, tombstones

STREAMS = ("stories",)
# The generator of the stream, and a few slices.
AHEAD = 6
TASKS = 2 * AHEAD
LATE_SECONDS = 0.2


def is_state(message: Record) -> bool:
    return bool(message["type"] == "STATE")


@pytest.mark.parametrize("track_deletions", [False, True])
@pytest.mark.parametrize("are_moved", [False, True])
def test_they_are_not_missing_and_not_read_again(
    monkeypatch: pytest.MonkeyPatch, *, track_deletions: bool, are_moved: bool
) -> None:
    send_at_once(monkeypatch)
    monkeypatch.setattr(task_list, "BLOCK", 1)
    monkeypatch.setattr(source, "SLICES_AHEAD", AHEAD)
    monkeypatch.setattr(source, "QUEUE_SIZE", 2)
    world = new_world()
    project, other = world.add_project("P"), world.add_project("Other")
    changed = [world.add_task("Changed", projects=[project]) for _ in range(TASKS)]
    there = other if are_moved else project
    later = [world.add_task("Later", projects=[there]) for _ in range(TASKS)]
    for task in (*changed, *later):
        world.comment(task)
    options = {"track_deletions": track_deletions, **ALWAYS}
    with Sandbox(world) as asana:
        destination = Killable()
        asana.clock.advance(DAY)
        destination.sync(asana, STREAMS, **options)
        for task in changed:
            world.comment(task)
        if are_moved:
            for task in later:
                world.move_task(task, add_project=project, remove_project=other)
            world.delete(other)
        asana.reset_log()
        asana.fault("slow", "/stories", times=None, seconds=LATE_SECONDS)
        destination.kills_at = is_state
        for _ in range(2):
            asana.clock.advance(DAY)
            assert destination.sync(asana, STREAMS, **options).killed
        destination.kills_at = None
        asana.clock.advance(DAY)
        done = destination.sync(asana, STREAMS, **options)
        assert not done.failed, done.errors
        assert [task for task in later if asked(asana, f"/tasks/{task}/stories")] == []
        assert tombstones(done) == {}
        assert wrong(asana, destination, STREAMS) == []
