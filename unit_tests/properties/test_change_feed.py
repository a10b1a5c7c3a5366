"""Events in random worlds: what they tell arrives with the next sync, what they lose later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Sandbox
from unit_tests.properties.happenings import TASK_FAULTS, Round, examples, happens
from unit_tests.properties.happenings import rounds as rounds_of
from unit_tests.properties.lab import DELETED, Lab
from unit_tests.properties.runs import Destination
from unit_tests.properties.steps import Step, apply
from unit_tests.scenarios.worlds_a import wrong

STREAMS = ("tasks", "subtasks", "stories", "attachments")
HOUR, DAY = 3600, 86_400
# What makes events: of a task in a project, of what is below it, of its comments and files.
TOLD = (
    "edit_task",
    "comment",
    "attach",
    "attach_to_project",
    "delete_story",
    "new_task",
    "new_subtask",
    "move_task",
    "move_silently",
    "delete_task",
    "undelete",
    "edit_project",
    "edit_comment",
    "like",
    "tag",
    "reassign",
)
NUMBERS = st.integers(0, 97)
STEPS = st.lists(st.tuples(st.sampled_from(TOLD), NUMBERS, NUMBERS), min_size=1, max_size=8)
PLANS = st.sampled_from(["paid", "free"])
MODES = st.sampled_from(["auto", "events"])


def begun(asana: Sandbox, options: dict[str, Any]) -> Destination:
    """Return what two syncs have brought, so that each project has a token."""
    destination = Destination()
    for _ in range(2):
        destination.sync(asana, STREAMS, **options)
        asana.clock.advance(HOUR)
    return destination


def told(lab: Lab, hidden: str, lines: list[str]) -> Iterator[str]:
    """Yield the differences in what hangs on a project: nothing tells of other tasks.

    Nor do the events of the project that is hidden from the token.
    """
    for line in lines:
        stream, gid, *_ = line.replace(":", " ").split()
        found = known(lab, gid)
        top = found.get("_within", gid) if stream in {"stories", "attachments"} else gid
        while parent := known(lab, top).get("parent"):
            top = parent
        if set(known(lab, top).get("_projects") or ()) - {hidden}:
            yield line


def known(lab: Lab, gid: str) -> dict[str, Any]:
    """Return what a world holds, or held until it was deleted."""
    return lab.world.objects.get(gid) or lab.world.gone.get(gid) or {}


@pytest.mark.slow
@pytest.mark.usefixtures("fast")
@settings(max_examples=examples(8))
@given(
    happening=st.lists(st.tuples(STEPS, st.sets(st.sampled_from(STREAMS))), min_size=2, max_size=4),
    plan=PLANS,
    mode=MODES,
)
def test_what_events_tell_arrives_with_the_next_sync(
    happening: list[tuple[list[Step], set[str]]], plan: str, mode: str
) -> None:
    lab = Lab()
    hidden = lab.projects.pop()
    lab.world.deliver_events(silent=True)
    options: dict[str, Any] = {"change_detection": mode, "track_deletions": True}
    with Sandbox(lab.world, plan=plan, sync_forward=True) as asana:
        destination = begun(asana, options)
        for steps, uncommitted in happening:
            for step in steps:
                apply(lab, step)
            asana.clock.advance(HOUR)
            before = dict(destination.states)
            rows = {stream: dict(held) for stream, held in destination.rows.items()}
            done = destination.sync(asana, STREAMS, **options)
            assert not done.errors
            assert list(told(lab, hidden, wrong(asana, destination, STREAMS))) == []
            # Of some streams neither records nor state reach the destination: they come again.
            destination.states |= {stream: before[stream] for stream in uncommitted}
            destination.rows |= {stream: rows[stream] for stream in uncommitted}


@pytest.mark.slow
@pytest.mark.usefixtures("fast")
@settings(max_examples=examples(8))
@given(
    happening=rounds_of((*TOLD, "hide", "share", "delete_something"), TASK_FAULTS),
    plan=PLANS,
    mode=MODES,
    share=st.sampled_from([0.05, 0.5]),
    is_forward=st.booleans(),
    seed=NUMBERS,
)
def test_what_events_lose_comes_with_the_full_scan(
    happening: list[Round], plan: str, mode: str, share: float, *, is_forward: bool, seed: int
) -> None:
    lab = Lab()
    lab.world.deliver_events(lost=share, repeated=share, late=share, delay=2 * HOUR, seed=seed)
    options: dict[str, Any] = {"change_detection": mode, "track_deletions": True}
    with Sandbox(lab.world, plan=plan, sync_forward=is_forward) as asana:
        destination = begun(asana, options)
        for one in happening:
            with happens(asana, lab, one):
                done = destination.sync(asana, STREAMS, kill_after=one.kill_after, **options)
            assert list(false_tombstones(asana, done.records)) == []
        for _ in range(3):
            asana.clock.advance(8 * DAY)
            done = destination.sync(asana, STREAMS, **options)
            assert list(false_tombstones(asana, done.records)) == []
        missing = [line for name in STREAMS for line in lab.missing(asana, destination, name)]
        assert missing == []
        held = [line for name in STREAMS for line in lab.falsely_held(destination, asana, name)]
        assert held == []


def false_tombstones(asana: Sandbox, records: Any) -> Iterator[str]:
    """Yield the tombstones of what exists in Asana."""
    for stream, sent in records.items():
        there = {record["gid"] for record in asana.truth(stream)}
        for record in sent:
            if record.get(DELETED) and record["gid"] in there:
                later = [one for one in sent if one["gid"] == record["gid"]][-1]
                if later.get(DELETED):
                    yield f"{stream} {record['gid']}"
