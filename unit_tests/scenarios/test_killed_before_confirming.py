"""A list was read to its end, its state printed, and the sync killed before it sent tombstones.

Status updates are read where their parent shows another newest one, so the next sync has no reason
to read that list again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    DAY,
    HARDLY,
    HOUR,
    new_world,
    print_every_state,
    scan_every,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

STREAM = "project_status_updates"
Step = Callable[[], None]
TRACKED = {"track_deletions": True}


@pytest.fixture(autouse=True)
def _every_state(monkeypatch: pytest.MonkeyPatch) -> None:
    print_every_state(monkeypatch)


class Updates:
    """Two projects with three status updates each."""

    def __init__(self) -> None:
        world = self.world = new_world()
        self.projects = [world.add_project(name) for name in ("P", "Q")]
        self.updates = [
            [world.add_status_update(project, f"{number}") for number in range(3)]
            for project in self.projects
        ]

    def delete(self, place: int, project: int) -> None:
        """Delete the update at this place of a project."""
        self.world.delete(self.updates[project][place])

    def publish(self, project: int) -> None:
        """Publish another update on a project."""
        update = self.world.add_status_update(self.projects[project], "Newer")
        self.updates[project].append(update)

    def delete_old_ones(self) -> None:
        """Delete an update of each project that is not its newest."""
        for project in (0, 1):
            self.delete(1, project)

    def publish_new_ones(self) -> None:
        """Publish another update on each project."""
        for project in (0, 1):
            self.publish(project)


def wrong_after_a_kill(
    updates: Updates,
    kill_after: int,
    before: Step,
    *,
    after: Step = lambda: None,
    often: Mapping[str, Any] = HARDLY,
    plan: str = "paid",
) -> list[str]:
    """Return the differences from Asana after a sync, one that is killed, and one that is not.

    Args:
        updates: the world.
        kill_after: the number of the message after which the second sync is killed.
        before: happens before that one.
        after: happens after it.
        often: how often a sync is a full scan.
        plan: of the token.
    """
    with Sandbox(updates.world, plan=plan) as asana:
        destination = Destination()
        for _ in range(2):
            asana.clock.advance(DAY)
            destination.sync(asana, (STREAM,), **TRACKED, **often)
        before()
        asana.clock.advance(DAY)
        killed = destination.sync(asana, (STREAM,), kill_after=kill_after, **TRACKED, **often)
        assert killed.killed
        # The state does not name these: nobody notices their deletion right after the kill.
        unnamed = set(destination.uncommitted[STREAM])
        after()
        asana.clock.advance(HOUR)
        done = destination.sync(asana, (STREAM,), **TRACKED, **often)
        assert not done.failed, done.errors
        wrong = unlike_asana(asana, destination, STREAM)
        return [line for line in wrong if not any(key in line for key in unnamed)]


# Each list ends with a state; then come tombstones.
@pytest.mark.parametrize("kill_after", [2, 4])
def test_an_update_that_was_deleted_before_a_newer_one_had_the_list_read(kill_after: int) -> None:
    updates = Updates()

    def delete_and_publish() -> None:
        updates.delete_old_ones()
        updates.publish_new_ones()

    assert wrong_after_a_kill(updates, kill_after, delete_and_publish) == []


@pytest.mark.parametrize("kill_after", [1, 2])
def test_an_update_that_was_deleted_before_a_full_scan(kill_after: int) -> None:
    updates = Updates()
    daily = scan_every(24)
    assert wrong_after_a_kill(updates, kill_after, updates.delete_old_ones, often=daily) == []


@pytest.mark.parametrize("kill_after", [2, 4])
def test_the_newest_update_is_deleted_after_the_kill(kill_after: int) -> None:
    updates = Updates()

    def delete_the_newest() -> None:
        for project in (0, 1):
            updates.delete(-1, project)

    before = updates.publish_new_ones
    assert wrong_after_a_kill(updates, kill_after, before, after=delete_the_newest) == []


@pytest.mark.parametrize("kill_after", [2, 3])
def test_an_update_that_only_the_audit_log_names(kill_after: int) -> None:
    updates = Updates()

    def delete_and_publish_elsewhere() -> None:
        updates.delete(1, project=0)
        updates.publish(project=1)

    before = delete_and_publish_elsewhere
    assert wrong_after_a_kill(updates, kill_after, before, plan="service") == []
