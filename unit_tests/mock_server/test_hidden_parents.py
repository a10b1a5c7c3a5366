"""Parents that nobody selected are read for their children, and nothing of them shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import read, streams

SMALL = Small()
# Stream -> the listings that it takes besides its own, at least.
CHILDREN = {
    "stories": {"/projects", "/tasks", "/tasks/{task_gid}/subtasks", "/users"},
    "attachments": {"/projects", "/tasks", "/tasks/{task_gid}/subtasks", "/users"},
    "subtasks": {"/projects", "/tasks", "/users"},
    "tasks": {"/projects", "/users"},
    "sections": {"/projects"},
    "events": {"/projects"},
    "user_task_lists": {"/users"},
    "ooo_entries": {"/users"},
    "team_memberships": {"/workspaces/{workspace_gid}/teams"},
    "team_custom_field_settings": {"/workspaces/{workspace_gid}/teams"},
    "project_custom_field_settings": {"/projects"},
    "project_briefs": {"/projects"},
    "goal_stories": {"/goals"},
    "goal_custom_field_settings": {"/goals"},
    "portfolio_memberships": {"/portfolios", "/portfolios/{portfolio_gid}/items"},
    "tags": set(),
}


@pytest.fixture
def asana() -> Iterator[Sandbox]:
    with Sandbox(SMALL.world, plan="service") as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", CHILDREN)
def test_a_stream_alone(asana: Sandbox, name: str) -> None:
    sync = read(asana, [name], incremental=True)
    assert sync.errors == []
    expect.whole(asana, sync, [name])
    expect.declared(sync)
    expect.asked_well(asana)
    expect.asked_once(asana)
    assert set(sync.records) <= {name}
    assert set(sync.statuses) == {name}
    assert {s["stream"]["stream_descriptor"]["name"] for s in sync.states} == {name}
    # The events of a project come from tokens that a first sync takes.
    paths = {e.path_template for e in asana.log} - {"/events"}
    assert {"/workspaces", *CHILDREN[name]} <= paths
    assert len(paths) <= 2 + len(CHILDREN[name])


@pytest.mark.parametrize("name", ["stories", "goal_stories"])
def test_a_hidden_parent_is_asked_for_little(asana: Sandbox, name: str) -> None:
    read(asana, [name])
    fields = {
        e.path_template: e.params.get("opt_fields", "")
        for e in asana.log
        if not e.path_template.endswith("/stories")
    }
    assert {path: text for path, text in fields.items() if len(text) > 60} == {}


def test_reading_one_stream_costs_nothing_for_the_others(asana: Sandbox) -> None:
    read(asana, ["tags"])
    assert [e.path for e in asana.log] == ["/workspaces", "/tags"]


def test_the_order_of_the_catalog_does_not_matter(asana: Sandbox) -> None:
    names = list(streams())
    ahead = read(asana, names, organization_export_ids=[SMALL.export], num_workers=1)
    sent = len(asana.log)
    asana.reset_log()
    back = read(asana, names[::-1], organization_export_ids=[SMALL.export], num_workers=1)
    assert len(asana.log) == sent
    for name in names:
        expect.same(name, back.records[name], ahead.records[name])


def test_errors_of_hidden_parents_name_no_stream_of_the_catalog(asana: Sandbox) -> None:
    asana.fault("status", r"^/tasks\?.*project=", times=None, status=400, message="Bad")
    sync = read(asana, ["stories"])
    assert set(sync.statuses) == {"stories"}
    assert sync.statuses["stories"][-1] == "INCOMPLETE"
    described = {(e.get("stream_descriptor") or {}).get("name") for e in sync.errors}
    assert described == {None, "stories"}
    assert any(e["message"].startswith("Stream tasks: project ") for e in sync.errors)
    assert sync.errors[-1]["message"].startswith("These streams are not complete: stories. ")
