"""What answers say: the fields they have, what is gone or hidden, versions, and the time."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from email.utils import parsedate_to_datetime
from itertools import islice, pairwise
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from source_asana.cursors.sending import fingerprinter
from source_asana.fields.opt_fields import opt_fields
from source_asana.fields.schemas import load_schema
from source_asana.http.clock import from_millis
from tools.probe.asker import Asker, Raw, stamp
from tools.probe.question import Finding, decide, question
from tools.probe.sample import Sample, projects_of

LISTED: Mapping[str, str] = MappingProxyType(
    {
        "workspaces": "workspaces",
        "users": "users?workspace={workspace}",
        "tags": "tags?workspace={workspace}",
        "custom_fields": "workspaces/{workspace}/custom_fields",
        "projects": "projects?workspace={workspace}",
        "portfolios": "portfolios?workspace={workspace}&owner=me",
        "goals": "goals?workspace={workspace}",
        "project_templates": "project_templates?workspace={workspace}",
        "sections": "projects/{project}/sections",
        "tasks": "tasks?project={project}",
        "stories": "tasks/{task}/stories",
    }
)
"""Where records of some kinds are listed; a single one is at its kind and gid."""

ROWS = 50
TIMES = 4
MOST_READ = 5
VERSIONED = ("users", "projects", "tasks")

# No object of Asana has it: they are counted up and far below.
NOBODY = "8999999999999999"
MOST_ITEMS = 8
MOST_NAMED = 24
MOST_PORTFOLIOS = 3

ENOUGH_DATES = 5
# What a proxy or another server may be off without harm: the grain is subtracted from each bound.
SLACK_SECONDS = 1.0


@question(
    "What does an unknown name in `opt_fields` do?",
    "It is no error, though the record may come with its gid alone.",
)
def unknown_opt_field(asker: Asker, sample: Sample) -> Finding:
    """List the workspaces with a name that Asana does not have."""
    del sample
    reply = asker.get("workspaces", limit=1, opt_fields="is_organization,no_such_field_of_asana")
    problems = [] if reply.ok else ["It is an error."]
    came = sorted({name for row in reply.rows for name in row})
    return decide(problems, f"{reply.told}; fields that came: {_named(came) or 'none'}.")


@question("Does Asana have fields that are not in the schemas?", "No.")
def fields(asker: Asker, sample: Sample) -> Finding:
    """Read one record of some kinds without `opt_fields`, so with what Asana sends by itself."""
    problems, read = [], 0
    for kind in LISTED:
        for listed in _rows(asker, sample, kind, limit=1, opt_fields="gid"):
            record = next(iter(asker.get(f"{kind}/{listed['gid']}").rows), {})
            columns = load_schema(kind)["properties"]
            lacking = sorted(record.keys() - columns.keys())
            read += 1
            if lacking:
                problems.append(f"The schema of `{kind}` lacks {_named(lacking)}.")
    return decide(problems, f"Records: {read}.", enough=read > 0)


def _rows(asker: Asker, sample: Sample, kind: str, **params: Any) -> list[Raw]:
    """Return the first records of a kind; none if the workspace lacks where they are listed."""
    tasks = [*sample.parents, *sample.tasks, {"gid": NOBODY}]
    places = {
        "workspace": sample.workspace,
        "project": sample.fullest or NOBODY,
        "task": tasks[0]["gid"],
    }
    path, _, query = LISTED[kind].format(**places).partition("?")
    return asker.get(path, **{**dict(parse_qsl(query)), **params}).rows


def _named(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@question(
    "Do two answers that show the same version count as the same?",
    "Yes: the order of lists, the queries of signed URLs and nulls do not count.",
)
def versions(asker: Asker, sample: Sample) -> Finding:
    """Read users, projects and tasks again and again, and compare them."""
    problems, compared = [], 0
    for kind in VERSIONED:
        asked = ",".join(opt_fields(kind, None))
        answers = [
            {row["gid"]: row for row in _rows(asker, sample, kind, limit=ROWS, opt_fields=asked)}
            for _ in range(TIMES)
        ]
        compared += len(answers[0])
        unsteady = sorted(set(_unsteady(answers)))
        if unsteady:
            problems.append(f"`{kind}` would be sent again and again for {_named(unsteady)}.")
    return decide(problems, f"Records: {compared}, answers: {TIMES}.", enough=compared > 0)


def _unsteady(answers: list[dict[str, Raw]]) -> Iterator[str]:
    """Yield the columns in which a record differs from answer to answer.

    Somebody may change it in Asana between two answers, but hardly twice in three seconds.
    """
    tag = fingerprinter(())
    for gid, record in answers[0].items():
        rows = [answer[gid] for answer in answers if gid in answer]
        for name in record:
            tags = [tag({name: row.get(name)}) for row in rows]
            if sum(before != after for before, after in pairwise(tags)) > 1:
                yield name


@question(
    "Does a task have the same fingerprint by GET, in a list and by search?",
    "Yes; so what one of them has shown is not sent again because another one shows it.",
)
def ways(asker: Asker, sample: Sample) -> Finding:
    """Read some tasks in three ways, and compare those that nobody changed meanwhile."""
    asked = ",".join(opt_fields("tasks", None))
    listed = _rows(asker, sample, "tasks", limit=MOST_READ, opt_fields=asked)
    problems, compared = set[str](), Counter[str]()
    for task in listed:
        at = stamp(task)
        bounds = {
            "modified_at.after": from_millis(at - 1),
            "modified_at.before": from_millis(at + 1),
        }
        found = {
            "GET": asker.get(f"tasks/{task['gid']}", opt_fields=asked).rows,
            "search": sample.search(limit=100, opt_fields=asked, **bounds).rows,
        }
        for way, rows in found.items():
            for row in rows:
                if row["gid"] == task["gid"] and stamp(row) == at:
                    compared[way] += 1
                    problems |= {f"By {way}, `{name}` differs." for name in _different(task, row)}
    seen = ", ".join(f"{way} {number}" for way, number in sorted(compared.items()))
    return decide(sorted(problems), f"Compared: {seen or 'none'}.", enough=compared["GET"] > 0)


def _different(task: Raw, other: Raw) -> Iterator[str]:
    tag = fingerprinter(())
    for name in sorted(task.keys() | other.keys()):
        if tag({name: task.get(name)}) != tag({name: other.get(name)}):
            yield name


@question(
    "Does Asana answer 404 for a missing object?", "Yes; that is how a deletion is confirmed."
)
def gone(asker: Asker, sample: Sample) -> Finding:
    """Ask for a task, a project and a portfolio that nobody has."""
    del sample
    replies = {kind: asker.get(f"{kind}/{NOBODY}") for kind in ("tasks", "projects", "portfolios")}
    problems = [
        f"Not so for `{kind}`."
        for kind, reply in replies.items()
        if reply.status != 404 and reply.reason not in ("plan", "scope")
    ]
    told = ", ".join(f"`{kind}` {reply.told}" for kind, reply in replies.items())
    return decide(problems, f"{told}.")


@question("Does Asana answer 403 for an object that the token may not see?", "Yes.")
def hidden(asker: Asker, sample: Sample) -> Finding:
    """Ask for objects that tasks and portfolios name and no listing shows."""
    named = list(dict.fromkeys([*islice(_items(asker, sample), MOST_ITEMS), *_relatives(sample)]))
    replies = [asker.get(path, opt_fields="gid") for path in named[:MOST_NAMED]]
    counts = Counter(reply.status for reply in replies)
    problems = [f"Said to be unknown, though they exist: {counts[404]}."] if counts[404] else []
    told = ", ".join(f"HTTP {status}: {number}" for status, number in sorted(counts.items()))
    return decide(problems, f"Asked for: {len(replies)}. {told}", enough=counts[403] > 0)


def _items(asker: Asker, sample: Sample) -> Iterator[str]:
    portfolios = asker.get(
        "portfolios",
        workspace=sample.workspace,
        owner="me",
        limit=MOST_PORTFOLIOS,
        opt_fields="gid",
    )
    for portfolio in portfolios.rows:
        for item in asker.pages(
            f"portfolios/{portfolio['gid']}/items", 1, opt_fields="resource_type"
        ):
            if item.get("resource_type") == "project" and item["gid"] not in sample.known:
                yield f"projects/{item['gid']}"


def _relatives(sample: Sample) -> Iterator[str]:
    tasks = {task["gid"] for task in sample.tasks}
    for task in sample.tasks:
        yield from (f"projects/{gid}" for gid in projects_of(task) if gid not in sample.known)
        others = [*(task.get("dependencies") or ()), *(task.get("dependents") or ())]
        for other in filter(None, [*others, task.get("parent")]):
            if other["gid"] not in tasks:
                yield f"tasks/{other['gid']}"


@question("How exact is `Date`?", "Every answer has it, to the second, and all servers agree.")
def date_header(asker: Asker, sample: Sample) -> Finding:
    """Look at the `Date` of all answers of this run."""
    del sample
    read = [at for date in asker.dates if (at := _seconds(date)) is not None]
    problems = []
    if len(read) < len(asker.dates):
        problems.append(f"Without a readable `Date`: {len(asker.dates) - len(read)}.")
    # Each request was sent when the answer before it had come.
    back = max((before - after for before, after in pairwise(read)), default=0)
    if back > SLACK_SECONDS:
        problems.append(f"It goes back by {back:.0f} s: the clocks of Asana's servers differ.")
    return decide(problems, f"Answers: {len(asker.dates)}.", enough=len(read) >= ENOUGH_DATES)


def _seconds(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return None
