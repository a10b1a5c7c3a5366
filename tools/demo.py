"""Two syncs of all streams and what each cost: `python -m tools.demo [--real [CONFIG]]`.

Starts the sandbox (a paid workspace), runs the connector as Airbyte does, edits the workspace and
deletes some of it, syncs again from the printed states, and compares records, tombstones and
requests with what the sandbox knows. Any difference makes it fail. With `--real` it reads an
account instead, after an estimate and for five minutes a sync at most, and keeps no record: the
configuration is a file, or a token in the variable ASANA_TOKEN.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

from source_asana_commands.shell import configured
from tools import account, connector, terminal
from tools.connector import Json, Output
from tools.demo_checks import DELETED, Destination, Edits, check_edits, check_requests
from tools.progress import LOGGED, shown
from tools.sandbox_process import SandboxProcess

TASKS = 360
REQUESTS_PER_MINUTE = 1500
CHANGED_PERCENT = 2
NEW_TASKS = 3
MINUTES = 5.0


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
    if LOGGED.match(text):
        say(f"    {text}")


def begin(config: Mapping[str, Any]) -> Json:
    """Check and discover; return the configured catalog."""
    skipped: list[str] = []
    checked = must(connector.run("check", config=config, on_log=skipped.append), "check")
    say(f"check      {checked.connection['status']} in {checked.seconds:.1f} s")
    for line in skipped:
        if line.startswith("A sync with this token would skip "):
            say(f"    {line.partition('. ')[0]}; `check` says why.")
    found = must(connector.run("discover", config=config), "discover")
    say(f"discover   {len(found.catalog['streams'])} streams in {found.seconds:.1f} s")
    return configured(found.catalog)


def read(name: str, **options: Any) -> Output:
    """Read all streams, with these options of `connector.run`."""
    output = connector.run("read", **options)
    records, requests = sum(output.counts.values()), sum(output.requests.values())
    stopped = ", stopped" if output.is_stopped else ""
    say(f"{name:<11}{records} records, {requests} requests in {output.seconds:.1f} s{stopped}")
    return output if stopped else must(output, name)


# ── edits ───────────────────────────────────────────────────────────────────────────────────────


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
    # Only projects have events, which show these two edits.
    in_projects = [
        record
        for record in sorted(first.records["tasks"], key=itemgetter("gid"))
        if record["gid"] in quiet[2:] and record["projects"]
    ]
    edits.add("tasks", move(asana, first, in_projects))
    edits.add("stories", edit_comment(asana, first, in_projects))
    subtask = min(subtasks - changed)
    asana.edit("edit_subtask", subtask, name="Renamed between the syncs")
    edits.add("subtasks", subtask)
    project = asana.edit("add_project", "Begun between the syncs", sections=["To do"])
    edits.add("projects", project)
    for number in range(NEW_TASKS):
        edits.add("tasks", asana.edit("add_task", f"New task {number}", projects=[project]))
    edits.add("project_status_updates", asana.edit("add_status_update", project))
    say(
        f"edits      {len(changed)} tasks changed, one moved to another section, one comment "
        "added, one edited, one attachment, one subtask renamed, a project with "
        f"{NEW_TASKS} tasks and a status update"
    )
    return edits


def move(asana: SandboxProcess, first: Output, tasks: Sequence[Json]) -> str:
    """Move one of these tasks to another section, which its `modified_at` does not show."""
    sections = {
        (record["project"]["gid"], record["gid"]): None for record in first.records["sections"]
    }
    for task in tasks:
        for place in task["memberships"]:
            project, now = place["project"]["gid"], (place.get("section") or {}).get("gid")
            others = [gid for of, gid in sections if of == project and gid != now]
            if others:
                asana.edit("move_to_section", task["gid"], others[0])
                return str(task["gid"])
    raise LookupError("no project has two sections")


def edit_comment(asana: SandboxProcess, first: Output, tasks: Sequence[Json]) -> str:
    """Edit a comment of one of these tasks, which the task's `modified_at` does not show."""
    gids = {task["gid"] for task in tasks}
    comment: str = min(
        story["gid"]
        for story in first.records["stories"]
        if story["task_id"] in gids and story["resource_subtype"] == "comment_added"
    )
    asana.edit("edit_comment", comment, "An afterthought.")
    return comment


