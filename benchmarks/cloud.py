"""The manifest of stock components next to this connector: `python -m benchmarks.cloud`.

Both read the same world three times: whole, after some tasks changed, and once more without a
change. The figures go into docs/performance.md.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks import process
from benchmarks.common import PACED_CONNECTOR, TASK_STREAMS, catalog, config
from benchmarks.process import Child, Json, Run
from benchmarks.report import Row, at_most, say, show, write
from tools import builder
from tools.sandbox_process import SandboxProcess

COMMAND = Path(sys.executable).with_name("source-declarative-manifest")
PERCENT = 5
# Beyond the overlap of this connector's searches.
BETWEEN_SECONDS = 1800
MOST_FULL, MOST_SECOND, MOST_RECORDS, MOST_THIRD = 1.5, 60.0, 30.0, 10.0


class Reader(Protocol):
    """A way to read: takes what a sync is given, returns what it did."""

    def __call__(self, asana: SandboxProcess, files: Mapping[str, object]) -> Run:
        """Sync once."""


def ours(asana: SandboxProcess, files: Mapping[str, object]) -> Run:
    """Read with this connector, paced: what a search saves depends on the budget."""
    return process.run(PACED_CONNECTOR, "read", {"config": config(asana), **files}, keep_gids=True)


def stock(asana: SandboxProcess, files: Mapping[str, object]) -> Run:
    """Read with the manifest, by the CDK's own command."""
    settings = config(asana, portfolio_owner="")
    settings["credentials"]["option_title"] = "PAT Credentials"
    arguments = [str(COMMAND), "read", "--manifest-path", str(builder.FILE)]
    with tempfile.TemporaryDirectory() as folder:
        for option, content in {"config": settings, **files}.items():
            path = Path(folder) / f"{option}.json"
            path.write_text(json.dumps(content), "utf-8")
            arguments += [f"--{option}", str(path)]
        return Child(arguments, {**os.environ, "NO_PROXY": "127.0.0.1"}).finish(keep_gids=True)


@dataclass
class Syncs:
    """Three syncs of one world: their requests and records.

    Attributes:
        missed: changed tasks that the second lacks.
    """

    requests: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    missed: int = 0

    def take(self, asana: SandboxProcess, run: Run) -> None:
        """Add one sync, and let some time go by."""
        self.requests.append(int(asana.get("log-summary")["total"]))
        self.records.append(run.records.total())
        asana.post("reset")
        asana.post("clock", {"advance": BETWEEN_SECONDS})

    def share(self, of: Sequence[int], sync: int) -> float:
        """Return a later sync's part of the first, in percent."""
        return 100 * of[sync] / of[0]


def syncs(reader: Reader, tasks: int, names: Collection[str]) -> Syncs:
    """Sync a new world three times."""
    found = Syncs()
    configured = {"catalog": catalog(*names, incremental=True)}
    with SandboxProcess("--tasks", str(tasks), "--plan", "service") as asana:
        known = {one["gid"] for name in ("tasks", "subtasks") for one in asana.truth(name)}
        asana.post("reset")
        state: list[Json] = []
        for number in range(3):
            changed: set[str] = set()
            if number == 1:
                changed = known & set(asana.post("change", {"percent": PERCENT})["gids"])
            run = reader(asana, {**configured, "state": state}).must()
            state = list(run.states.values())
            seen = set().union(*(run.gids.get(name, set()) for name in ("tasks", "subtasks")))
            found.missed += len(changed - seen)
            found.take(asana, run)
    return found


def rows(tasks: int) -> Iterator[Row]:
    """Measure both ways on the four task streams, and the manifest on all streams."""
    own = syncs(ours, tasks, TASK_STREAMS)
    theirs = syncs(stock, tasks, TASK_STREAMS)
    what = f"{tasks:,} tasks and subtasks"
    yield Row(f"{what}: requests of a full read", f"{theirs.requests[0]:,}")
    yield Row("this connector's", f"{own.requests[0]:,}")
    yield at_most("times as many", theirs.requests[0] / own.requests[0], MOST_FULL, digits=2)
    yield Row(f"requests after {PERCENT}% changed", f"{theirs.requests[1]:,}")
    yield Row("this connector's", f"{own.requests[1]:,}")
    yield at_most("of the first", theirs.share(theirs.requests, 1), MOST_SECOND, " %")
    yield at_most("records of the first", theirs.share(theirs.records, 1), MOST_RECORDS, " %")
    yield at_most("changed tasks missed", theirs.missed, 0)
    yield Row("requests without a change", f"{theirs.requests[2]:,}")
    yield Row("this connector's", f"{own.requests[2]:,}")
    yield at_most("records of the first", theirs.share(theirs.records, 2), MOST_THIRD, " %")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="benchmarks.cloud", description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    say("measuring cloud ...")
    found = list(rows(options.tasks))
    show("cloud", found)
    if not options.no_write:
        write("cloud", found)
    parser.exit(1 if any(row.holds is False for row in found) else 0)


if __name__ == "__main__":
    main()
