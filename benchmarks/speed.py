"""CPU: records against the CDK's stock parts, requests of a child stream, start-up."""

from collections.abc import Iterator
from statistics import median

from benchmarks import process
from benchmarks.common import (
    CONNECTOR,
    PACED_CONNECTOR,
    STOCK,
    Options,
    catalog,
    config,
    start_up,
)
from benchmarks.report import Row, at_least, at_most
from source_asana.fields.opt_fields import opt_fields
from tools.sandbox_process import SandboxProcess

TASKS = 27_000  # of these 20,000 are in projects that the token sees
RATIO = 4.0
PROCESS_SECONDS = 4.0
STORY_REQUESTS = 400.0
SPEC_SECONDS = 1.3
DISCOVER_SECONDS = 2.5


def paired(options: Options) -> Iterator[Row]:
    """Read `tasks` with both by turns: records per CPU second, start-up left out."""
    for projects, name in ((12, "full pages"), (1000, "20 tasks a project")):
        with SandboxProcess("--tasks", str(TASKS), "--projects", str(projects)) as asana:
            yield from _pair(asana, name, options.rounds)


def _pair(asana: SandboxProcess, name: str, rounds: int) -> Iterator[Row]:
    ours = {
        "config": config(asana, include_tasks_without_project=False),
        "catalog": catalog("tasks"),
    }
    stock_config = {
        "api_url": asana.url,
        "token": asana.token,
        "projects": [project["gid"] for project in asana.get("truth/projects?fields=gid")["data"]],
        "opt_fields": ",".join(opt_fields("tasks", None)),
    }
    theirs = {"config": stock_config, "catalog": catalog("tasks")}
    bases = start_up(CONNECTOR), start_up(STOCK)
    rates: tuple[list[float], list[float]] = ([], [])
    whole: list[process.Run] = []
    for _ in range(rounds):
        for rate, base, module, files in zip(
            rates, bases, (CONNECTOR, STOCK), (ours, theirs), strict=True
        ):
            run = process.run(module, "read", files).must()
            rate.append(run.records["tasks"] / (run.cpu_seconds - base))
            if module == CONNECTOR:
                whole.append(run)
    records, size = whole[0].records["tasks"], whole[0].bytes / whole[0].records["tasks"]
    yield Row(f"{name}: records, bytes of each as printed", f"{records:,}, {size:,.0f}")
    yield Row(f"{name}: records per CPU second", f"{median(rates[0]):,.0f}")
    yield Row(f"{name}: the same of the CDK's SimpleRetriever", f"{median(rates[1]):,.0f}")
    ratio = median(a / b for a, b in zip(*rates, strict=True))
    yield at_least(f"{name}: ratio, median of {rounds} pairs", ratio, RATIO, digits=1)
    seconds = median(run.cpu_seconds for run in whole)
    yield at_most(f"{name}: CPU of the whole process", seconds, PROCESS_SECONDS, " s", digits=1)


def stories(options: Options) -> Iterator[Row]:
    """Read stories by task without latency: requests per CPU second, start-up left out."""
    with SandboxProcess("--tasks", "5000") as asana:
        base = start_up(CONNECTOR)
        files = {"config": config(asana), "catalog": catalog("stories")}
        runs = [process.run(CONNECTOR, "read", files).must() for _ in range(options.rounds)]
    requests = sum(runs[0].requests.values())
    yield Row("requests of one run, all streams that it walks", f"{requests:,}")
    rate = median(sum(run.requests.values()) / (run.cpu_seconds - base) for run in runs)
    yield at_least("requests per CPU second", rate, STORY_REQUESTS)


def startup(options: Options) -> Iterator[Row]:
    """Time commands that read nothing or little."""
    with SandboxProcess("--tasks", "100") as asana:
        files = {"config": config(asana)}
        reads = {**files, "catalog": catalog("workspaces")}
        for command, most, given in (
            ("spec", SPEC_SECONDS, {}),
            ("check", None, files),
            ("discover", DISCOVER_SECONDS, files),
            ("read", None, reads),
        ):
            runs = [process.run(PACED_CONNECTOR, command, given).must() for _ in range(5)]
            seconds, cpu = median(r.seconds for r in runs), median(r.cpu_seconds for r in runs)
            what = f"{command}, wall clock" + (" (one stream, 2 records)" if given is reads else "")
            yield (
                at_most(what, seconds, most, " s", digits=2)
                if most
                else Row(what, f"{seconds:.2f} s")
            )
            yield Row(f"{command}, CPU", f"{cpu:.2f} s")
    del options
