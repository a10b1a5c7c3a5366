"""Random worlds, edits, kills and faults: what was sent, merged by key, is a fresh read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from sandbox import Sandbox
from unit_tests.properties.happenings import (
    OTHER_FAULTS,
    TASK_FAULTS,
    Round,
    examples,
    rounds,
    run,
)
from unit_tests.properties.lab import CHILDREN, EVERY, Lab, unlike
from unit_tests.properties.runs import Destination
from unit_tests.properties.steps import ACCESS, LOUD, SILENT

SERVICE = tuple(
    stream for stream in EVERY if stream not in {"tasks", "subtasks", "stories", "attachments"}
)
EVERY_SYNC = {"full_scan_interval_hours": 0}


def nothing_missing(
    asana: Sandbox, lab: Lab, destination: Destination, streams: tuple[str, ...]
) -> None:
    """Check all streams."""
    missing = [line for stream in streams for line in lab.missing(asana, destination, stream)]
    assert missing == []
    fresh = Destination()
    fresh.sync(asana, streams)
    listed = [stream for stream in streams if stream not in CHILDREN]
    assert [line for stream in listed for line in unlike(destination, fresh, stream)] == []


@settings(max_examples=examples(3))
@given(happening=rounds(LOUD + ACCESS + SILENT, TASK_FAULTS))
def test_everything_arrives(happening: list[Round]) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced") as asana:
        destination = run(asana, lab, happening, EVERY, **EVERY_SYNC)
        nothing_missing(asana, lab, destination, EVERY)


@pytest.mark.slow
@settings(max_examples=examples(4))
@given(
    happening=rounds(
        (
            "audit",
            "audit",
            "audit",
            "enter_time",
            "enter_time",
            "status_update",
            "edit_project",
            "new_project",
            "archive",
            "delete_project",
        ),
        OTHER_FAULTS,
    )
)
def test_everything_arrives_for_a_service_account(happening: list[Round]) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="service") as asana:
        destination = run(asana, lab, happening, SERVICE, **EVERY_SYNC)
        nothing_missing(asana, lab, destination, SERVICE)
