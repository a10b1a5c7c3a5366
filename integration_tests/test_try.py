"""`make try`: what it prints of an account, in colour on a terminal, and what comes next."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools import account, demo, terminal

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


@pytest.mark.usefixtures("asana")
@pytest.mark.slow
def test_an_account_is_read_twice_and_the_end_says_what_to_do_next(
    config: Mapping[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**config, "project_ids": []}), "utf-8")
    demo.main(["--real", str(path)])
    said = capsys.readouterr().out
    assert "\x1b" not in said, "a pipe gets no colours"
    assert "A sync with this token would skip" in said
    table, _, after = said.partition("\nWhat to do next\n")
    assert re.search(r"^all +\d+ +\d+ +\d+", table, re.MULTILINE)
    assert f"examples/pyairbyte_duckdb.py {path} asana.duckdb" in after


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
