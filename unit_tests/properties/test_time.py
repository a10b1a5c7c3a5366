"""Whose clock counts: bounds are the server's time, whatever the process's clock or zone says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox import Sandbox, World
from sandbox.server_time import parse_moment, to_stamp
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination

TASKS = ("tasks", "subtasks", "stories", "attachments")
NO_PASS = {"full_scan_interval_hours": 8760}
HOUR = 3600.0


@contextmanager
def zone(name: str) -> Iterator[None]:
    """Live in a time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def instants(destination: Destination, stream: str) -> list[float]:
    """Return the bounds in a stream's state, seconds since 1970."""
    return [bound / 1000 for bound in destination.instants(stream).values()]


@pytest.mark.parametrize("skew", [-30 * HOUR, -2 * HOUR, -1.5, 1.5, 2 * HOUR, 30 * HOUR])
def test_a_process_whose_clock_is_wrong_misses_nothing_and_repeats_nothing(skew: float) -> None:
    world = World.empty()
    world.clock.skew = skew
    lab = Lab(world)
    with Sandbox(world) as asana:
        destination = Destination()
        destination.sync(asana, TASKS, **NO_PASS)
        for stream in TASKS:
            for instant in instants(destination, stream):
                assert 0 < asana.clock.now() - instant < 4
        asana.clock.advance(5)
        lab.edit_task(0, 0)
        lab.comment(5, 0)
        done = destination.sync(asana, TASKS, **NO_PASS)
        assert sorted(done.gids("tasks") + done.gids("subtasks")) == sorted(
            {lab.tasks()[0], lab.tasks()[5]}
        )
        assert [line for s in TASKS for line in lab.missing(asana, destination, s)] == []


@pytest.mark.parametrize(
    ("place", "moment"),
    [
        # The hour that is left out, and the one that comes twice, on both sides.
        ("Europe/Berlin", "2026-03-29T00:59:58Z"),
        ("Europe/Berlin", "2026-10-25T00:59:58Z"),
        ("America/New_York", "2026-03-08T06:59:58Z"),
        ("America/New_York", "2026-11-01T05:59:58Z"),
        ("Australia/Lord_Howe", "2026-04-04T14:59:58Z"),
    ],
)
def test_daylight_saving_changes_nothing(place: str, moment: str) -> None:
    world = World.empty()
    with zone(place):
        world.clock.skew = parse_moment(moment) - time.time() - 100
        lab = Lab(world)
        with Sandbox(world) as asana:
            destination = Destination()
            for _ in range(3):
                lab.edit_task(0, 0)
                lab.comment(5, 0)
                lab.attach(7, 0)
                asana.clock.advance(5)
                assert not destination.sync(asana, TASKS, **NO_PASS).failed
                missing = [line for s in TASKS for line in lab.missing(asana, destination, s)]
                assert missing == []
                asana.clock.advance(5)
            done = destination.sync(asana, TASKS, **NO_PASS)
            assert [done.gids(stream) for stream in TASKS] == [[], [], [], []]


@pytest.mark.parametrize("millis", [-1, 0, 1, 999])
def test_the_bound_is_inclusive_to_the_millisecond(millis: int) -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        destination = Destination()
        destination.sync(asana, ("tasks",), **NO_PASS)
        [project] = lab.projects[2:3]
        bound = destination.instants("tasks")[project]
        task = lab.world.add_task("At the bound", projects=[project])
        lab.world.edit_task(task, modified_at=to_stamp((bound + millis) / 1000))
        asana.clock.advance(60)
        asana.reset_log()
        done = destination.sync(asana, ("tasks",), **NO_PASS)
        [sent] = {
            e.params["modified_since"] for e in asana.log if e.params.get("project") == project
        }
        assert sent == to_stamp(bound / 1000)
        assert (task in done.gids("tasks")) == (millis >= 0)


def test_the_start_date_is_the_bound_of_a_first_read_and_inclusive() -> None:
    world = World.empty()
    project = world.add_project("P")
    stamps = ["2026-01-31T22:59:59.999Z", "2026-01-31T23:00:00.000Z", "2026-02-01T00:00:00.000Z"]
    tasks = [world.add_task("T", projects=[project], created_at=stamp) for stamp in stamps]
    for task, stamp in zip(tasks, stamps, strict=True):
        world.add_story(task, created_at=stamp)
    with Sandbox(world) as asana:
        destination = Destination()
        start = {"start_date": "2026-02-01T00:00:00+01:00"}
        done = destination.sync(asana, ("tasks", "stories"), **start)
        assert done.gids("tasks") == tasks[1:]
        assert {record["task_id"] for record in done.records["stories"]} == set(tasks[1:])
        asana.clock.advance(60)
        later = world.add_project("Later")
        old, new = (
            world.add_task("T", projects=[later], created_at=stamp)
            for stamp in (stamps[0], stamps[2])
        )
        done = destination.sync(asana, ("tasks", "stories"), **start, **NO_PASS)
        assert done.gids("tasks") == [new]
        assert old not in destination.rows["tasks"]


def test_a_clock_of_somebody_between_us_and_asana_does_not_count() -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        destination = Destination()
        ahead = 0

        def before(path: str, params: dict[str, str]) -> None:
            """Have the failing answers come from a clock that is a day ahead."""
            del params
            nonlocal ahead
            if ahead:
                asana.clock.advance(-ahead)
                ahead = 0
            if path == "/projects" and fault.hits < 2:
                ahead = 24 * 3600
                asana.clock.advance(ahead)

        fault = asana.fault("html502", "/projects", times=2)
        asana.before_request(before)
        destination.sync(asana, TASKS, num_workers=1, **NO_PASS)
        asana.before_request(None)
        assert all(i < asana.clock.now() for s in TASKS for i in instants(destination, s))
