"""Pages: each asked for once, offsets that die, and answers that are cut are never the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox, World
from unit_tests.mock_server import expect
from unit_tests.sync import Sync, read

PROJECT_TASKS = r"^/tasks\?.*project="
REPEATED = "Asana names a page as the next one that it has named before"


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
    assert project not in sync.instants_of("tasks")


@pytest.mark.parametrize("circle", ["A", "AB", "ABC"])
def test_offsets_that_come_again_fail_the_partition(asana: Sandbox, circle: str) -> None:
    following = dict(zip(circle, circle[1:] + circle[0], strict=True))
    for number, (offset, after) in enumerate(following.items()):
        page = {"data": [{"gid": f"{number + 2}"}], "next_page": {"offset": after}}
        # Were they followed for ever, the list would start again and end after this many pages.
        asana.fault("status", rf"^/tags\?.*offset={offset}", times=5, status=200, body=page)
    first = {"data": [{"gid": "1"}], "next_page": {"offset": circle[0]}}
    asana.fault("status", "/tags", status=200, body=first)
    sync = read(asana, ["tags"])
    assert not sync.complete("tags")
    assert sync.gids("tags") == [str(number + 1) for number in range(len(circle) + 1)]
    assert REPEATED in sync.errors[0]["message"]
    assert sum(entry.path == "/tags" for entry in asana.log) == len(circle) + 1


def test_offsets_that_come_again_after_an_expired_one_are_followed(asana: Sandbox) -> None:
    world = asana.world
    tags = [world.add_tag(f"tag {number}") for number in range(3)]
    pages = {None: "A", "A": "B", "B": None}
    for (offset, after), gid in zip(pages.items(), tags, strict=True):
        path = rf"^/tags\?.*offset={offset}" if offset else r"^/tags\?(?!.*offset=)"
        body = {"data": [{"gid": gid}], "next_page": after and {"offset": after}}
        if offset == "B":
            asana.fault("offset_expired", path)
        asana.fault("status", path, times=None, status=200, body=body)
    sync = read(asana, ["tags"])
    assert sync.errors == []
    assert sync.gids("tags") == sorted(tags)
    offsets = [e.params.get("offset") for e in asana.log if e.path == "/tags"]
    assert offsets == [None, "A", "B"] * 2


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


@pytest.mark.parametrize("circle", ["A", "AB"])
def test_events_that_never_end_fail_their_project(asana: Sandbox, circle: str) -> None:
    for token, after in zip(circle, circle[1:] + circle[0], strict=True):
        body = {"data": [], "sync": after, "has_more": True}
        asana.fault("status", rf"^/events\?.*sync={token}", times=5, status=200, body=body)
    asana.fault("status", "/events", status=200, body={"data": [], "sync": "A", "has_more": True})
    sync = read(asana, ["events"], incremental=True)
    assert not sync.complete("events")
    assert REPEATED in sync.text
