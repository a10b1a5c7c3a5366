"""Write the generated parts of the documentation: `python -m tools.docs [--check]`.

`docs/streams` is generated as a whole, in `docs/asana.md` and CONTRIBUTING.md what stands between
the markers `<!-- begin NAME -->` and `<!-- end NAME -->`. They are made from the manifest, the
schemas, the code, the table of Asana's answers, `stream_pages.yaml` and the facts below. With
`--check` nothing is written, and the exit code is 1 when something is not current.
"""

import argparse
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airbyte_cdk.sources.declarative.interpolation import InterpolatedString
from airbyte_cdk.sources.streams.http.error_handlers import ResponseAction

from source_asana import SourceAsana
from source_asana.fields import scopes
from source_asana.http.errors import error_handler
from tools.docs_keywords import keywords
from tools.docs_streams import pages

ROOT = Path(__file__).resolve().parent.parent
DOCS, CONTRIBUTING = ROOT / "docs", ROOT / "CONTRIBUTING.md"
# Builds the streams, with a column for deletions where they can be tracked; never sent anywhere.
CONFIG = {"credentials": {"personal_access_token": "unused-token"}, "track_deletions": True}

# What Asana's documentation says and the manifest does not: the plan of streams that do not come
# with every plan. A stream without a scope needs full permissions.
PLANS: Mapping[str, str] = {
    "custom_fields": "paid",
    "project_custom_field_settings": "paid",
    "portfolios": "Advanced",
    "goals": "Advanced",
    "allocations": "Advanced",
    "time_tracking_entries": "Advanced",
    "time_tracking_categories": "add-on",
    "timesheet_approval_statuses": "add-on",
    "budgets": "add-on",
    "rates": "add-on",
    "roles": "Enterprise",
    "ai_studio_runs": "AI Studio, service account",
    "ai_studio_seats": "AI Studio, service account",
    "audit_log_events": "Enterprise+ or Compliance Management add-on, service account",
    "organization_exports": "Enterprise, service account",
}
SCOPES: Mapping[str, str] = {
    stream: scope for scope, streams in scopes.STREAMS.items() for stream in streams
}
# Requests, where they are not simply one per parent.
COSTS: Mapping[str, str] = {
    "ai_studio_runs": "1 per 100 runs; later of new ones only",
    "attachments": "1 per task, subtask, project and brief; later none for unchanged tasks",
    "audit_log_events": "1 per 100 events; later of new ones only",
    "events": "1 per project and 100 events",
    "goal_status_updates": "1 per goal; later where there is a new one",
    "organization_exports": "1 per ID in the configuration",
    "portfolio_status_updates": "1 per portfolio; later where there is a new one",
    "portfolios": "1 per 100, plus those of `portfolio_items`",
    "project_briefs": "1 per project that has one",
    "project_status_updates": "1 per project; later where there is a new one",
    "stories": "1 per task and subtask; later of changed ones only",
    "subtasks": "1 per task that has some, at every level",
    "task_counts": "1 per project; Asana limits them apart",
    "tasks": "1 per 100 tasks, at least 1 per project and user",
    "time_tracking_categories": "1 per 100, active and archived apart",
    "time_tracking_entries": "1 per 100 entries; later of the last weeks only",
    "workspaces": "1",
}
FACTS = ("Primary key", "Incremental by", "Read per", "Requests", "Plan", "OAuth scope")
DONE: Mapping[ResponseAction, str] = {
    ResponseAction.RETRY: "tries again for up to ten minutes",
    ResponseAction.RATE_LIMITED: "waits as long as Asana says, and slows down",
    ResponseAction.REFRESH_TOKEN_THEN_RETRY: "renews an OAuth token once, then ends the sync",
    ResponseAction.RESET_PAGINATION: "reads that list again from its first page",
    ResponseAction.IGNORE: "skips the refused part; the first sync with this refusal warns",
    ResponseAction.FAIL: "fails that stream and reads the rest; the next sync tries again",
}
# Where the reason says more than the action.
DONE_FOR: Mapping[str, str] = {
    "plan": "skips the refused part, and lists the streams at the end",
    "sync token": "takes the new token; `events` has a gap when the old one had expired",
    "legal block": "ends the sync",
}
# Where the manifest has none, as the message that ends the sync says it.
REMEDIES: Mapping[str, str] = {"token refused": "provide a valid token under `credentials`"}

