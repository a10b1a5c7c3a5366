"""Everything at once: two workspaces, answers that come late, settings that change between syncs.

`PROPERTY_EXAMPLES=500` makes it run for hours.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Sandbox
from unit_tests.properties.happenings import (
    NUMBERS,
    TASK_FAULTS,
    Round,
    examples,
    happens,
    rounds,
)
from unit_tests.properties.lab import DELETED, EVERY, Lab
from unit_tests.properties.runs import Destination, Sync, key_of
from unit_tests.properties.steps import ACCESS, DELETIONS, LOUD, SILENT, pick

DAY = 86_400
STEPS = LOUD + ACCESS + SILENT + DELETIONS + 4 * ("at_home",)
# The settings of one sync: nothing in a state may rely on those of the next one.
SYNC = st.fixed_dictionaries(
    {
        "change_detection": st.sampled_from(["auto", "auto", "search", "events", "listing"]),
        "full_scan_interval_hours": st.sampled_from([None, None, 0, 24]),
        "num_workers": st.sampled_from([1, 2, 20, 40]),
        "bulk_export": st.booleans(),
    }
)
ROUNDS = st.lists(st.tuples(rounds(STEPS, TASK_FAULTS), SYNC), min_size=1, max_size=2)


class TwoWorkspaces(Lab):
    """A lab whose token sees a second workspace, where `at_home` edits, adds and deletes tasks."""

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        self.home = world.add_workspace("Home")
        self.flatmate = world.add_user("Flo", workspace=self.home)
        self.garden = world.add_project("Garden", workspace=self.home)
        for assignee in (world.me, self.flatmate):
            task = world.add_task("Lone at home", workspace=self.home, assignee=assignee)
            world.comment(task)
        below = world.add_task("In the garden", projects=[self.garden], workspace=self.home)
        world.add_task("Below it", parent=below)
        world.clock.advance(100)

    def tasks(self) -> list[str]:
        """Return the tasks of the first workspace, which the other steps choose from."""
        world = self.world
        return [gid for gid in super().tasks() if world.workspace_of(gid) == world.workspace]

    def at_home(self, a: int, b: int) -> None:
        world = self.world
        lone = [gid for gid in super().tasks() if gid not in self.tasks()]
        if a % 4 == 0:
            assignee = pick([world.me, self.flatmate], b)
            world.add_task(self.name(), workspace=self.home, assignee=assignee)
        elif a % 4 == 1:
            world.add_task(self.name(), workspace=self.home, projects=[self.garden])
        elif a % 4 == 2 or len(lone) < 5:
            world.edit_task(pick(lone, b), name=self.name())
        else:
            world.delete_task(pick(lone, b))


@pytest.mark.slow
@pytest.mark.timeout(36_000)
@pytest.mark.usefixtures("fast")
@settings(max_examples=examples(6))
@given(
    happening=ROUNDS,
    plan=st.sampled_from(["free", "paid", "advanced", "service"]),
    lost=st.sampled_from([0.0, 0.0, 0.2]),
    late=st.sampled_from([0.0, 0.1, 0.5]),
    seed=NUMBERS,
)
def test_in_the_end_the_destination_equals_asana(
    happening: list[tuple[list[Round], dict[str, Any]]],
    plan: str,
    lost: float,
    late: float,
    seed: int,
) -> None:
    lab = TwoWorkspaces()
    lab.world.deliver_events(lost=lost, repeated=lost, late=lost, delay=7200, seed=seed)
    destination = Destination()
    with Sandbox(lab.world, plan=plan) as asana:
        for parts, options in happening:
            for one in parts:
                # Only service accounts may export.
                exports = options["bulk_export"] and plan == "service"
                own = {**options, "bulk_export": exports, "track_deletions": True}
                with happens(asana, lab, one):
                    if late:
                        asana.fault("slow", times=None, share=late, seed=seed, seconds=0.05)
                    destination.sync(asana, EVERY, kill_after=one.kill_after, **own)
        for mode in [*(options["change_detection"] for _, options in happening), "auto"]:
            asana.clock.advance(8 * DAY)
            done = destination.sync(asana, EVERY, track_deletions=True, change_detection=mode)
            assert not done.failed, done.errors
            assert false_tombstones(asana, done) == set()
        assert [line for name in EVERY for line in lab.missing(asana, destination, name)] == []
        held = [line for name in EVERY for line in lab.falsely_held(destination, asana, name)]
        assert held == []


def false_tombstones(asana: Sandbox, done: Sync) -> set[tuple[str, str]]:
    """Return the streams and keys of what a sync in peace called deleted though it exists."""
    return {
        (stream, key_of(stream, one))
        for stream, sent in done.records.items()
        for one in sent
        if one.get(DELETED)
    } & {(name, key_of(name, record)) for name in done.records for record in asana.truth(name)}
