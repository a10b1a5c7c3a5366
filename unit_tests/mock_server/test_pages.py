"""Pages: each asked for once, offsets that die, and answers that are cut are never the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox, World
from unit_tests.mock_server import expect
from unit_tests.sync import Sync, read

PROJECT_TASKS = r"^/tasks\?.*project="


@pytest.fixture
def world() -> World:
    """Return a world with one project of 330 tasks, the first of which has 230 stories."""
    world = World.empty()
    project = world.add_project("Long")
    gids = [world.add_task(f"T{number}", projects=[project]) for number in range(330)]
    for number in range(230):
        world.add_story(gids[0], f"story {number}")
    return world


@pytest.fixture
def asana(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as sandbox:
        yield sandbox


def task_pages(asana: Sandbox) -> list[str | None]:
    """Return the offsets sent with the requests for the project's tasks, in order."""
    return [e.params.get("offset") for e in asana.log if "project" in e.params]


def test_each_page_once_and_a_hundred_records_each(asana: Sandbox) -> None:
    sync = read(asana, ["tasks"])
    expect.whole(asana, sync, ["tasks"])
    expect.asked_once(asana)
    expect.asked_well(asana)
    offsets = task_pages(asana)
    assert len(offsets) == len(set(offsets)) == 4
    assert offsets[0] is None
    assert asana.requests("/tasks") == 5  # one more for the user


def test_a_full_last_page_needs_no_further_one(asana: Sandbox) -> None:
    for gid in list(asana.world.listed("project.tasks", asana.world.find("Long")))[:30]:
        asana.world.delete_task(gid)
    sync = read(asana, ["tasks"])
    assert len(sync.records["tasks"]) == 300
    assert len(task_pages(asana)) == 3


def test_an_expired_offset_restarts_the_listing_without_duplicates(asana: Sandbox) -> None:
    fault = asana.fault("offset_expired", PROJECT_TASKS, skip=1)
    sync = read(asana, ["tasks", "stories"])
    assert fault.hits == 1
    assert sync.errors == []
    expect.whole(asana, sync, ["tasks", "stories"])
    # Two good pages, the refused third, and all four from the beginning.
    assert len(task_pages(asana)) == 7


def test_an_invalid_offset_restarts_too(asana: Sandbox) -> None:
    asana.fault(
        "status",
        PROJECT_TASKS + ".*offset=",
        status=400,
        message="offset: Your pagination token is invalid.",
    )
    asana.fault(
        "status",
        r"^/tasks\?.*offset=.*project=",
        status=400,
        message="offset: Your pagination token is invalid.",
    )
    sync = read(asana, ["tasks"])
    expect.whole(asana, sync, ["tasks"])
    assert len(task_pages(asana)) > 4


def test_offsets_that_never_work_fail_the_partition(asana: Sandbox) -> None:
    asana.fault("offset_expired", PROJECT_TASKS, times=None)
    sync = read(asana, ["tasks", "stories"])
    assert not sync.complete("tasks")
    assert not sync.complete("stories")
    assert len(sync.records["tasks"]) == 100
    said = [error["message"] for error in sync.errors]
    assert any("offset: Your pagination token has expired." in text for text in said)
    assert len(task_pages(asana)) <= 10


def test_offsets_that_live_shorter_than_their_children_take(world: World) -> None:
    with Sandbox(world, offset_life=0.2, latency_ms=10) as asana:
        sync = read(asana, ["tasks", "stories"], num_workers=4)
        assert sync.errors == []
        expect.whole(asana, sync, ["tasks", "stories"])


@pytest.mark.parametrize(
    "words",
    [
        "The result was truncated.",
        "Result set truncated: too many items.",
        "The result is too large. You should use pagination (may require specifying a workspace)!",
    ],
)
def test_a_truncated_result_is_never_the_end(asana: Sandbox, words: str) -> None:
    asana.fault("truncation", PROJECT_TASKS, times=None, skip=2, message=words)
    # The fault counts every request for the project's tasks: the third page is refused.
    sync = read(asana, ["tasks", "stories"], incremental=True)
    assert not sync.complete("tasks")
    assert not sync.complete("stories")
    assert len(sync.records["tasks"]) == 200
    assert any(words in error["message"] for error in sync.errors)
    project = asana.world.find("Long")
    assert project not in sync.bounds_of("tasks")


def test_a_server_that_repeats_an_offset_is_not_followed_for_ever(asana: Sandbox) -> None:
    page = {"data": [{"gid": "1", "resource_type": "tag"}], "next_page": {"offset": "again"}}
    asana.fault("status", "/tags", times=None, status=200, body=page)
    sync = read(asana, ["tags"])
    assert not sync.complete("tags")
    assert sync.gids("tags") == ["1"]
    assert "Asana names this page as its own next page" in sync.errors[0]["message"]


def test_tasks_that_move_between_pages_come_once(asana: Sandbox) -> None:
    world = asana.world
    project = world.find("Long")
    gids = world.listed("project.tasks", project).gids
    moved = [gids[3], gids[210]]

    def move(path: str, params: dict[str, str]) -> None:
        if path == "/tasks" and "offset" in params and moved:
            # From the page read already to the end: it comes again in the last page.
            gid = moved.pop()
            world.leave(gid, "project.tasks", project)
            world.enter(gid, "project.tasks", project, 9e18)

    asana.before_request(move)
    sync = read(asana, ["tasks"])
    assert moved == []
    assert sync.gids("tasks") == sorted(world.listed("project.tasks", project))


def test_tasks_added_and_deleted_while_pages_are_read(asana: Sandbox) -> None:
    world = asana.world
    project = world.find("Long")
    gids = list(world.listed("project.tasks", project))
    gone, left = [gids[150]], set(gids) - {gids[150]}

    def edit(path: str, params: dict[str, str]) -> None:
        if path == "/tasks" and "offset" in params and gone:
            world.delete_task(gone.pop())

    asana.before_request(edit)
    sync = read(asana, ["tasks", "stories"])
    assert sync.errors == []
    assert set(sync.gids("tasks")) == left
    assert len(sync.records["stories"]) == 230


def deleted_children(sync: Sync) -> list[str]:
    """Return the warnings about vanished tasks."""
    return [line for line in sync.warnings if "Unknown object" in line]


def test_a_task_deleted_before_its_stories_are_read_is_skipped_and_said(asana: Sandbox) -> None:
    world = asana.world
    gid = world.listed("project.tasks", world.find("Long")).gids[5]

    def delete(path: str, params: dict[str, str]) -> None:
        del params
        if path.endswith("/stories") and gid in world:
            world.delete_task(gid)

    asana.before_request(delete)
    sync = read(asana, ["tasks", "stories"], num_workers=1)
    assert sync.errors == []
    assert sync.complete("stories")
    assert len(sync.records["tasks"]) == 330
    assert deleted_children(sync)[0].startswith(f"Stream stories: skipped task {gid}. ")


def test_events_that_never_end_fail_their_project(asana: Sandbox) -> None:
    body = {"data": [], "sync": "the-same", "has_more": True}
    asana.fault("status", "/events", times=None, status=200, body=body)
    sync = read(asana, ["events"], incremental=True)
    assert not sync.complete("events")
    assert "Asana names this page as its own next page" in sync.text
