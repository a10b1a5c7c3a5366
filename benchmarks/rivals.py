"""Other connectors for Asana next to this one, each in an environment of its own.

They are installed by name from the package index at the first run, and read the same sandbox: what
they send to Asana's address is sent here (`redirect/`, `front.py`). Nothing of theirs is changed.
Each reads twice, the second time with the state of the first if it has one.
"""

import json
import os
import subprocess
import tempfile
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import process
from benchmarks.chart import SECOND
from benchmarks.common import CONNECTOR, Options, catalog, config
from benchmarks.front import Front
from benchmarks.process import ROOT, Child, Run
from benchmarks.report import Row
from sandbox import Sandbox, World
from sandbox.optfields import parse
from sandbox.spec import match

ENVIRONMENTS = ROOT / "build" / "rivals"
STREAMS = ("projects", "tasks", "stories")
OWN, OFFICIAL, TAP = "this connector", "airbyte-source-asana", "tap-asana"
LATENCY_MS = 50
PERCENT = 1
# More than the time within which searches may lag.
BETWEEN_SECONDS = 1800


def rivals(options: Options) -> Iterator[Row]:
    """Read projects, tasks and stories of one world with each; they have no quota to keep.

    Then edit some of the tasks, and read again.
    """
    for name in (OFFICIAL, TAP):
        _install(name)
        yield Row(f"{name}: version", _version(name))
    with Sandbox(World.generate(options.tasks), latency_ms=LATENCY_MS) as asana:
        asana.before_request(KnownFields(asana))
        yield Row("tasks in the world", f"{options.tasks:,}")
        yield Row("edited before the second sync", f"{PERCENT} %")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with Front(asana.server.port, folder) as front:
                reader = Reader(asana, folder, front)
                ways = {OWN: reader.own, OFFICIAL: reader.official, TAP: reader.tap}
                for rival, read in ways.items():
                    yield from reader.rows(rival, read())
                asana.clock.advance(BETWEEN_SECONDS)
                asana.world.change(PERCENT)
                asana.clock.advance(BETWEEN_SECONDS)
                for rival, read in ways.items():
                    yield from reader.rows(rival + SECOND, read())


def _install(name: str) -> None:
    folder = ENVIRONMENTS / name
    if (folder / "bin" / "pip").exists():
        return
    venv.create(folder, with_pip=True)
    command = [str(folder / "bin" / "pip"), "install", "--quiet", name]
    subprocess.run(command, check=True)  # noqa: S603 - a fixed name


def _version(name: str) -> str:
    python = str(ENVIRONMENTS / name / "bin" / "python")
    code = f"from importlib.metadata import version; print(version({name!r}))"
    asked = [python, "-c", code]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - as above


@dataclass
class KnownFields:
    """Takes names that the API's description lacks out of opt_fields.

    Some are of former versions. Asana passes over them; the sandbox answers with compact records,
    so that our own mistakes show.
    """

    asana: Sandbox

    def __call__(self, path: str, query: dict[str, str]) -> None:
        """Change the query of one request."""
        route, asked = match(path), query.get("opt_fields")
        if route and asked:
            compiler = self.asana.api.compiler(self.asana.viewer())
            unknown = compiler.plan(route[0].schema, parse(asked), ()).unknown
            names = {name.rpartition(".")[2] for name in unknown}
            kept = [path for path in asked.split(",") if path.split(".")[-1] not in names]
            query["opt_fields"] = ",".join(kept)


@dataclass
class Reader:
    """One sandbox, and the ways to read it."""

    asana: Sandbox
    folder: Path
    front: Front
    state: list[process.Json] = field(default_factory=list)
    bookmarks: process.Json | None = None

    def rows(self, name: str, run: Run) -> Iterator[Row]:
        """Yield what a run took, and forget its requests."""
        summary = self.asana.api.summary()
        statuses = [count for each in summary["templates"].values() for count in each.items()]
        failed = sum(count for status, count in statuses if not status.startswith("2"))
        records = ", ".join(f"{stream} {run.records[stream]:,}" for stream in STREAMS)
        problem = f", exit code {run.exit_code}" if run.exit_code else ""
        yield Row(f"{name}: records", records + problem)
        requests = summary["total"]
        more = f", {failed:,} of them refused" if failed else ""
        yield Row(f"{name}: requests", f"{requests:,}{more}")
        each = 1000 * run.cpu_seconds / max(1, requests)
        yield Row(f"{name}: CPU", f"{run.cpu_seconds:.1f} s, {each:.1f} ms a request")
        rate = 60 * requests / run.seconds
        yield Row(
            f"{name}: wall clock at {LATENCY_MS} ms",
            f"{run.seconds:.0f} s, {rate:,.0f} requests a minute",
        )
        self.asana.reset_log()

    def own(self) -> Run:
        """Read with this connector."""
        files = {
            "config": config(self.asana),
            "catalog": catalog(*STREAMS, incremental=True),
            "state": self.state,
        }
        run = process.run(CONNECTOR, "read", files)
        self.state = list(run.states.values())
        return run

    def official(self) -> Run:
        """Read with the official Airbyte connector, which keeps no state."""
        token = {"option_title": "PAT Credentials", "personal_access_token": self.asana.token}
        files = {"config": {"credentials": token}, "catalog": catalog(*STREAMS)}
        arguments = [str(ENVIRONMENTS / OFFICIAL / "bin" / "source-asana"), "read"]
        for option, content in files.items():
            arguments += [f"--{option}", self._file(f"{option}.json", content)]
        return self._run(arguments)

    def tap(self) -> Run:
        """Read with the Singer tap, as an OAuth app: it knows no other credentials."""
        app = self.asana.add_oauth_app()
        settings = {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "refresh_token": app.refresh_token,
            "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
            "start_date": "2000-01-01T00:00:00Z",
        }
        program = str(ENVIRONMENTS / TAP / "bin" / "tap-asana")
        arguments = [program, "--config", self._file("tap.json", settings)]
        found = subprocess.run(  # noqa: S603 - as above
            [*arguments, "--discover"],
            env=self._environment(),
            stdout=subprocess.PIPE,
            check=True,
        )
        known = json.loads(found.stdout)
        for stream in known["streams"]:
            for entry in stream["metadata"]:
                if stream["tap_stream_id"] in STREAMS:
                    entry["metadata"]["selected"] = True
        arguments += ["--catalog", self._file("known.json", known)]
        if self.bookmarks:
            arguments += ["--state", self._file("bookmarks.json", self.bookmarks)]
        self.asana.reset_log()
        run = self._run(arguments)
        self.bookmarks = run.bookmarks
        return run

    def _file(self, name: str, content: Mapping[str, Any]) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content), "utf-8")
        return str(path)

    def _run(self, arguments: list[str]) -> Run:
        return Child(arguments, self._environment()).finish()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        return {
            **kept,
            "PYTHONPATH": str(Path(__file__).with_name("redirect")),
            "REDIRECT_PORT": str(self.front.port),
            "REDIRECT_CA": str(self.front.ca),
            "REQUESTS_CA_BUNDLE": str(self.front.ca),
        }
