"""The destination has what a sync sent, and Airbyte has lost the states of some of its streams.

With events the next sync puts everything right: they are as old as the state, and tell it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.forgetful import Forgetful, settled
from unit_tests.properties.test_change_feed import HOUR, STREAMS
from unit_tests.scenarios.worlds_a import wrong

pytestmark = pytest.mark.usefixtures("fast")

OPTIONS: dict[str, Any] = {
    "change_detection": "events",
    "track_deletions": True,
    "full_scan_interval_hours": 8760,
}
LOST = pytest.mark.parametrize("lost", [(stream,) for stream in STREAMS] + [STREAMS], ids="+".join)
PLANS = pytest.mark.parametrize("plan", ["free", "paid"])


class Family(NamedTuple):
    """A task with one of everything below it, next to another one of the same project."""

    world: World
    project: str
    task: str
    other: str
    subtask: str
    story: str
    attachment: str


def family() -> Family:
    """Return a world whose events tell of every change."""
    world = World.empty()
    project = world.add_project("P")
    task, other = (world.add_task(name, projects=[project]) for name in ("T", "Other"))
    subtask = world.add_task("Below", parent=task)
    world.comment(subtask)
    story, attachment = world.comment(task), world.add_attachment(task)
    world.deliver_events(silent=True)
    return Family(world, project, task, other, subtask, story, attachment)


def sync(asana: Sandbox, destination: Forgetful, *, lose: tuple[str, ...] = ()) -> None:
    """Sync, keep all records, and lose the states of some streams."""
    done = destination.sync(asana, STREAMS, **OPTIONS)
    assert not done.errors
    destination.lose_all(lose)
    asana.clock.advance(HOUR)


@LOST
@PLANS
@pytest.mark.parametrize("gone", ["task", "subtask", "story", "attachment"])
def test_what_came_back_is_there_though_the_state_is_older_than_its_tombstone(
    gone: str, plan: str, lost: tuple[str, ...]
) -> None:
    f = family()
    with Sandbox(f.world, plan=plan) as asana:
        destination = settled(asana, OPTIONS)
        f.world.delete(getattr(f, gone))
        sync(asana, destination, lose=lost)
        f.world.undelete(getattr(f, gone), moves_stamp=False)
        sync(asana, destination)
        assert wrong(asana, destination, STREAMS) == []


def nested(f: Family) -> list[str]:
    """Make a task with one of everything below it."""
    task = f.world.add_task("New", projects=[f.project])
    subtask = f.world.add_task("New below", parent=task)
    f.world.comment(subtask)
    f.world.add_attachment(task)
    return [task]


MADE: dict[str, Callable[[Family], list[str]]] = {
    "a task": nested,
    "a subtask": lambda f: [f.world.add_task("New", parent=f.other)],
    "a comment": lambda f: [f.world.comment(f.other)],
    "a file": lambda f: [f.world.add_attachment(f.other)],
    "a task that became a subtask": lambda f: f.world.set_parent(f.task, f.other) or [f.task],
}


@LOST
@PLANS
@pytest.mark.parametrize("made", MADE)
def test_what_no_state_knows_is_removed(made: str, plan: str, lost: tuple[str, ...]) -> None:
    f = family()
    with Sandbox(f.world, plan=plan) as asana:
        destination = settled(asana, OPTIONS)
        gids = MADE[made](f)
        sync(asana, destination, lose=lost)
        for gid in gids:
            f.world.delete(gid)
        sync(asana, destination)
        assert wrong(asana, destination, STREAMS) == []


@LOST
@PLANS
def test_the_parent_of_a_deleted_subtask_counts_one_less(plan: str, lost: tuple[str, ...]) -> None:
    f = family()
    with Sandbox(f.world, plan=plan) as asana:
        destination = settled(asana, OPTIONS)
        f.world.delete(f.subtask)
        sync(asana, destination, lose=lost)
        sync(asana, destination)
        assert wrong(asana, destination, STREAMS) == []
        assert destination.rows["tasks"][f.task]["num_subtasks"] == 0


@LOST
@PLANS
def test_a_comment_of_a_task_that_left_its_list_and_came_back_can_be_deleted(
    plan: str, lost: tuple[str, ...]
) -> None:
    f = family()
    hidden = f.world.add_project("Hidden", private=True)
    with Sandbox(f.world, plan=plan) as asana:
        destination = settled(asana, OPTIONS)
        f.world.move_task(f.task, add_project=hidden)
        f.world.move_task(f.task, remove_project=f.project)
        sync(asana, destination, lose=lost)
        f.world.move_task(f.task, add_project=f.project)
        sync(asana, destination)
        f.world.delete(f.story)
        sync(asana, destination)
        assert wrong(asana, destination, STREAMS) == []


@PLANS
@pytest.mark.parametrize("kill_after", range(5, 55, 5))
def test_a_killed_sync_whose_records_were_all_kept_leaves_nothing_wrong(
    kill_after: int, plan: str
) -> None:
    f = family()
    with Sandbox(f.world, plan=plan) as asana:
        destination = settled(asana, OPTIONS)
        f.world.delete(f.subtask)
        f.world.delete(f.attachment)
        f.world.edit_comment(f.story)
        f.world.set_parent(f.other, f.task)
        f.world.comment(f.world.add_task("New", projects=[f.project]))
        done = destination.sync(asana, STREAMS, kill_after=kill_after, **OPTIONS)
        assert done.killed or kill_after > done.messages
        asana.clock.advance(HOUR)
        f.world.undelete(f.attachment, moves_stamp=False)
        sync(asana, destination)
        assert wrong(asana, destination, STREAMS) == []
