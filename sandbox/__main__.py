"""Run a sandbox in a process of its own (`python -m sandbox`), for benchmarks and the demo."""

from __future__ import annotations

import argparse
import gc
import sys
import threading

from sandbox.access import PLANS
from sandbox.sandbox import Sandbox
from sandbox.world import World


def main() -> None:
    """Build the world, listen, print the URL and run until interrupted."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8700, help="0 takes a free one")
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--projects", type=int, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", default=None, help="end of the generated history, a date-time")
    parser.add_argument("--plan", choices=sorted(PLANS), default="paid")
    parser.add_argument("--quota", action="store_true", help="the plan's limits")
    parser.add_argument("--requests-per-minute", type=int, default=None)
    parser.add_argument("--searches-per-minute", type=int, default=None)
    parser.add_argument("--no-retry-after", action="store_true")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--page-ms", type=float, default=0.0, help="more delay for each page")
    parser.add_argument("--search-lag", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--offset-life", type=float, default=900.0, metavar="SECONDS")
    parser.add_argument("--unsteady", action="store_true", help="no two answers are alike")
    options = parser.parse_args()
    world = World.generate(
        options.tasks, projects=options.projects, seed=options.seed, start=options.start
    )
    sandbox = Sandbox(
        world,
        plan=options.plan,
        port=options.port,
        quota=options.quota,
        requests_per_minute=options.requests_per_minute,
        searches_per_minute=options.searches_per_minute,
        retry_after=not options.no_retry_after,
        latency_ms=options.latency_ms,
        page_ms=options.page_ms,
        search_lag=options.search_lag,
        offset_life=options.offset_life,
        unsteady=options.unsteady,
    )
    # The world stays, so keep the garbage collector from walking it again and again.
    gc.freeze()
    with sandbox:
        sys.stdout.write(f"{sandbox.url} token {sandbox.token}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
