"""The fewest requests that a read of the sandbox's world needs, counted from what the world holds.

Lists are asked for once, a hundred records a page, and an empty list costs a request too.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from tools.sandbox_process import SandboxProcess

PAGE = 100


def pages(records: int) -> int:
    """Return the requests of one listing."""
    return max(1, ceil(records / PAGE))


@dataclass
class World:
    """Counts of what the token sees.

    Attributes:
        workspaces: their gids.
        projects, users: workspace -> number.
        in_project, of_user: project, (workspace, user) -> tasks that its listing names.
        below: task -> its direct subtasks, where there are some.
        stories, attachments: task, subtask, project or brief -> number.
        tasks: gids of all tasks and subtasks.
        owners: gids of projects and briefs, which have attachments of their own.
    """

    workspaces: list[str] = field(default_factory=list)
    projects: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    in_project: Counter[str] = field(default_factory=Counter)
    of_user: Counter[tuple[str, str]] = field(default_factory=Counter)
    below: Counter[str] = field(default_factory=Counter)
    stories: Counter[str] = field(default_factory=Counter)
    attachments: Counter[str] = field(default_factory=Counter)
    tasks: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)

    # ── what each part of a read costs ─────────────────────────────────────────────────────────

    def lists(self, *, users: bool) -> int:
        """Return the requests for workspaces, projects and, where wanted, users."""
        counts = [self.projects, *([self.users] if users else [])]
        return 1 + sum(pages(count[gid]) for count in counts for gid in self.workspaces)

    def listings(self) -> int:
        """Return the requests for the tasks of all projects and users and all subtasks."""
        return sum(
            sum(map(pages, count.values())) for count in (self.in_project, self.of_user, self.below)
        )

    def children(self, tasks: Collection[str], owners: Collection[str]) -> int:
        """Return the requests for stories and attachments of tasks, and attachments of owners."""
        stories = sum(pages(self.stories[gid]) for gid in tasks)
        return stories + sum(pages(self.attachments[gid]) for gid in [*tasks, *owners])

    # ── reads of projects, tasks, subtasks, stories, attachments ───────────────────────────────

    def full(self) -> int:
        """Return the requests of a full read."""
        return self.lists(users=True) + self.listings() + self.children(self.tasks, self.owners)

    def by_listing(self, changed: Collection[str]) -> int:
        """Return the requests of a sync that finds changes by listings.

        A subtask's change shows nowhere else, so every listing is walked; nothing shows whether a
        project has a new attachment.
        """
        children = self.children(self.tasks & set(changed), self.owners)
        return self.lists(users=True) + self.listings() + children

    def by_search(self, changed: Collection[str]) -> int:
        """Return the requests of a sync that finds changes by search, without a rolling pass."""
        seen = self.tasks & set(changed)
        searches = len(self.workspaces) - 1 + pages(len(seen))
        return self.lists(users=False) + searches + self.children(seen, ())


def look(asana: SandboxProcess) -> World:
    """Return the counts of a sandbox's world."""

    def records(stream: str, fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = asana.get(f"truth/{stream}?fields={fields}")["data"]
        return found

    world = World(workspaces=[row["gid"] for row in records("workspaces", "gid")])
    for row in records("projects", "gid,workspace.gid,project_brief.gid"):
        world.projects[row["workspace"]["gid"]] += 1
        world.in_project[row["gid"]] = 0
        brief = row.get("project_brief")
        world.owners |= {row["gid"], *([brief["gid"]] if brief else [])}
    for row in records("users", "gid,workspaces.gid"):
        for workspace in row["workspaces"]:
            world.users[workspace["gid"]] += 1
            world.of_user[workspace["gid"], row["gid"]] = 0
    _count_tasks(world, records)
    for stream, count, column in (
        ("stories", world.stories, "task_id"),
        ("attachments", world.attachments, "parent_id"),
    ):
        count.update(row[column] for row in records(stream, "gid"))
    return world


def _count_tasks(world: World, records: Any) -> None:
    fields = "gid,projects.gid,assignee.gid,workspace.gid"
    tasks = {row["gid"]: row for row in records("tasks", fields)}
    for row in records("subtasks", fields):
        world.below[row["task_id"]] += 1
        tasks[row["gid"]] = row
    for row in tasks.values():
        world.in_project.update(p["gid"] for p in row["projects"] if p["gid"] in world.in_project)
        if row["assignee"]:
            world.of_user[row["workspace"]["gid"], row["assignee"]["gid"]] += 1
    world.tasks = set(tasks)
