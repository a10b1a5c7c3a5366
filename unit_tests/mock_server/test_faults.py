"""Networks and servers that fail now and then lose no record, and what stays broken is said."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.conftest import quicken
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import read, streams

EVERY_KIND: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "502 in HTML": {"kind": "html502"},
    "503": {"kind": "status", "status": 503, "body": b""},
    "504": {"kind": "status", "status": 504, "body": "<html>Gateway Timeout</html>"},
    "520": {"kind": "status", "status": 520, "body": "<html>Web server error</html>"},
    "dropped connection": {"kind": "drop"},
    "JSON cut off": {"kind": "cut_json"},
    "short read": {"kind": "short_read"},
    "empty body": {"kind": "empty"},
    "errors in a 200": {"kind": "errors_in_200"},
    "errors beside an empty list": {
        "kind": "errors_in_200",
        "body": b'{"data": [], "errors": [{"message": "Server Error"}]}',
    },
    "a list of nothing": {"kind": "errors_in_200", "body": b'{"data": [null]}'},
    "no object in a 200": {"kind": "errors_in_200", "body": b"[]"},
    "no data in a 200": {"kind": "errors_in_200", "body": b"{}"},
    "429 with Retry-After": {"kind": "rate_limited", "retry_after": 1},
    "429 without": {"kind": "rate_limited", "retry_after": None},
    "424": {"kind": "status", "status": 424},
    "408": {"kind": "status", "status": 408},
}


@pytest.fixture(autouse=True)
def _faster(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, 100)


@pytest.mark.parametrize("fault", EVERY_KIND.values(), ids=EVERY_KIND)
def test_a_third_of_the_requests_fails_and_nothing_is_lost(fault: dict[str, Any]) -> None:
    small = Small()
    with Sandbox(small.world, plan="service") as asana:
        planned = asana.fault(fault["kind"], times=None, share=0.3, seed=7, **_but_kind(fault))
        sync = read(asana, streams(), incremental=True, organization_export_ids=[small.export])
        assert planned.hits > 20
        assert sync.errors == []
        expect.whole(asana, sync, streams())


def test_all_kinds_at_once_on_long_listings() -> None:
    world = World.generate(tasks=120, projects=3)
    big = world.find("Water 0")
    project = world[big]["_projects"][0]
    for number in range(210):
        world.add_task(f"T{number}", projects=[project])
    for number in range(210):
        world.add_story(big, f"story {number}")
    with Sandbox(world) as asana:
        for number, fault in enumerate(EVERY_KIND.values()):
            share = 0.35 / len(EVERY_KIND)
            asana.fault(fault["kind"], times=None, share=share, seed=number, **_but_kind(fault))
        names = ("projects", "sections", "tasks", "subtasks", "stories", "users")
        sync = read(asana, names)
        assert sync.errors == []
        expect.whole(asana, sync, names)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 412])
def test_a_refusal_without_a_reason_is_no_refusal(status: int) -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        proxy = {"status": status, "body": "<html>Nothing here</html>"}
        asana.fault("status", "/tags", times=3, **proxy)
        asana.fault("status", "/projects/{project_gid}/sections", times=None, **proxy)
        sync = read(asana, ["tags", "sections"])
        assert sync.gids("tags") == [small.tag]
        assert not sync.complete("sections")
        assert sync.errors[0]["message"].startswith("Stream sections: project ")
        assert f"HTTP {status}" in sync.errors[0]["message"]


@pytest.mark.parametrize("data", ["{}", "[{}]"])
def test_an_answer_that_holds_nothing_ends_no_sync(data: str) -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        asana.fault("status", "/tags", times=None, status=200, body=f'{{"data": {data}}}')
        sync = read(asana, ["tags", "projects"])
        assert sync.gids("projects") == sorted([small.first, small.second])
        assert sync.complete("projects")
        assert sync.gids("tags") == []


def _but_kind(fault: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fault.items() if name != "kind"}


def test_one_projects_tasks_that_keep_failing_fail_alone() -> None:
    small = Small()
    with Sandbox(small.world, plan="service") as asana:
        fault = asana.fault(
            "status", rf"^/tasks\?.*project={small.second}", times=None, message="Overloaded"
        )
        names = ("projects", "sections", "tasks", "subtasks", "stories", "attachments", "users")
        sync = read(asana, names)
        assert {name: sync.complete(name) for name in names} == {
            "projects": True,
            "sections": True,
            "users": True,
            "tasks": False,
            "subtasks": False,
            "stories": False,
            "attachments": False,
        }
        assert sync.gids("tasks") == sorted([small.task, small.both, small.loose])
        assert sync.gids("subtasks") == sorted(small.subtasks)
        told = {record["task_id"] for record in sync.records["stories"]}
        assert told == {small.task, small.both, small.loose, small.subtask, small.deep}
        said = [error["message"] for error in sync.errors]
        assert (
            f"Stream tasks: project {small.second} could not be read: "
            '"Overloaded (6 sad squid snuggle softly)". '
            "Everything else is read, and the next sync reads this again."
        ) in said
        assert fault.hits == 12


def test_one_tasks_stories_that_keep_failing_fail_alone() -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        fault = asana.fault("cut_json", f"^/tasks/{small.other}/stories", times=None)
        names = ("tasks", "subtasks", "stories", "attachments")
        sync = read(asana, names)
        assert [name for name in names if not sync.complete(name)] == ["stories"]
        told = {record["task_id"] for record in sync.records["stories"]}
        assert told == {small.task, small.both, small.loose, small.subtask, small.deep}
        first, last = sync.errors
        assert first["message"] == (
            f"Stream stories: task {small.other} could not be read: "
            '"HTTP 200 with a body that is not complete JSON". '
            "Everything else is read, and the next sync reads this again."
        )
        assert first["failure_type"] == last["failure_type"] == "transient_error"
        assert first["stream_descriptor"] == {"name": "stories"}
        assert last["message"] == (
            "These streams are not complete: stories. The errors above say why; the next sync "
            "reads what "
            "is missing."
        )
        assert fault.hits == 12


def test_a_page_that_is_too_heavy_is_asked_for_in_halves() -> None:
    world = World.empty()
    project = world.add_project("P")
    gids = [world.add_task(f"T{number}", projects=[project]) for number in range(130)]
    with Sandbox(world) as asana:
        for limit in (100, 50):
            asana.fault("status", rf"^/tasks\?.*project=.*limit={limit}(&|$)", times=None)
            asana.fault("status", rf"^/tasks\?.*limit={limit}&.*project=", times=None)
        sync = read(asana, ["tasks"])
        assert sync.errors == []
        assert sync.gids("tasks") == gids
        pages = [e for e in asana.log if e.status == 200 and "project" in e.params]
        assert [page.params["limit"] for page in pages] == ["25"] * 6


@pytest.mark.parametrize("kind", ["status", "drop"])
def test_an_outage_of_five_minutes_is_sat_out(kind: str) -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        # Several requests at once fail more often than one that alone fails is tried.
        asana.fault(kind, times=60, skip=12)
        sync = read(asana, ["tasks", "stories"])
        assert sync.errors == []
        expect.whole(asana, sync, ["tasks", "stories"])
        assert any("Asana does not answer properly" in line for line in sync.warnings)


def test_an_outage_of_more_than_ten_minutes_ends_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, 500)
    small = Small()
    with Sandbox(small.world) as asana:
        asana.fault("status", times=None, status=503, skip=9)
        sync = read(asana, ["workspaces", "tags", "tasks", "stories"], incremental=True)
        assert sync.complete("workspaces")
        assert not sync.complete("stories")
        [error] = sync.errors
        assert error["failure_type"] == "transient_error"
        assert "could not be reached for too long" in error["message"]
        assert sync.state_of("tasks")["v"] == 3


def test_a_quota_that_others_use_up_is_waited_for() -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        # More often than a request that is refused alone would be tried.
        asana.fault("rate_limited", times=300, skip=8, retry_after=1)
        sync = read(asana, ["tasks", "stories"])
        assert sync.errors == []
        expect.whole(asana, sync, ["tasks", "stories"])


@pytest.mark.parametrize("retry_after", [None, 2])
def test_what_alone_is_refused_for_ever_fails_alone(retry_after: int | None) -> None:
    small = Small()
    with Sandbox(small.world) as asana:
        fault = asana.fault(
            "rate_limited",
            f"^/projects/{small.first}/task_counts",
            times=None,
            retry_after=retry_after,
        )
        sync = read(asana, ["task_counts", "sections"])
        assert sync.complete("sections")
        assert not sync.complete("task_counts")
        assert [r["project_id"] for r in sync.records["task_counts"]] == [small.second]
        assert "You have made too many requests recently." in sync.errors[0]["message"]
        assert 20 <= fault.hits <= 25
