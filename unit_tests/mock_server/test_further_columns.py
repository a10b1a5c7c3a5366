"""Columns that are added between two syncs: every row gets their values, in every stream."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from sandbox import Sandbox
from unit_tests.mock_server.worlds import Small
from unit_tests.properties.lab import unlike
from unit_tests.properties.runs import Destination, Sync
from unit_tests.sync import streams

# Streams that do not read all records at each sync, with a column that is added.
PARTLY = {
    "tasks": "notes",
    "subtasks": "notes",
    "stories": "text",
    "attachments": "name",
    "project_status_updates": "text",
    "goal_status_updates": "title",
    "time_tracking_entries": "duration_minutes",
    "audit_log_events": "event_type",
}
LINE = "a column was added"


@pytest.fixture
def small() -> Small:
    return Small()


@pytest.fixture
def asana(small: Small) -> Iterator[Sandbox]:
    with Sandbox(small.world, plan="service") as sandbox:
        yield sandbox


def sync(
    asana: Sandbox, destination: Destination, names: Sequence[str], without: Sequence[str] = ()
) -> Sync:
    asana.clock.advance(3600)
    left = {name: [c for c in columns(name) if c not in without] for name in names}
    done = destination.sync(asana, names, columns=left, change_detection="auto")
    assert (done.failed, done.errors) == (False, [])
    return done


def columns(stream: str) -> list[str]:
    properties = streams()[stream]["json_schema"]["properties"]
    return list(properties)


@pytest.mark.parametrize(
    "names",
    [
        *(pytest.param((name,), marks=pytest.mark.slow) for name in PARTLY),
        ("tasks", "subtasks", "stories"),
        ("project_status_updates", "time_tracking_entries"),
    ],
)
def test_a_column_that_is_selected_later_arrives_for_all_rows(
    asana: Sandbox, names: tuple[str, ...]
) -> None:
    destination, added = Destination(), [PARTLY[name] for name in names]
    sync(asana, destination, names, added)
    sync(asana, destination, names, added)
    further = sync(asana, destination, names)
    fresh = Destination()
    sync(asana, fresh, names)
    for name in names:
        assert fresh.rows[name]
        assert unlike(destination, fresh, name) == []
    assert further.records.keys() == set(names)
    # Once: the next sync has no reason to send anything.
    assert sum(map(len, sync(asana, destination, names).records.values())) == 0


@pytest.mark.parametrize("name", ["tasks", "subtasks", "time_tracking_entries"])
def test_one_request_for_an_object_tells_if_a_further_column_can_be_read(
    asana: Sandbox, name: str
) -> None:
    destination = Destination()
    sync(asana, destination, [name], [PARTLY[name]])
    asana.reset_log()
    sync(asana, destination, [name])
    kind = "time_tracking_entries" if name == "time_tracking_entries" else "tasks"
    assert sum(re.fullmatch(rf"/{kind}/\d+", e.path) is not None for e in asana.log) == 1


def test_a_column_that_was_left_out_for_a_while_is_read_again(asana: Sandbox, small: Small) -> None:
    destination = Destination()
    sync(asana, destination, ["tasks"])
    sync(asana, destination, ["tasks"], ["likes", "num_likes"])
    small.world.like(small.task)
    back = sync(asana, destination, ["tasks"])
    assert back.gids("tasks") == [small.task]


def test_a_sync_that_was_killed_reads_the_rest_of_a_further_column(asana: Sandbox) -> None:
    destination = Destination()
    names = ["tasks", "stories"]
    sync(asana, destination, names, ["notes", "text"])
    asana.clock.advance(3600)
    killed = destination.sync(asana, names, change_detection="auto", kill_after=3, num_workers=1)
    assert killed.killed
    sync(asana, destination, names)
    fresh = Destination()
    sync(asana, fresh, names)
    for name in names:
        assert unlike(destination, fresh, name) == []
