"""Runs of AI Studio are listed by when they were noted, and that may be long after they began."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from sandbox.server_time import to_stamp
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import HOUR, new_world, sent

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fast")]


@pytest.mark.parametrize("hours", [0, 2, 30])
def test_a_run_that_took_hours_is_sent_once(hours: int) -> None:
    world = new_world()
    with Sandbox(world, plan="service") as asana:
        destination = Destination()
        destination.sync(asana, ["ai_studio_runs"])
        asana.clock.advance(HOUR)
        now = asana.clock.now()
        run = world.add(
            "ai_studio_run",
            workspace=world.workspace,
            run_started_at=to_stamp(now - hours * HOUR - 60),
            status="success",
            _recorded_at=to_stamp(now),
        )
        asana.clock.advance(HOUR / 4)
        syncs = []
        for _ in range(8):
            syncs.append(sent(destination.sync(asana, ["ai_studio_runs"])))
            asana.clock.advance(HOUR / 4)
        assert syncs == [{"ai_studio_runs": [run]}, *[{}] * 7]