def delete(asana: SandboxProcess, first: Output) -> None:
    """Delete a task with its stories, a project with what is in it, and a tag."""
    tasks = {record["gid"] for record in first.records["tasks"]}
    stories = Counter(
        story["task_id"] for story in first.records["stories"] if story["task_id"] in tasks
    )
    sizes = Counter(
        project["gid"] for record in first.records["tasks"] for project in record["projects"]
    )
    task = max(sorted(stories), key=stories.__getitem__)
    project = sorted(sizes, key=sizes.__getitem__)[len(sizes) // 2]
    for gid in (task, project, min(record["gid"] for record in first.records["tags"])):
        asana.edit("delete", gid)
    say(
        f"deletions  a task with {stories[task]} stories, a project that {sizes[project]} tasks "
        "were in, a tag"
    )


def show_tombstone(sync: Output) -> None:
    """Print what is sent of something deleted."""
    for record in sync.records["tags"]:
        if DELETED in record:
            say(f"tombstone  tags {json.dumps(record)}")


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def table(
    catalog: Mapping[str, Any],
    syncs: Sequence[Output],
    tombstones: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield the lines of the table of both syncs; tombstones of the second are counted apart.

    Without a second sync, as the first one was stopped, its columns are left out.
    """
    first, last, both = syncs[0], syncs[-1], len(syncs) > 1
    row = "{:<33}{:<13}{:>9}{:>10}" + "{:>11}{:>9}{:>10}" * both + "  {note}"
    head = "{:<46}{:>19}" + "{:>30}" * both
    yield head.format("", "── first sync ──", "────── second sync ──────")
    names = ["records", "requests", "records", "deleted", "requests"]
    yield row.format("stream", "mode", *names, note="").rstrip()
    total = [0] * len(names)
    for entry in catalog["streams"]:
        name = entry["stream"]["name"]
        mode = "incremental" if entry["sync_mode"] == "incremental" else "full"
        gone = tombstones.get(name, 0)
        counts = [
            first.counts[name],
            first.requests.get(name, 0),
            last.counts[name] - gone,
            gone,
            last.requests.get(name, 0),
        ]
        total = [before + count for before, count in zip(total, counts, strict=True)]
        reason = last.skipped.get(name) or first.skipped.get(name)
        notes = [f"refused: {reason}"] if reason else []
        if last.is_stopped and last.statuses.get(name) != "complete":
            notes.append("not complete")
        yield row.format(name, mode, *counts, note=", ".join(notes)).rstrip()
    yield row.format("all", "", *total, note="").rstrip()
    seconds = ["", f"{first.seconds:.1f} s", "", "", f"{last.seconds:.1f} s"]
    label = "stopped sync" if last.is_stopped else "complete sync"
    yield row.format(label, "", *seconds, note="").rstrip()


# ── the two demos ───────────────────────────────────────────────────────────────────────────────


def demo() -> list[str]:
    """Run the demo against the sandbox; return what was wrong."""
    with SandboxProcess("--tasks", str(TASKS), "--plan", "paid") as asana:
        config = {
            "credentials": {"personal_access_token": asana.token},
            "api_url": asana.url,
            "requests_per_minute": REQUESTS_PER_MINUTE,
            "track_deletions": True,
        }
        catalog = begin(config)
        destination, wrong = Destination(catalog), []
        asana.post("reset")
        files = {"config": config, "catalog": catalog, "keep_records": True, "on_log": progress}
        first = read("sync 1", **files)
        wrong += [*check_requests("first", asana, first), *destination.load(first)]
        wrong += destination.compare("first", asana)
        edits = edit(asana, first)
        delete(asana, first)
        edits.keep_what_is_there(asana)
        gone = destination.gone(asana)
        asana.post("reset")
        second = read("sync 2", state=first.state, **files)
        show_tombstone(second)
        wrong += [*check_requests("second", asana, second), *destination.load(second)]
        wrong += [*destination.compare("second", asana), *check_edits(first, second, edits)]
        wrong += destination.check_tombstones(second, gone)
    say()
    for line in table(catalog, [first, second], destination.tombstones):
        say(line)
    return wrong


def real(path: Path | None, minutes: float | None) -> int:
    """Sync an account twice and show the table and what to do next.

    Args:
        path: of the configuration.
        minutes: after which a sync is stopped; None for never.

    Returns:
        The exit code: of SIGTERM when a sync was stopped.
    """
    config = account.config(path)
    catalog = begin(config)
    estimated = connector.run("estimate", config=config, catalog=catalog)
    cost = account.estimate("\n".join(must(estimated, "estimate").other))
    for number, line in enumerate(cost.lines):
        say(f"{'' if number else 'estimate':<11}{line}")
    if minutes is not None and cost.minutes > minutes:
        say(f"reading    the first {minutes:g} minutes; all of it: {account.everything(path)}")
    seconds = None if minutes is None else 60 * minutes
    files: dict[str, Any] = {"config": config, "catalog": catalog}
    syncs: list[Output] = []
    for requests in (cost.first, cost.usual):
        name = f"sync {len(syncs) + 1}"
        with shown(name, expected=requests, seconds=seconds, say=say) as on_log:
            sync = read(name, keep_records=False, on_log=on_log, stop_after=seconds, **files)
        syncs.append(sync)
        if sync.is_stopped:
            break
        files["state"] = sync.state
    say()
    for line in table(catalog, syncs):
        say(line)
    if sync.is_stopped:
        say(f"The read is not complete, as it was stopped. All of it: {account.everything(path)}")
    for line in account.next_steps(path):
        say(line)
    return connector.STOPPED if sync.is_stopped else 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of the demos; the exit code is 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="tools.demo", description="Sync twice, show the cost.")
    parser.add_argument("--real", action="store_true", help="read an account")
    parser.add_argument("config", nargs="?", type=Path, help="its configuration, a JSON file")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="after which each sync of it is stopped"
    )
    parser.add_argument("--all", action="store_true", help="read all of it, however long it takes")
    options = parser.parse_args(arguments)
    if options.real:
        if code := real(options.config, None if options.all else options.minutes):
            sys.exit(code)
        return
    wrong = demo()
    say()
    for line in wrong:
        say(f"WRONG  {line}")
    if wrong:
        sys.exit(1)
    say("Everything that both syncs sent equals the workspace, nothing that was deleted is left,")
    say("and every request was counted.")


if __name__ == "__main__":
    main()
