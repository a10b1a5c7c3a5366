"""What is lost and what is gone: 403 or 404."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from source_asana.live.asker import Asker
from source_asana.live.question import Finding, decide
from source_asana.live.sample import Sample, projects_of

MOST_ASKED = 12
# No object of Asana has it: they are counted up and far below.
NOBODY = "8999999999999999"


def gone(asker: Asker, sample: Sample) -> Finding:
    """Is what does not exist answered with 404?"""
    del sample
    replies = {kind: asker.get(f"{kind}/{NOBODY}") for kind in ("tasks", "projects", "portfolios")}
    told = ", ".join(f"`{kind}` {reply.told}" for kind, reply in replies.items())
    strange = [
        kind
        for kind, reply in replies.items()
        if reply.status != 404 and reply.reason not in ("plan", "scope")
    ]
    problems = [f"Not so for {', '.join(f'`{kind}`' for kind in strange)}."] if strange else []
    return decide(problems, f"{told}.")


def hidden(asker: Asker, sample: Sample) -> Finding:
    """Is what others can see, and the token cannot, answered with 403?

    Relations name such objects: a task's other projects, its parent, what it depends on.
    """
    counts: Counter[int] = Counter()
    for path in list(dict.fromkeys(_named(sample)))[:MOST_ASKED]:
        counts[asker.get(path, opt_fields="gid").status] += 1
    problems = (
        [f"Said to be unknown, as if they were deleted, though they exist: {counts[404]}."]
        if counts[404]
        else []
    )
    told = ", ".join(f"HTTP {status}: {number}" for status, number in sorted(counts.items()))
    asked = f"Objects that are named and in no listing here: {sum(counts.values())}"
    return decide(problems, f"{asked}{f' ({told})' if told else ''}.", enough=counts[403] > 0)


def _named(sample: Sample) -> Iterator[str]:
    tasks = {task["gid"] for task in sample.tasks}
    for task in sample.tasks:
        for gid in projects_of(task):
            if gid not in sample.all_projects:
                yield f"projects/{gid}"
        for other in (*(task.get("dependencies") or ()), *(task.get("dependents") or ())):
            if other["gid"] not in tasks:
                yield f"tasks/{other['gid']}"
        parent = task.get("parent")
        if parent and parent["gid"] not in tasks:
            yield f"tasks/{parent['gid']}"
