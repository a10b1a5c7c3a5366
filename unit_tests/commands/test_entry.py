"""The one program for Airbyte's commands and ours, and the connector without ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox, World
from source_asana_commands import entry
from unit_tests.sync import catalog, config_for
from unit_tests.test_run import ROOT, TERM, arguments, run, signaled

AIRBYTES = ["spec", "check", "discover", "read"]
EVERY = [*AIRBYTES, *entry.QUESTIONS, *entry.FILES]
MAIN = [sys.executable, "main.py"]


def called(*args: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program on an input."""
    return subprocess.run(  # noqa: S603 - this repository's own program
        [*MAIN, *args], cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )


def test_the_version() -> None:
    done = called("--version")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["poetry"]
    assert (done.returncode, done.stdout) == (0, f"{project['name']} {project['version']}\n")


def test_the_help_names_every_command() -> None:
    done = called("--help")
    assert done.returncode == 0
    assert re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE) == EVERY


def test_without_a_command_it_says_the_same_as_a_mistake() -> None:
    done = called()
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{entry.USAGE}\n")


@pytest.mark.parametrize("command", EVERY)
def test_each_command_has_a_help_of_its_own(command: str) -> None:
    done = called(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(rf"usage: \S+ {command} ", done.stdout)


def test_the_catalog_of_a_read_is_a_command() -> None:
    streams = [one["stream"] for one in catalog(["tags", "users"])["streams"]]
    found = json.dumps({"type": "CATALOG", "catalog": {"streams": streams}})
    done = called("catalog", "tags", text=found)
    assert json.loads(done.stdout) == catalog(["tags"], incremental=True)


def test_the_states_of_the_next_read_are_a_command(tmp_path: Path) -> None:
    world = World.empty()
    world.add_project("P")
    wanted = catalog(["tags", "projects"], incremental=True)
    with Sandbox(world) as asana:
        config = config_for(asana)
        done = run(tmp_path, "read", config=config, catalog=wanted)
        kept = called("state", text=done.out)
        again = run(tmp_path, "read", config=config, catalog=wanted, state=kept.stdout)
    assert (again.code, again.of("RECORD")) == (0, [])
    assert len(done.of("RECORD")) == 1


def test_a_mistake_is_a_line() -> None:
    done = called("catalog")
    said = "The input has no catalog: the last line of `discover` says why.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_signal_ends_a_question_without_a_word(tmp_path: Path) -> None:
    with Sandbox(World.empty()) as asana:
        asana.fault("slow", times=None, seconds=60)
        files: dict[str, Any] = {"config": config_for(asana), "catalog": catalog(["tags"])}
        done = signaled(arguments(tmp_path, "estimate", **files), TERM, 0.3)
        asana.clear_faults()
    assert (done.code, done.out, done.err) == (128 + TERM, "", "")


# ── the connector alone ─────────────────────────────────────────────────────────────────────────


# A platform's tool may name `source_asana.entry:main`, and leave our commands out of its image.
ALONE = """
import sys
sys.modules["source_asana_commands"] = None
from source_asana.entry import main
main()
"""


@pytest.mark.parametrize("program", [["-c", ALONE], ["-X", "importtime", "main.py"]])
@pytest.mark.parametrize("command", ["spec", "check"])
def test_the_connector_needs_none_of_our_commands(
    program: list[str], command: str, tmp_path: Path
) -> None:
    args = arguments(tmp_path, command, **({"config": "{}"} if command == "check" else {}))
    done = subprocess.run(  # noqa: S603 - as above
        [sys.executable, *program, *args[2:]],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    *_, message = [json.loads(line) for line in done.stdout.splitlines()]
    assert message["type"] == {"spec": "SPEC", "check": "CONNECTION_STATUS"}[command]
    ours = set(re.findall(r"source_asana_commands\.\w+", done.stderr))
    assert ours <= {"source_asana_commands.entry"}
