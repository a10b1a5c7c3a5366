"""How much of a quota is used, and how many requests are refused, in real time.

The connector runs as it is, against sandboxes with a sliding quota and delayed answers; it is
stopped when enough was seen. What was answered is read from the sandbox's log every second.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter

from benchmarks import process
from benchmarks.common import PACED_CONNECTOR, TASK_STREAMS, Options, catalog, config
from benchmarks.report import Row, at_least, at_most
from tools.sandbox_process import SandboxProcess

TASKS = 20_000
PAID, FREE, UNKNOWN = 1500, 150, 600
SHARE = 0.95
# The connector's default number of workers: no more can be under way when the first is refused.
IN_FLIGHT = 20
MINUTE = 60.0
OTHERS_PATH = "/users/{user_gid}"
OTHERS_TIMEOUT_SECONDS = 30.0
OTHERS_AT_ONCE = 40


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        name: what it shows.
        quota: requests a minute that the sandbox allows. latency_ms: of every answer.
        told: `requests_per_minute` of the configuration; None leaves it out.
        others: requests a minute that another client of the same token sends.
        settled: seconds until the connector must know the quota.
        refused: the most refused requests until then; after it there may be none. None: not held.
        share: the least share of the quota that must be used; None: not held.
    """

    name: str
    quota: int
    latency_ms: int
    told: int | None = None
    others: int = 0
    settled: float = MINUTE
    refused: int | None = 0
    share: float | None = SHARE


CASES = (
    *(Case(f"{PAID} a minute, {ms} ms", PAID, ms) for ms in (50, 200, 300)),
    Case(f"{PAID} a minute, 800 ms, 20 workers", PAID, 800, share=None),
    *(Case(f"{FREE} a minute, {ms} ms", FREE, ms, told=FREE) for ms in (50, 300)),
    Case(f"{UNKNOWN} a minute, not known, 200 ms", UNKNOWN, 200, settled=120, refused=IN_FLIGHT),
    Case(f"{FREE} a minute, not known, 200 ms", FREE, 200, settled=120, refused=IN_FLIGHT),
    Case(
        f"{PAID} a minute, another client takes half, 200 ms",
        PAID,
        200,
        others=PAID // 2,
        refused=None,
        share=None,
    ),
)


@dataclass(frozen=True)
class Counts:
    """What a sandbox had answered at one moment.

    Attributes:
        seconds: since the start. passed, refused: the connector's requests. others: those of the
            other client that passed; others_refused: the rest of them.
    """

    seconds: float
    passed: int
    refused: int
    others: int
    others_refused: int


@dataclass(frozen=True)
class Seen:
    """One finished run: the counts over time, and what went wrong."""

    counts: list[Counts]
    problem: str
    in_flight: int

    def between(self, begin: float, end: float) -> tuple[Counts, Counts]:
        """Return the first counts from each of two moments on."""
        first = next(count for count in self.counts if count.seconds >= begin)
        return first, next(count for count in self.counts if count.seconds >= end)


def quota(options: Options) -> Iterator[Row]:
    """Run every case, several at once: they wait most of the time."""
    with ThreadPoolExecutor(options.together) as pool:
        for case, seen in zip(
            CASES, pool.map(lambda case: _watch(case, options.minutes), CASES), strict=True
        ):
            yield from _rows(case, seen)


def _watch(case: Case, minutes: float) -> Seen:
    """Read the task streams for that long."""
    arguments = {
        "--tasks": TASKS,
        "--requests-per-minute": case.quota,
        "--latency-ms": case.latency_ms,
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    with SandboxProcess(*words) as asana, tempfile.TemporaryDirectory() as folder:
        settings = {"requests_per_minute": case.told} if case.told else {}
        files = {
            "config": config(asana, **settings),
            "catalog": catalog(*TASK_STREAMS, incremental=True),
        }
        child = process.start(PACED_CONNECTOR, "read", folder, files)
        over = threading.Event()
        threads = [threading.Thread(target=child.finish)]
        if case.others:
            threads.append(threading.Thread(target=_other_client, args=[asana, case.others, over]))
        for thread in threads:
            thread.start()
        counts, began = [_counted(asana, 0.0)], time.monotonic()
        while threads[0].is_alive() and counts[-1].seconds < MINUTE * minutes:
            time.sleep(1.0)
            counts.append(_counted(asana, time.monotonic() - began))
        ended = not threads[0].is_alive()
        child.stop()
        over.set()
        for thread in threads:
            thread.join()
        problem = "; ".join(child.run.errors) or ("it ended before its time" if ended else "")
        return Seen(counts, problem, int(asana.get("max-inflight")["max_in_flight"]))


def _counted(asana: SandboxProcess, seconds: float) -> Counts:
    templates = dict(asana.get("log-summary")["templates"])
    others = templates.pop(OTHERS_PATH, {})
    passed = sum(statuses.get("200", 0) for statuses in templates.values())
    refused = sum(statuses.get("429", 0) for statuses in templates.values())
    return Counts(seconds, passed, refused, others.get("200", 0), others.get("429", 0))


def _other_client(asana: SandboxProcess, per_minute: int, over: threading.Event) -> None:
    """Send small requests evenly, whatever is answered."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=OTHERS_AT_ONCE))  # ignore-https-check
    headers = {"Authorization": f"Bearer {asana.token}"}

    def ask() -> None:
        session.get(f"{asana.url}/users/me", headers=headers, timeout=OTHERS_TIMEOUT_SECONDS)

    with ThreadPoolExecutor(OTHERS_AT_ONCE) as pool:
        due = time.monotonic()
        while not over.is_set():
            due += MINUTE / per_minute
            pool.submit(ask)
            over.wait(max(0.0, due - time.monotonic()))


def _rows(case: Case, seen: Seen) -> Iterator[Row]:
    end = seen.counts[-1].seconds
    first, last = seen.between(min(case.settled, end / 2), end)
    minutes = (last.seconds - first.seconds) / MINUTE
    passed = last.passed - first.passed
    share = passed / (case.quota * minutes)
    what = f"{case.name}: share used, minutes {first.seconds / MINUTE:.1f} to {end / MINUTE:.1f}"
    if case.share:
        yield at_least(what, 100 * share, 100 * case.share, " %", digits=1)
    elif not case.others:
        yield Row(what, f"{100 * share:.1f} %")
    else:
        others = last.others - first.others
        both = (passed + others) / (case.quota * minutes)
        yield Row(what, f"{100 * share:.1f} %, with the other {100 * both:.1f} %")
        refused = last.others_refused - first.others_refused
        yield Row(f"{case.name}: the other's refused", f"{refused:,} of {refused + others:,}")
    at_first, later = first.refused, last.refused - first.refused
    if case.refused is None:
        yield Row(f"{case.name}: refused", f"{last.refused:,} of {last.refused + last.passed:,}")
    else:
        yield at_most(f"{case.name}: refused at first", at_first, case.refused)
        yield at_most(f"{case.name}: refused after that", later, 0)
    if seen.problem:
        yield Row(f"{case.name}: problem", seen.problem, "none", holds=False)
