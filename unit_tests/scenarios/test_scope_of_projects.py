"""A project leaves what is read and comes back: what happened to its tasks meanwhile arrives.

No listing is read whole but for that reason, as its time comes once in a year.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.runs import Destination, Sync
from unit_tests.scenarios.worlds_a import (
    DAY,
    FAMILY,
    HARDLY,
    TRACKED,
    counts,
    send_at_once,
    wrong,
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_once(monkeypatch)


SEARCH = "/workspaces/{workspace_gid}/tasks/search"
WAYS = ("excluded", "archived", "hidden", "workspace")
MODES: dict[str, tuple[tuple[str, ...], str]] = {
    "tasks alone": (("tasks",), "listing"),
    "tasks alone by search": (("tasks",), "search"),
    "all by search": (FAMILY, "search"),
}


class Scope:
    """Two workspaces: one that stays, and another one with a project that leaves.

    Attributes:
        leaves: the project.
        settings: what is configured now.
    """

    def __init__(self, way: str) -> None:
        self.way = way
        self.world = world = World.empty()
        self.settings: dict[str, Any] = {}
        if way == "archived":
            # Such a choice of projects rules out search.
            self.settings = {"include_archived_projects": False}
        self.stays = world.workspace
        world.add_task("There", projects=[world.add_project("Stays")])
        other = world.add_workspace("Other", is_organization=True)
        self.leaves = world.add_project("Leaves", workspace=other)
        self.beside = world.add_project("Beside", workspace=other)
        self.tasks = [world.add_task(f"T{n}", projects=[self.leaves]) for n in range(4)]
        self.shared = world.add_task("In both", projects=[self.leaves, self.beside])
        self.subtask = world.add_task("Below", parent=self.tasks[2])
        for task in (*self.tasks, self.shared, self.subtask):
            world.comment(task)
            world.add_attachment(task)
        world.clock.advance(DAY)

    def leave(self) -> None:
        if self.way == "excluded":
            self.settings = {"exclude_project_ids": [self.leaves]}
        elif self.way == "archived":
            self.world.archive_project(self.leaves)
        elif self.way == "hidden":
            self.world.hide(self.leaves)
        else:
            self.settings = {"workspace_ids": [self.stays]}

    def come_back(self) -> None:
        if self.way == "archived":
            self.world.archive_project(self.leaves, archived=False)
        elif self.way == "hidden":
            self.world.show(self.leaves)
        else:
            self.settings = {}

    def edit(self, word: str) -> None:
        """Change tasks, with and without a new stamp, and add some."""
        world = self.world
        world.edit_task(self.tasks[0], name=f"T0 {word}")
        world.tag(self.tasks[1], world.add_tag(word, workspace=world[self.leaves]["workspace"]))
        world.edit_task(self.subtask, name=f"Below {word}")
        new = world.add_task(f"New {word}", projects=[self.leaves])
        world.comment(world.add_task(f"Below new {word}", parent=new))
        world.comment(world.add_task(f"Below old {word}", parent=self.tasks[3]))
        world.move_task(
            world.add_task(f"Moved {word}", projects=[self.beside]), add_project=self.leaves
        )
        world.comment(self.shared, word)

    def sync(self, asana: Sandbox, destination: Destination, **options: Any) -> Sync:
        asana.clock.advance(DAY)
        streams = options.pop("streams", FAMILY)
        done = destination.sync(asana, streams, **self.settings, **options)
        assert not done.failed, done.errors
        return done


@pytest.mark.parametrize(
    "mode",
    [
        "tasks alone",
        pytest.param("tasks alone by search", marks=pytest.mark.slow),
        "all by search",
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_what_happened_meanwhile_arrives(way: str, mode: str) -> None:
    scope = Scope(way)
    streams, detection = MODES[mode]
    options: dict[str, Any] = {"streams": streams, "change_detection": detection, **HARDLY}
    with Sandbox(scope.world) as asana:
        destination = Destination()
        scope.sync(asana, destination, **options)
        scope.leave()
        for word in ("before a sync", "after it"):
            scope.edit(word)
            if word == "before a sync":
                scope.sync(asana, destination, **options)
        scope.come_back()
        scope.sync(asana, destination, **options)
        assert wrong(asana, destination, streams) == []
        asana.reset_log()
        assert counts(scope.sync(asana, destination, **options)) == {}
        assert bool(asana.requests(SEARCH)) is (detection == "search" and way != "archived")


@pytest.mark.parametrize(
    "way",
    [
        "excluded",
        pytest.param("archived", marks=pytest.mark.slow),
        pytest.param("hidden", marks=pytest.mark.slow),
        pytest.param(
            "workspace",
        ),
    ],
)
def test_what_is_deleted_after_its_return_is_noticed_with_all_in_it(way: str) -> None:
    scope = Scope(way)
    options = {"full_scan_interval_hours": 0, **TRACKED}
    with Sandbox(scope.world) as asana:
        destination = Destination()
        scope.sync(asana, destination, **options)
        scope.leave()
        scope.sync(asana, destination, **options)
        scope.come_back()
        scope.sync(asana, destination, **options)
        assert wrong(asana, destination, FAMILY) == []
        for task in scope.tasks:
            scope.world.delete(task)
        for _ in range(2):
            scope.sync(asana, destination, **options)
        assert wrong(asana, destination, FAMILY) == []
