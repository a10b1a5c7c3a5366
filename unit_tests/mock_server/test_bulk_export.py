"""A bulk export gives what listings give, whatever happens to it, with a few requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Sandbox, World
from sandbox.exports import CREATE, POLL
from sandbox.server_time import parse_moment
from unit_tests.mock_server.expect import PARENTS
from unit_tests.mock_server.test_custom_columns import Fields, configured, discovered
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination
from unit_tests.sync import Record, Sync, command, config_for, read

STREAMS = ("tasks", "subtasks", "stories", "attachments")
# The export has no addresses of files.
NOT_EXPORTED = frozenset({"download_url", "view_url", "synced_at"})
ON = {"bulk_export": True}


@pytest.fixture
def lab() -> Lab:
    world = World.empty()
    # Always the same time at first: it decides which of two syncs the listing pass comes to.
    world.clock.skew = parse_moment("2026-03-01T12:00:00Z") - time.time()
    return Lab(world)


@pytest.fixture
def asana(lab: Lab) -> Iterator[Sandbox]:
    with Sandbox(lab.world, plan="service") as sandbox:
        yield sandbox


def rows(sync: Sync, stream: str) -> dict[tuple[Any, ...], Record]:
    """Return a stream's records by key, each of them once, without what an export lacks."""
    found = {}
    for record in sync.records[stream]:
        key = (record["gid"], *(record.get(name) for name in PARENTS))
        assert key not in found, (stream, key)
        found[key] = {n: v for n, v in record.items() if n not in NOT_EXPORTED and v is not None}
    return found


def same(one: Sync, other: Sync) -> None:
    """Assert that two syncs sent the same records with the same values."""
    for stream in STREAMS:
        assert rows(one, stream) == rows(other, stream), stream


def whole(asana: Sandbox, sync: Sync) -> None:
    """Assert that a sync ended well and sent what a fresh read by listings sends."""
    assert sync.errors == []
    assert all(sync.complete(stream) for stream in STREAMS)
    same(sync, read(asana, STREAMS))


def exported(asana: Sandbox) -> Counter[str]:
    """Return the requests so far of the kinds that an export makes or spares."""
    return Counter(entry.path_template for entry in asana.log)


# ── as listings ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.parametrize("incremental", [True, False])
def test_records_are_those_of_listings_with_few_requests(*, incremental: bool) -> None:
    world = World.generate(tasks=1000, seed=3)
    with Sandbox(world, plan="service", search_lag=10) as asana:
        listed = read(asana, STREAMS, incremental=incremental)
        by_listings = len(asana.log)
        asana.reset_log()
        sync = read(asana, STREAMS, incremental=incremental, **ON)
        assert sync.errors == []
        assert sync.warnings == []
        same(sync, listed)
        assert len(asana.log) <= by_listings * 0.05
        assert asana.unknown_fields == []
        assert asana.unknown_params == []


def test_subtasks_before_their_parents_at_every_depth(asana: Sandbox, lab: Lab) -> None:
    parent = lab.world.add_task("0", projects=lab.projects[:1])
    for depth in range(1, 5):
        parent = lab.world.add_task(str(depth), parent=parent)
        lab.world.comment(parent)
    sync = read(asana, STREAMS, incremental=True, **ON)
    whole(asana, sync)
    assert sync.summary["checked"] == {"exports": len(lab.tasks())}


def test_what_no_listing_shows_is_left_out(asana: Sandbox, lab: Lab) -> None:
    nobodys = lab.world.add_task("nobody's, in no project")
    below = lab.world.add_task("below it", parent=nobodys)
    lab.world.comment(below)
    sync = read(asana, STREAMS, incremental=True, **ON)
    assert nobodys not in sync.gids("tasks")
    assert below not in sync.gids("subtasks")
    whole(asana, sync)


