"""A command in a process of its own: what it printed, what it used, its memory over time."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
# Of the Airbyte protocol, and of Singer's.
RECORD = re.compile(
    rb'\{"type":"RECORD","record":\{"stream":"(\w+)"|\{"type": ?"RECORD", ?"stream": ?"(\w+)"'
)
SUMMARY = "Sync summary "
SAMPLE_SECONDS = 0.25
KILOBYTE = 1024

Json = dict[str, Any]


@dataclass(frozen=True)
class Reader:
    """How fast the destination takes the output.

    Attributes:
        megabytes_per_second: None reads as fast as it can.
        pause_seconds: how long it reads nothing at first.
    """

    megabytes_per_second: float | None = None
    pause_seconds: float = 0.0


FAST = Reader()


@dataclass
class Run:
    """One finished process.

    Attributes:
        seconds: wall time. cpu_seconds: user and system time.
        memory: (seconds since the start, resident megabytes) over time; peak_mb: the most.
        records, bytes: stream -> number, and the sum of what was printed.
        requests: stream -> requests, from the connector's summary.
        states: stream -> its last STATE; bookmarks: the last one of a Singer tap.
        gids: stream -> gids, where they were to be kept.
        errors: messages of TRACE errors.
    """

    exit_code: int = -1
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)
    records: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    states: dict[str, Json] = field(default_factory=dict)
    bookmarks: Json | None = None
    gids: dict[str, set[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def must(self) -> "Run":
        """Return itself; raises when the command failed."""
        if self.exit_code or self.errors:
            message = f"exit code {self.exit_code}: {'; '.join(self.errors)}"
            raise RuntimeError(message)
        return self

    def memory_at(self, share: float) -> float:
        """Return the resident megabytes when that share of the time had gone by."""
        return next(mb for at, mb in self.memory if at >= share * self.memory[-1][0])


class Child:
    """A running command; `finish` reads its output to the end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it."""
        self._began = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - what the benchmarks name
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, env=environment
        )
        self.run = Run()
        self._over = threading.Event()

    def stop(self) -> None:
        """Kill it: what was measured until now is enough."""
        self._process.kill()

    def finish(self, reader: Reader = FAST, *, keep_gids: bool = False) -> Run:
        """Read the output as `reader` does and return what was measured."""
        sampler = threading.Thread(target=self._sample, daemon=True)
        sampler.start()
        output = self._process.stdout
        if output is None:
            raise AssertionError
        time.sleep(reader.pause_seconds)
        self._read(output, reader, keep_gids=keep_gids)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._over.set()
        sampler.join()
        run = self.run
        run.exit_code = self._process.returncode
        run.seconds = time.monotonic() - self._began
        run.cpu_seconds = usage.ru_utime + usage.ru_stime
        return run

    def _read(self, output: IO[bytes], reader: Reader, *, keep_gids: bool) -> None:
        run, began = self.run, time.monotonic()
        for line in output:
            run.bytes += len(line)
            if found := RECORD.match(line):
                stream = (found[1] or found[2]).decode()
                run.records[stream] += 1
                if keep_gids:
                    gid = json.loads(line)["record"]["data"]["gid"]
                    run.gids.setdefault(stream, set()).add(gid)
            else:
                _take(run, line)
            if reader.megabytes_per_second:
                due = run.bytes / 1e6 / reader.megabytes_per_second
                wait = due - (time.monotonic() - began)
                if wait > 0:
                    time.sleep(wait)

    def _sample(self) -> None:
        path = Path(f"/proc/{self._process.pid}/status")
        while not self._over.wait(SAMPLE_SECONDS):
            try:
                text = path.read_text("ascii")
            except OSError:
                return
            sizes = dict(re.findall(r"(VmHWM|VmRSS):\s+(\d+) kB", text))
            if sizes:
                self.run.peak_mb = int(sizes["VmHWM"]) / KILOBYTE
                seconds = time.monotonic() - self._began
                self.run.memory.append((seconds, int(sizes["VmRSS"]) / KILOBYTE))


def _take(run: Run, line: bytes) -> None:
    try:
        message = json.loads(line)
        kind = message["type"]
    except (json.JSONDecodeError, KeyError, TypeError):
        run.errors = [*run.errors, line.decode(errors="replace").rstrip()][-20:]
        return
    if kind == "STATE" and "state" in message:
        name = message["state"]["stream"]["stream_descriptor"]["name"]
        run.states[name] = message["state"]
    elif kind == "STATE":
        run.bookmarks = message["value"]
    elif kind == "LOG" and message["log"]["message"].startswith(SUMMARY):
        summary = json.loads(message["log"]["message"].removeprefix(SUMMARY))
        for name, stream in summary["streams"].items():
            run.requests[name] = stream["requests"]
    elif kind == "TRACE" and message["trace"]["type"] == "ERROR":
        run.errors.append(message["trace"]["error"]["message"])


def start(module: str, command: str, folder: str, files: Mapping[str, Any] | None = None) -> Child:
    """Start a command of the Airbyte protocol.

    Args:
        module: what `python -m` runs.
        command: spec, check, discover or read.
        folder: where the files go.
        files: `config`, `catalog`, `state`, as far as the command takes them.
    """
    arguments = [command]
    for option, content in (files or {}).items():
        path = Path(folder) / f"{option}.json"
        path.write_text(json.dumps(content), "utf-8")
        arguments += [f"--{option}", str(path)]
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost"]))
    environment = {**os.environ, "NO_PROXY": direct, "no_proxy": direct}
    return Child([sys.executable, "-m", module, *arguments], environment)


def run(
    module: str,
    command: str,
    files: Mapping[str, Any] | None = None,
    *,
    reader: Reader = FAST,
    keep_gids: bool = False,
) -> Run:
    """Run a command of the Airbyte protocol to its end."""
    with tempfile.TemporaryDirectory() as folder:
        return start(module, command, folder, files).finish(reader, keep_gids=keep_gids)
