"""An export that an interrupted sync has left is older than what happens before the next one."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import FAMILY, HOUR, new_world, scan_every, unlike_asana

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fast")]


@pytest.mark.parametrize("track_deletions", [True, False])
def test_what_happened_after_the_file_arrives(*, track_deletions: bool) -> None:
    world = new_world()
    projects = [world.add_project("P"), world.add_project("Q")]
    tasks = [world.add_task(f"T{number}", projects=projects[:1]) for number in range(6)]
    below = world.add_task("Below", parent=tasks[0])
    stories = [world.comment(task) for task in tasks]
    options = {
        "bulk_export": True,
        "change_detection": "auto",
        "track_deletions": track_deletions,
        **scan_every(10),
    }
    with Sandbox(world, plan="service") as asana:
        destination = Destination()
        assert not destination.sync(asana, FAMILY, **options).failed
        asana.clock.advance(12 * HOUR)
        asana.exports.trouble.endless = True
        destination.sync(asana, FAMILY, kill_after=1, **options)
        [_, job] = asana.exports.jobs.values()
        asana.exports.finish(job)
        asana.exports.trouble.endless = False
        asana.clock.advance(HOUR)
        # Events alone tell of these two.
        world.edit_comment(stories[1], "Said otherwise")
        world.edit_task(below, name="Edited")
        world.edit_task(tasks[2], name="Edited")
        world.like(tasks[3])
        new = world.comment(world.add_task("New", projects=projects[1:]))
        if track_deletions:
            world.delete_task(tasks[4])
            world.delete(stories[5])
        asana.clock.advance(HOUR)
        for _ in range(2):
            done = destination.sync(asana, FAMILY, **options)
            assert not done.failed, done.errors
            asana.clock.advance(HOUR)
        assert len(asana.exports.jobs) == 2
        assert new in destination.rows["stories"]
        assert unlike_asana(asana, destination, *FAMILY) == []
