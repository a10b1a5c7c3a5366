"""Two syncs of all streams and what each cost: `python -m tools.demo [--real [CONFIG]]`.

Starts the sandbox (a paid workspace), runs the connector as Airbyte does, edits the workspace,
syncs again from the printed states, and compares records and requests with what the sandbox knows.
Any difference makes it fail. With `--real` it reads an account instead, changes nothing there, and
keeps no record: the configuration is a file, or a token in the variable ASANA_TOKEN.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import account, connector, terminal
from tools.connector import Json, Output
from tools.sandbox_process import SandboxProcess

TASKS = 360
REQUESTS_PER_MINUTE = 1500
CHANGED_PERCENT = 2
NEW_TASKS = 3
# Served afresh with each answer.
VOLATILE = frozenset({"download_url", "synced_at"})
# Sent again as they are, with everything else of a task that changed.
CHILDREN = ("stories", "attachments")
SCALARS = (str, int, float, bool)


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(terminal.painted(text) + "\n")
    sys.stdout.flush()


def must(output: Output, what: str) -> Output:
    """Return the output of a command that worked, else end the demo with its message."""
    if output.problem:
        sys.exit(f"{what} failed: {output.problem}")
    return output


def progress(text: str) -> None:
    """Show the connector's progress, which it logs every 30 seconds."""
    if text.startswith("Progress: "):
        say(f"    {text}")


def begin(config: Mapping[str, Any]) -> Json:
    """Check and discover; return the configured catalog."""
    skipped: list[str] = []
    checked = must(connector.run("check", config=config, on_log=skipped.append), "check")
    say(f"check      {checked.connection['status']} in {checked.seconds:.1f} s")
    for line in skipped:
        if line.startswith("A sync with this token would skip "):
            say(f"    {line.partition('. ')[0]}; source-asana check says why.")
    found = must(connector.run("discover", config=config), "discover")
    say(f"discover   {len(found.catalog['streams'])} streams in {found.seconds:.1f} s")
    return connector.configured(found.catalog)


def read(name: str, *, keep_records: bool, **files: Any) -> Output:
    """Read all streams."""
    output = connector.run("read", keep_records=keep_records, on_log=progress, **files)
    records, requests = sum(output.counts.values()), sum(output.requests.values())
    say(f"{name:<11}{records} records, {requests} requests in {output.seconds:.1f} s")
    return must(output, name)


# ── edits ───────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Edits:
    """What was changed between the syncs: stream -> gids that the second sync must bring."""

    gids: dict[str, set[str]] = field(default_factory=dict)

    def add(self, stream: str, *gids: str) -> None:
        """Expect these records."""
        self.gids.setdefault(stream, set()).update(gids)


def edit(asana: SandboxProcess, first: Output) -> Edits:
    """Change the workspace as people do."""
    edits = Edits()
    tasks = {record["gid"] for record in first.records["tasks"]}
    subtasks = {record["gid"] for record in first.records["subtasks"]}
    changed = set(asana.post("change", {"percent": CHANGED_PERCENT})["gids"])
    edits.add("tasks", *changed & tasks)
    edits.add("subtasks", *changed & subtasks)
    quiet = sorted(tasks - changed)
    edits.add("stories", asana.edit("comment", quiet[0], "Looks good."))
    edits.add("attachments", asana.edit("add_attachment", quiet[1], "plan.pdf"))
    edits.add("tasks", quiet[0], quiet[1])
    subtask = min(subtasks - changed)
    asana.edit("edit_subtask", subtask, name="Renamed between the syncs")
    edits.add("subtasks", subtask)
    project = asana.edit("add_project", "Begun between the syncs", sections=["To do"])
    edits.add("projects", project)
    for number in range(NEW_TASKS):
        edits.add("tasks", asana.edit("add_task", f"New task {number}", projects=[project]))
    edits.add("project_status_updates", asana.edit("add_status_update", project))
    say(
        f"edits      {len(changed)} tasks changed, one comment, one attachment, one subtask "
        f"renamed, a project with {NEW_TASKS} tasks and a status update"
    )
    return edits


# ── what must hold ──────────────────────────────────────────────────────────────────────────────


def check_requests(name: str, asana: SandboxProcess, output: Output) -> Iterator[str]:
    """Yield what differs between the connector's count of requests and the sandbox's."""
    log = asana.get("log-summary")
    counted = sum(output.requests.values())
    if counted != log["total"]:
        yield f"{name}: the connector counts {counted} requests, the sandbox {log['total']}"
    for key in ("unknown_params", "unknown_fields"):
        if log[key]:
            yield f"{name}: the API does not have {', '.join(log[key])}"


