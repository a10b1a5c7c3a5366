"""Listings: their filters, their pages, how long an address may be, and what some of them need."""

from __future__ import annotations

from typing import Any

from source_asana.fields.opt_fields import opt_fields
from source_asana.http.clock import from_millis, to_millis
from source_asana.live.asker import Asker, Reply
from source_asana.live.kinds import KINDS
from source_asana.live.question import Finding, agrees, contradicts, decide, unknown
from source_asana.live.sample import Sample, projects_of

MOST_PARENTS = 10
# As long as most servers allow, and twice that; what we send is at most two thirds of the first.
LONG = (8_000, 16_000)
TASK_LIST = "created_at,modified_at"


def modified_since(asker: Asker, sample: Sample) -> Finding:
    """Does `modified_since` show what changed at that very instant, and nothing older?"""
    tasks = sample.listings.get(sample.fullest or "", [])
    stamps = sorted({to_millis(task.get("modified_at")) or 0 for task in tasks})
    if not stamps:
        return unknown("There are no tasks.")
    bound = stamps[len(stamps) // 2]
    params = {"project": sample.fullest, "opt_fields": "modified_at"}
    found = asker.pages("tasks", 3, modified_since=from_millis(bound), **params)
    shown = {task["gid"] for task in found}
    exact = [task["gid"] for task in tasks if to_millis(task.get("modified_at")) == bound]
    older = sum((to_millis(task.get("modified_at")) or 0) < bound for task in found)
    problems = [
        *(["It leaves out a task that changed at the bound."] if not shown & set(exact) else ()),
        *([f"It shows tasks that are older than the bound: {older}."] if older else ()),
    ]
    return decide(problems, f"Tasks since the middle one's stamp: {len(found)}.")


def created_since(asker: Asker, sample: Sample) -> Finding:
    """Does `created_since` of status updates show the one that was created at that instant?"""
    for project in sample.projects[:MOST_PARENTS]:
        params: dict[str, Any] = {"parent": project, "opt_fields": "created_at"}
        updates = asker.get("status_updates", limit=1, **params).rows
        if updates:
            at = updates[0].get("created_at")
            found = asker.pages("status_updates", 1, created_since=at, **params)
            shown = updates[0]["gid"] in {update["gid"] for update in found}
            seen = f"Status updates since the stamp of one of them: {len(found)}."
            return decide([] if shown else ["It leaves that one out."], seen)
    return unknown("No project here has a status update.")


def created_after(asker: Asker, sample: Sample) -> Finding:
    """Does `created_after` of stories leave out what is older?"""
    for task in sample.tasks[: 2 * MOST_PARENTS]:
        path = f"tasks/{task['gid']}/stories"
        stories = asker.pages(path, 1, opt_fields="created_at")
        ages = sorted({(to_millis(s.get("created_at")) or 0) // 1000 for s in stories})
        if len(ages) > 1:
            after = from_millis(ages[-1] * 1000)
            newer = asker.pages(path, 1, opt_fields="created_at", created_after=after)
            return decide(
                ["It is ignored: all came."] if len(newer) == len(stories) else [],
                f"Stories that came: {len(newer)} of {len(stories)}.",
            )
    return unknown("No task here has stories of different age.")


def subtasks_in_projects(asker: Asker, sample: Sample) -> Finding:
    """Does a project's listing show the subtasks that were added to it?"""
    listed = {project: {t["gid"] for t in tasks} for project, tasks in sample.listings.items()}
    absent = shown = 0
    parents = sorted(sample.tasks, key=lambda task: -(task.get("num_subtasks") or 0))
    for task in parents[:MOST_PARENTS]:
        if not task.get("num_subtasks"):
            break
        fields = "memberships.project.gid"
        for child in asker.pages(f"tasks/{task['gid']}/subtasks", 1, opt_fields=fields):
            for project in set(projects_of(child)) & listed.keys():
                shown += child["gid"] in listed[project]
                absent += child["gid"] not in listed[project] and len(listed[project]) < 100
    also = sum(bool(task.get("parent")) for task in sample.tasks)
    problems = [f"Not listed: {absent}."] if absent else []
    seen = f"Subtasks in their project's listing: {shown}. Listed tasks with a parent: {also}."
    return decide(problems, seen, enough=shown > 0)


def custom_type_header(asker: Asker, sample: Sample) -> Finding:
    """Does the header that shows objects of Asana's own custom types hide nothing?"""
    problems, compared = [], 0
    paths: list[tuple[str, dict[str, Any]]] = [("projects", {"workspace": sample.workspace})]
    paths += [("tasks", {"project": sample.fullest})] if sample.fullest else []
    for path, params in paths:
        shown = asker.get(path, limit=100, opt_fields="gid", **params)
        plain = asker.get(path, limit=100, opt_fields="gid", headers={}, **params)
        if not (shown.ok and plain.ok):
            continue
        compared += 1
        # With more pages, another page may begin elsewhere.
        lost = {r["gid"] for r in plain.rows} - {r["gid"] for r in shown.rows}
        if lost and not shown.offset:
            problems.append(f"Hidden with the header, of `{path}`: {len(lost)}.")
    return decide(problems, f"Listings that were read both ways: {compared}.", enough=compared > 0)


def goals_without_team(asker: Asker, sample: Sample) -> Finding:
    """Is the workspace enough to list goals?"""
    return _listable(asker.get("goals", workspace=sample.workspace, limit=1))


def time_entries_span(asker: Asker, sample: Sample) -> Finding:
    """May time entries be listed since 1970 in one go?"""
    reply = asker.get(
        "time_tracking_entries",
        workspace=sample.workspace,
        entered_on_start_date="1970-01-01",
        opt_fields="entered_on",
        limit=100,
    )
    if not reply.rows:
        return _listable(reply)
    newest = max(str(row.get("entered_on"))[:10] for row in reply.rows)
    since = asker.get(
        "time_tracking_entries",
        workspace=sample.workspace,
        entered_on_start_date=newest,
        opt_fields="entered_on",
        limit=100,
    )
    days = [str(row.get("entered_on"))[:10] for row in since.rows]
    problems = [
        *(["The day of the bound itself is left out."] if newest not in days else ()),
        *(["Entries before the bound are shown."] if any(d < newest for d in days) else ()),
    ]
    return decide(problems, f"{reply.told}; entries from the newest day on: {len(days)}.")


def allocations_of_workspace(asker: Asker, sample: Sample) -> Finding:
    """Do allocations need a project or an assignee?"""
    reply = asker.get("allocations", workspace=sample.workspace, limit=1)
    if reply.ok:
        return contradicts(
            "The workspace alone is enough: one listing could replace one per project."
        )
    if reply.reason == "bad request":
        return agrees(f"{reply.told}: the workspace alone is not enough.")
    return unknown(f"{reply.told}.")


def _listable(reply: Reply) -> Finding:
    if reply.ok:
        return agrees(f"{reply.told}.")
    if reply.status == 400 and reply.reason != "plan":
        return contradicts(f"{reply.told}: the listing that a sync uses is refused.")
    return unknown(f"{reply.told}: refused for plan or rights.")


def long_addresses(asker: Asker, sample: Sample) -> Finding:
    """Is an address as long as ours answered, with something to spare?"""
    del sample
    all_fields = [",".join(opt_fields(kind.stream, None)) for kind in KINDS]
    longest, seen = max(asker.longest, *map(len, all_fields)), []
    problems = []
    for length in (longest + longest // 5, *LONG):
        # A field that is named again changes nothing but the length.
        fields = ",".join(["gid"] * (length // len("gid,")))
        reply = asker.get("workspaces", limit=1, opt_fields=fields)
        seen.append(f"{length} characters: {reply.told}")
        if not reply.ok and length <= longest + longest // 5:
            problems.append("There is nothing to spare.")
    return decide(problems, f"The longest of ours had {longest}; {'; '.join(seen)}.")
