"""The tasks of a project are refused, though its own files are not: they come once they may."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import DAY, HARDLY, new_world, sent, unlike_asana

pytestmark = pytest.mark.usefixtures("fast")

STREAMS = ("attachments",)
OPTIONS: dict[str, Any] = {"change_detection": "auto", **HARDLY}
NO_ACCESS = {"status": 403, "message": "You do not have access to this project."}
UNKNOWN = {"status": 404, "message": "project: Unknown object: 1"}


@pytest.mark.parametrize(
    ("answer", "refused"),
    [(NO_ACCESS, "project"), (UNKNOWN, "project"), (UNKNOWN, "project|parent")],
)
def test_files_of_tasks_come_when_asana_shows_the_tasks_of_their_project_again(
    answer: dict[str, Any], refused: str
) -> None:
    world = new_world()
    project, other = world.add_project("P"), world.add_project("Other")
    files = [world.add_attachment(world.add_task("T", projects=[one])) for one in (project, other)]
    with Sandbox(world) as asana:
        destination = Destination()
        asana.clock.advance(DAY)
        asana.fault("status", rf"\b({refused})={project}\b", times=None, **answer)
        refusing = destination.sync(asana, STREAMS, **OPTIONS)
        assert sent(refusing) == {"attachments": files[1:]}
        asana.clear_faults()
        asana.clock.advance(DAY)
        done = destination.sync(asana, STREAMS, **OPTIONS)
        assert sent(done) == {"attachments": files[:1]}
        assert unlike_asana(asana, destination, *STREAMS) == []
        asana.clock.advance(DAY)
        asana.reset_log()
        quiet = destination.sync(asana, STREAMS, **OPTIONS)
        assert sent(quiet) == {}
        assert not [e for e in asana.log if "project" in e.params]
