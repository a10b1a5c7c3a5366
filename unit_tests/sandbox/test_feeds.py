"""Search, audit log, status updates, time entries."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import get, walk


@pytest.fixture
def world() -> World:
    world = World.empty()
    world.add_project("P")
    return world


def search(asana: Sandbox, **params: str) -> list[str]:
    return get(asana, f"/workspaces/{asana.world.workspace}/tasks/search", **params).gids


def test_search_sorts_bounds_and_filters(world: World) -> None:
    project = world.find("P")
    gids = [
        world.add_task(f"T{n}", projects=[project], created_at=f"2026-01-01T00:00:0{n}.000Z")
        for n in range(4)
    ]
    child = world.add_task("child", parent=gids[0], created_at="2026-01-02T00:00:00.000Z")
    world.add_attachment(child, created_at="2026-01-02T00:00:00.000Z")
    with Sandbox(world) as asana:
        up = {"sort_by": "created_at", "sort_ascending": "true"}
        assert search(asana, **up) == [*gids, child]
        assert search(asana, sort_by="created_at") == [child, *reversed(gids)]
        assert search(asana, **up, created_at__after="2026-01-01T00:00:01.000Z", limit="1") == [
            gids[2]
        ]
        assert search(asana, **up, created_at__before="2026-01-01T00:00:01.000Z") == gids[:1]
        assert (
            search(
                asana,
                modified_at__after="2026-01-01T00:00:02.999Z",
                modified_at__before="2026-01-02T00:00:00Z",
            )
            == gids[3:]
        )
        assert search(asana, is_subtask="true") == [child]
        assert search(asana, has_attachment="true") == [child]
        assert search(asana, projects__any=project, is_subtask="true") == [child]
        assert asana.unknown_params == []


def test_search_lags_behind(world: World) -> None:
    old = "2026-01-01T00:00:00.000Z"
    task = world.add_task("T", projects=[world.find("P")], created_at=old)
    with Sandbox(world, search_lag=60) as asana:
        world.edit_task(task, name="changed")
        new = world.add_task("new", projects=[world.find("P")])
        since = {"modified_at__after": "2026-02-01T00:00:00Z"}
        assert search(asana, **since) == []
        assert search(asana) == [task]
        record = get(asana, f"/workspaces/{world.workspace}/tasks/search", opt_fields="name").data[
            0
        ]
        assert record["name"] == "changed"
        asana.clock.advance(61)
        assert sorted(search(asana, **since)) == sorted([task, new])


def test_search_orders_equal_stamps_differently(world: World) -> None:
    stamp = "2026-01-01T00:00:00.000Z"
    gids = [world.add_task("T", projects=[world.find("P")], created_at=stamp) for _ in range(30)]
    with Sandbox(world) as asana:
        pages = [tuple(search(asana, limit="30")) for _ in range(3)]
        assert len(set(pages)) > 1
        assert {frozenset(page) for page in pages} == {frozenset(gids)}


def test_the_audit_log_never_ends_once_something_matched(world: World) -> None:
    gids = [
        world.add_audit_event("task_deleted", created_at=f"2026-01-0{day}T00:00:00.000Z")
        for day in range(1, 5)
    ]
    with Sandbox(world, plan="service") as asana:
        path = f"/workspaces/{world.workspace}/audit_log_events"
        bounds = {"start_at": "2026-01-02T00:00:00Z", "end_at": "2026-01-04T00:00:00Z", "limit": 1}
        first = get(asana, path, **bounds)
        second = get(asana, path, **bounds, offset=first.json["next_page"]["offset"])
        third = get(asana, path, **bounds, offset=second.json["next_page"]["offset"])
        assert first.gids + second.gids + third.gids == gids[1:3]
        assert third.json["next_page"] is not None
        assert get(asana, path, start_at="2027-01-01T00:00:00Z").json["next_page"] is None


def test_status_updates_created_since_is_inclusive(world: World) -> None:
    project = world.find("P")
    stamps = ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"]
    gids = [world.add_status_update(project, s, created_at=s) for s in stamps]
    with Sandbox(world) as asana:
        assert (
            walk(asana, "/status_updates", parent=project, limit=1, opt_fields="title")[1]["title"]
            == stamps[1]
        )
        assert (
            get(asana, "/status_updates", parent=project, created_since=stamps[1]).gids == gids[1:]
        )
        current = get(asana, f"/projects/{project}").data["current_status_update"]
        assert current["gid"] == gids[1]
        assert len(get(asana, f"/projects/{project}/project_statuses").data) == 2


def test_time_entries_by_day_and_categories_by_flag(world: World) -> None:
    task = world.add_task("T", projects=[world.find("P")])
    gids = [world.add_time_entry(task, entered_on=f"2026-01-0{day}") for day in (1, 2, 3)]
    kept = world.add("time_tracking_category", name="kept", is_archived=False)
    old = world.add("time_tracking_category", name="old", is_archived=True)
    with Sandbox(world, plan="advanced") as asana:
        path, home = "/time_tracking_entries", world.workspace
        assert get(asana, path, workspace=home).status == 400
        day = "2026-01-02"
        assert (
            get(
                asana, path, workspace=home, entered_on_start_date=day, entered_on_end_date=day
            ).gids
            == gids[1:2]
        )
        assert get(asana, path, workspace=home, entered_on_start_date=day).gids == gids[1:]
        assert get(asana, "/time_tracking_categories", workspace=home).gids == [kept]
        assert get(asana, "/time_tracking_categories", workspace=home, is_archived="true").gids == [
            old
        ]
        assert get(asana, f"/tasks/{task}").data["actual_time_minutes"] == 90


def test_memberships_by_parent_and_by_team(world: World) -> None:
    project = world.find("P")
    team = world.add_team("Team")
    membership = world.add_membership(project, team, access_level="viewer")
    with Sandbox(world) as asana:
        listed = get(
            asana, "/memberships", parent=project, opt_fields="member.name,access_level"
        ).data
        assert [m["member"]["name"] for m in listed] == ["Ada Owner", "Team"]
        by_team = get(asana, "/memberships", member=team, resource_subtype="project_membership")
        assert by_team.gids == [membership]
        assert get(asana, "/memberships").status == 400
