"""With bulk exports, too, nothing is lost, whatever happens between and during the syncs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from sandbox import Sandbox
from unit_tests.properties.happenings import TASK_FAULTS, Round, examples, rounds, run
from unit_tests.properties.lab import Lab
from unit_tests.properties.steps import ACCESS, DELETIONS, LOUD, SILENT

pytestmark = pytest.mark.slow

STREAMS = ("projects", "tasks", "subtasks", "stories", "attachments")
STEPS = LOUD + ACCESS + SILENT + 2 * DELETIONS
HOURS = {"every sync an export": 0, "searches in between": 168}


@pytest.mark.parametrize("deletions", [False, True])
@pytest.mark.parametrize("hours", HOURS.values(), ids=HOURS)
@settings(max_examples=examples(4))
@given(happening=rounds(STEPS, TASK_FAULTS))
def test_the_destination_equals_asana(
    happening: list[Round],
    hours: int,
    deletions: bool,  # noqa: FBT001
) -> None:
    lab = Lab()
    options = {"bulk_export": True, "track_deletions": deletions, "change_detection": "auto"}
    with Sandbox(lab.world, plan="service") as asana:
        destination = run(asana, lab, happening, STREAMS, full_scan_interval_hours=hours, **options)
        for _ in range(2):
            asana.clock.advance(60)
            done = destination.sync(asana, STREAMS, full_scan_interval_hours=0, **options)
            assert not done.failed, done.errors
        is_killed = any(round_.kill_after is not None for round_ in happening)
        for stream in STREAMS:
            assert lab.missing(asana, destination, stream) == []
            # What a killed sync printed beyond its last state is in no ledger.
            if deletions and not is_killed:
                assert lab.falsely_held(destination, asana, stream) == []
