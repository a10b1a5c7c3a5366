"""A destination keeps all that a sync wrote, while the states that Airbyte keeps are older ones.

Airbyte stores any subset of a sync's last states: those of a stream may be of an earlier moment or
an earlier sync. With events nothing may be left old, missing or left over after the next sync.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Sandbox
from unit_tests.properties.forgetful import ALL, settled
from unit_tests.properties.happenings import examples
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Record, key_of
from unit_tests.properties.steps import Step, apply, pick
from unit_tests.properties.test_change_feed import HOUR, NUMBERS, PLANS, STREAMS, TOLD, known, told
from unit_tests.scenarios.worlds_a import wrong


class Undoing(Lab):
    """A lab with steps that take back what others did, mostly without moving a stamp."""

    def undelete_latest(self, a: int, b: int) -> None:
        del a
        if self.world.trashed:
            latest = max(self.world.trashed.values(), key=lambda one: one.at)
            if not self.world.gone.get(latest.gid, {}).get("_within"):
                self.world.undelete(latest.gid, moves_stamp=b % 2 == 0)

    def unlike(self, a: int, b: int) -> None:
        del b
        liked = [gid for gid in self.tasks() if self.world[gid].get("_likes")]
        if liked:
            self.world.unlike(pick(liked, a))

    def untag(self, a: int, b: int) -> None:
        del b
        tagged = [gid for gid in self.tasks() if self.world[gid].get("tags")]
        if tagged:
            task = pick(tagged, a)
            self.world.untag(task, self.world[task]["tags"][-1])

    def rename(self, a: int, b: int) -> None:
        """Give one of two names, so that a name often comes back."""
        self.world.edit_task(pick(self.tasks(), a), name=f"Name {b % 2}")

    def rename_project(self, a: int, b: int) -> None:
        self.world.edit_project(pick(self.living(), a), name=f"Project {b % 2}")

    def delete_newest(self, a: int, b: int) -> None:
        """Delete what was made last: no state may know of it."""
        del a
        kind = ("task", "story", "attachment")[b % 3]
        made = [one["gid"] for one in self.world.of_kind(kind)][-1:]
        for gid in made:
            self.world.delete(gid)

    def climb(self, a: int, b: int) -> None:
        """Make a subtask a task of its own, or hang a task below another one."""
        world, task = self.world, pick(self.tasks(), a)
        if world[task]["parent"] and world[task]["_projects"]:
            world.set_parent(task, None)
        elif not world[task]["parent"]:
            others = [gid for gid in self.tasks() if gid not in self.below(task)]
            parent = pick(others, b)
            if len(world.lineage(parent)) == 1:
                world.set_parent(task, parent)


UNDONE = (
    "undelete_latest",
    "undelete_latest",
    "unlike",
    "untag",
    "rename",
    "rename_project",
    "delete_newest",
    "delete_newest",
    "delete_task",
    "climb",
)
STEPS = st.lists(st.tuples(st.sampled_from((*TOLD, *UNDONE)), NUMBERS, NUMBERS), max_size=6)
# How many of a stream's states are lost, counted from the last one that was printed.
LOST = st.fixed_dictionaries({stream: st.sampled_from([0, 0, 1, 2, ALL]) for stream in STREAMS})


class Untold:
    """Knows which records are as no event of a project with a token has told.

    Nothing but a full scan can find them.

    Args:
        asana: a sandbox.
        lab: the world behind it.
        hidden: the project that the token may not see.
    """

    def __init__(self, asana: Sandbox, lab: Lab, hidden: str) -> None:
        self._asana = asana
        self._lab = lab
        self._hidden = hidden
        self._records: set[tuple[str, str]] = set()

    def apply(self, step: Step) -> None:
        """Let a step happen, and note whether events tell of the records that it changes."""
        before, around = self._truth(), self._around()
        heard = len(self._lab.world.events)
        apply(self._lab, step)
        named = set(self._named(heard))
        after = self._truth()
        for one in {
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        }:
            gid = (after.get(one) or before[one])["gid"]
            if named & {*around.get(gid, ()), *self._lineage(gid)}:
                self._records.discard(one)
            else:
                self._records.add(one)

    def without(self, lines: Iterable[str]) -> list[str]:
        """Return the differences but those of such records."""
        found = ((line, line.replace(":", " ").split()) for line in lines)
        return [line for line, (stream, key, *_) in found if (stream, key) not in self._records]

    def _truth(self) -> dict[tuple[str, str], Record]:
        return {
            (stream, key_of(stream, record)): record
            for stream in STREAMS
            for record in self._asana.truth(stream)
        }

    def _named(self, heard: int) -> Iterator[str]:
        """Yield the gids that the events since then name, as a visible project has them."""
        visible = set(self._lab.living()) - {self._hidden}
        for event in self._lab.world.events[heard:]:
            if event.roots & visible:
                yield event.body["resource"]["gid"]
                if event.body["parent"]:
                    yield event.body["parent"]

    def _around(self) -> dict[str, set[str]]:
        return {gid: set(self._lineage(gid)) for gid in self._lab.world.objects}

    def _lineage(self, gid: str | None) -> Iterator[str]:
        """Yield the gids of a record, of all tasks that it is in, and of their projects."""
        while gid:
            yield gid
            found = known(self._lab, gid)
            yield from found.get("_projects") or ()
            gid = found.get("_within") or found.get("parent")


@pytest.mark.slow
@pytest.mark.usefixtures("fast")
@settings(max_examples=examples(40))
@given(
    happening=st.lists(
        st.tuples(STEPS, LOST, st.none() | st.integers(1, 80)), min_size=2, max_size=5
    ),
    plan=PLANS,
    mode=st.sampled_from(["auto", "events", "events"]),
)
def test_what_was_written_is_put_right_though_its_state_is_lost(
    happening: list[tuple[list[Step], dict[str, int], int | None]], plan: str, mode: str
) -> None:
    lab = Undoing()
    hidden = lab.projects.pop()
    lab.world.deliver_events(silent=True)
    options: dict[str, Any] = {
        "change_detection": mode,
        "track_deletions": True,
        "full_scan_interval_hours": 8760,
    }
    with Sandbox(lab.world, plan=plan, sync_forward=False) as asana:
        destination = settled(asana, options)
        untold = Untold(asana, lab, hidden)
        for steps, lost, kill_after in happening:
            for step in steps:
                untold.apply(step)
            asana.clock.advance(HOUR)
            destination.sync(asana, STREAMS, kill_after=kill_after, **options)
            asana.clock.advance(60)
            destination.lose(lost)
        asana.clock.advance(HOUR)
        done = destination.sync(asana, STREAMS, **options)
        assert not done.errors
        lines = told(lab, hidden, wrong(asana, destination, STREAMS))
        assert untold.without(lines) == []
