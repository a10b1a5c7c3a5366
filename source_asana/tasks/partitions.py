"""Which lists show a task: the one rule for listings, searches, exports and look-ups."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from source_asana.config import Settings
from source_asana.cursors.strategies import ELSEWHERE


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
