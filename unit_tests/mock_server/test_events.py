"""Events: a token first, then what happened since; a lost token is a gap that is said."""

from __future__ import annotations

from sandbox import Sandbox
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import Sync, read


def read_events(asana: Sandbox, before: Sync | None = None) -> Sync:
    state = before.state if before else None
    return read(asana, ["events"], incremental=True, state=state)


def test_a_first_read_gets_a_token_for_each_project(asana: Sandbox, small: Small) -> None:
    sync = read_events(asana)
    assert sync.errors == []
    assert sync.warnings == []
    assert sync.complete("events")
    assert sync.records["events"] == []
    assert set(sync.state_of("events")["tokens"]) == {small.first, small.second}
    assert [e.status for e in asana.log if e.path == "/events"] == [412, 412]


def test_what_happened_since_comes_once(asana: Sandbox, small: Small) -> None:
    first = read_events(asana)
    small.world.edit_task(small.task, name="New name")
    small.world.comment(small.other)
    second = read_events(asana, first)
    assert second.errors == []
    expect.declared(second)
    records = second.records["events"]
    assert {record["project_id"] for record in records} == {small.first, small.second}
    kinds = {(record["action"], record["resource"]["resource_type"]) for record in records}
    assert {("changed", "task"), ("added", "story")} <= kinds
    assert all(record["created_at"] for record in records)
    third = read_events(asana, second)
    assert third.records["events"] == []
    tokens = third.state_of("events")["tokens"]
    assert set(tokens) == {small.first, small.second}


def test_more_than_a_hundred_events_are_read_page_by_page(asana: Sandbox, small: Small) -> None:
    first = read_events(asana)
    asana.reset_log()
    for number in range(230):
        small.world.edit_task(small.task, name=f"Name {number}")
    second = read_events(asana, first)
    found = [r for r in second.records["events"] if r["resource"]["gid"] == small.task]
    assert len(found) >= 230
    asked = [e for e in asana.log if e.params.get("resource") == small.first]
    assert len(asked) >= 3
    assert len({e.params["sync"] for e in asked}) == len(asked)


def test_a_token_that_died_is_a_gap(asana: Sandbox, small: Small) -> None:
    first = read_events(asana)
    small.world.edit_task(small.task, name="New name")
    asana.clock.advance(2 * 86_400)
    second = read_events(asana, first)
    assert second.errors == []
    assert second.complete("events")
    assert second.records["events"] == []
    gaps = [line for line in second.warnings if "events" in line and "are missing" in line]
    assert len(gaps) == 2
    assert f"project {small.first}" in " ".join(gaps)
    assert second.state_of("events")["tokens"] != first.state_of("events")["tokens"]
    small.world.edit_task(small.task, name="Newer name")
    assert read_events(asana, second).records["events"]


def test_lost_access_to_all_projects_events_is_an_error(asana: Sandbox) -> None:
    first = read_events(asana)
    asana.fault("status", "/events", times=None, status=403, message="You do not have access.")
    sync = read_events(asana, first)
    assert not sync.complete("events")
    assert sync.errors[0]["message"].startswith(
        "Stream events: Asana refuses everything that earlier syncs could read."
    )
    kept = sync.state_of("events")
    assert len(kept.pop("reported")) == 8 * len(first.state_of("events")["tokens"])
    assert kept == first.state_of("events")


def test_a_full_refresh_is_empty_and_says_so(asana: Sandbox) -> None:
    sync = read(asana, ["events"])
    assert sync.complete("events")
    assert sync.records["events"] == []
    assert sync.warnings == [
        "Stream events has no history: a full refresh of it is empty; sync it incrementally."
    ]
    assert asana.requests("/events") == 0
