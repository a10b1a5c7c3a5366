"""Faults, the hook, the log, the control endpoints."""

from __future__ import annotations

import http.client
from typing import Any

import orjson
import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import get, send


@pytest.fixture
def world() -> World:
    world = World.empty()
    world.add_project("P")
    return world


@pytest.mark.parametrize(
    ("kind", "options", "status", "starts"),
    [
        ("status", {"status": 503}, 503, b'{"errors"'),
        ("status", {"status": 451, "body": {"errors": []}}, 451, b'{"errors":[]}'),
        ("html502", {}, 502, b"<html>"),
        ("empty", {}, 200, b""),
        ("errors_in_200", {}, 200, b'{"errors"'),
        ("rate_limited", {}, 429, b'{"errors"'),
        ("truncation", {}, 400, b'{"errors"'),
    ],
)
def test_replaced_answers(
    world: World, kind: str, options: dict, status: int, starts: bytes
) -> None:
    with Sandbox(world) as asana:
        fault = asana.fault(kind, "/workspaces", **options)
        hit = get(asana, "/workspaces")
        assert (hit.status, hit.raw[: len(starts)]) == (status, starts)
        assert get(asana, "/workspaces").status == 200
        assert fault.hits == 1


def test_cut_json_keeps_a_consistent_length(world: World) -> None:
    with Sandbox(world) as asana:
        asana.fault("cut_json", "/workspaces")
        cut = get(asana, "/workspaces")
        assert cut.status == 200
        assert int(cut.headers["Content-Length"]) == len(cut.raw)
        with pytest.raises(orjson.JSONDecodeError):
            _ = cut.json


def test_texts_that_are_cut_inside_an_emoji(world: World) -> None:
    world.add_project("Party \U0001f389!")
    with Sandbox(world) as asana:
        asana.fault("half_emoji", "/projects")
        cut = get(asana, "/projects", workspace=world.workspace)
        assert rb'"Party \ud83c!"' in cut.raw
        with pytest.raises(orjson.JSONDecodeError):
            _ = cut.json


def test_short_reads_and_dropped_connections(world: World) -> None:
    with Sandbox(world) as asana:
        asana.fault("short_read", "/workspaces")
        with pytest.raises(http.client.IncompleteRead):
            get(asana, "/workspaces")
        asana.fault("drop", "/workspaces")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            get(asana, "/workspaces")
        assert get(asana, "/workspaces").status == 200


def test_faults_by_path_share_times_and_skip(world: World) -> None:
    p, q = world.find("P"), world.add_project("Q")
    with Sandbox(world) as asana:
        asana.fault("status", f"/projects/{p}/sections", times=None)
        assert get(asana, f"/projects/{p}/sections").status == 500
        assert get(asana, f"/projects/{q}/sections").status == 200
        asana.clear_faults()
        asana.fault("status", "/tags", times=None, share=0.5, seed=3)
        statuses = {get(asana, "/tags", workspace=world.workspace).status for _ in range(20)}
        assert statuses == {200, 500}
        asana.clear_faults()
        asana.fault("status", "/tags", skip=2)
        assert [get(asana, "/tags").status for _ in range(4)] == [200, 200, 500, 200]
        with pytest.raises(ValueError, match="unknown fault"):
            asana.fault("nonsense")


def test_an_expired_offset_on_request(world: World) -> None:
    world.add_project("Q")
    with Sandbox(world) as asana:
        asana.fault("offset_expired", "/projects")
        first = get(asana, "/projects", workspace=world.workspace, limit=1)
        refused = get(
            asana,
            "/projects",
            workspace=world.workspace,
            limit=1,
            offset=first.json["next_page"]["offset"],
        )
        assert refused.message == "offset: Your pagination token has expired."


def test_the_hook_edits_the_world_in_time(world: World) -> None:
    with Sandbox(world) as asana:
        asana.before_request(lambda path, params: world.add_tag(f"{path} {params['limit']}"))
        tags = get(asana, "/tags", workspace=world.workspace, limit=5).data
        assert [tag["name"] for tag in tags] == ["/tags 5"]


def test_the_log(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        get(asana, f"/projects/{project}/sections", limit=5)
        get(asana, "/projects/1/sections")
        assert asana.requests("/projects/{project_gid}/sections") == 1
        entry = asana.log[0]
        assert (entry.method, entry.path, entry.params, entry.status, entry.token) == (
            "GET", f"/projects/{project}/sections", {"limit": "5"}, 200, asana.token,
        )  # fmt: skip
        assert [entry.status for entry in asana.log] == [200, 404]
        asana.reset_log()
        assert (asana.requests(), asana.log) == (0, [])


def test_dates_come_from_the_clock(world: World) -> None:
    with Sandbox(world) as asana:
        asana.clock.skew = -86_400 * 365
        task = world.add_task("T", projects=[world.find("P")])
        answer = get(asana, f"/tasks/{task}")
        year = answer.data["modified_at"][:4]
        assert year in answer.headers["Date"]
        assert answer.data["modified_at"].endswith("Z")


def test_control_endpoints(world: World) -> None:
    project = world.find("P")
    task = world.add_task("T", projects=[project])

    def control(method: str, name: str, body: object = None) -> Any:
        answer = send(asana, method, f"/_control/{name}", body=orjson.dumps(body) if body else None)
        assert answer.status == 200, answer.raw
        return answer.json

    with Sandbox(world) as asana:
        assert control("GET", "info")["url"] == asana.url
        made = control("POST", "edit", [
            {"call": "edit_task", "args": [task], "name": "new"},
            {"call": "add_task", "name": "second", "projects": [project]},
        ])["results"]  # fmt: skip
        assert [r["name"] for r in control("GET", "truth/tasks")["data"]] == ["new", "second"]
        assert made[1] in asana.world
        assert control("GET", "truth/tasks?fields=gid")["data"] == [{"gid": task}, {"gid": made[1]}]
        control("POST", "fault", {"kind": "status", "path": "/workspaces", "status": 500})
        assert get(asana, "/workspaces").status == 500
        assert control("GET", "log-summary")["templates"] == {"/workspaces": {"500": 1}}
        assert control("POST", "change", {"percent": 50, "seed": 1})["gids"][0] in {task, made[1]}
        assert control("GET", "max-inflight")["max_in_flight"] >= 1
        control("POST", "reset")
        assert control("GET", "log-summary")["total"] == 0
        assert send(asana, "GET", "/_control/nonsense").status == 404
        assert send(asana, "GET", "/_control/truth/nonsense").status == 400
