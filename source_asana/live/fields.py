"""Fields: what an unknown one does, which ones the schemas lack, and which ones never come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from source_asana.fields.columns import unknown_columns
from source_asana.fields.drift import tree_of, unknown, with_paths
from source_asana.fields.opt_fields import PARENT_COLUMNS, REPEATED, REPEATED_IN, opt_fields
from source_asana.fields.schemas import SYNC_COLUMNS
from source_asana.live.asker import Asker, Raw
from source_asana.live.question import Finding, agrees, contradicts, decide
from source_asana.live.sample import Sample

ROWS = 50
# A field that so many records lack is taken for one that never comes.
ENOUGH_ROWS = 3
NO_FIELD = "no_such_field_of_asana"


@dataclass(frozen=True)
class Kind:
    """Where records of a stream are: a list, and the path of a single one without its gid.

    Paths and values of parameters may have `{workspace}`, `{project}` and `{task}`.
    """

    stream: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    single: str = ""
    organization: bool = False
    asks: bool = True


IN_WORKSPACE = MappingProxyType({"workspace": "{workspace}"})
OF_PROJECT = MappingProxyType({"parent": "{project}"})
KINDS = (
    Kind("workspaces", "workspaces", {}, "workspaces"),
    Kind("users", "users", IN_WORKSPACE, "users"),
    Kind("teams", "workspaces/{workspace}/teams", {}, "teams", organization=True),
    Kind("tags", "tags", IN_WORKSPACE, "tags"),
    Kind("custom_fields", "workspaces/{workspace}/custom_fields", {}, "custom_fields"),
    Kind("projects", "projects", IN_WORKSPACE, "projects"),
    Kind("portfolios", "portfolios", {**IN_WORKSPACE, "owner": "me"}, "portfolios"),
    Kind("goals", "goals", IN_WORKSPACE, "goals"),
    Kind("time_periods", "time_periods", IN_WORKSPACE, "time_periods"),
    Kind("project_templates", "project_templates", IN_WORKSPACE, "project_templates"),
    Kind(
        "workspace_memberships",
        "workspaces/{workspace}/workspace_memberships",
        {},
        "workspace_memberships",
    ),
    Kind("time_tracking_categories", "time_tracking_categories", IN_WORKSPACE),
    Kind("roles", "roles", IN_WORKSPACE),
    Kind("sections", "projects/{project}/sections", {}, "sections"),
    Kind("tasks", "tasks", {"project": "{project}"}, "tasks"),
    Kind("project_memberships", "memberships", OF_PROJECT, "memberships"),
    Kind("project_status_updates", "status_updates", OF_PROJECT, "status_updates"),
    Kind("custom_types", "custom_types", {"project": "{project}"}),
    Kind("task_templates", "task_templates", {"project": "{project}"}, "task_templates"),
    Kind("allocations", "allocations", OF_PROJECT, "allocations"),
    Kind("budgets", "budgets", OF_PROJECT, asks=False),
    Kind("rates", "rates", OF_PROJECT, asks=False),
    Kind("subtasks", "tasks/{task}/subtasks"),
    Kind("stories", "tasks/{task}/stories", {}, "stories"),
    Kind("attachments", "attachments", {"parent": "{task}"}, "attachments"),
)

_VALUES = frozenset(
    {
        "date_value",
        "enum_options",
        "enum_value",
        "html_text_value",
        "input_restrictions",
        "multi_enum_values",
        "number_value",
        "people_value",
        "reference_value",
        "text_value",
    }
)
_TASK = frozenset({"approval_status", "external"})
CONDITIONAL: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "custom_fields": _VALUES,
        "goals": frozenset({"is_workspace_level", "metric", "team"}),
        "subtasks": _TASK,
        "tasks": _TASK,
    }
)
"""Stream -> fields that come only where they apply. Source: the responses in the description."""

STORY = frozenset({"created_at", "created_by", "resource_subtype", "text", "type"})
"""What every story has; all else depends on what it is about."""


@dataclass(frozen=True)
class Read:
    """What came for one stream.

    Attributes:
        asked: dotted opt_fields.
        rows: records that were asked for with them.
        whole: a record that was asked for without any, so with what Asana sends by itself.
        told: status of the list.
    """

    asked: tuple[str, ...]
    rows: list[Raw]
    whole: list[Raw]
    told: str


def everything(sample: Sample, asker: Asker) -> dict[str, Read]:
    """Read some records of most streams, with all fields that a sync asks for and without."""
    found = {}
    names = {"workspace": sample.workspace, "project": sample.fullest, "task": _task(sample)}
    for kind in KINDS:
        needs = {name for name in names if f"{{{name}}}" in f"{kind.path}{dict(kind.params)}"}
        if all(names[name] for name in needs) and (sample.organization or not kind.organization):
            found[kind.stream] = _read(kind, names, asker)
    return found


def _task(sample: Sample) -> str | None:
    """Return the task with the most subtasks, as it is most likely to have something of all."""
    best = max(sample.tasks, key=lambda task: task.get("num_subtasks") or 0, default=None)
    return best["gid"] if best else None


def _read(kind: Kind, names: Mapping[str, str | None], asker: Asker) -> Read:
    asked = opt_fields(kind.stream, None) if kind.asks else ()
    params: dict[str, Any] = {key: value.format(**names) for key, value in kind.params.items()}
    path = kind.path.format(**names)
    reply = asker.get(path, **params, limit=ROWS, opt_fields=",".join(asked) or None)
    whole = []
    if kind.single and reply.rows:
        whole = asker.get(f"{kind.single}/{reply.rows[0]['gid']}").rows
    return Read(asked, reply.rows, whole, reply.told)


def unknown_opt_field(asker: Asker, sample: Sample) -> Finding:
    """Is an unknown name in `opt_fields` no error?"""
    del sample
    reply = asker.get("workspaces", limit=1, opt_fields=f"is_organization,{NO_FIELD}")
    if not reply.ok:
        return contradicts(
            f"{reply.told}: one name that Asana no longer knows would end the whole stream."
        )
    kept = all("is_organization" in row for row in reply.rows)
    also = "the known field came as usual" if kept else "the known field was dropped with it"
    return agrees(f"It is no error; {also}.")


def lacking(asker: Asker, sample: Sample) -> Finding:
    """Are there fields in answers that the schemas lack?"""
    reads = sample.once(everything, asker)
    problems, records = [], 0
    for stream, read in reads.items():
        tree = with_paths(tree_of(stream), read.asked)
        found = {n for row in (*read.rows, *read.whole) for n in unknown(row, tree)}
        names = sorted(name for name in found if not _repeated(stream, name))
        records += len(read.rows) + len(read.whole)
        if names:
            problems.append(f"The schema of `{stream}` lacks {_listed(names)}.")
    seen = f"Records: {records}, streams: {sum(bool(r.rows) for r in reads.values())}."
    return decide(problems, seen, enough=records > 0)


def _repeated(stream: str, name: str) -> bool:
    """Return whether a field lies in what is another stream's, so that it is not asked for."""
    paths = REPEATED | REPEATED_IN.get(stream, frozenset())
    return any(f"{name}.".startswith(f"{path}.") for path in paths)


