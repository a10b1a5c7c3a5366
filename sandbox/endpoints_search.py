"""Task and project search: a paid feature that is late, has no offsets, and no fixed order of ties.

Source: OpenAPI searchTasksForWorkspace and searchProjectsForWorkspace. That `before` is exclusive
with a grain of 1 ms is reported; that `after` is exclusive is assumed. A task that changed less
than `search_lag` seconds ago is found by its old stamp, a new one not at all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from random import Random
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sandbox.access import sees
from sandbox.paging import page_limit
from sandbox.refusals import ApiError
from sandbox.server_time import parse_moment, to_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.calls import Call, Keep
    from sandbox.store import Object, Ordered
    from sandbox.trash import Trash

Row = tuple[str, str]
_sorted: WeakKeyDictionary[Trash, dict[tuple[str, ...], tuple[object, list[Row]]]] = (
    WeakKeyDictionary()
)
_ties = Random(0)  # noqa: S311 - order of equal stamps


def _rows(call: Call, name: str, workspace: str, stamp: Callable[[str], str | None]) -> list[Row]:
    """Return (stamp, gid) of a workspace's tasks, ascending.

    They are kept until a task changes or, with a lag, time passes.
    """
    lag = call.settings.search_lag
    fresh = (
        call.world.changed_tasks,
        call.world.clock.now() if lag and call.world.unindexed else 0,
    )
    kept = _sorted.setdefault(call.world, {})
    hit = kept.get((name, workspace))
    if hit is not None and hit[0] == fresh:
        return hit[1]
    rows = []
    for gid in call.world.listed("workspace.tasks", workspace):
        found = stamp(gid)
        if found is not None:
            rows.append((found, gid))
    rows.sort()
    kept[name, workspace] = (fresh, rows)
    return rows


def _bound(call: Call, name: str) -> str | None:
    value = call.query.get(name)
    if value is None:
        return None
    try:
        return to_stamp(parse_moment(value))
    except ValueError as error:
        raise ApiError(400, f"{name}: Not a valid date: {value}") from error


def _descendant(world: Trash, task: Object, projects: frozenset[str]) -> bool:
    """Tell whether the task or an ancestor of it is in one of `projects`, as it is since 2026."""
    return any(projects & set(world[gid]["_projects"]) for gid in world.lineage(task["gid"]))


def _filters(call: Call) -> list[Keep]:
    """Return the tests for the parameters that were sent, except the times."""
    world = call.world
    tests: list[Keep] = [call.shows]
    subtask = call.flag("is_subtask")
    if subtask is not None:
        tests.append(lambda task: (task.get("parent") is not None) == subtask)
    attached = call.flag("has_attachment")
    if attached is not None:
        tests.append(
            lambda task: bool(len(world.listed("parent.attachments", task["gid"]))) == attached
        )
    completed = call.flag("completed")
    if completed is not None:
        tests.append(lambda task: bool(task.get("completed")) == completed)
    projects = frozenset(filter(None, call.query.get("projects.any", "").split(",")))
    if projects:
        tests.append(lambda task: _descendant(world, task, projects))
    excluded = frozenset(filter(None, call.query.get("projects.not", "").split(",")))
    if excluded:
        tests.append(lambda task: not excluded & set(task["_projects"]))
    assignees = frozenset(filter(None, call.query.get("assignee.any", "").split(",")))
    if assignees:
        wanted = {call.viewer.user if gid == "me" else gid for gid in assignees}
        tests.append(lambda task: task.get("assignee") in wanted)
    words = call.query.get("text")
    if words:
        tests.append(lambda task: words.lower() in task["name"].lower())
    return tests


def _take(rows: Iterator[Row], limit: int, keep: Callable[[str], Object | None]) -> list[Object]:
    """Return the first `limit` objects that are kept; equal stamps are shuffled before the cut."""
    groups: list[list[Object]] = []
    last, count = None, 0
    for stamp, gid in rows:
        if stamp != last and count >= limit:
            break
        obj = keep(gid)
        if obj is None:
            continue
        if stamp != last or not groups:
            groups.append([])
        groups[-1].append(obj)
        last, count = stamp, count + 1
    for group in groups:
        _ties.shuffle(group)
    return [obj for group in groups for obj in group][:limit]


def tasks(call: Call) -> bytes:
    """Answer GET /workspaces/{gid}/tasks/search."""
    world = call.world
    workspace = call.gid("workspace_gid", "workspace")
    limit = page_limit(call.query.get("limit")) or 20
    key = call.query.get("sort_by", "modified_at")
    if key not in {"modified_at", "created_at"}:
        raise ApiError(400, f"sort_by: The sandbox does not sort by {key}")
    since = world.clock.now() - call.settings.search_lag

    def modified(gid: str) -> str | None:
        return world.indexed_stamp(gid, since)

    def created(gid: str) -> str | None:
        return None if modified(gid) is None else str(world[gid]["created_at"])

    rows = _rows(call, key, workspace, modified if key == "modified_at" else created)
    after, before = _bound(call, f"{key}.after"), _bound(call, f"{key}.before")
    start = bisect_right(rows, after, key=lambda row: row[0]) if after else 0
    end = bisect_left(rows, before, key=lambda row: row[0]) if before else len(rows)
    other = "created_at" if key == "modified_at" else "modified_at"
    low, high = _bound(call, f"{other}.after"), _bound(call, f"{other}.before")
    read = created if other == "created_at" else modified
    tests = _filters(call)

    def keep(gid: str) -> Object | None:
        task = world.objects.get(gid)
        if task is None:
            return None
        if low or high:
            stamp = read(gid)
            if stamp is None or (low and stamp <= low) or (high and stamp >= high):
                return None
        return task if all(test(task) for test in tests) else None

    ascending = bool(call.flag("sort_ascending"))
    places = range(start, end) if ascending else range(end - 1, start - 1, -1)
    return call.everything(_take((rows[place] for place in places), limit, keep))


def projects(call: Call) -> bytes:
    """Answer GET /workspaces/{gid}/projects/search, sorted by a stamp."""
    workspace = call.gid("workspace_gid", "workspace")
    limit = page_limit(call.query.get("limit")) or 20
    key = call.query.get("sort_by", "modified_at")
    after, before = _bound(call, "created_at.after"), _bound(call, "created_at.before")
    listed: Ordered = call.world.listed("workspace.projects", workspace)
    found = [
        obj
        for obj in map(call.world.objects.__getitem__, listed)
        if sees(call.world, call.viewer, obj)
        and (after is None or obj["created_at"] > after)
        and (before is None or obj["created_at"] < before)
    ]
    found.sort(key=lambda obj: str(obj.get(key)), reverse=not call.flag("sort_ascending"))
    return call.everything(found[:limit])
