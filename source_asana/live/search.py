"""Task search: how large its pages are, what its bounds mean, and what it hides."""

from __future__ import annotations

from typing import Any

from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.live.asker import Asker, Raw, Reply
from source_asana.live.question import Finding, agrees, contradicts, decide, unknown
from source_asana.live.sample import Sample

PAGE = 100
# Asana's index lags, in most cases less than a minute.
LAG_MS = 15 * 60_000
DEFAULT_PAGE = 20
MOST_PAGES = 4


def _search(asker: Asker, sample: Sample, **params: Any) -> Reply:
    order: dict[str, Any] = {
        "sort_by": "created_at",
        "sort_ascending": "true",
        "limit": PAGE,
        **params,
    }
    path = f"workspaces/{sample.workspace}/tasks/search"
    return asker.get(path, search=True, opt_fields="created_at,modified_at", **order)


def page_size(asker: Asker, sample: Sample) -> Finding:
    """Has a page of a search up to 100 tasks?"""
    reply = _search(asker, sample)
    if not reply.ok:
        return _refused(reply)
    more = _search(asker, sample, limit=PAGE + 1)
    beyond = f"With a limit of {PAGE + 1}: {more.told}, {len(more.rows)} tasks."
    seen = f"A limit of {PAGE} gave {len(reply.rows)} tasks. {beyond}"
    few = len(reply.rows) <= DEFAULT_PAGE < len(sample.tasks)
    problems = ["The limit is not honoured."] if few else []
    return decide(problems, seen, enough=len(reply.rows) > DEFAULT_PAGE)


def completeness(asker: Asker, sample: Sample) -> Finding:
    """Does a search find what the listing of a project shows?"""
    project = sample.fullest
    if not project:
        return unknown("There are no projects.")
    reply = _search(asker, sample, **{"projects.any": project})
    if not reply.ok:
        return _refused(reply)
    found, newest = _walk(reply, asker, sample, project)
    listed = [
        task
        for task in sample.listings[project]
        if _age(task, asker) > LAG_MS
        and (newest is None or (to_millis(task.get("created_at")) or 0) < newest)
    ]
    hidden = [task for task in listed if task["gid"] not in found]
    problems = [f"Hidden: {len(hidden)}."] if hidden else []
    seen = f"Compared tasks of a project's listing, older than the index can lag: {len(listed)}."
    return decide(problems, seen, enough=bool(listed))


def _walk(
    first: Reply, asker: Asker, sample: Sample, project: str
) -> tuple[set[str], Millis | None]:
    """Return the tasks on some pages; with more to come, all before an instant are among them.

    A page may be short although more follow, as what the token may not see is taken out of it.
    """
    rows, found = first.rows, {task["gid"] for task in first.rows}
    newest = None
    for _ in range(MOST_PAGES):
        if not rows:
            return found, None
        newest = Millis(max(to_millis(task.get("created_at")) or 0 for task in rows))
        step = {"created_at.after": from_millis(newest - 1), "projects.any": project}
        rows = [task for task in _search(asker, sample, **step).rows if task["gid"] not in found]
        found |= {task["gid"] for task in rows}
    return found, newest


def bounds(asker: Asker, sample: Sample) -> Finding:
    """Do the bounds of a search mean milliseconds?"""
    settled = [t for t in sample.tasks if _age(t, asker) > LAG_MS]
    if not settled:
        return unknown("No task here is older than the index can lag.")
    task = max(settled, key=lambda one: to_millis(one.get("modified_at")) or 0)
    stamp = to_millis(task["modified_at"]) or 0
    reply = _search(
        asker,
        sample,
        **{
            "modified_at.after": from_millis(stamp - 1),
            "modified_at.before": from_millis(stamp + 1),
        },
    )
    if not reply.ok:
        return _refused(reply)
    other = [t for t in reply.rows if to_millis(t.get("modified_at")) != stamp]
    problems = [
        *(["It misses the task."] if task["gid"] not in {t["gid"] for t in reply.rows} else ()),
        *([f"Shown with other stamps: {len(other)}."] if other else ()),
    ]
    return decide(problems, "One task was searched for within 1 ms before and after its stamp.")


def lag(asker: Asker, sample: Sample) -> Finding:
    """Does the index show the newest changes within the overlap of 15 minutes?"""
    reply = _search(asker, sample, sort_by="modified_at", sort_ascending="false")
    if not reply.ok:
        return _refused(reply)
    known = {task["gid"]: to_millis(task.get("modified_at")) or 0 for task in reply.rows}
    late = [
        task
        for task in sample.tasks
        if task["gid"] in known
        and _age(task, asker) > LAG_MS
        and known[task["gid"]] < (to_millis(task.get("modified_at")) or 0)
    ]
    if late:
        return contradicts(f"Tasks that it shows with a stamp from before a change: {len(late)}.")
    shared = sum(task["gid"] in known for task in sample.tasks)
    return agrees(f"Stamps that agree: {shared}.") if shared else unknown("No task is in both.")


def _age(task: Raw, asker: Asker) -> int:
    return asker.now() - (to_millis(task.get("modified_at")) or 0)


def _refused(reply: Reply) -> Finding:
    return unknown(f"{reply.told}: the workspace cannot be searched, so listings are read.")
