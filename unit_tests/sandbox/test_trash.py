"""Deletions of every kind, what goes with them, and how it comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from sandbox import Sandbox, World
from sandbox.canonical import canonical
from sandbox.spec import KINDS
from sandbox.trash import LIFE_SECONDS, UNDELETABLE
from sandbox.truth import STREAMS
from unit_tests.sandbox.client import get

START = "2026-06-01T00:00:00Z"
# Without objects in a generated world, or never deleted by anybody.
NOT_DELETED = {
    "access_request",
    "audit_log_event",
    "custom_type_status_option",
    "goal_membership",
    "user",
    "workspace",
}
TOLD = ("audit_log_events", "events")
Truth = dict[str, list[Any]]


def truth(asana: Sandbox) -> Truth:
    names = [*STREAMS, "portfolios", "tasks", "subtasks"]
    return {
        name: sorted((canonical(r) for r in asana.truth(name)), key=str)
        for name in names
        if name not in TOLD
    }


def gids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (str(v) for k, v in value.items() if k == "gid" or k.endswith("_id"))
        for inner in value.values():
            yield from gids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from gids(inner)


def one_of(world: World, kind: str) -> str:
    """Return an object of a kind that the token sees, one with much inside."""
    found = [o["gid"] for o in world.of_kind(kind)]
    if kind == "task":
        found = [g for g in found if len(world.listed("task.subtasks", g))]
    if kind == "section":
        found = [g for g in found if not len(world.listed("section.tasks", g))]
    return found[0]


@pytest.fixture
def asana() -> Sandbox:
    return Sandbox(World.generate(tasks=60, start=START), plan="service")


DELETED = sorted(set(KINDS) - NOT_DELETED)


def test_nothing_names_what_was_deleted(asana: Sandbox) -> None:
    world = asana.world
    gone: dict[str, str] = {}
    for kind in DELETED:
        before = set(world.objects)
        world.delete(one_of(world, kind))
        gone.update(dict.fromkeys(before - set(world.objects), kind))
        assert kind in gone.values()
    named = {name for records in truth(asana).values() for name in gids(records)}
    assert {gid: kind for gid, kind in gone.items() if gid in named} == {}


def test_undeleting_brings_everything_back(asana: Sandbox) -> None:
    world = asana.world
    before = truth(asana)
    for kind in sorted(UNDELETABLE):
        gid = one_of(world, kind)
        task = world[gid].get("_within") if kind in {"story", "attachment"} else None
        stamp = world[task]["modified_at"] if task else None
        world.delete(gid)
        assert gid not in world
        world.undelete(gid)
        if task:
            world.edit_task(task, modified_at=stamp)
    after = truth(asana)
    assert {name: after[name] for name in after if after[name] != before[name]} == {}


def consistent(world: World) -> None:
    """Assert that tasks and lists name each other, and nothing that is gone."""
    for task in world.of_kind("task"):
        gid = task["gid"]
        assert not task["parent"] or task["parent"] in world
        for project in task["_projects"]:
            section = task["_sections"].get(project)
            assert gid in world.listed("project.tasks", project).gids
            assert section is None or gid in world.listed("section.tasks", section).gids
    for name, by_container in world.lists.items():
        for container, rows in by_container.items():
            if not container or container.partition("/")[0] in world:
                assert all(gid in world for gid in rows), (name, container)


def unordered(value: Any) -> Any:
    """Return a value without stamps and without orders: a task's fields follow its projects."""
    if isinstance(value, dict):
        return {key: unordered(v) for key, v in value.items() if key != "modified_at"}
    return sorted(map(unordered, value), key=str) if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_things_come_back_nothing_is_missing(asana: Sandbox, seed: int) -> None:
    world, chance = asana.world, Random(seed)  # noqa: S311 - reproducible
    before = unordered(truth(asana))
    # Sections are left out: a task that comes back after its section is put into another one.
    kinds = [*sorted(UNDELETABLE - {"section"}), "task", "task", "project", "project"]
    waiting: list[str] = []

    def undelete(gid: str) -> None:
        with suppress(ValueError):
            world.undelete(gid)
            waiting.remove(gid)
        consistent(world)

    for _ in range(40):
        choices = world.of_kind(chance.choice(kinds))
        if choices:
            waiting.append(chance.choice(choices)["gid"])
            world.delete(waiting[-1])
            consistent(world)
        if chance.random() < 0.2:
            undelete(chance.choice(waiting))
    while waiting:
        number = len(waiting)
        for gid in chance.sample(waiting, number):
            undelete(gid)
        assert len(waiting) < number
    after = unordered(truth(asana))
    assert {name for name in after if after[name] != before[name]} == set()


