"""The bulk export next to listings: requests, minutes of the quota, CPU, memory."""

from collections.abc import Iterator

from benchmarks import process
from benchmarks.common import CONNECTOR, TASK_STREAMS, Options, catalog, config, start_up
from benchmarks.report import Row, at_least, at_most
from tools.sandbox_process import SandboxProcess

SIZES = (2_000, 20_000)
LARGE, LARGE_MB = 200_000, 200.0
MILLION = 1_000_000
REQUESTS_A_SECOND = 25
MOST_SHARE = 0.05
LEAST_RECORDS = 15_000
# What an export costs whatever its size.
CONSTANT = ("/exports/resource", "/jobs/{job_gid}", "/workspaces")


def export(options: Options) -> Iterator[Row]:
    """Read worlds both ways, and a large one by export alone."""
    del options
    begun = start_up(CONNECTOR)
    for size in SIZES:
        yield from _both(size, begun)
    with SandboxProcess("--tasks", str(LARGE), "--plan", "service") as asana:
        run, requests, _ = _read(asana, bulk_export=True)
        records, cpu = run.records.total(), run.cpu_seconds - begun
        name = f"{LARGE:,} tasks and subtasks, {records:,} records"
        yield Row(f"{name}: requests", f"{requests:,}")
        yield at_least(f"{name}: records per CPU second", records / cpu, LEAST_RECORDS)
        yield at_most(f"{name}: peak", run.peak_mb, LARGE_MB, " MB")


def _both(size: int, begun: float) -> Iterator[Row]:
    sent: dict[bool, int] = {}
    found: dict[bool, dict[str, int]] = {}
    for way in (False, True):
        with SandboxProcess("--tasks", str(size), "--plan", "service") as asana:
            run, requests, growing = _read(asana, bulk_export=way)
        sent[way], found[way] = requests, dict(run.records)
        name = f"{size:,} tasks and subtasks, by {'export' if way else 'listings'}"
        cpu = run.cpu_seconds - begun
        constant = requests - growing
        projected = constant + growing * MILLION / size
        yield Row(f"{name}: requests, of a million", f"{requests:,}, {projected:,.0f}")
        yield Row(
            f"{name}: minutes of the quota, of a million",
            f"{_minutes(requests):.1f}, {_minutes(projected):,.0f}",
        )
        yield Row(f"{name}: CPU seconds, of a million", f"{cpu:.1f}, {cpu * MILLION / size:,.0f}")
    share = sent[True] / sent[False]
    name, target = f"{size:,} tasks and subtasks", f"at most {MOST_SHARE:.0%}"
    yield Row(f"{name}: requests by export", f"{share:.1%}", target, share <= MOST_SHARE)
    same = found[True] == found[False]
    yield Row(f"{name}: records", f"{sum(found[True].values()):,}", "as by listings", same)


def _minutes(requests: float) -> float:
    return requests / REQUESTS_A_SECOND / 60


def _read(asana: SandboxProcess, *, bulk_export: bool) -> tuple[process.Run, int, int]:
    """Return a first sync, its requests, and how many of these grow with the world."""
    settings = config(asana, bulk_export=bulk_export)
    files = {"config": settings, "catalog": catalog(*TASK_STREAMS, incremental=True)}
    run = process.run(CONNECTOR, "read", files).must()
    summary = asana.get("log-summary")
    constant = sum(sum(summary["templates"].get(path, {}).values()) for path in CONSTANT)
    return run, int(summary["total"]), int(summary["total"]) - constant
