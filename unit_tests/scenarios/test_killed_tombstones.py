"""A tombstone is printed, the sync is killed, and what it buried is undeleted: it comes again.

The state that the next sync begins with was printed before the tombstone. How long before depends
on its size: a large one is printed rarely, so that it may say nothing of this sync at all.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox import Sandbox, World
from source_asana.cursors import states
from unit_tests.properties.lab import DELETED
from unit_tests.properties.runs import Record
from unit_tests.scenarios.worlds_a import DAY, FAMILY, TRACKED, Killable, send_at_once, wrong

OPTIONS = {"full_scan_interval_hours": 0, **TRACKED}
NEVER = 1e9
LATE_SECONDS = 0.2
# What a sync asks about in the ten minutes that this gives it is less than what is deleted here.
SLOWLY = {"requests_per_minute": 15}
LOOKED_INTO = 150
# Those that wait take at most half of these questions.
WAITING = LOOKED_INTO // 2
KILLED_AFTER = 5


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_once(monkeypatch)


def print_states_rarely(patch: pytest.MonkeyPatch) -> None:
    """Have no state printed before the end of a sync, as if all were large."""
    patch.setattr(states, "SHORTEST_SILENCE_SECONDS", NEVER)
    patch.setattr(states, "LONG_SILENCE_SECONDS", NEVER)


def tombstone(stream: str, number: int = 1) -> Callable[[Record], bool]:
    """Return what is true for the tombstone of that number in a stream."""
    left = number

    def fits(message: Record) -> bool:
        nonlocal left
        if message["type"] == "RECORD" and message["record"]["stream"] == stream:
            left -= bool(message["record"]["data"].get(DELETED))
        return left <= 0

    return fits


def sync(asana: Sandbox, destination: Killable, streams: tuple[str, ...], **options: int) -> None:
    """Sync a day later, to the end or to a kill."""
    asana.clock.advance(DAY)
    done = destination.sync(asana, streams, **OPTIONS, **options)
    assert done.killed is (destination.kills_at is not None)
    assert done.killed or not done.failed, done.errors


def undeleted(stream: str, *, with_its_task: bool) -> list[str]:
    """Return what one stream lacks after a kill at the last of its tombstones, and one sync.

    Args:
        stream: its name.
        with_its_task: whether a task is deleted with all in it, or one record of the stream alone.
    """
    world = World.empty()
    project = world.add_project("P")
    task, other = (world.add_task(f"T{number}", projects=[project]) for number in range(2))
    world.add_task("Below", parent=other)
    gone = {"tasks": task}
    for _ in range(2):
        gone["subtasks"] = world.add_task("Below", parent=task)
        gone["stories"] = world.comment(task)
        gone["attachments"] = world.add_attachment(task)
    with Sandbox(world) as asana:
        destination = Killable()
        sync(asana, destination, FAMILY)
        there = len(asana.truth(stream))
        deleted = task if with_its_task else gone[stream]
        world.delete(deleted)
        # What is read last, so that a state comes before the tombstones.
        world.edit_task(other, name="Changed")
        asana.fault("slow", rf"/{other}/|parent={other}", times=None, seconds=LATE_SECONDS)
        destination.kills_at = tombstone(stream, there - len(asana.truth(stream)))
        sync(asana, destination, FAMILY)
        asana.clear_faults()
        world.undelete(deleted)
        destination.kills_at = None
        sync(asana, destination, FAMILY)
        return wrong(asana, destination, (stream,))


@pytest.mark.parametrize("stream", FAMILY)
def test_what_is_undeleted_comes_again(stream: str) -> None:
    assert undeleted(stream, with_its_task=False) == []


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param("subtasks"),
        pytest.param("stories"),
        pytest.param("attachments", marks=pytest.mark.slow),
    ],
)
def test_what_is_undeleted_with_its_task_comes_again(stream: str) -> None:
    assert undeleted(stream, with_its_task=True) == []


@pytest.mark.parametrize(
    "stream",
    [
        "tasks",
        "stories",
        pytest.param("subtasks", marks=pytest.mark.slow),
        pytest.param("attachments", marks=pytest.mark.slow),
    ],
)
def test_what_is_undeleted_comes_again_where_states_are_rare(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    print_states_rarely(monkeypatch)
    assert undeleted(stream, with_its_task=False) == []


@pytest.mark.parametrize("syncs", [2, 3], ids=["after caution", "after the allowance"])
def test_what_waited_for_its_look_up_comes_again(
    syncs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of a stream at once waits for the second sync, and what it has no time for longer."""
    print_states_rarely(monkeypatch)
    world = World.empty()
    project = world.add_project("P")
    tasks = [world.add_task(f"T{number}", projects=[project]) for number in range(LOOKED_INTO + 20)]
    gone = tasks[: LOOKED_INTO + 10]
    with Sandbox(world) as asana:
        destination = Killable()
        sync(asana, destination, ("tasks",), **SLOWLY)
        for task in gone:
            world.delete(task)
        buried = []
        for later in range(1, syncs + 1):
            destination.kills_at = tombstone("tasks", KILLED_AFTER) if later == syncs else None
            sync(asana, destination, ("tasks",), **SLOWLY)
            rows = destination.rows["tasks"].values()
            buried.append(sum(bool(row.get(DELETED)) for row in rows))
        assert buried == ([0, KILLED_AFTER] if syncs == 2 else [0, WAITING, WAITING + KILLED_AFTER])
        for task in gone:
            world.undelete(task)
        destination.kills_at = None
        sync(asana, destination, ("tasks",), **SLOWLY)
        assert wrong(asana, destination, ("tasks",)) == []