FEW_STATUSES = 5

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Stream:
    """One stream as the manifest has it.

    Attributes:
        name: its name.
        key: columns of the primary key.
        cursor: the cursor column of incremental syncs, empty for full refresh only.
        parents: the streams whose records name its partitions.
        inline: whether its records come with the parent's.
        tracked: whether its deletions can be tracked.
    """

    name: str
    key: tuple[str, ...]
    cursor: str
    parents: tuple[str, ...]
    inline: bool
    tracked: bool


def streams(source: SourceAsana) -> list[Stream]:
    """Return the streams in the manifest's order."""
    routers = {
        stream["name"]: stream["retriever"]["partition_router"]
        for stream in source.resolved_manifest["streams"]
    }
    return [
        Stream(
            name=stream.name,
            key=tuple(path[0] for path in stream.source_defined_primary_key or ()),
            cursor=(stream.default_cursor_field or [""])[0],
            parents=tuple(_parents(routers[stream.name])),
            inline=_kind(routers[stream.name]) == "InlineRouter",
            tracked="_ab_cdc_deleted_at" in stream.json_schema["properties"],
        )
        for stream in source.discover(logging.getLogger("docs"), CONFIG).streams
    ]


def _kind(router: Json) -> str:
    return str(router["class_name"]).rpartition(".")[2]


def _parents(router: Json) -> Iterator[str]:
    kind = _kind(router)
    if kind in {"ParentRouter", "InlineRouter"}:
        yield router["stream"]
    elif kind == "UnionRouter":
        for one in router["partition_routers"]:
            yield from _parents(one)
    elif kind == "WalkRouter":
        yield from ("tasks", "subtasks")
    elif kind == "TaskRouter":
        yield from ("tasks", "subtasks")
        if router.get("own_parents"):
            yield "projects"
    elif kind != "SingleRouter":
        message = f"tools/docs.py does not know what parents a {kind} has"
        raise ValueError(message)


# ── the blocks ──────────────────────────────────────────────────────────────────────────────────


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; pipes inside cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


def code(names: Iterable[str]) -> str:
    """Return the names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def stream_table(found: Sequence[Stream]) -> str:
    """Return the table of all streams."""
    return table(
        ["Stream", *FACTS],
        ([f"[{one.name}](streams/{one.name}.md)", *_row(one, found)] for one in found),
    )


def facts(stream: Stream, found: Sequence[Stream]) -> list[tuple[str, str]]:
    """Return the rows of the table at the top of a stream's page."""
    deletions = "sent with `track_deletions`" if stream.tracked else "not tracked"
    return [*zip(FACTS, _row(stream, found), strict=True), ("Deletions", deletions)]


def _row(stream: Stream, found: Sequence[Stream]) -> list[str]:
    """Return what `FACTS` names of a stream."""
    return [
        code(stream.key) or "none",
        code(filter(None, [stream.cursor])) or "full refresh",
        code(stream.parents) or "token",
        _cost(stream),
        _inherited(PLANS, stream, found) or "any",
        code(filter(None, [SCOPES.get(stream.name, "")])) or "full permissions",
    ]


def _cost(stream: Stream) -> str:
    if stream.inline:
        return f"none: comes with `{stream.parents[0]}`"
    if stream.name in COSTS:
        return COSTS[stream.name]
    if len(stream.parents) != 1:
        message = f"tools/docs.py: COSTS must say what {stream.name} costs"
        raise ValueError(message)
    parent = stream.parents[0]
    return "1 per 100" if parent == "workspaces" else f"1 per {parent.removesuffix('s')}"


