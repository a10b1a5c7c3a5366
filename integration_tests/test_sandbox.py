"""Commands as Airbyte runs them: processes that are configured by files and may be killed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from source_asana_commands.shell import configured
from tools import connector
from tools.connector import Output
from tools.sandbox_process import SandboxProcess

Json = Mapping[str, Any]


def catalog_of(config: Json, names: Iterable[str]) -> Json:
    found = connector.run("discover", config=config)
    assert not found.problem
    return configured(
        {"streams": [one for one in found.catalog["streams"] if one["name"] in set(names)]}
    )


def gids(records: Iterable[Json]) -> list[str]:
    return sorted(record["gid"] for record in records)


def test_check_tells_a_good_token_from_a_bad_one(config: Json) -> None:
    good = connector.run("check", config=config)
    assert (good.exit_code, good.connection["status"]) == (0, "SUCCEEDED")
    credentials = {"personal_access_token": "no-such-token"}
    bad = connector.run("check", config={**config, "credentials": credentials})
    assert (bad.exit_code, bad.connection["status"]) == (0, "FAILED")
    assert "credentials" in bad.problem
    assert "no-such-token" not in bad.problem


def test_read_with_a_bad_token_fails_with_one_sentence(config: Json) -> None:
    catalog = catalog_of(config, ["workspaces", "users"])
    credentials = {"personal_access_token": "no-such-token"}
    output = connector.run("read", config={**config, "credentials": credentials}, catalog=catalog)
    assert output.exit_code == 1
    assert len(output.errors) == 1
    assert "no-such-token" not in output.errors[0]


def test_second_sync_sends_what_changed(config: Json, asana: SandboxProcess) -> None:
    catalog = catalog_of(config, ["tasks", "sections"])
    first = connector.run("read", config=config, catalog=catalog, keep_records=True)
    assert not first.problem
    assert gids(first.records["tasks"]) == gids(asana.truth("tasks"))
    assert gids(first.records["sections"]) == gids(asana.truth("sections"))
    gid = first.records["tasks"][0]["gid"]
    asana.edit("edit_task", gid, name="Renamed")
    second = connector.run(
        "read", config=config, catalog=catalog, state=first.state, keep_records=True
    )
    assert not second.problem
    assert [(r["gid"], r["name"]) for r in second.records["tasks"]] == [(gid, "Renamed")]
    assert second.records["sections"] == []


def test_a_state_of_another_connector_counts_as_none(config: Json, asana: SandboxProcess) -> None:
    catalog = catalog_of(config, ["tasks", "sections"])
    state = [
        {
            "type": "STREAM",
            "stream": {
                "stream_descriptor": {"name": name},
                "stream_state": {"modified_at": "2099-01-01T00:00:00Z"},
            },
        }
        for name in ("tasks", "sections")
    ]
    logged: list[str] = []
    output = connector.run(
        "read",
        config=config,
        catalog=catalog,
        state=state,
        keep_records=True,
        on_log=logged.append,
    )
    assert (output.exit_code, output.problem) == (0, "")
    for stream in ("tasks", "sections"):
        assert gids(output.records[stream]) == gids(asana.truth(stream))
        assert output.states[stream]["stream"]["stream_state"]["v"] == 3
    told = [line for line in logged if "a state of another connector" in line]
    assert len(told) == 1
    assert told[0].endswith("so a sync reads them completely: sections, tasks.")


@pytest.mark.slow
def test_killed_read_goes_on_from_its_last_state(config: Json, asana: SandboxProcess) -> None:
    catalog = catalog_of(config, ["tasks", "stories"])

    def has_got_somewhere(output: Output) -> bool:
        return "stories" in output.states and output.counts["stories"] > 0

    killed = connector.run(
        "read", config=config, catalog=catalog, keep_records=True, kill_when=has_got_somewhere
    )
    assert killed.exit_code < 0
    resumed = connector.run(
        "read", config=config, catalog=catalog, state=killed.state, keep_records=True
    )
    assert not resumed.problem
    assert resumed.counts["stories"] < len(asana.truth("stories"))
    for stream in ("tasks", "stories"):
        got = {record["gid"] for run in (killed, resumed) for record in run.records[stream]}
        assert got == set(gids(asana.truth(stream)))
