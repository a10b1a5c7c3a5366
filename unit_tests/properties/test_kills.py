"""Processes that are killed with SIGKILL and go on from the last state they printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import Sandbox
from unit_tests.properties.lab import EVERY, Lab
from unit_tests.properties.runs import Destination, Record, Sync
from unit_tests.sync import catalog, config_for

MAIN = Path(__file__).parents[2] / "main.py"
STREAMS = tuple(stream for stream in EVERY if stream != "audit_log_events")


def read_until_killed(
    folder: Path, asana: Sandbox, destination: Destination, lines: int | None
) -> tuple[Sync, int]:
    """Run `python main.py read`, kill it after that many lines; return what came and its exit."""
    files: dict[str, object] = {
        "config": config_for(asana, change_detection="listing"),
        "catalog": catalog(STREAMS, incremental=True),
        "state": list(destination.states.values()),
    }
    arguments = [sys.executable, str(MAIN), "read"]
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content))
        arguments += [f"--{name}", str(path)]
    done, seen = Sync(), 0
    with subprocess.Popen(  # noqa: S603 - this repository's own program
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        for line in process.stdout:
            try:
                message: Record = json.loads(line)
            except ValueError:
                break  # The line that was being written.
            destination.take(message, done)
            seen += message["type"] in {"RECORD", "STATE"}
            if lines is not None and seen >= lines:
                process.kill()
                # What it wrote before the signal is in the pipe and counts.
                lines = None
    return done, process.returncode


@pytest.mark.parametrize("lines", [20])
def test_a_killed_process_goes_on_from_its_last_state(tmp_path: Path, lines: int) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced", latency_ms=10) as asana:
        destination = Destination()
        changes = 0

        def before(path: str, params: dict[str, str]) -> None:
            nonlocal changes
            del path, params
            changes += 1
            if changes % 7 == 0:
                lab.comment(changes, 0)
                lab.new_task(changes, changes // 7)

        asana.before_request(before)
        _, exit_code = read_until_killed(tmp_path, asana, destination, lines)
        assert exit_code == -9
        asana.before_request(None)
        asana.clock.advance(3600)
        done, exit_code = read_until_killed(tmp_path, asana, destination, None)
        assert exit_code == 0, done.errors
        assert [line for s in STREAMS for line in lab.missing(asana, destination, s)] == []
