"""The connector as Airbyte runs it: a process of its own that prints one message a line."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("source-asana")
# The exit code after an orderly end by SIGTERM, as shells count it.
STOPPED = 128 + signal.SIGTERM
SUMMARY = "Sync summary "
LINES_KEPT = 20

Json = dict[str, Any]


@dataclass
class Output:
    """What one command printed, summed up while it ran.

    Attributes:
        exit_code: of the process.
        seconds: from its start to its end.
        counts: stream -> records.
        records: stream -> records, where they were to be kept.
        requests: stream -> requests, from the connector's summary.
        skipped: stream -> why parts of it were left out, a word or two.
        statuses: stream -> `complete`, `incomplete` or `parent`, from the summary.
        states: stream -> its last STATE message, as the next sync takes it.
        errors: messages of TRACE errors.
        catalog: what `discover` answered. connection: what `check` answered.
        other: last lines that are no message of the protocol.
    """

    exit_code: int = -1
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    records: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    requests: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    states: dict[str, Json] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    catalog: Json = field(default_factory=dict)
    connection: Json = field(default_factory=dict)
    other: list[str] = field(default_factory=list)

    @property
    def state(self) -> list[Json]:
        """Return the states to hand to the next sync."""
        return list(self.states.values())

    @property
    def is_stopped(self) -> bool:
        """Return whether SIGTERM ended it before its end."""
        # The latter is of a process that had not begun.
        return self.exit_code in (STOPPED, -signal.SIGTERM)

    @property
    def problem(self) -> str:
        """Return what went wrong in words, empty when nothing did."""
        if self.errors:
            return "; ".join(self.errors)
        if self.connection.get("status") == "FAILED":
            return str(self.connection.get("message"))
        if self.exit_code:
            return f"exit code {self.exit_code}: " + "\n".join(self.other)
        return ""


def run(
    command: str,
    *,
    config: Mapping[str, Any],
    catalog: Mapping[str, Any] | None = None,
    state: Sequence[Mapping[str, Any]] | None = None,
    keep_records: bool = False,
    on_log: Callable[[str], None] = lambda _: None,
    kill_when: Callable[[Output], bool] = lambda _: False,
    stop_after: float | None = None,
) -> Output:
    """Run one command of the connector and return what it printed.

    SIGTERM or SIGINT, sent to this process meanwhile, stops the command in an orderly way.

    Args:
        command: check, discover, read or estimate.
        config: the configuration; it is written to a file that only this user can read.
        catalog: a configured catalog, for read.
        state: the states of an earlier read.
        keep_records: whether records are kept, not just counted.
        on_log: called with each log message.
        kill_when: asked after each line; once it is true, the process gets SIGKILL.
        stop_after: seconds from its start until the process gets SIGTERM; None for never.
    """
    output = Output()
    with tempfile.TemporaryDirectory() as name:
        arguments = [str(COMMAND), command]
        for option, content in (("config", config), ("catalog", catalog), ("state", state)):
            if content is not None:
                path = Path(name) / f"{option}.json"
                path.write_text(json.dumps(content), "utf-8")
                arguments += [f"--{option}", str(path)]
        began = time.monotonic()
        with (
            subprocess.Popen(
                arguments,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=_environment(),
                # A terminal's Ctrl-C comes to this process alone, which hands it on.
                process_group=0,
            ) as process,
            _stopped(process, stop_after),
        ):
            assert process.stdout is not None
            for line in process.stdout:
                _take(output, line, keep_records=keep_records, on_log=on_log)
                if kill_when(output):
                    process.kill()
                    break
            output.exit_code = process.wait()
        output.seconds = time.monotonic() - began
    return output


@contextmanager
def _stopped(process: subprocess.Popen[str], seconds: float | None) -> Iterator[None]:
    """Send SIGTERM when the time is up, and when this process is told to stop."""

    def stop(*_: object) -> None:
        process.terminate()

    timer = threading.Timer(threading.TIMEOUT_MAX if seconds is None else seconds, stop)
    before = {sign: signal.signal(sign, stop) for sign in (signal.SIGINT, signal.SIGTERM)}
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _environment() -> Mapping[str, str]:
    """Return this process's environment, with the loopback address kept away from any proxy."""
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1,localhost"]))
    return {**os.environ, "NO_PROXY": direct, "no_proxy": direct}


def _take(output: Output, line: str, *, keep_records: bool, on_log: Callable[[str], None]) -> None:
    try:
        message = json.loads(line)
        kind = message["type"]
    except (json.JSONDecodeError, KeyError, TypeError):
        output.other = [*output.other, line.rstrip()][-LINES_KEPT:]
        return
    if kind == "RECORD":
        stream = message["record"]["stream"]
        output.counts[stream] += 1
        if keep_records:
            output.records[stream].append(message["record"]["data"])
    elif kind == "STATE":
        output.states[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
    elif kind == "LOG":
        _take_log(output, message["log"]["message"])
        on_log(message["log"]["message"])
    elif kind == "TRACE" and message["trace"]["type"] == "ERROR":
        output.errors.append(message["trace"]["error"]["message"])
    elif kind == "CATALOG":
        output.catalog = message["catalog"]
    elif kind == "CONNECTION_STATUS":
        output.connection = message["connectionStatus"]


def _take_log(output: Output, text: str) -> None:
    if text.startswith(SUMMARY):
        summary = json.loads(text.removeprefix(SUMMARY))
        for name, stream in summary["streams"].items():
            output.requests[name] = stream["requests"]
            output.statuses[name] = stream["status"]
            for reason in stream.get("skipped", ()):
                output.skipped[name] = reason
