"""What a check says about the streams that a sync would skip."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox import Sandbox
from source_asana import SourceAsana
from source_asana.check import PROBES
from tools import docs
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import command, config_for, read


@pytest.fixture
def small() -> Small:
    return Small()


def test_a_check_lists_the_streams_that_a_sync_skips(small: Small) -> None:
    with Sandbox(small.world, plan="free") as asana:
        [listed] = [
            line
            for line in command("check", config_for(asana)).logs
            if line.startswith("A sync with this token would skip")
        ]
        named = re.findall(r"\b[a-z]+(?:_[a-z]+)*\b", listed.split(": ")[1].split(". ")[0])
        assert re.search(rf"skip at least {len(named)} streams", listed)
        sync = read(asana, sorted({*named, "projects", "tasks"}))
        skipped = {row["stream"] for row in sync.summary["skipped"]}
        # What hangs on a skipped parent is not asked for, so the sync names the parents only.
        assert skipped <= set(named)
        assert {"portfolios", "goals", "custom_fields"} <= set(named)
        assert not {name: rows for name, rows in sync.records.items() if rows and name in named}


def test_a_probe_names_all_streams_that_hang_on_what_it_asks_for() -> None:
    found = docs.streams(SourceAsana())
    parents = {stream.name: stream.parents for stream in found}
    for probe in PROBES:
        for stream, above in parents.items():
            if above and set(above) <= set(probe.streams):
                assert stream in probe.streams, stream
        assert set(probe.streams) <= set(parents)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("fault", [{"kind": "rate_limited"}, {"kind": "status", "status": 418}])
def test_an_id_is_no_mistake_while_asana_does_not_answer(small: Small, fault: Any) -> None:
    with Sandbox(small.world) as asana:
        asana.fault(path=f"/teams/{small.team}", times=None, **fault)
        sync = read(asana, ["teams"], team_ids=[small.team])
        [error] = sync.errors
        assert error["failure_type"] == "transient_error"
        assert error["message"].endswith("try again later.")
        answer = command("check", config_for(asana, team_ids=[small.team])).connection
        assert answer
        assert answer["message"].endswith("try again later.")