def missing(asker: Asker, sample: Sample) -> Finding:
    """Do all fields come that a sync asks for?"""
    reads = sample.once(everything, asker)
    full = {stream: read for stream, read in reads.items() if len(read.rows) >= ENOUGH_ROWS}
    problems = [
        f"No record of `{stream}` has {_listed(names)}."
        for stream, read in full.items()
        if (names := sorted(_absent(stream, read)))
    ]
    return decide(problems, f"Streams with enough records: {len(full)}.", enough=bool(full))


def _absent(stream: str, read: Read) -> Iterator[str]:
    ours = PARENT_COLUMNS | SYNC_COLUMNS | unknown_columns(stream)
    came = {name for row in read.rows for name in row}
    asked = {path.partition(".")[0] for path in read.asked}
    if stream == "stories":
        asked &= STORY
    yield from asked - came - ours - CONDITIONAL.get(stream, frozenset())


def refused(asker: Asker, sample: Sample) -> Finding:
    """Does Asana accept the fields that a sync asks for, all at once?"""
    reads = sample.once(everything, asker)
    problems = [
        f"`{stream}`: {read.told}."
        for stream, read in reads.items()
        if read.told.startswith("HTTP 4") and not read.told.endswith(_PLAN_AND_RIGHTS)
    ]
    refusals = [stream for stream, read in reads.items() if read.told.endswith(_PLAN_AND_RIGHTS)]
    left_out = f" Refused for plan or rights: {_listed(refusals)}." if refusals else ""
    return decide(problems, f"Streams that were read: {len(reads) - len(refusals)}.{left_out}")


_PLAN_AND_RIGHTS = ("(plan)", "(scope)", "(service account)", "(no access)", "(no such endpoint)")


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
