"""Two listings show a task, and the one that was first with it fails: it comes all the same."""

from __future__ import annotations

from queue import Queue
from typing import Any

import pytest
from airbyte_cdk.sources.types import Record

from sandbox import Sandbox, World
from unit_tests.properties.runs import Destination, Sync
from unit_tests.scenarios.worlds_a import (
    DAY,
    FAMILY,
    HARDLY,
    Killable,
    counts,
    send_at_once,
    wrong,
)

PAGE = "3"
LATE_SECONDS = 0.2
PATHS = {
    "subtasks": "/tasks/{}/subtasks",
    "stories": "/tasks/{}/stories",
    "attachments": "/attachments.*parent={}",
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_once(monkeypatch)


class Shared:
    """A task in two projects, with a subtask, and with children of both.

    Attributes:
        gids: of all of these.
    """

    def __init__(self) -> None:
        self.world = world = World.empty()
        self.fails, self.stays = world.add_project("Fails"), world.add_project("Stays")
        self.task = world.add_task("T", projects=[self.fails, self.stays])
        self.subtask = world.add_task("Below", parent=self.task)
        self.gids = {self.task, self.subtask}
        for task in (self.task, self.subtask):
            self.gids |= {world.comment(task), world.add_attachment(task)}
        for number in range(5):
            world.add_task(f"F{number}", projects=[self.fails])
        world.clock.advance(DAY)

    def page_by_page(self, path: str, params: dict[str, str]) -> None:
        """Have the tasks of a project come in several pages, the shared one in the first."""
        if path == "/tasks" and "project" in params:
            params["limit"] = PAGE


def synced(asana: Sandbox, destination: Destination) -> Sync:
    """Sync a day later."""
    asana.clock.advance(DAY)
    return destination.sync(asana, FAMILY, **HARDLY)


def goes_and_all_is_there(asana: Sandbox, shared: Shared, destination: Destination) -> None:
    """Delete the project that failed, and assert that one sync brings what is left."""
    asana.clear_faults()
    asana.before_request(None)
    shared.world.delete(shared.fails)
    done = synced(asana, destination)
    assert not done.failed, done.errors
    assert wrong(asana, destination, FAMILY, extra=False) == []
    assert counts(synced(asana, destination)) == {}


def test_the_listing_fails_after_its_first_page() -> None:
    shared = Shared()
    with Sandbox(shared.world) as asana:
        destination = Destination()
        asana.before_request(shared.page_by_page)
        # The other listing is the last one to show it.
        asana.fault("slow", rf"/tasks\?.*project={shared.stays}", seconds=LATE_SECONDS)
        asana.fault("status", rf"/tasks\?.*project={shared.fails}.*offset", times=None)
        assert synced(asana, destination).failed
        assert shared.gids <= {gid for stream in FAMILY for gid in destination.rows[stream]}
        goes_and_all_is_there(asana, shared, destination)


@pytest.mark.parametrize(
    "what", ["subtasks", "stories", pytest.param("attachments", marks=pytest.mark.slow)]
)
def test_what_hangs_on_the_task_fails(what: str) -> None:
    shared = Shared()
    with Sandbox(shared.world) as asana:
        destination = Destination()
        fault = asana.fault("status", PATHS[what].format(shared.task), times=None)
        assert synced(asana, destination).failed
        assert fault.hits
        goes_and_all_is_there(asana, shared, destination)


def test_the_sync_is_killed_right_after_the_task() -> None:
    shared = Shared()
    with Sandbox(shared.world) as asana:
        destination = Killable()
        asana.fault("slow", rf"/tasks\?.*project={shared.stays}", seconds=LATE_SECONDS)
        destination.kills_at = lambda message: (
            message["type"] == "RECORD" and message["record"]["data"]["gid"] == shared.task
        )
        assert synced(asana, destination).killed
        destination.kills_at = None
        goes_and_all_is_there(asana, shared, destination)


def test_the_task_cannot_be_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is second with the task brings it in the same sync, however the first one ends."""
    shared = Shared()
    put = Queue.put
    failed: list[Any] = []

    def once(queue: Any, item: Any, *args: Any, **options: Any) -> None:
        is_task = isinstance(item, Record) and item.data["gid"] == shared.task
        if is_task and not failed:
            failed.append(item)
            raise MemoryError
        put(queue, item, *args, **options)

    monkeypatch.setattr(Queue, "put", once)
    with Sandbox(shared.world) as asana:
        destination = Destination()
        assert synced(asana, destination).failed
        assert len(failed) == 1
        assert shared.task in destination.rows["tasks"]
        goes_and_all_is_there(asana, shared, destination)
