"""Search mode in random worlds: an index that lags, edits during searches, searches that fail."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Sandbox
from unit_tests.properties.happenings import Round, examples, meanwhile, plan_fault, rounds
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination
from unit_tests.properties.steps import ACCESS, LOUD, apply

STREAMS = ("tasks", "subtasks", "stories", "attachments", "projects")
LAG = 60
# What hangs on a project itself shows in no search: the listing pass reads it again.
EDITS = tuple(step for step in LOUD + ACCESS if step != "attach_to_project")
SEARCH = "/workspaces/{workspace_gid}/tasks/search"
FAULTS = ("flaky", "project fails", "no access", "projects fail", "stories fail", "stories refused")


def sync(asana: Sandbox, lab: Lab, one: Round, destination: Destination, failing: str) -> None:
    """Sync once, with what happens before and during it."""
    for step in one.before:
        apply(lab, step)
    asana.clock.advance(one.gap)
    if failing:
        asana.fault("status", "/tasks/search", times=None, status=int(failing), message="No search")
    plan_fault(asana, lab, one.fault)
    meanwhile(asana, lab, one)
    destination.sync(asana, STREAMS, kill_after=one.kill_after, change_detection="auto")
    asana.clear_faults()
    asana.before_request(None)
    asana.clock.advance(5)


@pytest.mark.slow
@settings(max_examples=examples(6))
@given(
    happening=rounds(EDITS, FAULTS),
    failing=st.lists(st.sampled_from(["", "", "", "402", "500", "400"]), min_size=9, max_size=9),
)
def test_search_and_listings_together_lose_nothing(
    happening: list[Round], failing: list[str]
) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="paid", search_lag=LAG) as asana:
        destination = Destination()
        # The first sync is in peace, so that there is a bound to search from.
        destination.sync(asana, STREAMS, change_detection="auto")
        for one, how in zip(happening, failing, strict=False):
            sync(asana, lab, one, destination, how)
        asana.clock.advance(2 * LAG)
        last = destination.sync(asana, STREAMS, change_detection="auto")
        assert not last.failed, last.errors
        assert asana.requests(SEARCH)
        missing = [
            line
            for stream in STREAMS
            for line in lab.missing(asana, destination, stream, silent=False)
        ]
        assert missing == []


def test_what_was_sent_is_not_sent_again() -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="paid", search_lag=LAG) as asana:
        destination = Destination()
        destination.sync(asana, STREAMS, change_detection="search")
        for _ in range(3):
            asana.clock.advance(LAG)
            asana.reset_log()
            quiet = destination.sync(asana, STREAMS, change_detection="search")
            assert [quiet.gids(stream) for stream in STREAMS] == [[]] * len(STREAMS)
            assert asana.requests("/tasks") == 0
            assert 0 < asana.requests(SEARCH) <= 2 * asana.requests("/projects")
