"""What is deleted gets a tombstone, and nothing that exists does."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from sandbox import Sandbox
from unit_tests.properties.happenings import TASK_FAULTS, Round, examples, rounds, run
from unit_tests.properties.lab import CHILDREN, DELETED, EVERY, UNTRACKED, Lab, unlike
from unit_tests.properties.runs import Destination, Sync, key_of
from unit_tests.properties.steps import ACCESS, DELETIONS, LOUD, SILENT
from unit_tests.sync import streams

TRACKED = {"track_deletions": True, "full_scan_interval_hours": 0}
STEPS = LOUD + ACCESS + SILENT + 2 * DELETIONS


def equal(asana: Sandbox, lab: Lab, destination: Destination) -> None:
    """Assert that a destination holds what Asana shows, and nothing that is gone."""
    for stream in EVERY:
        assert lab.missing(asana, destination, stream) == []
        assert lab.falsely_held(destination, asana, stream) == []


def settled(
    asana: Sandbox, destination: Destination, mode: str, names: tuple[str, ...] = EVERY
) -> list[Sync]:
    """Sync until everything is confirmed: what is much at once waits for another sync."""
    done = []
    for _ in range(2):
        asana.clock.advance(60)
        done.append(destination.sync(asana, names, change_detection=mode, **TRACKED))
        assert not done[-1].failed, done[-1].errors
    return done


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["listing", "search"])
@settings(max_examples=examples(2))
@given(happening=rounds(STEPS, TASK_FAULTS))
def test_the_destination_equals_asana(mode: str, happening: list[Round]) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="service") as asana:
        destination = run(asana, lab, happening, EVERY, change_detection=mode, **TRACKED)
        settled(asana, destination, mode)
        equal(asana, lab, destination)
        fresh = Destination()
        fresh.sync(asana, EVERY)
        listed = [stream for stream in EVERY if stream not in CHILDREN]
        assert [line for stream in listed for line in unlike(destination, fresh, stream)] == []


def tombstones(done: Sync) -> dict[str, Counter[str]]:
    """Return how many tombstones came of each key, by stream."""
    return {
        stream: found
        for stream, records in done.records.items()
        if (found := Counter(key_of(stream, one) for one in records if one.get(DELETED)))
    }


@pytest.mark.slow
def test_one_tombstone_each() -> None:
    lab = Lab()
    world = lab.world
    with Sandbox(world, plan="service") as asana:
        destination = Destination()
        settled(asana, destination, "listing")
        before = {s: {key_of(s, r) for r in asana.truth(s)} for s in EVERY if s not in UNTRACKED}
        task = world.listed("project.tasks", lab.projects[2]).gids[0]
        comment = world.listed("task.stories", lab.tasks()[0]).gids[0]
        for gid in (task, comment, lab.projects[1], lab.brief, lab.goal):
            world.delete(gid)
        first, second = settled(asana, destination, "listing")
        gone = {s: before[s] - {key_of(s, r) for r in asana.truth(s)} for s in before}
        assert {s: set(keys) for s, keys in tombstones(first).items()} == {
            s: keys for s, keys in gone.items() if keys
        }
        assert all(n == 1 for found in tombstones(first).values() for n in found.values())
        assert tombstones(second) == {}
        for stream, records in first.records.items():
            for one in records:
                if one.get(DELETED):
                    assert set(one) == {*key_columns(stream), "synced_at", DELETED}


def key_columns(stream: str) -> list[str]:
    """Return the columns of a stream's primary key."""
    return [path[0] for path in streams()[stream]["source_defined_primary_key"]]