class Destination:
    """What a destination holds after the syncs: replaced or merged by primary key."""

    def __init__(self, catalog: Mapping[str, Any]) -> None:
        self._streams = {entry["stream"]["name"]: entry for entry in catalog["streams"]}
        self._rows: dict[str, dict[tuple[str, ...], Json]] = {}

    def load(self, output: Output) -> Iterator[str]:
        """Take the records of a sync; yield what came twice in it."""
        for stream, entry in self._streams.items():
            rows = {self._key(stream, record): record for record in output.records[stream]}
            if len(rows) != len(output.records[stream]) and self._keys(stream):
                yield f"{stream}: {len(output.records[stream]) - len(rows)} records came twice"
            if entry["sync_mode"] == "full_refresh":
                self._rows[stream] = rows
            else:
                self._rows.setdefault(stream, {}).update(rows)

    def _keys(self, stream: str) -> list[str]:
        entry = self._streams[stream]["stream"]
        return [path[0] for path in entry.get("source_defined_primary_key") or ()]

    def _key(self, stream: str, record: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(record[name]) for name in self._keys(stream)) or (json.dumps(record),)

    def compare(self, name: str, asana: SandboxProcess) -> Iterator[str]:
        """Yield what differs from the sandbox's world; of events there is no history to compare."""
        for stream in self._streams:
            if stream == "events":
                continue
            rows = self._rows[stream]
            truth = {self._key(stream, record): record for record in asana.truth(stream)}
            if missing := truth.keys() - rows.keys():
                yield f"{name}: {stream} lacks {len(missing)} records, such as {min(missing)}"
            if invented := rows.keys() - truth.keys():
                yield f"{name}: {stream} has {len(invented)} too many, such as {min(invented)}"
            for key in truth.keys() & rows.keys():
                if wrong := list(_stale(rows[key], truth[key])):
                    yield f"{name}: {stream} {key} is not current in {', '.join(wrong)}"


def _stale(row: Mapping[str, Any], truth: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns with plain values that differ."""
    for column, value in truth.items():
        if isinstance(value, SCALARS) and column not in VOLATILE and row.get(column) != value:
            yield column


def check_edits(first: Output, second: Output, edits: Edits) -> Iterator[str]:
    """Yield edits that the second sync missed, and records that it sent as the first one had.

    Args:
        first: the first sync.
        second: the second sync.
        edits: what was changed.
    """
    for stream, gids in edits.gids.items():
        if missing := gids - {record["gid"] for record in second.records[stream]}:
            yield f"second: {stream} misses the edited {', '.join(sorted(missing))}"
    for stream in second.records.keys() - {*CHILDREN}:
        known = set(map(_version, first.records[stream]))
        if again := [one for one in second.records[stream] if _version(one) in known]:
            yield f"second: {len(again)} {stream} were sent again though unchanged"


def _version(record: Mapping[str, Any]) -> str:
    """Return what makes up the version of a record, lists in any order."""
    return json.dumps({n: v for n, v in record.items() if n not in VOLATILE}, sort_keys=True)


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def table(catalog: Mapping[str, Any], first: Output, second: Output) -> Iterator[str]:
    """Yield the lines of the table of both syncs."""
    row = "{:<33}{:<13}{:>9}{:>10}{:>11}{:>10}  {}"
    yield "{:<46}{:>19}{:>21}".format("", "── first sync ──", "── second sync ──")
    yield row.format("stream", "mode", *["records", "requests"] * 2, "").rstrip()
    for entry in catalog["streams"]:
        name = entry["stream"]["name"]
        mode = "incremental" if entry["sync_mode"] == "incremental" else "full"
        counts = [
            number
            for output in (first, second)
            for number in (output.counts[name], output.requests.get(name, 0))
        ]
        reason = second.skipped.get(name) or first.skipped.get(name)
        yield row.format(name, mode, *counts, f"refused: {reason}" if reason else "").rstrip()
    totals = [
        sum(counts.values())
        for output in (first, second)
        for counts in (output.counts, output.requests)
    ]
    yield row.format("all", "", *totals, "").rstrip()
    seconds = [text for output in (first, second) for text in ("", f"{output.seconds:.1f} s")]
    yield row.format("whole sync", "", *seconds, "").rstrip()


# ── the two demos ───────────────────────────────────────────────────────────────────────────────


def demo() -> list[str]:
    """Run the demo against the sandbox; return what was wrong."""
    with SandboxProcess("--tasks", str(TASKS), "--plan", "paid") as asana:
        config = {
            "credentials": {"personal_access_token": asana.token},
            "api_url": asana.url,
            "requests_per_minute": REQUESTS_PER_MINUTE,
        }
        catalog = begin(config)
        destination, wrong = Destination(catalog), []
        asana.post("reset")
        first = read("sync 1", config=config, catalog=catalog, keep_records=True)
        wrong += [*check_requests("first", asana, first), *destination.load(first)]
        wrong += destination.compare("first", asana)
        edits = edit(asana, first)
        asana.post("reset")
        second = read(
            "sync 2", config=config, catalog=catalog, state=first.state, keep_records=True
        )
        wrong += [*check_requests("second", asana, second), *destination.load(second)]
        wrong += [*destination.compare("second", asana), *check_edits(first, second, edits)]
    say()
    for line in table(catalog, first, second):
        say(line)
    return wrong


def real(config: Mapping[str, Any]) -> None:
    """Sync an account twice and show the table."""
    catalog = begin(config)
    first = read("sync 1", config=config, catalog=catalog, keep_records=False)
    second = read("sync 2", config=config, catalog=catalog, state=first.state, keep_records=False)
    say()
    for line in table(catalog, first, second):
        say(line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of the demos; the exit code is 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="tools.demo", description="Sync twice, show the cost.")
    parser.add_argument("--real", action="store_true", help="read an account")
    parser.add_argument("config", nargs="?", type=Path, help="its configuration, a JSON file")
    options = parser.parse_args(arguments)
    if options.real:
        real(account.config(options.config))
        for line in account.next_steps(options.config):
            say(line)
        return
    wrong = demo()
    say()
    for line in wrong:
        say(f"WRONG  {line}")
    if wrong:
        sys.exit(1)
    say("Everything that both syncs sent equals the workspace, and every request was counted.")


if __name__ == "__main__":
    main()