@pytest.mark.parametrize(
    "settings",
    [
        lambda lab: {"project_ids": lab.projects[:1]},
        lambda lab: {"exclude_project_ids": lab.projects[:1]},
        lambda _: {"include_tasks_without_project": False},
        lambda _: {"start_date": "2024-06-01T00:00:00Z"},
    ],
)
def test_choices_hold(asana: Sandbox, lab: Lab, settings: Any) -> None:
    old = lab.world.add_task(
        "old", projects=lab.projects[1:2], created_at="2024-01-01T00:00:00.000Z"
    )
    lab.world.add_task("new below", parent=old)
    chosen = settings(lab)
    for incremental in (True, False):
        sync = read(asana, STREAMS, incremental=incremental, **ON, **chosen)
        assert sync.errors == []
        same(sync, read(asana, STREAMS, **chosen))


@pytest.mark.parametrize("streams", [("tasks",), ("subtasks",), ("stories",), ("attachments",)])
def test_single_streams(asana: Sandbox, streams: tuple[str]) -> None:
    sync = read(asana, streams, incremental=True, **ON)
    assert sync.errors == []
    for stream in STREAMS:
        listed = read(asana, streams)
        assert rows(sync, stream) == rows(listed, stream)
    assert exported(asana)[CREATE] == 1


def test_unwanted_children_are_not_exported(asana: Sandbox) -> None:
    read(asana, ["tasks", "attachments"], incremental=True, **ON)
    [job] = asana.exports.jobs.values()
    fields = job.parameters[0]["fields"]
    assert any(name.startswith("attachments.") for name in fields)
    assert not any(name.startswith("stories") for name in fields)
    assert not {"attachments.download_url", "attachments.view_url"} & set(fields)


def test_selected_columns(asana: Sandbox) -> None:
    columns = {
        "tasks": ["gid", "name"],
        "subtasks": ["gid", "task_id", "assignee"],
        "stories": ["gid", "text"],
        "attachments": ["gid", "parent"],
    }
    sync = read(asana, STREAMS, incremental=True, columns=columns, **ON)
    same(sync, read(asana, STREAMS, columns=columns))


def test_columns_of_custom_fields() -> None:
    with Sandbox(Fields().world, plan="service") as asana:
        catalog = configured(discovered(asana), *STREAMS, incremental=True)
        listed, sync = (
            command("read", config_for(asana, bulk_export=way), catalog=catalog)
            for way in (False, True)
        )
        assert exported(asana)[CREATE] == 1
        same(sync, listed)


@pytest.mark.parametrize("lacks", [{"parent"}, {"target", "parent"}])
def test_columns_that_are_the_task_itself(asana: Sandbox, lacks: set[str]) -> None:
    asana.exports.trouble.lacks = frozenset(lacks)
    whole(asana, read(asana, STREAMS, incremental=True, **ON))


@pytest.mark.parametrize("incremental", [True, False])
def test_children_without_values_are_asked_for(asana: Sandbox, *, incremental: bool) -> None:
    asana.exports.trouble.bare = True
    whole(asana, read(asana, STREAMS, incremental=incremental, **ON))
    assert asana.requests("/tasks/{task_gid}/subtasks") > 0


@pytest.mark.parametrize(
    ("trouble", "missing"),
    [
        ({"lacks": frozenset({"stories"})}, "stories"),
        ({"bare": True}, "attachments and stories"),
        ({}, ""),
    ],
    ids=["no stories", "bare", "whole"],
)
def test_children_that_the_file_does_not_hold_are_said_once(
    asana: Sandbox, lab: Lab, trouble: dict[str, Any], missing: str
) -> None:
    parent = lab.world.add_task("parent", projects=lab.projects[:1])
    for number in range(8):
        # Some of them come before their parent, and all are in a project's listing as well.
        below = lab.world.add_task(str(number), parent=parent, projects=lab.projects[:1])
        lab.world.comment(below)
    _set(asana, trouble)
    sync = read(asana, STREAMS, incremental=True, **ON)
    said = [line for line in sync.logs if "the export's file does not hold" in line]
    if missing:
        [line] = said
        assert line == (
            f"Workspace {asana.world.workspace}: the export's file does not hold the {missing} "
            "of every task. The connector reads those that are missing with one request per task."
        )
        assert sync.warnings == said
    else:
        assert said == []
    whole(asana, sync)


