"""One answer whose `Date` is far ahead must not keep later syncs from reading what changes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.findings.copies import DAILY, DAY, HOUR, TREE, YEARLY, Copy, new_world, tree, wrong

AHEAD = 400 * DAY
ALONE = {**DAILY, "change_detection": "listing"}
PROJECTS, WORKSPACES = r"^/projects\?", r"^/workspaces\?"


def sync_with_a_wrong_date(asana: Sandbox, copy: Copy, streams: tuple[str, ...], at: str) -> None:
    """Sync with a `Date` far ahead in the answers from a path on until the projects are known."""
    wrong_date = partial(setattr, asana.api.settings, "date_skew")
    asana.before_nth(1, partial(wrong_date, AHEAD), path=at)
    asana.before_nth(1, partial(wrong_date, 0.0), path=r"\?.*(project|parent)=")
    copy.sync(asana, streams, **DAILY)
    wrong_date(0.0)
    asana.clear_hooks()


@pytest.mark.parametrize(
    ("plan", "streams", "options", "at"),
    [
        pytest.param("free", ("tasks",), ALONE, PROJECTS, id="tasks"),
        pytest.param("paid", TREE, DAILY, PROJECTS, id="search"),
        pytest.param("service", ("tasks", "stories"), YEARLY, PROJECTS, id="audit"),
        pytest.param("paid", ("tasks",), DAILY, WORKSPACES, id="first-answer"),
    ],
)
def test_what_changes_afterwards_arrives(
    plan: str, streams: tuple[str, ...], options: dict[str, Any], at: str
) -> None:
    world, copy = new_world(), Copy()
    project = world.add_project("P")
    edited, deleted = tree(world, project), world.add_task(projects=[project])
    world.comment(deleted)
    world.clock.advance(DAY)
    with Sandbox(world, plan=plan) as asana:
        sync_with_a_wrong_date(asana, copy, streams, at)
        late = 1000 * (asana.clock.now() + AHEAD - DAY)
        assert max(copy.instants("tasks").values()) > late, "no wrong date was stored"
        world.edit_task(edited, name="Edited")
        world.comment(edited)
        asana.clock.advance(HOUR)
        copy.sync(asana, streams, **options)
        assert wrong(asana, copy, streams) == {}
        world.delete(deleted)
        asana.clock.advance(DAY)
        copy.sync(asana, streams, **options)
        assert wrong(asana, copy, streams) == {}


def test_what_changes_afterwards_in_streams_with_windows_and_gates() -> None:
    streams = ("time_tracking_entries", "project_status_updates", "audit_log_events")
    world, copy = new_world(), Copy()
    project = world.add_project("P")
    task = world.add_task(projects=[project])
    world.add_time_entry(task, minutes=1)
    update = world.add_status_update(project)
    world.add_audit_event("task_deleted")
    world.clock.advance(DAY)
    with Sandbox(world, plan="service") as asana:
        sync_with_a_wrong_date(asana, copy, streams, PROJECTS)
        asana.clock.advance(DAY)
        world.add_time_entry(task, minutes=2)
        world.edit(update, title="Edited")
        world.add_audit_event("task_deleted")
        asana.clock.advance(HOUR)
        copy.sync(asana, streams, **DAILY)
        assert wrong(asana, copy, streams) == {}
