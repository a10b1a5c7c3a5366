"""The smaller ones: look-ups asked twice, rows that stay for ever, orders and locks."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Full, Queue
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteLogMessage, AirbyteMessage, Level, Type
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sandbox import Sandbox
from source_asana.core.ledger import Ledger
from source_asana.cursors.states import Emission, States
from source_asana.tasks.children import TaskChildrenStrategy
from unit_tests.findings.copies import (
    DAILY,
    DAY,
    HOUR,
    TRACKED,
    Copy,
    ghosts,
    new_world,
    state_in,
    tree,
)
from unit_tests.properties.runs import Record, Source, messages
from unit_tests.sync import catalog, config_for

# ── existence ───────────────────────────────────────────────────────────────────────────────────


def test_the_stories_of_a_task_that_left_all_lists_share_one_question_for_it() -> None:
    world, copy = new_world(), Copy()
    project = world.add_project("P")
    task = world.add_task(projects=[project])
    for _ in range(5):
        world.comment(task)
    world.clock.advance(DAY)
    with Sandbox(world) as asana:
        copy.sync(asana, ["stories"], **TRACKED)
        world.move_task(task, remove_project=project)
        asana.clock.advance(DAY)
        asana.reset_log()
        copy.sync(asana, ["stories"], **TRACKED)
        assert asana.requests("/tasks/{task_gid}") == 1
        assert asana.requests("/stories/{story_gid}") <= 5


# ── states without deletions ────────────────────────────────────────────────────────────────────


def rows(copy: Copy, stream: str) -> int:
    """Return how many rows, or versions of tasks, a stream's state has."""
    state = copy.state_of(stream)
    return len(Ledger.load(state.get("ledger") or state["tasks"]))


@pytest.mark.slow
def test_what_is_deleted_leaves_the_state_of_a_searched_workspace() -> None:
    world, copy, streams = new_world(), Copy(), ("tasks", "subtasks", "stories")
    tasks = [tree(world, world.add_project(f"P{number}")) for number in range(4)]
    world.clock.advance(DAY)
    options: dict[str, Any] = {**DAILY, "track_deletions": False}
    with Sandbox(world) as asana:
        copy.sync(asana, streams, **options)
        for task in tasks[:2]:
            world.delete(task)
        for _ in range(6):
            asana.clock.advance(DAY / 2)
            copy.sync(asana, streams, **options)
        there = {stream: rows(copy, stream) for stream in streams}
    assert there == {"tasks": 2, "subtasks": 2, "stories": 4}


# ── what a load depends on ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("track_deletions", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_further_column_is_noticed_in_whatever_order_a_state_is_loaded(
    monkeypatch: pytest.MonkeyPatch, *, track_deletions: bool
) -> None:
    parts = TaskChildrenStrategy.parts
    monkeypatch.setattr(
        TaskChildrenStrategy, "parts", lambda one: dict(reversed(parts(one).items()))
    )
    world, copy = new_world(), Copy()
    tree(world, world.add_project("P"))
    few = ["gid", "task_id", "synced_at", "_ab_cdc_deleted_at"][: 4 if track_deletions else 3]
    with Sandbox(world) as asana:
        for columns in (few, [*few, "text"]):
            asana.clock.advance(DAY)
            copy.sync(
                asana, ["stories"], columns={"stories": columns}, track_deletions=track_deletions
            )
    assert all("text" in record for record in copy.rows["stories"].values())


# ── kills ───────────────────────────────────────────────────────────────────────────────────────


def test_deletions_below_tasks_do_not_wait_for_another_period_after_a_kill() -> None:
    world, copy, streams = new_world(), Copy(), ("tasks", "stories")
    project = world.add_project("P")
    kept, deleted = tree(world, project), tree(world, project)
    world.clock.advance(DAY)
    with Sandbox(world) as asana:
        copy.sync(asana, streams, **DAILY)
        scanned = copy.state_of("stories")["scanned"]
        asana.clock.advance(DAY)
        world.delete(deleted)
        world.edit_task(kept, name="Edited")
        # So that there is a state between the full scan and the first tombstone.
        late = rf"^/tasks/({kept}/stories|{deleted}\?)"
        asana.fault("slow", late, seconds=0.3, times=None)

        def at(message: Record) -> bool:
            state = state_in(message, "stories")
            return state is not None and state["scanned"] != scanned

        copy.kill_at = at
        assert copy.sync(asana, streams, **DAILY).killed
        asana.clear_faults()
        for _ in range(2):
            asana.clock.advance(HOUR)
            copy.sync(asana, streams, **DAILY)
        assert ghosts(asana, copy, streams) == {}


# ── locks ───────────────────────────────────────────────────────────────────────────────────────

SETTINGS = "project_custom_field_settings"
SOMETHING = AirbyteMessage(
    type=Type.LOG, log=AirbyteLogMessage(level=Level.INFO, message="Something else")
)


class Held:
    """Holds the first state of the settings back until their stream ends in the main thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: Queue[Any]) -> None:
        self.begins = threading.Event()
        ends = threading.Event()
        emit, final = States.emit, Emission.final

        def held(states: States, stream: str) -> int:
            if stream == SETTINGS and not self.begins.is_set():
                self.begins.set()
                ends.wait(5)
                # Something of another stream takes the room that the main thread has made.
                with suppress(Full):
                    room.put_nowait(SOMETHING)
            return emit(states, stream)

        def ending(emission: Emission) -> None:
            if emission._stream == SETTINGS:
                ends.set()
            final(emission)

        monkeypatch.setattr(States, "emit", held)
        monkeypatch.setattr(Emission, "final", ending)


def consume(asana: Sandbox, source: Source, held: Held, outcome: list[str]) -> None:
    """Sync until the state is held back, tell the sync to stop then, and note how it ended."""
    configured = catalog(["projects", SETTINGS], incremental=True)
    try:
        for _ in messages(source, config_for(asana), configured, None):
            if held.begins.is_set():
                source.end()
    except AirbyteTracedException as error:
        outcome.append(error.message or "")


def test_a_sync_that_is_told_to_stop_ends_while_a_state_waits_for_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settings are sent, and their states printed, by whoever reads the projects.

    Told to stop, their stream ends in the main thread, which is the only one to make room in the
    output queue: it must not wait for a state that is being put there.
    """
    monkeypatch.setattr("source_asana.source.QUEUE_SIZE", 1)
    monkeypatch.setattr("source_asana.http.stop.WAKE_SECONDS", 0.02)
    world = new_world()
    world.set_custom_field(world.add_project("P"), world.add_custom_field("F", "text"))
    outcome: list[str] = []
    with Sandbox(world) as asana:
        source = Source()
        room = source._concurrent_source._queue
        given = (asana, source, Held(monkeypatch, room), outcome)
        consumer = threading.Thread(target=consume, args=given, daemon=True)
        consumer.start()
        consumer.join(5)
        ended = list(outcome)
        if consumer.is_alive():
            # So that no thread is left behind.
            room.get()
            consumer.join()
    assert ended == ["nobody listens"]