def test_a_deleted_project_takes_its_own_tasks_along_and_brings_them_back() -> None:
    world = World.empty()
    p, q = world.add_project("P"), world.add_project("Q")
    alone = world.add_task("alone", projects=[p])
    both = world.add_task("both", projects=[p, q])
    child = world.add_task("child", parent=both, projects=[p])
    with Sandbox(world, plan="service") as asana:
        world.delete_project(p)
        assert get(asana, f"/tasks/{alone}").status == 404
        assert get(asana, f"/tasks/{both}", opt_fields="projects").data["projects"][0]["gid"] == q
        assert get(asana, f"/tasks/{child}").status == 200
        world.undelete(p)
        assert get(asana, "/tasks", project=p).gids == [alone, both, child]


def test_a_task_whose_project_was_deleted_after_it_comes_back_to_it() -> None:
    world = World.empty()
    p = world.add_project("P")
    task = world.add_task("T", projects=[p], assignee=world.me)
    world.delete_task(task)
    world.delete_project(p)
    world.undelete(task)
    assert world[task]["_projects"] == []
    world.undelete(p)
    assert list(world.listed("project.tasks", p)) == [task]


def test_the_trash_is_kept_for_30_days() -> None:
    world = World.empty()
    tasks = [world.add_task(name) for name in "abc"]
    child = world.add_task("child", parent=tasks[0])
    for gid in tasks:
        world.delete_task(gid)
    with pytest.raises(ValueError, match="not in the trash"):
        world.undelete(child)
    world.clock.advance(LIFE_SECONDS - 1)
    world.undelete(tasks[0])
    assert child in world
    world.clock.advance(2)
    with pytest.raises(ValueError, match="not in the trash"):
        world.undelete(tasks[1])
    world.delete_task(child, permanently=True)
    with pytest.raises(ValueError, match="not in the trash"):
        world.undelete(child)


def test_what_was_in_something_deleted_waits_for_it() -> None:
    world = World.empty()
    task = world.add_task("T")
    child = world.add_task("child", parent=task)
    world.delete_task(child)
    world.delete_task(task)
    with pytest.raises(ValueError, match="is deleted too"):
        world.undelete(child)
    world.undelete(task)
    world.undelete(child)
    assert list(world.listed("task.subtasks", task)) == [child]


def test_an_undeleted_task_keeps_its_stamp_and_search_finds_it_late() -> None:
    world = World.empty()
    stamp = "2026-01-01T00:00:00.000Z"
    task = world.add_task("T", projects=[world.add_project("P")], created_at=stamp)
    with Sandbox(world, search_lag=60) as asana:
        world.delete_task(task)
        asana.clock.advance(10)
        world.undelete(task)
        assert get(asana, f"/tasks/{task}").data["modified_at"] == stamp
        path = f"/workspaces/{world.workspace}/tasks/search"
        assert get(asana, path).gids == []
        asana.clock.advance(61)
        assert get(asana, path).gids == [task]


