"""Changes, history and stays of tasks, against workspaces whose every instant is known."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise

import pytest

from integration_tests.warehouse.engines import Engine, Row, plain
from integration_tests.warehouse.scenario import History
from integration_tests.warehouse.worlds import Task, World

INSTANTS = 1000
# Project, section, since, until.
Stay = tuple[str, str, str, str | None]
# Only tests all of whose models are built.
WHOLE = ("--indirect-selection", "buildable")
MODELS = ("+asana__task_history", "+asana__time_in_section", "+asana__task_membership")


@pytest.fixture(scope="module")
def world(history: History) -> World:
    """Return a workspace with moves back and forth, deleted sections and a deleted project."""
    world = World(history.schemas, history.keys, seed=11)
    for _ in range(4):
        world.add_project()
    for _ in range(5):
        world.live(400)
        world.delete_section()
    world.sync()
    world.delete_project()
    world.sync(streams=("projects", "sections"))
    return world


@pytest.fixture(scope="module")
def warehouse(engine: Engine, world: World) -> Engine:
    engine.write(world.raw)
    run = engine.dbt().run("build", *WHOLE, "--select", *MODELS)
    assert run.failed == {}
    return engine


@pytest.fixture(scope="module")
def rows(warehouse: Engine) -> dict[str, list[Row]]:
    """Return task -> rows of its history."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in warehouse.table("asana_marts", "asana__task_history"):
        found[row["task_id"]].append(row)
    return found


def _at(rows: list[Row], moment: datetime) -> list[Row]:
    stamp = str(plain(moment.isoformat()))
    return [
        row
        for row in rows
        if row["valid_from"] <= stamp and (row["valid_to"] is None or stamp < row["valid_to"])
    ]


def _told(world: World) -> list[tuple[Task, datetime]]:
    """Return instants of those tasks all of whose changes have a story."""
    return [(task, moment) for task, moment in world.instants(INSTANTS) if not task.untold]


def test_a_task_is_known_at_any_instant(world: World, rows: dict[str, list[Row]]) -> None:
    asked = _told(world)
    assert len(asked) > INSTANTS / 2
    for task, moment in asked:
        state, found = task.at(moment), _at(rows[task.gid], moment)
        told = {(row["assignee_id"], row["due_on"], row["completed"], row["name"]) for row in found}
        assert told == {(state.assignee, state.due_on, state.completed, state.name)}


def test_its_places_are_known_or_said_to_be_unknown(
    world: World, rows: dict[str, list[Row]]
) -> None:
    """No story says where in a project a task was added; a later move or the task itself does."""
    known = unknown = 0
    for task, moment in _told(world):
        found = _at(rows[task.gid], moment)
        places = task.at(moment).places
        assert {row["project_id"] for row in found if row["project_id"]} == set(places)
        stamp = str(plain(moment.isoformat()))
        untold = {
            project
            for project, _, since, until in _untold(_stays(task))
            if since <= stamp < str(until)
        }
        sections = {row["project_id"]: row["section_id"] for row in found if row["project_id"]}
        assert sections == places | dict.fromkeys(untold)
        known += len(places) - len(untold)
        unknown += len(untold)
    assert known > INSTANTS / 4
    assert unknown < known / 4


def test_rows_of_a_task_neither_overlap_nor_leave_gaps(rows: dict[str, list[Row]]) -> None:
    for found in rows.values():
        stretches = sorted({(row["valid_from"], row["valid_to"] or "9999") for row in found})
        for (_, until), (since, _) in pairwise(stretches):
            assert until == since
        assert stretches[-1][1] == "9999"
        places = [(row["valid_from"], row["project_id"]) for row in found]
        assert len(places) == len(set(places))


def _stays(task: Task) -> list[Stay]:
    """Return project, section, since, until of a task, in order."""
    found, open_ = [], dict[str, tuple[str, str]]()
    for moment, state in zip(task.moments, task.states, strict=True):
        at = str(plain(moment.isoformat()))
        for project, (section, since) in list(open_.items()):
            if state.places.get(project) != section:
                found.append((project, section, since, at))
                del open_[project]
        for project, section in state.places.items():
            open_.setdefault(project, (section, at))
    return sorted([*found, *((p, s, since, None) for p, (s, since) in open_.items())], key=str)


def _untold(stays: list[Stay]) -> list[Stay]:
    """Return those from an addition to a removal, of whose section no story tells."""
    moved_in = {(project, until) for project, _, _, until in stays if until}
    moved_out = {(project, since) for project, _, since, _ in stays}
    return [
        (project, section, since, until)
        for project, section, since, until in stays
        if until and (project, since) not in moved_in and (project, until) not in moved_out
    ]


def test_time_in_section_follows_tasks_that_come_and_go(warehouse: Engine, world: World) -> None:
    found: dict[str, list[Stay]] = defaultdict(list)
    current = set()
    for row in warehouse.table("asana_marts", "asana__time_in_section"):
        found[row["task_id"]].append(
            (row["project_id"], row["section_id"], row["entered_at"], row["left_at"])
        )
        if row["is_current"]:
            current.add((row["task_id"], row["project_id"], row["section_id"]))
    checked = 0
    for task in world.tasks.values():
        if not task.untold:
            stays = _stays(task)
            untold = _untold(stays)
            wanted = [one for one in stays if one not in untold and one[0] in world.projects]
            assert sorted(found[task.gid], key=str) == wanted
            checked += len(wanted)
    assert checked > 100
    memberships = warehouse.table("asana_marts", "asana__task_membership")
    assert current == {
        (row["task_id"], row["project_id"], row["section_id"])
        for row in memberships
        if row["section_id"]
    }


def test_nothing_current_names_what_is_deleted(warehouse: Engine, world: World) -> None:
    for name in ("asana__task_membership", "asana__time_in_section"):
        found = warehouse.table("asana_marts", name)
        assert found
        assert {row["project_id"] for row in found} <= set(world.projects)


def test_sections_that_are_not_synced_cost_little(engine: Engine, world: World) -> None:
    """Memberships and the other sections of moves tell to which project a section belongs."""
    engine.write({name: table for name, table in world.raw.items() if name != "sections"})
    run = engine.dbt("unlisted").run("build", "--full-refresh", *WHOLE, "--select", *MODELS)
    assert run.failed == {}
    stays = engine.table("asana_marts", "asana__time_in_section")
    unknown = sum(row["project_id"] is None for row in stays)
    assert len(stays) > 250
    assert unknown < len(stays) / 20


def test_changes_tell_who_was_assigned_before(warehouse: Engine, world: World) -> None:
    wanted = []
    for task in world.tasks.values():
        for before, after in pairwise(task.states):
            if before.assignee != after.assignee:
                wanted.append((task.gid, before.assignee, after.assignee))
        if task.states[0].assignee:
            wanted.append((task.gid, None, task.states[0].assignee))
    found = [
        (row["task_id"], row["old_value"], row["new_value"])
        for row in warehouse.table("asana_marts", "asana__task_change")
        if row["field"] == "assignee"
    ]
    assert sorted(found, key=str) == sorted(wanted, key=str)
