"""Do two answers that show the same version have the same tag? Orders, signed URLs, photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from source_asana.cursors.tags import tagger
from source_asana.fields.drift import FIELD_NAME
from source_asana.fields.opt_fields import opt_fields
from source_asana.live.asker import Asker, Raw
from source_asana.live.question import Finding, decide
from source_asana.live.sample import Sample

TIMES = 4
ROWS = 50
# Something may change in Asana between two answers, but hardly twice in three seconds.
MOST_CHANGES = 1
STREAMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "users": ("users", ()),
    "projects": ("projects", ()),
    "tasks": ("tasks", ()),
    "attachments": ("attachments", ("download_url", "view_url")),
}
"""Stream -> path, and the columns that do not count, as in the manifest."""


def steady(asker: Asker, sample: Sample) -> Finding:
    """Ask for the same records again and again, and compare their tags."""
    problems, changed, compared = [], Counter[str](), 0
    for stream, (path, volatile) in STREAMS.items():
        params = _params(stream, sample)
        if params is None:
            continue
        fields = ",".join(opt_fields(stream, None))
        answers = [
            {row["gid"]: row for row in asker.get(path, opt_fields=fields, **params).rows}
            for _ in range(TIMES)
        ]
        compared += len(answers[0])
        unsteady = _compare(answers, volatile, changed)
        if unsteady:
            names = ", ".join(f"`{name}`" for name in sorted(unsteady))
            problems.append(f"`{stream}` would be sent again and again for {names}.")
    return decide(problems, _seen(compared, changed), enough=compared > 0)


def _params(stream: str, sample: Sample) -> dict[str, Any] | None:
    if stream in ("users", "projects"):
        return {"workspace": sample.workspace, "limit": ROWS}
    if stream == "tasks":
        return {"project": sample.fullest, "limit": ROWS} if sample.fullest else None
    return {"parent": sample.holder, "limit": ROWS} if sample.holder else None


def _compare(
    answers: list[dict[str, Raw]], volatile: tuple[str, ...], changed: Counter[str]
) -> set[str]:
    """Return the columns that differ from answer to answer; count those that do so harmlessly.

    Args:
        answers: gid -> record, of the same request.
        volatile: columns that do not count.
        changed: column -> records in which it looked different and had the same tag.
    """
    tag, differing = tagger(volatile), Counter[tuple[str, str]]()
    for before, after in pairwise(answers):
        for gid in before.keys() & after.keys():
            for name in before[gid].keys() | after[gid].keys():
                old, new = ({name: row[gid].get(name)} for row in (before, after))
                if old != new:
                    if tag(dict(old)) != tag(dict(new)):
                        differing[gid, name] += 1
                    else:
                        changed[name] += 1
    return {name for (_, name), n in differing.items() if n > MOST_CHANGES and _is_name(name)}


def _is_name(name: str) -> bool:
    return FIELD_NAME.fullmatch(name) is not None


def _seen(compared: int, changed: Counter[str]) -> str:
    seen = f"Records: {compared}, answers for each: {TIMES}."
    names = ", ".join(f"`{name}`" for name in sorted(changed) if _is_name(name))
    return f"{seen} Different in form only: {names}." if names else f"{seen} They were alike."
