"""The state of a log keeps the events that the next sync reads again, and no others."""

from __future__ import annotations

import json
import re

import pytest

from sandbox import Sandbox
from sandbox.server_time import to_stamp
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import HOUR, new_world, sent

pytestmark = pytest.mark.usefixtures("fast")

STREAM = "audit_log_events"
EACH_HOUR = 20
LATE_SECONDS = 180
"""How long an event may take to show; the connector reads five minutes again."""


class Log:
    """An audit log and its syncs.

    Attributes:
        written: the gids of its events.
        sent: the gids of the records that were sent.
        sizes: how many characters each state has, times left out.
    """

    def __init__(self, hours: int) -> None:
        self.world = new_world()
        self.destination = Destination()
        self.written: list[str] = []
        self.sent: list[str] = []
        self.sizes: list[int] = []
        self.write(hours)

    def write(self, hours: int) -> None:
        """Write the events of so many hours up to now."""
        start, seconds = self.world.clock.now() - hours * HOUR, HOUR / EACH_HOUR
        for place in range(hours * EACH_HOUR):
            self._write_at(start + place * seconds)

    def _write_at(self, moment: float) -> None:
        stamp = to_stamp(moment)
        self.written.append(self.world.add_audit_event("task_deleted", created_at=stamp))

    def sync(self, asana: Sandbox) -> None:
        """Sync, and write an event that should have been there already."""
        done = self.destination.sync(asana, (STREAM,))
        assert not done.failed, done.errors
        self.sent += sent(done).get(STREAM, [])
        state = json.dumps(self.destination.state_of(STREAM))
        self.sizes.append(len(re.sub(r"\d{13,}", "", state)))
        self._write_at(self.world.clock.now() - LATE_SECONDS)


def test_the_state_does_not_grow_with_the_log() -> None:
    logs = [Log(hours) for hours in (2, 48)]
    for log in logs:
        with Sandbox(log.world, plan="service") as asana:
            log.sync(asana)
            for hours in (2, 2, 10):
                asana.clock.advance(hours * HOUR)
                log.write(hours)
                log.sync(asana)
            asana.clock.advance(HOUR)
            log.sync(asana)
    for log in logs:
        # The last one was written after the last sync.
        assert sorted(log.sent) == sorted(log.written[:-1])
        # Two hours of events at most, at some ten characters each, and 400 that every state has.
        assert max(log.sizes) < 2 * EACH_HOUR * 11 + 400
    assert logs[0].sizes == pytest.approx(logs[1].sizes, abs=40)