def _inherited(facts: Mapping[str, str], stream: Stream, found: Sequence[Stream]) -> str:
    """Return the fact of a stream, else that of its first parent: without goals no goal stories."""
    if stream.name in facts or not stream.parents or stream.parents[0] == stream.name:
        return facts.get(stream.name, "")
    by_name = {one.name: one for one in found}
    return _inherited(facts, by_name[stream.parents[0]], found)


def config_table(source: SourceAsana) -> str:
    """Return the table of the configuration's keys; hidden ones are left out."""
    spec = source.spec(logging.getLogger("docs")).connectionSpecification
    rows = []
    for key, node in spec["properties"].items():
        if node.get("airbyte_hidden"):
            continue
        default = node.get("default", "")
        limits = [f"({node['minimum']} to {node['maximum']})"] if "maximum" in node else []
        rows.append(
            [
                f"`{key}`",
                node["title"],
                str(default).lower() if isinstance(default, bool) else str(default),
                " ".join(filter(None, [node.get("description", ""), *limits])),
            ]
        )
    return table(["Key", "Title", "Default", "Meaning"], rows)


def answer_table() -> str:
    """Return the table of Asana's answers and what the connector does with them."""
    judges = error_handler()
    statuses: dict[tuple[str, str, str], set[int]] = {}
    for one in judges.response_filters or ():
        assert isinstance(one.action, ResponseAction)
        assert isinstance(one.error_message, InterpolatedString)
        reason = one.error_message.string
        remedy = judges.rule(reason).remedy or REMEDIES.get(reason, "nothing")
        row = reason, DONE_FOR.get(reason) or DONE.get(one.action, ""), remedy
        if one.action is not ResponseAction.SUCCESS:
            # What comes with a 2xx is said below the table.
            refusals = {status for status in one.http_codes or () if status >= 300}
            statuses.setdefault(row, set()).update(refusals)
    rows = [
        [reason, _statuses(sorted(found)), done, remedy]
        for (reason, done, remedy), found in statuses.items()
    ]
    return table(["Reason", "HTTP", "The connector", "What you can do"], rows)


def _statuses(found: Sequence[int]) -> str:
    if len(found) > FEW_STATUSES:
        return f"{found[0]} to {found[-1]}"
    return ", ".join(map(str, found)) or "other"


def keyword_table() -> str:
    """Return the Markdown table of the manifest's keywords."""
    rows = [keyword.cells() for keyword in keywords()]
    return table(["Keyword", "Type", "Default", "Who reads it", "Meaning"], rows)


def generated(source: SourceAsana | None = None) -> dict[Path, str]:
    """Return the documents with current generated parts: path -> content."""
    source = source or SourceAsana()
    found = streams(source)
    page = DOCS / "asana.md"
    text = page.read_text("utf-8")
    for name, block in (("streams", stream_table(found)), ("configuration", config_table(source))):
        text = _replaced(text, name, block)
    about = pages({stream.name: facts(stream, found) for stream in found})
    operate = DOCS / "operate.md"
    return {
        page: text,
        operate: _replaced(operate.read_text("utf-8"), "answers", answer_table()),
        CONTRIBUTING: _replaced(CONTRIBUTING.read_text("utf-8"), "keywords", keyword_table()),
        **{DOCS / "streams" / name: text for name, text in about.items()},
    }


def _replaced(text: str, name: str, block: str) -> str:
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    found = re.compile(f"{begin}.*?{end}", re.DOTALL)
    new, count = found.subn(lambda _: f"{begin}\n\n{block}\n\n{end}", text)
    if count != 1:
        message = f"there are {count} places for {begin}, not one"
        raise ValueError(message)
    return new


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or compare; return the process exit code."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    options = parser.parse_args(arguments)
    wanted = generated()
    old = [p for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    old += sorted({*(DOCS / "streams").glob("*.md")} - wanted.keys())
    for path in old:
        if options.check:
            sys.stderr.write(f"{path.relative_to(DOCS.parent)} is not current: make docs\n")
        elif path in wanted:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], "utf-8")
        else:
            path.unlink()
    return int(options.check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
