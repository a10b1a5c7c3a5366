"""The example: PyAirbyte reads every stream into DuckDB, twice, in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from source_asana.fields.schemas import load_schema
from tools.install import make_venv
from tools.sandbox_process import SandboxProcess

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv-pyairbyte"
# An environment with another version of PyAirbyte: make test-pyairbyte.
OTHER = os.environ.get("PYAIRBYTE_VENV")
EXAMPLE = ROOT / "examples" / "pyairbyte_duckdb.py"
STREAMS = [path.stem for path in sorted((ROOT / "source_asana" / "schemas").glob("*.json"))]
PRINTED = re.compile(r"^(\w+) +(\d+) rows$", re.MULTILINE)
# What pip says when it cannot reach its index.
UNREACHABLE = ("NewConnectionError", "Failed to establish", "timed out", "ProxyError")

pytestmark = [
    pytest.mark.skipif(
        sys.version_info >= (3, 13), reason="PyAirbyte does not support Python 3.13 yet"
    ),
    # Its environment is made first, unless it is there.
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the Python of PyAirbyte's environment, made from the lock file if need be."""
    if OTHER:
        return ROOT / OTHER / "bin" / "python"
    command = [sys.executable, str(ROOT / "tools" / "install.py")]
    command += ["--venv", str(VENV), "--group", "pyairbyte"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode and any(words in done.stderr for words in UNREACHABLE):
        pytest.skip("PyAirbyte cannot be installed: the package index is out of reach")
    assert done.returncode == 0, done.stderr
    return make_venv(VENV)


@pytest.fixture(scope="module")
def asana() -> Iterator[SandboxProcess]:
    """Return the sandbox of a service account: it sees every stream."""
    with SandboxProcess("--tasks", "60", "--plan", "service") as asana:
        yield asana


def run(python: Path, config: Mapping[str, Any], database: Path) -> dict[str, int]:
    """Run the example as the README says; return the rows that it prints for each stream."""
    path = database.with_name("config.json")
    path.write_text(json.dumps(config), "utf-8")
    done = subprocess.run(
        [python, EXAMPLE, path, database],
        capture_output=True,
        check=False,
        text=True,
        cwd=database.parent,
        env={**os.environ, "AIRBYTE_OFFLINE_MODE": "1", "NO_PROXY": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: int(rows) for name, rows in PRINTED.findall(done.stdout)}


def tables(database: Path) -> dict[str, tuple[set[str], int]]:
    """Return table -> its columns and its number of rows."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = [
            str(name)
            for (name,) in connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
            ).fetchall()
            if not name.startswith("_")
        ]
        return {
            name: (
                {str(row[0]) for row in connection.execute(f'DESCRIBE "{name}"').fetchall()},
                connection.table(name).count("*").fetchall()[0][0],
            )
            for name in names
        }


def counts(asana: SandboxProcess) -> dict[str, int]:
    """Return stream -> records that a full read should give."""
    return {stream: len(asana.truth(stream)) for stream in STREAMS}


@pytest.mark.slow
def test_every_stream_becomes_a_table_and_a_second_run_is_incremental(
    python: Path, asana: SandboxProcess, tmp_path: Path
) -> None:
    config = {
        "credentials": {"personal_access_token": asana.token},
        "api_url": asana.url,
        "organization_export_ids": [one["gid"] for one in asana.truth("organization_exports")],
        "track_deletions": True,
    }
    database = tmp_path / "asana.duckdb"
    run(python, config, database)
    found = tables(database)
    assert set(found) == set(STREAMS)
    for stream, (columns, _) in found.items():
        assert set(load_schema(stream)["properties"]) <= columns, stream
    # Events have no history: a first sync takes the starting point.
    assert {stream: rows for stream, (_, rows) in found.items()} == counts(asana)
    first = asana.get("log-summary")["total"]
    asana.post("reset")

    task = asana.truth("tasks")[0]["gid"]
    asana.edit("edit_task", task, name="Renamed between the runs")
    asana.edit("comment", task, "Twice is enough.")
    tag = asana.truth("tags")[0]["gid"]
    asana.edit("delete", tag)
    printed = run(python, config, database)
    after = asana.get("log-summary")
    assert after["total"] < first
    # Every task was asked for its stories at first, now this one alone.
    assert after["templates"]["/tasks/{task_gid}/stories"] == {"200": 1}
    assert printed["events"] > 0
    assert {**printed, "events": 0} == counts(asana)
    # PyAirbyte keeps the tombstone as a row, which the example leaves out.
    assert tables(database)["tags"][1] == printed["tags"] + 1
    with duckdb.connect(str(database), read_only=True) as connection:
        query = "SELECT name FROM tasks WHERE gid = ?"
        assert connection.execute(query, [task]).fetchall() == [("Renamed between the runs",)]