def test_events_and_audit_log_tell_of_it() -> None:
    world = World.empty()
    project = world.add_project("P")
    task = world.add_task("T", projects=[project])
    comment = world.comment(task)
    with Sandbox(world, plan="service") as asana:
        token = get(asana, "/events", resource=project).json["sync"]
        world.delete_story(comment)
        world.undelete(comment)
        world.delete_task(task)
        world.undelete(task)
        world.delete_task(task, permanently=True)
        world.delete_project(project)
        world.undelete(project)
        happened = get(asana, "/events", resource=project, sync=token).data
        assert [(e["resource"]["resource_type"], e["action"]) for e in happened] == [
            ("story", "removed"),
            ("story", "undeleted"),
            ("task", "deleted"),
            ("task", "undeleted"),
            ("task", "deleted"),
            ("project", "deleted"),
            ("project", "undeleted"),
        ]
        assert happened[0]["parent"]["gid"] == task
        log = get(asana, f"/workspaces/{world.workspace}/audit_log_events").data
        assert [(e["event_type"], e["event_category"]) for e in log] == [
            ("comment_deleted", "deletion"),
            ("comment_undeleted", "deletion"),
            ("task_deleted", "deletion"),
            ("task_undeleted", "deletion"),
            ("task_permanently_deleted", "deletion"),
            ("project_deleted", "deletion"),
            ("project_undeleted", "deletion"),
        ]
        assert {e["resource"]["gid"] for e in log} == {comment, task, project}


def test_a_section_is_emptied_before_it_goes() -> None:
    world = World.empty()
    project = world.add_project("P", sections=["A", "B"])
    first, second = world.listed("project.sections", project)
    task = world.add_task("T", projects=[project])
    with pytest.raises(ValueError, match="not empty"):
        world.delete_section(first)
    stamp = world[task]["modified_at"]
    world.delete_section(first, into=second)
    assert world[task]["_sections"] == {project: second}
    assert world[task]["modified_at"] == stamp
    assert list(world.listed("project.tasks", project)) == [task]


def test_a_user_leaves_one_of_two_workspaces() -> None:
    world = World.empty()
    other = world.add_workspace("Other", is_organization=True)
    user = world.add_user("U")
    world.join(user, other)
    here = world.add_project("P", members=[user])
    there = world.add_project("Q", workspace=other, members=[user])
    team = world.add_team("T", users=[user])
    task = world.add_task("mine", projects=[here], assignee=user)
    with Sandbox(world, plan="service") as asana:
        world.deactivate_user(user)
        assert user not in get(asana, "/users", workspace=world.workspace).gids
        assert user in get(asana, "/users", workspace=other).gids
        assert get(asana, "/memberships", parent=here).gids == []
        assert len(get(asana, "/memberships", parent=there).gids) == 1
        assert get(asana, "/team_memberships", team=team).gids == []
        assert get(asana, f"/tasks/{task}").data["assignee"]["gid"] == user
        world.join(user, world.workspace)
        assert user in get(asana, "/users", workspace=world.workspace).gids


def test_departures() -> None:
    world = World.empty()
    user, project = world.add_user("U"), world.add_project("P")
    team, goal = world.add_team("T", users=[user]), world.add_goal("G")
    portfolio = world.add_portfolio("F", items=[project])
    field = world.add_custom_field("C")
    world.set_custom_field(project, field)
    world.support_goal(goal, project)
    for parent in (project, goal, portfolio):
        world.add_membership(parent, user)
        world.remove_member(parent, user)
    world.remove_team_member(team, user)
    world.remove_portfolio_item(portfolio, project)
    world.remove_custom_field(project, field)
    world.unsupport_goal(goal, project)
    with Sandbox(world, plan="service") as asana:
        for parent in (project, goal, portfolio):
            assert user not in str(get(asana, "/memberships", parent=parent).data)
        for path in (
            f"/portfolios/{portfolio}/items",
            f"/portfolios/{portfolio}/project_portfolio_settings",
            f"/projects/{project}/custom_field_settings",
            f"/teams/{team}/users",
        ):
            assert get(asana, path).data == []
        assert get(asana, "/goal_relationships", supported_goal=goal).data == []
        assert get(asana, "/goals", project=project).data == []
