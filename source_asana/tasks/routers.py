"""Which lists show a task, and the routers of subtasks, stories and attachments.

`partitions_of` is the one rule for listings, searches, exports and look-ups.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from source_asana.config import Settings
from source_asana.core.partitions import ELSEWHERE
from source_asana.parents.feeds import Ending, Item
from source_asana.parents.routers import AsanaRouter, Needs
from source_asana.parents.slices import Slice, is_user_key, value_at
from source_asana.tasks.feed import TaskFeed
from source_asana.tasks.slices import ChildSlice, OwnSlice


def user_partition(task: Mapping[str, Any], workspace: str) -> str:
    """Return the key of the list of a task's assignee; without one, no list shows it."""
    assignee = (task.get("assignee") or {}).get("gid")
    return f"{workspace}/{assignee}" if assignee else ELSEWHERE


def partitions_of(
    task: Mapping[str, Any], by_user: str, listed: Container[str] | None, settings: Settings
) -> tuple[str, ...]:
    """Return the keys of the lists that show a task, sorted.

    A list by assignee shows all tasks of a user. Of these, tasks in a project that is read belong
    to the project, and subtasks to their parent. A task may name projects that the token cannot
    see. If the settings leave projects out, a named project may also be one of those.

    Args:
        task: with `projects` and `parent`, as Asana sent it.
        by_user: the list that shows it if no project does, see `user_partition`.
        listed: the keys of all lists that are read; None if the settings leave none out.
        settings: the configuration.

    Returns:
        The keys; empty for what is only a subtask, and for what no list shows.
    """
    projects = sorted(one["gid"] for one in task.get("projects") or ())
    shown = tuple(gid for gid in projects if listed is None or gid in listed)
    if shown:
        return shown
    if task.get("parent") or not settings.reads_tasks_without_project:
        return ()
    if projects and not settings.reads_all_projects:
        return ()
    return (by_user,) if listed is None or by_user in listed else ()


TASK_FIELDS = frozenset({"modified_at", "num_subtasks", "projects.gid", "parent.gid"})


@dataclass
class _TaskFeedRouter(AsanaRouter):
    """Has complete parents when no further listing of tasks can exist."""

    @override
    def ending(self) -> Ending:
        feed = self.feeds.of_kind(TaskFeed, "tasks")
        return Ending.COMPLETE if feed.keys_complete else Ending.REFUSED


@dataclass
class WalkRouter(_TaskFeedRouter):
    """Knows the partitions of subtasks; the strategy makes the slices."""

    @override
    def parents(self) -> Needs:
        return {"tasks": TASK_FIELDS}

    @override
    def parent_of(self, partition: str) -> tuple[str, str] | None:
        return "tasks", partition

    @override
    def partition_of(self, partition: str) -> dict[str, str]:
        return {"task_gid": partition}

    @override
    def stream_slices(self) -> Iterable[Slice]:
        """Raise an error, as `SubtasksStrategy` makes the slices, walk by walk."""
        raise TypeError("the slices of walks are made by SubtasksStrategy, walk by walk")


@dataclass
class TaskRouter(_TaskFeedRouter):
    """Makes the slices of child streams; the strategy chooses the tasks.

    Attributes:
        task_field: name of the partition field that holds the task's gid.
        own_parents: dotted paths in the project's item whose gids are parents as well (`gid`,
            `project_brief.gid`).
    """

    task_field: str = "task_gid"
    own_parents: list[str] = field(default_factory=list)

    @override
    def parents(self) -> Needs:
        found = {"tasks": TASK_FIELDS, "subtasks": TASK_FIELDS}
        own = frozenset(self.own_parents)
        return {**found, "projects": own} if own else found

    @override
    def parent_of(self, partition: str) -> tuple[str, str] | None:
        project, _, own = partition.partition("/")
        return ("projects", project) if own else ("tasks", partition)

    @override
    def partition_of(self, partition: str) -> dict[str, str]:
        return {self.task_field: partition.rpartition("/")[2]}

    def child(self, gid: str, version: int, item: Item, *, is_shown: bool = True) -> ChildSlice:
        """Return the slice of one task's children; see `ChildSlice`."""
        return ChildSlice({self.task_field: gid}, gid, version, item, is_shown=is_shown)

    def own(self, key: str, item: Item) -> list[OwnSlice]:
        """Return the slices of a project's own children; a listing by user has none.

        Args:
            key: the listing's key, a project or `workspace/user`.
            item: the project's entry in its feed.
        """
        if is_user_key(key):
            return []
        gids = [gid for path in self.own_parents if (gid := value_at(item, path))]
        return [OwnSlice({self.task_field: g}, g, key, item) for g in gids]

    @override
    def stream_slices(self) -> Iterable[Slice]:
        """Raise an error, as `TaskChildrenStrategy` makes the slices, block by block."""
        raise TypeError("the slices of tasks are made by TaskChildrenStrategy, block by block")
