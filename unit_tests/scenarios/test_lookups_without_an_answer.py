"""A confirmed deletion has its tombstone in the same sync, however many get no answer.

A sync asks about as many missing records as ten minutes of the quota allow. Ten thousand to which
Asana gives no answer would take all of that in each sync. Here a sync asks about two, and sixty get
no answer.
"""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    ALWAYS,
    DAY,
    HARDLY,
    ask_about_few,
    new_world,
    tombstones,
)

TRACKED = {"track_deletions": True}
# More than a hundred would wait for the next sync.
UNANSWERED = 60


pytestmark = pytest.mark.usefixtures("fast", "_two_questions")


@pytest.fixture
def _two_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    ask_about_few(monkeypatch, 2)


def delete_without_an_answer(
    asana: Sandbox, destination: Destination, kind: str, gids: list[str], streams: tuple[str, ...]
) -> None:
    """Delete objects, have Asana give no answer about them, and sync twice."""
    asana.clock.advance(DAY)
    destination.sync(asana, streams, **TRACKED, **ALWAYS)
    fault = asana.fault(
        "status",
        rf"^/{kind}s/({'|'.join(gids)})\b",
        times=None,
        status=402,
        message="Not available on your plan.",
    )
    for gid in gids:
        asana.world.delete(gid)
    for _ in range(2):
        asana.clock.advance(DAY)
        done = destination.sync(asana, streams, **TRACKED, **ALWAYS)
        assert not done.failed, done.errors
        assert tombstones(done) == {}
    # In the second sync they take at most half of the questions.
    assert fault.hits >= 3


def test_a_deletion_that_a_list_shows() -> None:
    world = new_world()
    deleted, *others = [world.add_tag(f"T{number}") for number in range(1 + UNANSWERED)]
    with Sandbox(world) as asana:
        destination = Destination()
        delete_without_an_answer(asana, destination, "tag", others, ("tags",))
        world.delete(deleted)
        asana.clock.advance(DAY)
        done = destination.sync(asana, ("tags",), **TRACKED)
    assert tombstones(done) == {"tags": [deleted]}


def test_a_deletion_in_another_stream() -> None:
    world, streams = new_world(), ("tags", "tasks")
    project = world.add_project("P")
    tags = [world.add_tag(f"T{number}") for number in range(UNANSWERED)]
    deleted, *_ = [world.add_task(f"T{number}", projects=[project]) for number in range(40)]
    with Sandbox(world) as asana:
        destination = Destination()
        delete_without_an_answer(asana, destination, "tag", tags, streams)
        world.delete(deleted)
        asana.clock.advance(DAY)
        # So many pages of tasks have the tags asked about first.
        asana.before_request(
            lambda path, params: params.update({"limit": "1"} if path == "/tasks" else {})
        )
        done = destination.sync(asana, streams, **TRACKED, **ALWAYS)
    assert tombstones(done) == {"tasks": [deleted]}


def test_a_deletion_that_only_the_audit_log_names() -> None:
    world = new_world()
    project = world.add_project("P")
    deleted, *others = [
        world.add_task(f"T{number}", projects=[project]) for number in range(2 + UNANSWERED)
    ]
    with Sandbox(world, plan="service") as asana:
        destination = Destination()
        delete_without_an_answer(asana, destination, "task", others[1:], ("tasks",))
        world.delete(deleted)
        asana.clock.advance(DAY)
        asana.reset_log()
        done = destination.sync(asana, ("tasks",), change_detection="search", **TRACKED, **HARDLY)
        assert asana.requests("/tasks") == 0
    assert tombstones(done) == {"tasks": [deleted]}