@pytest.mark.parametrize("gid", [str(2**63), "9" * 30])
def test_gids_may_be_longer_than_today(asana: Sandbox, lab: Lab, gid: str) -> None:
    parent = lab.world.add_task("parent", gid=gid, projects=lab.projects[:1])
    for number in range(8):
        # Some of them come before their parent.
        lab.world.comment(lab.world.add_task("below", gid=f"{gid}{number}", parent=parent))
    whole(asana, read(asana, STREAMS, incremental=True, **ON))


# ── what follows ───────────────────────────────────────────────────────────────────────────────


def test_the_next_sync_searches_and_sends_nothing_twice(asana: Sandbox, lab: Lab) -> None:
    first = read(asana, STREAMS, incremental=True, **ON)
    asana.clock.advance(3600)
    asana.reset_log()
    second = read(asana, STREAMS, incremental=True, state=first.state, **ON)
    assert {stream: found for stream, found in second.records.items() if found} == {}
    assert exported(asana)[CREATE] == 0
    asana.clock.advance(3600)
    changed = lab.tasks()[0]
    lab.world.edit_task(changed, name="other")
    third = read(asana, STREAMS, incremental=True, state=second.state, **ON)
    assert third.gids("tasks") == [changed]


def test_the_bound_is_the_job_s_beginning(asana: Sandbox, lab: Lab) -> None:
    changed = lab.tasks()[0]

    def while_it_runs(path: str, _params: dict[str, str]) -> None:
        if path.startswith("/jobs/"):
            asana.clock.advance(600)
            lab.world.edit_task(changed, name=f"at {asana.clock.now()}")

    asana.before_request(while_it_runs)
    first = read(asana, STREAMS, incremental=True, **ON)
    [job] = asana.exports.jobs.values()
    asana.before_request(None)
    bounds = first.instants_of("tasks")
    # The workspace's own is from the `Date` of an answer, in seconds.
    listed = [bound for key, bound in bounds.items() if key != lab.world.workspace]
    assert {round(job.created - bound / 1000) for bound in listed} == {1}
    for stream in STREAMS:
        assert set(first.instants_of(stream)) >= set(lab.projects)


def test_the_pass_is_one_export_and_finds_what_departed(asana: Sandbox, lab: Lab) -> None:
    first = read(asana, STREAMS, incremental=True, **ON)
    asana.clock.advance(200 * 3600)
    gone, liked = lab.tasks()[:2]
    lab.world.delete_task(gone)
    lab.world.like(liked)
    asana.reset_log()
    second = read(asana, STREAMS, incremental=True, state=first.state, **ON)
    assert second.gids("tasks") == [liked]
    assert exported(asana)[CREATE] == 1
    assert exported(asana)["/tasks"] == 0
    asana.clock.advance(3600)
    asana.reset_log()
    third = read(asana, STREAMS, incremental=True, state=second.state, **ON)
    assert exported(asana)[CREATE] == 0
    assert gone in third.tasks_of("stories")
    # It leaves when two passes have missed it.
    asana.clock.advance(200 * 3600)
    last = read(asana, STREAMS, incremental=True, state=third.state, **ON)
    assert gone not in last.tasks_of("stories")


def test_more_changes_than_a_search_is_good_for(asana: Sandbox, lab: Lab) -> None:
    first = read(asana, STREAMS, incremental=True, **ON)
    asana.clock.advance(3600)
    many = []
    for number in range(1100):
        many.append(lab.world.add_task(str(number), projects=lab.projects[:1]))
        # A search cannot step past a hundred tasks that were created at the same time.
        asana.clock.advance(1)
    lab.world.add_task("below", parent=many[0])
    lab.world.comment(many[1])
    asana.reset_log()
    second = read(asana, STREAMS, incremental=True, state=first.state, **ON)
    assert second.errors == []
    assert second.warnings == []
    assert set(many) <= set(second.gids("tasks"))
    [*_, job] = asana.exports.jobs.values()
    assert "modified_at.after" in job.parameters[0]["filters"]
    # The one project has more events than its list had pages, so it is listed.
    assert exported(asana)["/tasks"] == len(many) // 100 + 1
    asana.clock.advance(3600)
    third = read(asana, STREAMS, incremental=True, state=second.state, **ON)
    assert {stream: found for stream, found in third.records.items() if found} == {}


