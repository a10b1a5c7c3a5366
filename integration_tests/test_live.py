"""A real account: skipped without a token. It is only read, and only streams of a few requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from source_asana_commands.shell import configured
from tools import connector

CHEAP = {"workspaces", "users", "teams", "tags", "projects"}


def test_account_can_be_read_twice(live_config: Mapping[str, Any]) -> None:
    checked = connector.run("check", config=live_config)
    assert checked.connection["status"] == "SUCCEEDED", checked.problem
    found = connector.run("discover", config=live_config).catalog["streams"]
    catalog = configured({"streams": [s for s in found if s["name"] in CHEAP]})
    first = connector.run("read", config=live_config, catalog=catalog)
    assert not first.problem
    assert first.counts["workspaces"] > 0
    second = connector.run("read", config=live_config, catalog=catalog, state=first.state)
    assert not second.problem
    assert second.counts["projects"] <= first.counts["projects"]
