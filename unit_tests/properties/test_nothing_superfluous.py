"""Nothing is sent twice: every record differs from the last one that was sent under its key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Sandbox
from sandbox.canonical import canonical
from sandbox.server_time import to_stamp
from unit_tests.properties.happenings import Round, examples, meanwhile, rounds, steps
from unit_tests.properties.lab import CHILDREN, EVERY, VOLATILE, Lab
from unit_tests.properties.runs import Destination, Record, key_of
from unit_tests.properties.steps import LOUD, SILENT, apply

# The grain of Asana's clock in answers, and of the bound that comes of it.
GRAIN = 2


def version(record: Record) -> Any:
    """Return what makes up a version of a record."""
    return canonical({name: one for name, one in record.items() if name not in VOLATILE})


def superfluous(
    lab: Lab, held: dict[str, dict[str, Record]], sent: dict[str, list[Record]], began: float
) -> list[str]:
    """Return what a sync sent as it had been sent before.

    Args:
        lab: the world.
        held: stream -> key -> the record that was sent last, before the sync.
        sent: what the sync sent.
        began: when the sync before this one began; children of tasks that changed since come anew.
    """
    found = []
    for stream, records in sent.items():
        rows = dict(held.get(stream, {}))
        for record in records:
            key = key_of(stream, record)
            before, rows[key] = rows.get(key), record
            if before is None or version(before) != version(record):
                continue
            task = record.get("task_id") or record.get("parent_id")
            changed = task in lab.world and lab.world[task].get("modified_at", "")
            if stream not in CHILDREN or not changed or changed < to_stamp(began - GRAIN):
                found.append(f"{stream} {key}")
    return found


@settings(max_examples=examples(2))
@given(happening=rounds(LOUD + SILENT), quiet=st.lists(steps(LOUD + SILENT), max_size=3))
@pytest.mark.parametrize("mode", [pytest.param("listing", marks=pytest.mark.slow), "search"])
def test_what_was_sent_is_not_sent_again(
    mode: str, happening: list[Round], quiet: list[tuple[str, int, int]]
) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="service") as asana:
        destination, began = Destination(), 0.0
        last = Round(before=quiet, during=[], fault=None, kill_after=None, pause=0.0, gap=5)
        for one in [*happening, last]:
            for step in one.before:
                apply(lab, step)
            asana.clock.advance(one.gap)
            meanwhile(asana, lab, one)
            held = {stream: dict(rows) for stream, rows in destination.rows.items()}
            now = asana.clock.now()
            done = destination.sync(asana, EVERY, change_detection=mode, full_scan_interval_hours=0)
            assert not done.failed, done.errors
            asana.before_request(None)
            assert superfluous(lab, held, done.records, began) == []
            began = now


@pytest.mark.parametrize("mode", ["listing", "search"])
def test_a_sync_in_which_nothing_changed_sends_nothing(mode: str) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="service") as asana:
        destination = Destination()
        for number in range(3):
            asana.clock.advance(3600)
            done = destination.sync(asana, EVERY, change_detection=mode)
            assert not done.failed, done.errors
            counts = {stream: len(records) for stream, records in done.records.items() if records}
            assert not number or counts == {}


@pytest.mark.parametrize("change", [*SILENT, "edit_task"])
def test_a_change_sends_what_it_changed_and_no_neighbour(change: str) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced") as asana:
        destination = Destination()
        destination.sync(asana, ("tasks", "subtasks"), full_scan_interval_hours=0)
        asana.clock.advance(3600)
        before = {task: version(lab.world[task]) for task in lab.tasks()}
        apply(lab, (change, 0, 2))
        changed = {task for task in lab.tasks() if version(lab.world[task]) != before[task]}
        done = destination.sync(asana, ("tasks", "subtasks"), full_scan_interval_hours=0)
        assert set(done.gids("tasks") + done.gids("subtasks")) == changed
