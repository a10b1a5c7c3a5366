"""Which tasks a listing shows, and what moves modified_at."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import get


@pytest.fixture
def world() -> World:
    world = World.empty()
    world.add_project("P")
    return world


PAST = {"created_at": "2026-01-01T00:00:00.000Z"}


def test_exactly_one_filter(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        for params in (
            {},
            {"workspace": world.workspace},
            {"assignee": "me"},
            {"project": project, "workspace": world.workspace, "assignee": "me"},
        ):
            refused = get(asana, "/tasks", **params)
            assert refused.status == 400
            assert refused.message.startswith("Must specify exactly one of project, tag, section")
        assert get(asana, "/tasks", assignee="me", workspace=world.workspace).status == 200


def test_modified_since_is_inclusive(world: World) -> None:
    project = world.find("P")
    stamps = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.002Z"]
    gids = [world.add_task(s, projects=[project], created_at=s) for s in stamps]
    with Sandbox(world) as asana:
        assert get(asana, "/tasks", project=project, modified_since=stamps[1]).gids == gids[1:]
        assert (
            get(asana, "/tasks", project=project, modified_since="2026-01-01T00:00:00Z").gids
            == gids
        )
        assert get(asana, "/tasks", project=project, modified_since="soon").status == 400
        assert get(asana, f"/projects/{project}/tasks", modified_since=stamps[2]).gids == gids[2:]


def test_completed_since(world: World) -> None:
    project = world.find("P")
    open_task = world.add_task("open", projects=[project])
    world.add_task(
        "old", projects=[project], completed=True, completed_at="2025-01-01T00:00:00.000Z"
    )
    new = world.add_task(
        "new", projects=[project], completed=True, completed_at="2026-01-01T00:00:00.000Z"
    )
    with Sandbox(world) as asana:
        assert get(
            asana, "/tasks", project=project, completed_since="2026-01-01T00:00:00Z"
        ).gids == [open_task, new]
        assert get(asana, "/tasks", project=project, completed_since="now").gids == [open_task]


def test_subtasks_multi_homing_and_tasks_without_project(world: World) -> None:
    p, q = world.find("P"), world.add_project("Q")
    both = world.add_task("both", projects=[p, q])
    child = world.add_task("child", parent=both)
    housed = world.add_task("housed", parent=both, projects=[q])
    alone = world.add_task("alone", assignee=world.me)
    with Sandbox(world) as asana:
        assert get(asana, "/tasks", project=p).gids == [both]
        assert get(asana, "/tasks", project=q).gids == [both, housed]
        assert get(asana, f"/tasks/{both}/subtasks", opt_fields="projects").gids == [child, housed]
        assert get(asana, f"/tasks/{both}", opt_fields="num_subtasks").data["num_subtasks"] == 2
        assert get(asana, "/tasks", assignee=world.me, workspace=world.workspace).gids == [alone]
        task_list = get(asana, "/users/me/user_task_list", workspace=world.workspace).data["gid"]
        assert get(asana, f"/user_task_lists/{task_list}/tasks").gids == [alone]
        assert {r["gid"] for r in asana.truth("tasks")} == {both, housed, alone}
        assert {(r["gid"], r["task_id"]) for r in asana.truth("subtasks")} == {
            (child, both),
            (housed, both),
        }


@pytest.mark.parametrize(
    ("edit", "moves"),
    [
        (lambda w, t: w.edit_task(t, name="x"), True),
        (lambda w, t: w.edit_task(t, assignee=None), True),
        (lambda w, t: w.comment(t), True),
        (lambda w, t: w.add_attachment(t), True),
        (lambda w, t: w.delete_attachment(w.lists["parent.attachments"][t].gids[0]), True),
        (lambda w, t: w.delete_story(w.lists["task.stories"][t].gids[0]), True),
        (lambda w, t: w.edit_comment(w.lists["task.stories"][t].gids[0]), False),
        (lambda w, t: w.like(t), False),
        (lambda w, t: w.tag(t, w.add_tag("tag")), False),
        (lambda w, t: w.move_task(t, add_project=w.add_project("new")), False),
        (lambda w, t: w.move_task(t, add_project=w.add_project("new"), moves_stamp=True), True),
        (lambda w, t: w.move_task(t, remove_project=w.find("P")), False),
        (lambda w, t: w.add_task("sub", parent=t), False),
        (lambda w, t: w.edit_subtask(w.lists["task.subtasks"][t].gids[0], name="x"), False),
        (lambda w, t: w.delete_task(w.lists["task.subtasks"][t].gids[0]), False),
        (lambda w, _: w.edit_project(w.find("P"), name="x"), False),
    ],
)  # fmt: skip
def test_what_moves_modified_at(world: World, edit, moves: bool) -> None:  # noqa: ANN001, FBT001
    task = world.add_task("T", projects=[world.find("P")], assignee=world.me, **PAST)
    world.add_story(task, **PAST)
    world.add_attachment(task, **PAST)
    world.add_task("child", parent=task, **PAST)
    with Sandbox(world) as asana:
        path = f"/tasks/{task}"
        before = get(asana, path).data["modified_at"]
        edit(world, task)
        assert (get(asana, path).data["modified_at"] != before) is moves


def test_a_deleted_task_takes_its_things_along(world: World) -> None:
    task = world.add_task("T", projects=[world.find("P")])
    child = world.add_task("child", parent=task)
    story = world.add_story(child)
    with Sandbox(world) as asana:
        world.delete_task(task)
        for path in (f"/tasks/{task}", f"/tasks/{child}", f"/stories/{story}"):
            assert get(asana, path).status == 404
        assert get(asana, f"/tasks/{task}").message == f"task: Unknown object: {task}"
        assert asana.truth("tasks") == []


def test_stories_created_after_is_cut_to_its_second(world: World) -> None:
    task = world.add_task("T", projects=[world.find("P")])
    stamps = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.500Z", "2026-01-01T00:00:01.000Z"]
    gids = [world.add_story(task, created_at=s, subtype="comment_added") for s in stamps]
    with Sandbox(world) as asana:
        path = f"/tasks/{task}/stories"
        assert get(asana, path, created_after=stamps[1]).gids == gids[1:]
        assert get(asana, path, limit=2, sort_ascending="false").gids == gids[:0:-1]
        asana.api.settings.newer = False
        assert get(asana, path, created_after=stamps[1]).gids == gids
