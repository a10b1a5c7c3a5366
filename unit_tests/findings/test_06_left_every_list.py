"""A task that is in no list any more, but exists, is followed until it is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.findings.copies import (
    BROKEN,
    DAY,
    NO_ACCESS,
    TRACKED,
    TREE,
    Copy,
    ghosts,
    is_tombstone,
    lacking,
    new_world,
    tree,
    wrong,
)

slow = pytest.mark.slow
LISTED = {**TRACKED, "change_detection": "listing"}
SEARCHED = {**TRACKED, "change_detection": "search"}
HOWS = ("unassigned", "archived", "excluded", "team")


class Leaving:
    """A world with a task that leaves every list that the settings choose.

    Attributes:
        task: that task, with a subtask and children.
        settings: choose what is read.
    """

    def __init__(self, how: str) -> None:
        world = self.world = new_world()
        ours, theirs = (world.add_team(name, users=[world.me]) for name in ("Ours", "Theirs"))
        self._how = how
        self.project = world.add_project("P", team=ours)
        self._other = world.add_project("Q", team=theirs)
        self.kept = world.add_project("Kept", team=ours)
        tree(world, self.kept)
        self.task = tree(world, self.project, assignee=world.me)
        self.settings: dict[str, Any] = {
            "unassigned": {},
            "archived": {"include_archived_projects": False},
            "excluded": {"exclude_project_ids": [self._other]},
            "team": {"team_ids": [ours]},
        }[how]
        world.clock.advance(DAY)

    def leave(self) -> None:
        """Have the task leave every list that is read."""
        if self._how == "archived":
            self.world.archive_project(self.project)
            return
        if self._how == "unassigned":
            self.world.edit_task(self.task, assignee=None)
            self.world.move_task(self.task, remove_project=self.project)
        else:
            self.world.move_task(self.task, remove_project=self.project, add_project=self._other)

    def come_back(self) -> None:
        """Put the task into a list that is read."""
        self.world.move_task(self.task, add_project=self.kept)


def sync(asana: Sandbox, copy: Copy, **options: Any) -> None:
    """Sync a day later."""
    asana.clock.advance(DAY)
    copy.sync(asana, TREE, **options)


@pytest.mark.parametrize("how", [*HOWS[:2], *(pytest.param(how, marks=slow) for how in HOWS[2:])])
def test_what_left_is_there_as_it_is_now(how: str) -> None:
    leaving, copy = Leaving(how), Copy()
    with Sandbox(leaving.world) as asana:
        sync(asana, copy, **leaving.settings, **LISTED)
        leaving.leave()
        sync(asana, copy, **leaving.settings, **LISTED)
        assert wrong(asana, copy) == {}
        held = copy.rows["tasks"][leaving.task]
    projects = leaving.world[leaving.task]["_projects"]
    assert [project["gid"] for project in held["projects"]] == projects


@pytest.mark.parametrize(
    ("how", "options"),
    [
        *(pytest.param(how, LISTED, id=how) for how in HOWS),
        pytest.param("unassigned", SEARCHED, id="search", marks=slow),
    ],
)
def test_what_left_and_was_deleted_later_leaves_the_copy(how: str, options: Any) -> None:
    leaving, copy = Leaving(how), Copy()
    with Sandbox(leaving.world) as asana:
        sync(asana, copy, **leaving.settings, **options)
        leaving.leave()
        sync(asana, copy, **leaving.settings, **options)
        leaving.world.delete(leaving.task)
        sync(asana, copy, **leaving.settings, **options)
        assert ghosts(asana, copy) == {}
        leaving.world.undelete(leaving.task)
        leaving.come_back()
        sync(asana, copy, **leaving.settings, **options)
        assert wrong(asana, copy) == {}


@slow
@pytest.mark.parametrize("how", HOWS)
def test_what_left_and_came_back_edited_is_there(how: str) -> None:
    leaving, copy = Leaving(how), Copy()
    with Sandbox(leaving.world) as asana:
        sync(asana, copy, **leaving.settings, **LISTED)
        leaving.leave()
        for name in ("Edited elsewhere", "Edited again"):
            sync(asana, copy, **leaving.settings, **LISTED)
            leaving.world.edit_task(leaving.task, name=name)
            leaving.world.comment(leaving.task)
        leaving.come_back()
        sync(asana, copy, **leaving.settings, **LISTED)
        assert lacking(asana, copy) == {}


@pytest.mark.parametrize(
    "trouble",
    [pytest.param(NO_ACCESS, id="refused"), pytest.param(BROKEN, id="fails", marks=slow)],
)
def test_a_refused_project_beside_it(trouble: dict[str, Any]) -> None:
    leaving, copy = Leaving("unassigned"), Copy()
    with Sandbox(leaving.world) as asana:
        sync(asana, copy, **LISTED)
        asana.fault("status", rf"/tasks\?.*project={leaving.kept}", times=None, **trouble)
        leaving.leave()
        sync(asana, copy, **LISTED)
        leaving.world.delete(leaving.task)
        sync(asana, copy, **LISTED)
        assert ghosts(asana, copy) == {}


@pytest.mark.parametrize("stream", [pytest.param("tasks"), pytest.param("stories", marks=slow)])
def test_a_kill_at_its_tombstone_and_it_is_taken_back(stream: str) -> None:
    leaving, copy = Leaving("unassigned"), Copy()
    with Sandbox(leaving.world) as asana:
        sync(asana, copy, **LISTED)
        leaving.leave()
        sync(asana, copy, **LISTED)
        leaving.world.delete(leaving.task)
        copy.kill_at = lambda message: is_tombstone(message, stream)
        sync(asana, copy, **LISTED)
        # On that build there was no tombstone to be killed at.
        assert copy.kill_at is None
        leaving.world.undelete(leaving.task)
        leaving.come_back()
        sync(asana, copy, **LISTED)
        assert wrong(asana, copy) == {}


def test_a_project_that_is_archived_out_of_scope_is_sent_as_it_is_now() -> None:
    world, copy = new_world(), Copy()
    project = world.add_project("P")
    options = {**TRACKED, "include_archived_projects": False}
    with Sandbox(world) as asana:
        copy.sync(asana, ["projects"], **options)
        world.archive_project(project)
        asana.clock.advance(DAY)
        sent = [copy.sync(asana, ["projects"], **options).gids("projects") for _ in range(3)]
        assert wrong(asana, copy, ["projects"]) == {}
    assert sent == [[project], [], []]


def test_a_subtask_of_a_hidden_task_keeps_the_column_of_its_parent() -> None:
    world, copy = new_world(), Copy()
    hidden, shown = world.add_project("Hidden"), world.add_project("Shown")
    task = world.add_task(projects=[hidden])
    subtask = world.add_task(parent=task, projects=[shown])
    with Sandbox(world) as asana:
        sync(asana, copy, **LISTED)
        world.withdraw_project(hidden)
        for _ in range(3):
            sync(asana, copy, **LISTED)
        world.like(subtask)
        sync(asana, copy, **LISTED)
    history = [row for row in copy.history["subtasks"] if row["gid"] == subtask]
    assert [(row["task_id"], row["num_likes"]) for row in history] == [(task, 0), (task, 1)]


@slow
def test_a_subtask_that_moved_out_of_scope_names_its_new_parent() -> None:
    world, copy = new_world(), Copy()
    old, new = (world.add_task(projects=[world.add_project(name)]) for name in ("Old", "New"))
    subtask = world.add_task(parent=old)
    with Sandbox(world) as asana:
        options = {**LISTED, "exclude_project_ids": world[new]["_projects"]}
        sync(asana, copy, **options)
        world.set_parent(subtask, new)
        for _ in range(3):
            sync(asana, copy, **options)
    history = [row for row in copy.history["subtasks"] if row["gid"] == subtask]
    assert [(row["task_id"], row["parent"]["gid"]) for row in history] == [(old, old), (new, new)]