# ── faults ─────────────────────────────────────────────────────────────────────────────────────

PASSING = [
    {"polls": 7},
    {"failed": 1},
    {"busy": 3},
    {"expired": 1},
    {"expired": 3},
    {"cut": 1},
    {"cut": 4},
    {"cut": 1, "no_ranges": True},
    {"short": 1},
    {"damaged": 1},
    {"stale": 1},
]


@pytest.mark.parametrize("incremental", [True, False])
@pytest.mark.parametrize("trouble", PASSING, ids=str)
def test_what_passes_is_waited_out(
    asana: Sandbox, trouble: dict[str, Any], *, incremental: bool
) -> None:
    _set(asana, trouble)
    sync = read(asana, STREAMS, incremental=incremental, **ON)
    assert sync.warnings == []
    assert exported(asana)["/tasks"] == 0
    whole(asana, sync)


@pytest.mark.parametrize("path", [CREATE, POLL])
@pytest.mark.parametrize("data", ["[]", "null", "{}", "[1]"])
def test_an_answer_without_a_job_is_asked_for_again(asana: Sandbox, path: str, data: str) -> None:
    asana.fault("status", path, status=200, body=f'{{"data":{data}}}')
    sync = read(asana, STREAMS, incremental=True, **ON)
    assert sync.warnings == []
    assert exported(asana)["/tasks"] == 0
    whole(asana, sync)


LASTING = [
    {"endless": True},
    {"failed": 9},
    {"busy": 10**6},
    {"forbidden": True},
    {"forbidden": True, "no_right": "You do not have access to this."},
    {"expired": 10**6},
    {"cut": 10**6, "no_ranges": True},
    {"short": 10**6, "no_ranges": True},
    {"damaged": 10**6},
    {"stale": 10**6},
]


@pytest.mark.parametrize(
    "incremental", [True, pytest.param(False, marks=pytest.mark.slow)], ids=str
)
@pytest.mark.parametrize("trouble", LASTING, ids=str)
def test_what_stays_is_said_once_and_listings_follow(
    asana: Sandbox, trouble: dict[str, Any], *, incremental: bool
) -> None:
    _set(asana, trouble)
    asks = {**ON, "bulk_export_timeout_minutes": 0.5}
    sync = read(asana, STREAMS, incremental=incremental, **asks)
    [warning] = sync.warnings
    assert "export" in warning
    assert exported(asana)["/tasks"] > 0
    whole(asana, sync)


def test_a_token_without_the_right_reads_listings(lab: Lab) -> None:
    with Sandbox(lab.world, plan="advanced") as asana:
        sync = read(asana, STREAMS, incremental=True, **ON)
        [warning] = sync.warnings
        assert "export" in warning
        assert sync.errors == []
        same(sync, read(asana, STREAMS))


@pytest.mark.parametrize(
    ("plan", "settings", "fails"),
    [
        ("advanced", ON, True),
        ("advanced", {}, False),
        ("service", ON, False),
    ],
)
def test_check(lab: Lab, plan: str, settings: dict[str, Any], *, fails: bool) -> None:
    with Sandbox(lab.world, plan=plan) as asana:
        answer = command("check", config_for(asana, **settings)).connection
        assert answer
        assert answer["status"] == ("FAILED" if fails else "SUCCEEDED")
        assert not fails or "bulk_export" in answer["message"]
        assert exported(asana)[CREATE] == 0


def test_neither_address_nor_token_gets_out(asana: Sandbox) -> None:
    asana.exports.trouble.cut = 10**6
    asana.exports.trouble.no_ranges = True
    sync = read(asana, STREAMS, incremental=True, **ON)
    assert "X-Amz" not in sync.text
    assert "_export/" not in sync.text
    assert asana.exports.downloads
    assert not any("Authorization" in headers for headers in asana.exports.downloads)


