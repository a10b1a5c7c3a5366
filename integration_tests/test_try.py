"""`make try`: what it prints of an account, in colour on a terminal, and what comes next."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from source_asana.report import Report
from source_asana_commands.shell import configured
from tools import account, connector, demo, progress, terminal
from tools.connector import Output
from tools.progress import Bar
from tools.sandbox_process import SandboxProcess

ROOT = Path(__file__).parents[1]
COLOUR = re.compile(r"\x1b\[(\d+)m(.*?)\x1b\[0m")


@pytest.fixture
def in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("check      SUCCEEDED in 1.2 s", [("36", "check"), ("32", "SUCCEEDED")]),
        ("sync 1     12 records, 3 requests in 1.0 s", [("36", "sync 1")]),
        ("WRONG  first: tasks lacks 2 records", [("31", "WRONG  first: tasks lacks 2 records")]),
        ("portfolios   incremental  0   2  refused: plan", [("33", "refused: plan"), ("2", "0")]),
        ("tasks        incremental   270   19   11   5", []),
        ("all           1517      564", [("1", "all")]),
        ("allocations   incremental   7    8", []),
        ("What to do next", [("1", "What to do next")]),
    ],
)
@pytest.mark.usefixtures("in_colour")
def test_what_matters_in_a_line_has_a_colour(line: str, found: list[tuple[str, str]]) -> None:
    painted = terminal.painted(line)
    assert sorted(COLOUR.findall(painted)) == sorted(found)
    assert COLOUR.sub(r"\2", painted) == line


@pytest.mark.parametrize(
    ("variables", "is_terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    is_terminal: bool,  # noqa: FBT001 - columns of the table
    coloured: bool,  # noqa: FBT001
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert terminal.has_colours() is coloured


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_free_account_is_read_twice_and_the_end_says_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with SandboxProcess("--tasks", "10", "--plan", "free") as asana:
        path = written(tmp_path, asana)
        demo.main(["--real", "--all", path])
    said = capsys.readouterr().out
    assert "\x1b" not in said, "a pipe gets no colours"
    assert "A sync with this token would skip" in said
    before, estimate, after = said.partition("\nestimate   First sync: ")
    assert estimate
    assert "records" not in before
    assert re.match(r"\d+ requests .* minutes .*\n +Usual sync: \d+ requests ", after)
    table, _, after = after.partition("\nWhat to do next\n")
    assert re.search(r"^all +\d+ +\d+ +\d+", table, re.MULTILINE)
    assert re.search(r"^complete sync ", table, re.MULTILINE)
    assert not re.search(r"^reading  |not complete", table, re.MULTILINE)
    assert f"examples/pyairbyte_duckdb.py {path} asana.duckdb" in after


@pytest.mark.slow
def test_a_read_of_an_account_is_stopped_in_time_and_a_terminal_shows_how_far_it_is(
    tmp_path: Path,
) -> None:
    with SandboxProcess("--tasks", "300", "--plan", "paid") as asana:
        path = written(tmp_path, asana, requests_per_minute=300)
        code, said = on_terminal("-m", "tools.demo", "--real", "--minutes", "0.3", path)
    assert code == connector.STOPPED
    again = f"make try CONFIG={path} YES=1"
    assert f"the first 0.3 minutes; all of it: {again}\n" in said
    assert re.search(r"^sync 1 [━ ]+ \d{3,} requests to make, 0:\d\d of 0:18", said, re.MULTILINE)
    assert re.search(r"^sync 1     \d+ records, \d+ requests in .* s, stopped$", said, re.MULTILINE)
    assert re.search(r"^stories +incremental +\d+ +\d+  not complete$", said, re.MULTILINE)
    assert "second sync" not in said
    assert f"The read is not complete, as it was stopped. All of it: {again}\n" in said


def written(folder: Path, asana: SandboxProcess, **settings: Any) -> str:
    """Return the path of a configuration that reads the sandbox."""
    path = folder / "config.json"
    credentials = {"personal_access_token": asana.token}
    config = {"credentials": credentials, "api_url": asana.url, **settings}
    path.write_text(json.dumps(config), "utf-8")
    return str(path)


def on_terminal(*arguments: str) -> tuple[int, str]:
    """Run Python with these arguments on a terminal; return its exit code and what that shows.

    Each state of a line is a line of its own.
    """
    shown, its = os.openpty()
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=its,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "300", "NO_COLOR": "1", "TERM": "xterm"},
    ) as process:
        os.close(its)
        said = b""
        # At the end, the other side is gone.
        with suppress(OSError):
            while got := os.read(shown, 4096):
                said += got
        os.close(shown)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", said.decode())
    return process.returncode, re.sub(r"\r\n?", "\n", text)


def test_a_command_stops_when_this_process_is_told_to(config: Mapping[str, Any]) -> None:
    catalog = configured(connector.run("discover", config=config).catalog)
    told: list[Output] = []

    def tell(output: Output) -> bool:
        if output.counts and not told:
            told.append(output)
            os.kill(os.getpid(), signal.SIGTERM)
        return False

    output = connector.run(
        "read", config={**config, "requests_per_minute": 300}, catalog=catalog, kill_when=tell
    )
    assert (output.exit_code, output.is_stopped) == (connector.STOPPED, True)
    assert output.states, "it prints its last states"
    assert "incomplete" in output.statuses.values()


def test_the_bar_goes_on_at_the_pace_of_the_read() -> None:
    now = [0.0]
    bar = Bar("sync 1", 600, 300.0, lambda: now[0])

    def shown() -> str:
        console = Console(width=100, file=StringIO())
        with console.capture() as drawn:
            console.print(bar)
        return re.sub(r"^sync 1 [━╸╺ ]+|\s+$", "", drawn.get())

    bar.take("Stream users: 3 records.")
    now[0] = 29.0
    assert shown() == "600 requests to make, 0:29 of 5:00"
    now[0] = 30.0
    bar.take("Progress: 300 records, 30 requests, 60 a minute. At work: tasks.")
    assert shown() == "30/600 requests, 300 records, 10 min left, 0:30 of 5:00"
    now[0] = 60.0
    assert shown() == "60/600 requests, 600 records, 9 min left, 1:00 of 5:00"
    bar.take("Progress: 610 records, 360 requests, 360 a minute. At work: tasks.")
    assert shown() == "360/600 requests, 610 records, 40 s left, 1:00 of 5:00"
    now[0] = 120.0
    assert shown() == "720/600 requests, 1220 records, more than estimated, 2:00 of 5:00"


def test_the_lines_of_the_progress_are_those_of_the_connector() -> None:
    report, said = Report(), list[str]()
    with progress.shown("sync 1", expected=1, seconds=None, say=said.append) as take:
        take(report._progress())
        report.counts("users").new = report.counts("users").requests = 1
        take(report._progress())
        take("Stream users: 1 record.")
    assert [line.partition(", ")[0] for line in said] == [
        "    Progress: 0 records",
        "    Progress: 1 record",
    ]


def test_the_steps_name_what_is_there(tmp_path: Path) -> None:
    lines = list(account.next_steps(tmp_path / "with space.json"))
    text = "\n".join(lines)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    named = re.findall(r"\b(?:docs|dbt|examples)/[\w/-]+\.\w+", text)
    assert len(named) == 4
    assert all((ROOT / name).exists() for name in named)
    assert "with space.json' asana.duckdb" in text


def test_a_token_of_the_environment_is_kept_by_the_first_step(tmp_path: Path) -> None:
    [command] = [line for line in account.next_steps(None) if "mkdir" in line]
    subprocess.run(
        ["/bin/sh", "-c", command],
        check=True,
        cwd=tmp_path,
        env={"ASANA_TOKEN": "1/2:3", "PATH": "/usr/bin:/bin"},
    )
    kept = tmp_path / account.KEPT
    assert kept.stat().st_mode & 0o077 == 0
    assert json.loads(kept.read_text("utf-8")) == {
        "credentials": {"personal_access_token": "1/2:3"}
    }
