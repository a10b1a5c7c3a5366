"""Listings and task search: what they show, and what they leave out."""

import base64
from collections.abc import Sequence

import orjson

from source_asana.http.clock import from_millis
from tools.probe.asker import Asker, Raw, stamp
from tools.probe.question import Finding, decide, question, unknown
from tools.probe.sample import Sample, projects_of

MOST_PARENTS = 10
MOST_SEARCHED = 10
# The overlap of searches: Asana's index lags, in most cases less than a minute.
LAG_MS = 15 * 60_000
OFFSET_SECONDS = 900


@question("Is `modified_since` inclusive?", "Yes, with a grain of 1 ms.")
def modified_since(asker: Asker, sample: Sample) -> Finding:
    """List a project's tasks since the stamp of the middle one."""
    tasks = sample.listings.get(sample.fullest or "", [])
    if not tasks:
        return unknown("There are no tasks.")
    bound = sorted(map(stamp, tasks))[len(tasks) // 2]
    found = asker.pages(
        "tasks",
        3,
        project=sample.fullest,
        opt_fields="modified_at",
        modified_since=from_millis(bound),
    )
    exact = {task["gid"] for task in tasks if stamp(task) == bound}
    shown = bool(exact & {task["gid"] for task in found})
    problems = [] if shown else ["It leaves out a task that changed at the bound."]
    return decide(problems, f"Tasks since the middle one's stamp: {len(found)}.")


@question("Are subtasks that were added to a project in its listing?", "Yes.")
def subtasks_in_projects(asker: Asker, sample: Sample) -> Finding:
    """Compare the subtasks of some tasks with the listings of the projects they are in."""
    listed = {project: {t["gid"] for t in tasks} for project, tasks in sample.listings.items()}
    absent = shown = 0
    for task in sample.parents[:MOST_PARENTS]:
        path = f"tasks/{task['gid']}/subtasks"
        for child in asker.pages(path, 1, opt_fields="memberships.project.gid"):
            for project in set(projects_of(child)) & listed.keys():
                shown += child["gid"] in listed[project]
                absent += child["gid"] not in listed[project] and len(listed[project]) < 100
    problems = [f"Not listed: {absent}."] if absent else []
    return decide(problems, f"Subtasks in their project's listing: {shown}.", enough=shown > 0)


@question(
    "Can allocations be listed by workspace alone?", "No, so a sync asks for those of each project."
)
def allocations_of_workspace(asker: Asker, sample: Sample) -> Finding:
    """Ask for it."""
    reply = asker.get("allocations", workspace=sample.workspace, limit=1)
    problems = ["The workspace alone is enough."] if reply.ok else []
    return decide(problems, f"{reply.told}.", enough=reply.status == 400 and reply.reason != "plan")


@question(
    "How long does the offset of a page live?", "15 minutes, longer than a page is ever put off."
)
def offset_life(asker: Asker, sample: Sample) -> Finding:
    """Read it off an offset, where that is a JSON web token."""
    reply = asker.get("projects", workspace=sample.workspace, limit=1, opt_fields="gid")
    claims = _claims(reply.offset or "")
    if not {"iat", "exp"} <= claims.keys():
        return unknown("There is no second page, or its offset does not say.")
    life = claims["exp"] - claims["iat"]
    problems = [f"It lives {life:.0f} s."] if life < OFFSET_SECONDS else []
    return decide(problems, "The offset itself says so.")


def _claims(offset: str) -> dict[str, float]:
    """Return the numbers in an offset that is a JSON web token; none in another one."""
    try:
        text = offset.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (IndexError, ValueError):
        return {}
    found = claims.items() if isinstance(claims, dict) else ()
    return {name: value for name, value in found if isinstance(value, int | float)}


@question(
    "Does a search show each changed task and subtask by its stamp?",
    "Yes, 15 minutes after the change at the latest; the bounds are exclusive, with a "
    "grain of 1 ms.",
)
def search_shows(asker: Asker, sample: Sample) -> Finding:
    """Search for some tasks and subtasks from 1 ms before to 1 ms after their stamps."""
    allowed = sample.search(limit=1)
    if not allowed.ok:
        return unknown(f"{allowed.told}: the workspace cannot be searched, so listings are read.")
    subtasks = [
        child
        for task in sample.parents[:MOST_PARENTS]
        for child in asker.pages(f"tasks/{task['gid']}/subtasks", 1, opt_fields="modified_at")
    ]
    problems, searched = [], []
    for what, found in (("tasks", sample.tasks), ("subtasks", subtasks)):
        chosen = _spread(
            [task for task in found if asker.client.clock.now() - stamp(task) > LAG_MS]
        )
        missed = 0
        for task in chosen:
            bounds = {
                "modified_at.after": from_millis(stamp(task) - 1),
                "modified_at.before": from_millis(stamp(task) + 1),
            }
            rows = sample.search(limit=100, **bounds).rows
            shown = task["gid"] in {row["gid"] for row in rows}
            missed += not shown and _is_unchanged(asker, task)
        if missed:
            problems.append(f"Not shown of {len(chosen)} {what}: {missed}.")
        searched.append(f"{what} {len(chosen)}")
    return decide(problems, f"Searched for: {', '.join(searched)}.", enough=bool(sample.tasks))


def _spread(tasks: Sequence[Raw]) -> Sequence[Raw]:
    """Return the last changed task and some others, down to those that changed long ago."""
    ordered = sorted(tasks, key=stamp, reverse=True)
    return ordered[:: max(1, len(ordered) // MOST_SEARCHED)][:MOST_SEARCHED]


def _is_unchanged(asker: Asker, task: Raw) -> bool:
    rows = asker.get(f"tasks/{task['gid']}", opt_fields="modified_at").rows
    return bool(rows) and stamp(rows[0]) == stamp(task)
