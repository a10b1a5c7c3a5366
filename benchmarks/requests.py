"""Requests sent, next to the fewest that the world needs."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from benchmarks import minimum, process
from benchmarks.common import CONNECTOR, TASK_STREAMS, Options, catalog, config
from benchmarks.report import Row
from tools.sandbox_process import SandboxProcess

STREAMS = ("projects", *TASK_STREAMS)
CHANGES = (0.0, 0.1, 1.0, 5.0)
FULL_FACTOR, SEARCH_FACTOR, ALLOWANCE = 1.02, 1.1, 5
# By events, on a plan without search, as a part of what listings take to find tasks.
EVENTS_SHARE = 0.3
ENOUGH_LISTINGS = 1000
# Beyond the overlap of searches, so that a sync searches its own changes only.
BETWEEN_SECONDS = 1800
# Full scans are no part of what is compared: as rare as they may be.
SCAN_HOURS = 8760
# What a changed task's own records are found in.
FOUND_IN = ("tasks", "subtasks")


@dataclass
class Syncs:
    """One sandbox, synced again and again."""

    asana: SandboxProcess
    mode: str
    state: list[process.Json]
    streams: tuple[str, ...] = STREAMS

    def sync(self) -> tuple[process.Run, int]:
        """Read from the last state; return the run and the requests that the sandbox counted."""
        self.asana.post("clock", {"advance": BETWEEN_SECONDS})
        self.asana.post("reset")
        settings = config(
            self.asana, change_detection=self.mode, full_scan_interval_hours=SCAN_HOURS
        )
        files = {
            "config": settings,
            "catalog": catalog(*self.streams, incremental=True),
            "state": self.state,
        }
        run = process.run(CONNECTOR, "read", files, keep_gids=True).must()
        self.state = list(run.states.values())
        return run, int(self.asana.get("log-summary")["total"])


def requests(options: Options) -> Iterator[Row]:
    """Read everything, then change some tasks and read again, in each way that finds changes."""
    for mode in ("listing", "search", "auto"):
        with SandboxProcess("--tasks", str(options.tasks)) as asana:
            syncs = Syncs(asana, mode, [])
            world = minimum.look(asana)
            _, sent = syncs.sync()
            if mode == "listing":
                yield _row(f"{options.tasks:,} tasks, full read", sent, world.full(), FULL_FACTOR)
            for percent in CHANGES:
                yield from _changed(syncs, percent)
    yield from _without_search(options)


def _without_search(options: Options) -> Iterator[Row]:
    """Find changes on a free plan, by listings and by events."""
    found: dict[tuple[str, float], int] = {}
    for mode in ("listing", "events"):
        with SandboxProcess("--tasks", str(options.tasks), "--plan", "free") as asana:
            syncs = Syncs(asana, mode, [], ("tasks", "subtasks"))
            syncs.sync()
            for percent in CHANGES:
                changed = asana.post("change", {"percent": percent})["gids"] if percent else []
                run, found[mode, percent] = syncs.sync()
                if mode == "events":
                    what = f"free plan, events, {percent:g} % changed ({len(changed)})"
                    yield _share(what, found[mode, percent], found["listing", percent])
                    # What is below a task in no project waits for the full scan.
                    missed = len(set(changed) - set().union(*run.gids.values()))
                    where = ", below tasks in no project" if missed else ""
                    yield Row(f"{what}: changed tasks", f"{missed} missed{where}")


def _share(what: str, sent: int, by_listing: int) -> Row:
    """Return the row of a sync by events; a small world has too few listings to save any."""
    figure, beside = f"{sent:,}", f"{by_listing:,} by listings"
    if by_listing < ENOUGH_LISTINGS:
        return Row(f"{what}: requests", f"{figure}, {beside}")
    most = int(EVENTS_SHARE * by_listing)
    target = f"{EVENTS_SHARE:g} x {beside} = {most:,}"
    return Row(f"{what}: requests", figure, target, sent <= most)


def _changed(syncs: Syncs, percent: float) -> Iterator[Row]:
    changed: list[str] = []
    if percent:
        changed = syncs.asana.post("change", {"percent": percent})["gids"]
    world = minimum.look(syncs.asana)
    run, sent = syncs.sync()
    what = f"{syncs.mode}, {percent:g} % changed ({len(changed)} tasks and subtasks)"
    if syncs.mode == "search":
        yield _row(what, sent, world.by_search(changed), SEARCH_FACTOR)
    elif syncs.mode == "auto":
        events = world.projects.total()
        yield _row(what, sent, world.by_search(changed) + events, SEARCH_FACTOR)
    else:
        yield _row(what, sent, world.by_listing(changed), FULL_FACTOR)
    yield _missed(what, run, world.tasks & set(changed))


def _row(what: str, sent: int, fewest: int, factor: float) -> Row:
    most = int(factor * fewest) + ALLOWANCE
    target = f"{factor:g} x {fewest:,} + {ALLOWANCE} = {most:,}"
    return Row(f"{what}: requests", f"{sent:,}", target, sent <= most)


def _missed(what: str, run: process.Run, changed: Collection[str]) -> Row:
    sent: set[str] = set().union(*(run.gids.get(stream, set()) for stream in FOUND_IN))
    missed, more = len(set(changed) - sent), len(sent - set(changed))
    figure = f"{missed} missed" + (f", {more} unchanged sent" if more else "")
    return Row(f"{what}: changed tasks", figure, "0 missed", missed == 0)
