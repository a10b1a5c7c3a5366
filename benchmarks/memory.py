"""Resident memory: of small and large worlds, with fast and slow readers, of the index alone."""

import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks import process
from benchmarks.common import CONNECTOR, TASK_STREAMS, Options, catalog, config, megabytes
from benchmarks.process import FAST, ROOT, Reader
from benchmarks.report import Row, at_most
from tools.sandbox_process import SandboxProcess

SMALL, SMALL_MB = 27_000, 150.0  # 20,000 of them are in projects that the token sees
LARGE, LARGE_MB = 200_000, 320.0
INDEX_MB = 350.0
SHARES = (0.1, 0.25, 0.5, 0.75, 0.95)
SLOW = Reader(megabytes_per_second=2.0, pause_seconds=15.0)


def memory(options: Options) -> Iterator[Row]:
    """Read 20,000 tasks."""
    del options
    with SandboxProcess("--tasks", str(SMALL)) as asana:
        for name, reader in (("fast", FAST), ("slow", SLOW)):
            files = {"config": config(asana), "catalog": catalog("tasks")}
            run = process.run(CONNECTOR, "read", files, reader=reader)
            yield from _rows(f"{run.records['tasks']:,} tasks, {name} reader", run, SMALL_MB)


def memory_large(options: Options) -> Iterator[Row]:
    """Read 200,000 tasks and all that hangs on them, incrementally, so that a state is kept."""
    del options
    with SandboxProcess("--tasks", str(LARGE)) as asana:
        for name, reader in (("fast", FAST), ("slow", SLOW)):
            files = {"config": config(asana), "catalog": catalog(*TASK_STREAMS, incremental=True)}
            run = process.run(CONNECTOR, "read", files, reader=reader)
            tasks, total = run.records["tasks"] + run.records["subtasks"], run.records.total()
            yield from _rows(
                f"{tasks:,} tasks and subtasks, {total:,} records, {name} reader", run, LARGE_MB
            )


def index(options: Options) -> Iterator[Row]:
    """Fill the task feed with a million tasks, without HTTP, and have a child's cursor walk it."""
    del options
    for name, arguments in (
        ("each in one project", ()),
        ("one in twelve in two, one in twelve with subtasks", ("--mixed",)),
    ):
        command = [sys.executable, "-m", "benchmarks.index", *arguments]
        output = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)  # noqa: S603
        figures = json.loads(output.stdout)
        what = f"1,000,000 tasks in 20,000 projects, {name}"
        yield Row(f"{what}: feed", f"{figures['feed']:.0f} MB")
        yield at_most(
            f"{what}: feed and cursor, after {figures['slices']:,} slices",
            figures["after"],
            INDEX_MB,
            " MB",
        )
        yield Row(f"{what}: peak", f"{figures['peak']:.0f} MB")


def _rows(name: str, run: process.Run, most: float) -> Iterator[Row]:
    run.must()
    yield at_most(f"{name}: peak", run.peak_mb, most, " MB")
    series = megabytes(run.memory_at(share) for share in SHARES)
    shares = ", ".join(f"{share:.0%}" for share in SHARES)
    yield Row(f"{name}: after {shares} of {run.seconds:.0f} s", f"{series} MB")
