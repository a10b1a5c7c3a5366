"""The part of a workspace that the questions look at, read once and with few requests.

Names and texts are not asked for here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

from source_asana.config import Settings
from source_asana.live.asker import Asker, OutOfRequestsError, Raw, UnansweredError

T = TypeVar("T")
MOST_WORKSPACES = 3
MOST_PROJECTS = 12
MOST_PAGES_A_PROJECT = 2
MOST_ASKED = 8
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
    """

    def __init__(self, asker: Asker, settings: Settings) -> None:
        self._asker = asker
        self._settings = settings
        self._made: dict[Any, Any] = {}
        try:
            self._workspace, self._projects = self._choose()
        except (AttributeError, KeyError, TypeError):
            raise UnansweredError("The workspaces have a form that nobody expected") from None

    def _choose(self) -> tuple[str, list[Raw]]:
        """Return the first of some workspaces that has projects, with the first page of these."""
        listed = self._asker.get("workspaces", limit=100, opt_fields="is_organization")
        if not listed.ok:
            raise UnansweredError(f"Asana refuses to list the token's workspaces ({listed.told})")
        wanted = self._settings.workspace_ids
        gids = [row["gid"] for row in listed.rows if not wanted or row["gid"] in wanted]
        if not gids:
            raise UnansweredError("The token sees none of the workspaces")
        self.is_organization = {row["gid"]: bool(row.get("is_organization")) for row in listed.rows}
        for gid in gids[:MOST_WORKSPACES]:
            projects = self._asker.get(
                "projects", workspace=gid, limit=100, opt_fields="archived,project_brief.gid"
            )
            if projects.rows:
                return gid, projects.rows
        return gids[0], []

    @property
    def workspace(self) -> str:
        """Its gid."""
        return self._workspace

    @property
    def organization(self) -> bool:
        """Whether it is an organization."""
        return self.is_organization[self._workspace]

    @cached_property
    def projects(self) -> list[str]:
        """The gids of some projects that the configuration does not rule out."""
        settings = self._settings
        gids = [
            project["gid"]
            for project in self._projects
            if project["gid"] not in settings.exclude_project_ids
            and (not settings.project_ids or project["gid"] in settings.project_ids)
            and (settings.include_archived_projects or not project.get("archived"))
        ]
        # From the oldest to the newest, as old ones have history and new ones have the present.
        step = max(1, len(gids) // MOST_PROJECTS)
        return gids[::step][:MOST_PROJECTS]

    @cached_property
    def all_projects(self) -> frozenset[str]:
        """The gids of the projects on the first page, whatever the configuration says."""
        return frozenset(project["gid"] for project in self._projects)

    @cached_property
    def listings(self) -> dict[str, list[Raw]]:
        """Project -> the tasks on the first pages of its listing."""
        return {gid: self._listing(gid) for gid in self.projects}

    def _listing(self, project: str) -> list[Raw]:
        """Return a project's tasks; none where Asana does not answer, as others may be read."""
        fields = ",".join(TASK_FIELDS)
        try:
            found = self._asker.pages(
                "tasks", MOST_PAGES_A_PROJECT, project=project, opt_fields=fields
            )
        except (OutOfRequestsError, UnansweredError):
            return []
        return [task for task in found if "gid" in task]

    @cached_property
    def tasks(self) -> list[Raw]:
        """The tasks of these listings, each once."""
        found = {task["gid"]: task for tasks in self.listings.values() for task in tasks}
        return list(found.values())

    @cached_property
    def fullest(self) -> str | None:
        """The project with the most tasks here; None without projects."""
        return max(self.projects, key=lambda gid: len(self.listings[gid]), default=None)

    @cached_property
    def holder(self) -> str | None:
        """A task that has an attachment; None if none was found soon."""
        path = f"workspaces/{self.workspace}/tasks/search"
        found = self._asker.get(
            path, search=True, has_attachment="true", limit=1, opt_fields="gid"
        ).rows
        if found:
            return str(found[0]["gid"])
        for task in self.tasks[:MOST_ASKED]:
            if self._asker.get("attachments", parent=task["gid"], limit=1).rows:
                return str(task["gid"])
        return None

    def once(self, make: Callable[[Sample, Asker], T], asker: Asker) -> T:
        """Return what a function makes of this sample; it is called once, for all who ask."""
        if make not in self._made:
            self._made[make] = make(self, asker)
        found: T = self._made[make]
        return found


def projects_of(task: Raw) -> Iterator[str]:
    """Yield the gids of the projects that a task is in."""
    for membership in task.get("memberships") or ():
        if membership.get("project"):
            yield membership["project"]["gid"]
