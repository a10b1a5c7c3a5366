"""The state of one stream is ahead of the others': none of them counts on what it has covered."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import FAMILY, HOUR, new_world, unlike_asana

pytestmark = pytest.mark.usefixtures("fast")

EVENTS: dict[str, Any] = {"change_detection": "events"}


@pytest.mark.parametrize("kept", FAMILY)
def test_a_users_list_is_asked_for_what_any_stream_lacks(kept: str) -> None:
    world = new_world()
    ann = world.add_user("Ann")
    project = world.add_project("P")
    world.add_task("In a project", projects=[project])
    alone = world.add_task("Alone", assignee=ann)
    with Sandbox(world, plan="free") as asana:
        destination = Destination()
        for _ in range(2):
            destination.sync(asana, FAMILY, **EVENTS)
            asana.clock.advance(HOUR)
        world.comment(world.add_task("Below it", parent=alone))
        world.comment(alone)
        world.add_attachment(alone)
        asana.clock.advance(HOUR)
        before = dict(destination.states)
        rows = {stream: dict(held) for stream, held in destination.rows.items()}
        destination.sync(asana, FAMILY, **EVENTS)
        # Killed when only one stream's records and state had reached the destination.
        destination.states = {**before, kept: destination.states[kept]}
        destination.rows |= {stream: rows.get(stream, {}) for stream in FAMILY if stream != kept}
        asana.clock.advance(HOUR)
        asana.reset_log()
        done = destination.sync(asana, FAMILY, **EVENTS)
        assert not done.errors
        assert unlike_asana(asana, destination, *FAMILY) == []
        assert not [e for e in asana.log if "project" in e.params and e.path == "/tasks"]
