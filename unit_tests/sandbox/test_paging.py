"""Pages, offsets, and what happens without a limit."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import get, walk


@pytest.fixture
def world() -> World:
    world = World.empty()
    project = world.add_project("P")
    for number in range(7):
        world.add_task(f"T{number}", projects=[project])
    return world


def test_pages_hold_limit_records_and_end_with_null(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        first = get(asana, "/tasks", project=project, limit=3)
        assert len(first.data) == 3
        assert set(first.json["next_page"]) == {"offset", "path", "uri"}
        assert [r["name"] for r in walk(asana, "/tasks", project=project, limit=3)] == [
            f"T{n}" for n in range(7)
        ]
        assert get(asana, "/tasks", project=project, limit=7).json["next_page"] is None
        assert asana.requests("/tasks") == 1 + 3 + 1


def test_without_limit_there_is_no_next_page_and_a_largest_result(world: World) -> None:
    project = world.find("P")
    with Sandbox(world, max_unpaged=7) as asana:
        assert "next_page" not in get(asana, "/tasks", project=project).json
        world.add_task("T7", projects=[project])
        refused = get(asana, "/tasks", project=project)
        assert (refused.status, refused.message[:24]) == (400, "The result is too large.")


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
def test_limit_is_1_to_100(world: World, limit: str) -> None:
    with Sandbox(world) as asana:
        assert get(asana, "/tasks", project=world.find("P"), limit=limit).status == 400


def test_offsets_expire_and_belong_to_their_listing(world: World) -> None:
    project, other = world.find("P"), world.add_project("Q")
    with Sandbox(world, offset_life=2) as asana:
        offset = get(asana, "/tasks", project=project, limit=2).json["next_page"]["offset"]
        foreign = get(asana, "/tasks", project=other, limit=2, offset=offset)
        assert (foreign.status, foreign.message) == (
            400,
            "offset: Your pagination token is invalid.",
        )
        assert get(asana, "/tasks", project=project, limit=2, offset=offset + "x").status == 400
        assert get(asana, "/tasks", project=project, limit=2, offset="nonsense").status == 400
        wider = get(asana, "/tasks", project=project, limit=5, offset=offset, opt_fields="name")
        assert len(wider.data) == 5
        asana.clock.advance(3)
        late = get(asana, "/tasks", project=project, limit=2, offset=offset)
        assert (late.status, late.message) == (400, "offset: Your pagination token has expired.")


def test_changes_elsewhere_do_not_shift_pages(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        first = get(asana, "/tasks", project=project, limit=3)
        world.delete_task(first.gids[0])
        world.delete_task(first.gids[2])
        world.add_task("new first", projects=[project], rank=-1.0)
        offset = first.json["next_page"]["offset"]
        rest = get(asana, "/tasks", project=project, limit=100, offset=offset)
        assert [record["name"] for record in rest.data] == ["T3", "T4", "T5", "T6"]


def test_users_of_a_workspace_are_alphabetical_and_cut(world: World) -> None:
    for name in ("Zoe", "Bob", "Cid"):
        world.add_user(name)
    with Sandbox(world, users_cut=3) as asana:
        listed = get(asana, f"/workspaces/{world.workspace}/users")
        assert [user["name"] for user in listed.data] == ["Ada Owner", "Bob", "Cid"]
        assert len(get(asana, "/users", workspace=world.workspace, limit=100).data) == 4
