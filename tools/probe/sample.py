"""The part of a workspace that the questions look at. Names and texts are not asked for here."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from source_asana.config import Settings, config_error
from tools.probe.asker import Asker, Raw, Reply

MOST_WORKSPACES = 3
MOST_PROJECTS = 12
MOST_PAGES = 2
# What may change and leave `modified_at` alone.
RELATIONS = ("memberships", "tags", "num_likes", "followers", "dependencies", "dependents")
TASK_FIELDS = (
    "created_at",
    "modified_at",
    "num_likes",
    "num_subtasks",
    "tags.gid",
    "followers.gid",
    "dependencies.gid",
    "dependents.gid",
    "parent.gid",
    "memberships.project.gid",
    "memberships.section.gid",
)


class Sample:
    """A workspace with some of its projects and tasks.

    Args:
        asker: sends the requests.
        settings: which workspaces and projects may be looked at.
        minutes: how long to wait for edits.

    Attributes:
        workspace: the gid of the first one that has projects.
        organization: whether it is one.
        known: gids of the projects on the first page, whatever the settings say.
        projects: gids of those that are looked at.
        sync_tokens: project -> where its next events begin.
    """

    def __init__(self, asker: Asker, settings: Settings, minutes: float = 0) -> None:
        self._asker = asker
        self.minutes = minutes
        listed = asker.get("workspaces", limit=100, opt_fields="is_organization")
        wanted = settings.workspace_ids
        found = [row for row in listed.rows if not wanted or row["gid"] in wanted]
        if not found:
            raise config_error(f"The token sees none of the workspaces ({listed.told})")
        for row in found[:MOST_WORKSPACES]:
            self.workspace: str = row["gid"]
            self.organization = bool(row.get("is_organization"))
            projects = asker.get(
                "projects", workspace=self.workspace, limit=100, opt_fields="archived"
            ).rows
            if projects:
                break
        self.known = {project["gid"] for project in projects}
        gids = [
            project["gid"]
            for project in projects
            if project["gid"] not in settings.exclude_project_ids
            and (not settings.project_ids or project["gid"] in settings.project_ids)
            and (settings.include_archived_projects or not project.get("archived"))
        ]
        # From the oldest to the newest, as old ones have history and new ones have the present.
        self.projects = gids[:: max(1, len(gids) // MOST_PROJECTS)][:MOST_PROJECTS]
        # Before any task is read, so that no later change is without an event.
        self.sync_tokens: dict[str, str | None] = {
            gid: asker.get("events", resource=gid).body.get("sync") for gid in self.projects
        }

    @cached_property
    def listings(self) -> dict[str, list[Raw]]:
        """Project -> the tasks on the first pages of its listing."""
        return self.listed()

    def listed(self) -> dict[str, list[Raw]]:
        """Return the same as it is now."""
        return {
            gid: [
                task
                for task in self._asker.pages(
                    "tasks", MOST_PAGES, project=gid, opt_fields=",".join(TASK_FIELDS)
                )
                if "gid" in task
            ]
            for gid in self.projects
        }

    @cached_property
    def tasks(self) -> list[Raw]:
        """The tasks of these listings, each once."""
        found = {task["gid"]: task for tasks in self.listings.values() for task in tasks}
        return list(found.values())

    @cached_property
    def parents(self) -> list[Raw]:
        """Those that have subtasks, the ones with the most first."""
        having = [task for task in self.tasks if task.get("num_subtasks")]
        return sorted(having, key=lambda task: -int(task["num_subtasks"]))

    @cached_property
    def fullest(self) -> str | None:
        """The project with the most tasks here; None without projects."""
        return max(self.projects, key=lambda gid: len(self.listings[gid]), default=None)

    def search(self, **params: Any) -> Reply:
        """Return what a search for tasks shows."""
        path = f"workspaces/{self.workspace}/tasks/search"
        return self._asker.get(path, **{"opt_fields": "modified_at", **params})


def projects_of(task: Raw) -> Iterator[str]:
    """Yield the gids of the projects that a task is in."""
    for membership in task.get("memberships") or ():
        if membership.get("project"):
            yield membership["project"]["gid"]
