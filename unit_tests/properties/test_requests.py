"""Listing mode asks for what listings need and no more; the least is worked out from the world."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination

TASKS = ("tasks", "subtasks", "stories", "attachments")
NO_PASS = {"full_scan_interval_hours": 8760}


def pages(count: int) -> int:
    return max(1, -(-count // 100))


class Fewest:
    """The fewest requests that listings allow for some streams."""

    def __init__(self, world: World, changed: Iterable[str] = ()) -> None:
        self.world = world
        self.changed = list(changed)
        self.projects = world.of_kind("project")
        self.users = world.of_kind("user")

    def count(self, name: str, container: str) -> int:
        return len(self.world.listed(name, container))

    def lists(self) -> int:
        """Return the requests for workspaces, projects and users."""
        workspaces = self.world.of_kind("workspace")
        return (
            1
            + sum(pages(self.count("workspace.projects", w["gid"])) for w in workspaces)
            + len(workspaces)
        )

    def listings(self) -> int:
        """Return the requests for all task listings."""
        home = self.world.workspace
        return sum(pages(self.count("project.tasks", p["gid"])) for p in self.projects) + sum(
            pages(self.count("assignee.tasks", f"{home}/{u['gid']}")) for u in self.users
        )

    def walks(self) -> int:
        """Return the requests for the subtasks of all tasks that have some."""
        counts = [self.count("task.subtasks", t["gid"]) for t in self.world.of_kind("task")]
        return sum(pages(count) for count in counts if count)

    def children(self, name: str) -> int:
        """Return the requests for the children of changed tasks."""
        return sum(pages(self.count(name, gid)) for gid in self.changed)

    def of_projects(self) -> int:
        """Return the requests for attachments of projects and briefs: nothing shows new ones."""
        return len(self.projects) + len(self.world.of_kind("project_brief"))

    def all(self) -> int:
        return (
            self.lists()
            + self.listings()
            + self.walks()
            + self.children("task.stories")
            + self.children("parent.attachments")
            + self.of_projects()
        )


@pytest.mark.parametrize("percent", [0, 5])
def test_a_sync_costs_what_listings_need(percent: int) -> None:
    world = World.generate(tasks=400, seed=3)
    with Sandbox(world) as asana:
        destination = Destination()
        destination.sync(asana, TASKS, **NO_PASS)
        asana.clock.advance(3600)
        stamps = {task["gid"]: task["modified_at"] for task in world.of_kind("task")}
        if percent:
            world.change(percent, seed=4)
        reachable = {r["gid"] for s in TASKS[:2] for r in asana.truth(s, fields="gid")}
        changed = [g for g in reachable if world[g]["modified_at"] != stamps.get(g)]
        asana.clock.advance(60)
        asana.reset_log()
        assert not destination.sync(asana, TASKS, **NO_PASS).failed
        fewest = Fewest(world, changed).all()
        assert asana.requests() <= 1.03 * fewest + 5, (asana.requests(), fewest)
        assert bool(changed) == bool(percent)


def test_tasks_alone_ask_for_what_changed() -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        destination = Destination()
        destination.sync(asana, ("tasks",), **NO_PASS)
        assert not any("modified_since" in entry.params for entry in asana.log)
        asana.clock.advance(3600)
        lab.edit_task(0, 0)
        asana.clock.advance(60)
        asana.reset_log()
        done = destination.sync(asana, ("tasks",), **NO_PASS)
        assert done.gids("tasks") == [lab.tasks()[0]]
        listings = [entry for entry in asana.log if entry.path == "/tasks"]
        assert len(listings) == 3 + len(lab.users)
        assert all("modified_since" in entry.params for entry in listings)
        assert asana.requests() == len(listings) + 3


def test_children_ask_for_whole_listings_and_each_once() -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        destination = Destination()
        for _ in range(2):
            asana.reset_log()
            destination.sync(asana, TASKS, **NO_PASS)
            asana.clock.advance(3600)
            asked = [(e.path, *sorted(e.params.items())) for e in asana.log]
            assert len(asked) == len(set(asked))
            assert not any("modified_since" in entry.params for entry in asana.log)
