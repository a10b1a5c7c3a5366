"""Which tasks come, each once, wherever they lie: in projects, in none, below others, elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from sandbox import Sandbox, World
from unit_tests.mock_server import expect
from unit_tests.sync import Sync, read

TASK_STREAMS = ("tasks", "subtasks", "stories", "attachments")


@pytest.fixture
def world() -> World:
    return World.empty()


@pytest.fixture
def asana(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as sandbox:
        yield sandbox


def told(sync: Sync) -> list[str]:
    """Return the gids of the tasks that stories were read of, once per story."""
    return sorted(record["task_id"] for record in sync.records["stories"])


def test_a_task_in_five_projects_is_one_record_and_its_children_are_read_once(
    world: World, asana: Sandbox
) -> None:
    projects = [world.add_project(f"P{number}") for number in range(5)]
    task = world.add_task("T", projects=projects, assignee=world.me)
    below = world.add_task("below", parent=task)
    for gid in (task, below):
        world.add_story(gid, "said")
        world.add_attachment(gid)
    sync = read(asana, TASK_STREAMS)
    assert sync.gids("tasks") == [task]
    assert {m["project"]["gid"] for m in sync.records["tasks"][0]["memberships"]} == set(projects)
    assert sync.gids("subtasks") == [below]
    assert told(sync) == [task, below]
    expect.whole(asana, sync, TASK_STREAMS)
    assert asana.requests("/tasks") == 5 + 1
    assert asana.requests("/tasks/{task_gid}/subtasks") == 1
    assert asana.requests("/tasks/{task_gid}/stories") == 2
    assert asana.requests("/attachments") == 2 + 5


@pytest.mark.parametrize("late", ["first", "second"])
def test_tasks_of_a_workspace_whose_users_come_late(
    world: World, asana: Sandbox, late: str
) -> None:
    second = world.add_workspace("Home")
    mine = world.add_task("mine", assignee=world.me)
    at_home = world.add_task("at home", assignee=world.me, workspace=second)
    workspace = world.workspace if late == "first" else second
    asana.fault("slow", rf"^/users\?.*workspace={workspace}", times=None, seconds=0.5)
    sync = read(asana, ["tasks", "users"])
    assert sync.gids("tasks") == sorted([mine, at_home])
    expect.whole(asana, sync, ["tasks"])


def test_tasks_in_no_project_come_from_their_assignees(world: World, asana: Sandbox) -> None:
    other = world.add_user("Other")
    project = world.add_project("P")
    mine = world.add_task("mine", assignee=world.me)
    theirs = world.add_task("theirs", assignee=other)
    hidden = world.add_task("hidden", assignee=other, private=True)
    homed = world.add_task("homed", assignee=other, projects=[project])
    below = world.add_task("below", assignee=other, parent=theirs)
    world.add_task("nobody's")
    for gid in (mine, theirs, homed, below):
        world.add_story(gid, "said")
    sync = read(asana, TASK_STREAMS)
    assert sync.gids("tasks") == [mine, theirs, homed]
    assert hidden not in sync.gids("tasks")
    assert sync.gids("subtasks") == [below]
    assert told(sync) == [mine, theirs, homed, below]
    expect.whole(asana, sync, TASK_STREAMS)
    assert asana.requests("/tasks") == 1 + 2


def test_tasks_in_no_project_can_be_left_out(world: World, asana: Sandbox) -> None:
    project = world.add_project("P")
    homed = world.add_task("homed", projects=[project])
    world.add_task("mine", assignee=world.me)
    sync = read(asana, ["tasks"], include_tasks_without_project=False)
    assert sync.gids("tasks") == [homed]
    assert asana.requests("/tasks") == 1
    assert asana.requests("/users") == 0


def test_a_subtask_in_a_project_is_in_both_streams_and_its_children_come_once(
    world: World, asana: Sandbox
) -> None:
    project = world.add_project("P")
    top = world.add_task("top", projects=[project])
    both = world.add_task("both", projects=[project], parent=top)
    deep = world.add_task("deep", parent=both)
    for gid in (top, both, deep):
        world.add_story(gid, "said")
        world.add_attachment(gid)
    sync = read(asana, TASK_STREAMS)
    assert sync.gids("tasks") == [top, both]
    assert [(r["gid"], r["task_id"]) for r in sync.records["subtasks"]] in (
        [(both, top), (deep, both)],
        [(deep, both), (both, top)],
    )
    assert told(sync) == [top, both, deep]
    expect.whole(asana, sync, TASK_STREAMS)
    assert asana.requests("/tasks/{task_gid}/subtasks") == 2
    assert asana.requests("/tasks/{task_gid}/stories") == 3
    assert asana.requests("/attachments") == 3 + 1


def test_subtasks_at_five_levels_and_separators_among_them(world: World, asana: Sandbox) -> None:
    parent = top = world.add_task("top", projects=[world.add_project("P")])
    chain = []
    for level in range(5):
        parent = world.add_task(f"level {level}", parent=parent)
        chain.append(parent)
    line = world.add_task("a line", parent=top, is_rendered_as_separator=True)
    sync = read(asana, ["subtasks"])
    assert [*Counter(sync.gids("subtasks")).elements()] == sorted([*chain, line])
    assert {r["gid"]: r["task_id"] for r in sync.records["subtasks"]} == {
        line: top,
        **dict(zip(chain, [top, *chain], strict=False)),
    }
    assert asana.requests("/tasks/{task_gid}/subtasks") == 5
    assert sync.records["tasks"] == []


def test_private_projects_and_what_is_shared_with_the_token(world: World, asana: Sandbox) -> None:
    open_, secret = world.add_project("open"), world.add_project("secret", private=True)
    member = world.add_project("mine too", private=True, members=[world.me])
    shared = world.add_task("in both", projects=[open_, secret])
    inside = world.add_task("inside", projects=[member])
    world.add_task("hidden", projects=[secret])
    assigned = world.add_task("assigned", projects=[secret], assignee=world.me)
    sync = read(asana, ("projects", *TASK_STREAMS))
    assert sync.gids("projects") == [open_, member]
    # The last one lies in a project that the token cannot see: for it, in none.
    assert sync.gids("tasks") == [shared, inside, assigned]
    assert [r["memberships"] for r in sync.records["tasks"] if r["gid"] == assigned] == [[]]
    expect.whole(asana, sync, ("projects", *TASK_STREAMS))


def test_a_workspace_without_teams(asana: Sandbox) -> None:
    world = asana.world
    home = world.add_workspace("Personal", is_organization=False)
    garden = world.add_project("Garden", workspace=home)
    task = world.add_task("Water", projects=[garden])
    names = ("workspaces", "teams", "team_memberships", "team_custom_field_settings", "tasks")
    sync = read(asana, names)
    assert sync.errors == []
    assert sync.warnings == []
    assert sync.gids("tasks") == [task]
    assert all(map(sync.complete, names))
    assert [e.path for e in asana.log if e.path.endswith("/teams")] == [
        f"/workspaces/{world.workspace}/teams"
    ]


def test_objects_of_asanas_own_types_are_there(world: World, asana: Sandbox) -> None:
    plain = world.add_project("plain")
    typed = world.add_project("typed", asana_type=True)
    tasks = [
        world.add_task("in plain", projects=[plain], asana_type=True),
        world.add_task("in typed", projects=[typed]),
    ]
    sync = read(asana, ["projects", "tasks"])
    assert sync.gids("projects") == [plain, typed]
    assert sync.gids("tasks") == tasks


def test_a_multi_homed_task_is_left_over_when_one_of_its_projects_fails(
    world: World, asana: Sandbox
) -> None:
    first, second = world.add_project("first"), world.add_project("second")
    task = world.add_task("T", projects=[first, second])
    below = world.add_task("below", parent=task)
    world.add_story(task, "said")
    asana.fault("status", f"^/tasks\\?.*project={first}", times=None, status=400, message="Bad")
    sync = read(asana, TASK_STREAMS)
    assert sync.gids("tasks") == [task]
    assert sync.gids("subtasks") == [below]
    assert not sync.complete("tasks")
