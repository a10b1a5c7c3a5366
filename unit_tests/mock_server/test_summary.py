"""The log as whoever is on call reads it: one summary, one error for a cause, Airbyte's signals."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sandbox import Sandbox, World
from unit_tests.conftest import quicken
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import Sync, read, streams

COUNT = {"type": "integer", "minimum": 0}
SHARE = {"type": "number", "minimum": 0}
INSTANT = {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\dT[\d:.]+Z$"}
TEXT = {"type": "string"}


def exactly(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


SCHEMA = exactly(
    {
        "status": {"enum": ["complete", "incomplete", "failed", "stopped"]},
        "version": TEXT,
        "seconds": SHARE,
        "records": COUNT,
        "requests": COUNT,
        "quota": exactly(
            {
                "per_minute": COUNT,
                "share": SHARE,
                "rate_limited": COUNT,
                "paused_seconds": SHARE,
            }
        ),
        "checked": {"additionalProperties": COUNT},
        "state": exactly({"characters": COUNT, "share": SHARE}),
        "late_seconds": {"type": ["integer", "null"], "minimum": 0},
        "next_full_scan": INSTANT,
        "failures": {
            "items": exactly(
                {
                    "reason": TEXT,
                    "status": COUNT,
                    "message": TEXT,
                    "partitions": COUNT,
                    "places": {"additionalProperties": {"items": TEXT, "maxItems": 10}},
                }
            )
        },
        "skipped": {
            "maxItems": 50,
            "items": exactly(
                {
                    "stream": TEXT,
                    "place": TEXT,
                    "reason": TEXT,
                    "status": COUNT,
                    "message": TEXT,
                    "new": {"type": "boolean"},
                    "outdated": {"type": "boolean"},
                    "times": COUNT,
                }
            ),
        },
        "skipped_more": COUNT,
        "streams": {
            "additionalProperties": exactly(
                {
                    "status": {"enum": ["complete", "incomplete", "parent"]},
                    "records": COUNT,
                    "requests": COUNT,
                },
                **{
                    name: {"type": "integer", "minimum": 1}
                    for name in (
                        *("new", "changed", "changed_silently", "repeated", "deleted", "waiting"),
                        *("failed", "outdated", "state", "late_seconds"),
                    )
                },
                skipped={"additionalProperties": COUNT},
                found={"additionalProperties": COUNT},
                lacking={"items": TEXT},
                next_full_scan=INSTANT,
            )
        },
    }
)


def summary(sync: Sync) -> dict[str, Any]:
    """Return the summary of a sync, which the schema holds for."""
    Draft202012Validator(SCHEMA).validate(sync.summary)
    return sync.summary


def test_it_says_why_records_were_sent_and_what_found_them() -> None:
    world = World.empty()
    project = world.add_project("P")
    tasks = [world.add_task(f"T{number}", projects=[project]) for number in range(4)]
    world.comment(tasks[0])
    with Sandbox(world, plan="advanced") as asana:
        names = ["tasks", "stories", "projects"]
        settings: dict[str, Any] = {"incremental": True, "track_deletions": False}
        first = read(asana, names, **settings)
        said = summary(first)["streams"]
        assert said["tasks"]["new"] == said["tasks"]["records"] == 4
        assert said["tasks"]["found"] == {"listing": 4}
        asana.clock.advance(3600)
        world.edit_task(tasks[0], name="edited")
        world.add_task("T4", projects=[project])
        second = read(asana, names, state=first.state, **settings)
        said = summary(second)["streams"]
        assert (said["tasks"]["new"], said["tasks"]["changed"]) == (1, 1)
        assert said["tasks"]["found"] == {"search": 2}
        assert said["stories"]["repeated"] == len(second.records["stories"]) == 1
        asana.clock.advance(3600)
        world.like(tasks[1])
        third = read(asana, names, state=second.state, full_scan_interval_hours=0, **settings)
        said = summary(third)["streams"]
        assert said["tasks"]["changed_silently"] == said["tasks"]["records"] == 1
        assert said["workspaces"]["status"] == "parent"
        assert summary(third)["late_seconds"] < 60


@pytest.mark.parametrize("names", [["tasks"], sorted(streams())], ids=["tasks", "all"])
def test_one_project_of_ten_that_fails_is_one_error(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, 200)
    world = World.empty()
    projects = [world.add_project(f"P{number}") for number in range(10)]
    with Sandbox(world, plan="service") as asana:
        asana.fault("status", f"[^_]{projects[3]}", times=None, status=500)
        sync = read(asana, names, incremental=True)
    [error] = sync.failures
    assert f"project {projects[3]}" in error
    assert "HTTP 500" in error
    failed = summary(sync)["failures"]
    assert len(failed) == 1
    assert error.startswith(f"{failed[0]['partitions']} partition")
    assert "Traceback" not in str(sync.logs)
    # `run` takes it out of the last one.
    assert [error for error in sync.errors[:-1] if error.get("stack_trace")] == []
    assert summary(sync)["status"] == "incomplete"


@pytest.mark.parametrize("plan", ["free", "paid", "service"])
def test_logs_are_short_and_a_second_sync_warns_of_nothing_known(
    plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch)
    names = sorted(streams())
    with Sandbox(World.generate(tasks=60, seed=3), plan=plan) as asana:
        settings: dict[str, Any] = {"incremental": True, "start": "2024-01-01"}
        first = read(asana, names, **settings)
        assert len(first.logs) <= 120, first.logs
        assert [text for text in first.warnings if text.startswith("Unknown config keys")]
        asana.clock.advance(3600)
        quiet = read(asana, names, state=first.state, **settings)
    assert len(quiet.logs) <= 30, quiet.logs
    assert (quiet.warnings, quiet.failures) == ([], [])
    assert [text for text in quiet.logs if text.startswith("Unknown config keys are ignored")]
    if plan == "free":
        assert [text for text in quiet.logs if text.startswith("Asana refuses the same as in")]


def test_it_warns_once_that_the_room_for_states_runs_out(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["tasks", "stories", "users", "projects"]
    said = "The states take more than 90% of the "
    with Sandbox(small.world) as asana:
        calm = read(asana, names, incremental=True)
        size = summary(calm)["state"]["characters"]
        monkeypatch.setattr("source_asana.cursors.states.MOST_CHARACTERS", int(size / 0.93))
        full = read(asana, names, incremental=True)
        later = read(asana, names, incremental=True, state=full.state)
    assert calm.warnings == later.warnings == []
    assert [text for text in full.warnings if text.startswith(said)]
    assert [text for text in later.logs if text.startswith(said)]


def test_a_refused_token_is_one_error(small: Small) -> None:
    with Sandbox(small.world) as asana:
        asana.api.auth.disabled = True
        sync = read(asana, sorted(streams()), incremental=True)
    [error] = sync.failures
    assert error.startswith("Asana does not accept the token (HTTP 401")
    assert summary(sync)["status"] == "failed"


def estimates(sync: Sync) -> dict[str, list[int]]:
    """Return the rows that were expected, by stream."""
    found: dict[str, list[int]] = {}
    for message in sync.messages:
        if message.get("trace", {}).get("type") == "ESTIMATE":
            one = message["trace"]["estimate"]
            assert one["type"] == "STREAM"
            found.setdefault(one["name"], []).append(one["row_estimate"])
    return found


def test_the_last_estimate_is_what_was_sent(small: Small) -> None:
    with Sandbox(small.world) as asana:
        sync = read(asana, ["tasks", "subtasks", "stories", "attachments", "tags"])
    found = estimates(sync)
    assert set(found) == {"tasks", "subtasks", "stories", "attachments"}
    assert {name: rows[-1] for name, rows in found.items()} == {
        name: len(sync.records[name]) for name in found
    }


def test_a_long_pause_is_a_status(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.report.LOOK_SECONDS", 0.01)
    # The connector's clock runs a hundred times as fast here.
    quicken(monkeypatch, 20)
    with Sandbox(small.world) as asana:
        asana.fault("rate_limited", "/tags", retry_after=40)
        sync = read(asana, ["tags", "users"])
    limited = [
        message["trace"]["stream_status"]
        for message in sync.messages
        if message["type"] == "TRACE" and "reasons" in str(message["trace"].get("stream_status"))
        if message["trace"]["stream_status"].get("reasons")
    ]
    assert limited
    assert {one["status"] for one in limited} == {"RUNNING"}
    assert {one["reasons"][0]["type"] for one in limited} == {"RATE_LIMITED"}
    assert len(limited) == len({one["stream_descriptor"]["name"] for one in limited}) <= 2
    assert summary(sync)["quota"]["rate_limited"] == 1
    assert summary(sync)["quota"]["paused_seconds"] >= 39