def _set(asana: Sandbox, trouble: dict[str, Any]) -> None:
    for name, value in trouble.items():
        setattr(asana.exports.trouble, name, value)


# ── kills ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("messages", [1, 5, 12, 20, 26, 30])
def test_a_killed_sync_goes_on_with_its_job(asana: Sandbox, lab: Lab, messages: int) -> None:
    destination = Destination()
    first = destination.sync(asana, STREAMS, kill_after=messages, **ON)
    assert first.killed
    second = destination.sync(asana, STREAMS, **ON)
    assert second.errors == []
    assert exported(asana)[CREATE] == 1
    asana.clock.advance(3600)
    destination.sync(asana, STREAMS, **ON)
    assert [line for s in STREAMS for line in lab.missing(asana, destination, s)] == []
    for stream in ("tasks", "subtasks"):
        gids = [record["gid"] for record in destination.history[stream]]
        assert max(Counter(gids).values()) <= 2


@pytest.mark.parametrize("hours", [0, 168])
@pytest.mark.parametrize("further", ["nothing", "project", "user"])
def test_no_job_is_read_in_two_whole_syncs(
    asana: Sandbox, lab: Lab, further: str, hours: int
) -> None:
    first = read(asana, STREAMS, incremental=True, full_scan_interval_hours=hours, **ON)
    if further == "project":
        lab.world.add_project("New")
    elif further == "user":
        lab.world.add_user("New")
    changed = lab.tasks()[0]
    lab.world.edit_task(changed, name="other")
    asana.clock.advance(200 * 3600)
    second = read(
        asana, STREAMS, incremental=True, state=first.state, full_scan_interval_hours=hours, **ON
    )
    assert second.gids("tasks") == [changed]
    assert exported(asana)[CREATE] == 2


def test_a_full_refresh_has_a_file_of_its_own(asana: Sandbox, lab: Lab) -> None:
    for number in range(2):
        lab.world.edit_task(lab.tasks()[0], name=str(number))
        whole(asana, read(asana, STREAMS, **ON))
        assert exported(asana)[CREATE] == number + 1


def test_a_job_that_was_left_behind_is_of_no_use_after_listings(asana: Sandbox, lab: Lab) -> None:
    destination = Destination()
    destination.sync(asana, STREAMS, kill_after=1, **ON)
    destination.sync(asana, STREAMS)
    asana.clock.advance(3600)
    lab.world.edit_task(lab.tasks()[0], name="newer")
    destination.sync(asana, STREAMS, full_scan_interval_hours=0, **ON)
    assert [line for s in STREAMS for line in lab.missing(asana, destination, s)] == []


def test_the_job_of_a_search_does_not_stand_for_what_changed_after_it(
    asana: Sandbox, lab: Lab
) -> None:
    destination, options = Destination(), {**ON, "change_detection": "auto"}
    destination.sync(asana, STREAMS, **options)
    asana.clock.advance(3600)
    for number in range(1000):
        lab.world.add_task(str(number), projects=lab.projects[:1])
        # A search cannot step past a hundred tasks that were created at the same time.
        asana.clock.advance(1)
    # In no project, so that no event tells of it.
    late = lab.world.add_task("Late", assignee=lab.world.me)
    asana.exports.trouble.endless = True
    destination.sync(asana, STREAMS, kill_after=1000, **options)
    [*_, job] = asana.exports.jobs.values()
    assert "exports" in destination.state_of("tasks")
    asana.exports.finish(job)
    asana.exports.trouble.endless = False
    lab.world.edit_task(late, name="Edited")
    for _ in range(2):
        asana.clock.advance(3600)
        done = destination.sync(asana, STREAMS, **options)
        assert not done.failed, done.errors
    assert destination.rows["tasks"][late]["name"] == "Edited"


# ── off ────────────────────────────────────────────────────────────────────────────────────────


def test_off_nothing_is_different(asana: Sandbox) -> None:
    sync = read(asana, STREAMS, incremental=True, bulk_export=False)
    assert not any("export" in line for line in sync.logs)
    assert not {CREATE, POLL} & set(exported(asana))
    assert "exports" not in sync.state_of("tasks")
