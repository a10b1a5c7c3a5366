"""An edit of very many tasks, and an attachment deleted with it: that is noticed.

At a first read a search names the tasks that have attachments, and only these are asked. Later it
would leave out the one that has none any more.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.lab import DELETED
from unit_tests.properties.runs import Destination, Sync
from unit_tests.scenarios.worlds_a import HARDLY, TRACKED, send_at_once, wrong

HOUR = 3600
STREAMS = ("tasks", "attachments")
# With so few requests a minute a search is quicker than to ask some tasks.
SLOWLY = {"requests_per_minute": 15}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_once(monkeypatch)


def notices(count: int, mode: str) -> None:
    """Assert that an attachment is noticed that is deleted with an edit of so many tasks."""
    world = World.empty()
    project = world.add_project("P")
    tasks = []
    for number in range(count):
        tasks.append(world.add_task(f"T{number}", projects=[project]))
        # A search cannot step past a hundred tasks that were created at the same time.
        world.clock.advance(1)
    gone, _ = (world.add_attachment(task) for task in tasks[:2])
    world.clock.advance(HOUR)
    with Sandbox(world) as asana:
        destination = Destination()

        def sync() -> Sync:
            asana.reset_log()
            asana.clock.advance(HOUR)
            options: dict[str, Any] = {"change_detection": mode, **TRACKED, **HARDLY, **SLOWLY}
            done = destination.sync(asana, STREAMS, **options)
            assert not done.failed, done.errors
            return done

        sync()
        assert searched(asana)
        assert asana.requests("/attachments") < count / 2
        for task in tasks:
            world.edit_task(task, name="Edited")
        world.delete_attachment(gone)
        done = sync()
        assert not searched(asana)
        assert bool(asana.requests("/tasks")) is (mode == "auto")
        buried = [one["gid"] for one in done.records["attachments"] if one.get(DELETED)]
        assert buried == [gone]
        assert wrong(asana, destination, STREAMS) == []


def searched(asana: Sandbox) -> bool:
    """Return whether the tasks with attachments were searched for."""
    return any("has_attachment" in one.params for one in asana.log)


def test_some_tasks_that_a_search_finds() -> None:
    notices(40, "search")


@pytest.mark.slow
def test_so_many_that_listings_are_read() -> None:
    notices(5000, "auto")
