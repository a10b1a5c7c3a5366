"""Fields: what an unknown one does, which ones the schemas lack, and which ones never come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from source_asana.fields.columns import unknown_columns
from source_asana.fields.drift import tree_of, unknown, with_paths
from source_asana.fields.opt_fields import PARENT_COLUMNS, REPEATED, REPEATED_IN, opt_fields
from source_asana.fields.schemas import SYNC_COLUMNS
from source_asana.live.asker import Asker, Raw
from source_asana.live.kinds import CONDITIONAL, KINDS, STORIES, STORY, Kind
from source_asana.live.question import Finding, agrees, contradicts, decide
from source_asana.live.sample import Sample

ROWS = 50
# A field that so many records lack is taken for one that never comes.
ENOUGH_ROWS = 3
NO_FIELD = "no_such_field_of_asana"


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
    given = {
        "workspace": sample.workspace,
        "project": sample.fullest,
        "task": _task(sample),
        "holder": sample.holder,
    }
    names = {name: gid for name, gid in given.items() if gid}
    for kind in KINDS:
        needed = re.findall(r"{(\w+)}", " ".join([kind.path, *kind.params.values()]))
        if names.keys() >= set(needed) and (sample.organization or not kind.organization):
            read = found[kind.stream] = _read(kind, names, asker)
            if kind.gives and read.rows:
                names[kind.gives] = read.rows[0]["gid"]
    return found


def _task(sample: Sample) -> str | None:
    """Return the task with the most subtasks, as it is most likely to have something of all."""
    best = max(sample.tasks, key=lambda task: task.get("num_subtasks") or 0, default=None)
    return best["gid"] if best else None


def _read(kind: Kind, names: Mapping[str, str], asker: Asker) -> Read:
    asked = opt_fields(kind.stream, None) if kind.asks else ()
    params: dict[str, Any] = {key: value.format(**names) for key, value in kind.params.items()}
    # What takes no `opt_fields` has no pages, either, and neither has a single record.
    params |= {"opt_fields": ",".join(asked)} if kind.asks else {}
    params |= {"limit": ROWS} if kind.asks and not kind.path.startswith("users/") else {}
    reply = asker.get(kind.path.format(**names), **params)
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
    if stream in STORIES:
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


_PLAN_AND_RIGHTS = (
    "(plan)",
    "(scope)",
    "(service account)",
    "(no access)",
    "(no such endpoint)",
    "(gone)",
    "(app disabled)",
)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
