"""`python -m benchmarks [names]`: measure, print, write the figures into docs/performance.md."""

import argparse
from collections.abc import Callable, Iterator, Mapping

from benchmarks import chart, export, ledger, memory, quota, requests, rivals, speed
from benchmarks.common import Options
from benchmarks.report import Row, say, show, write

MEASUREMENTS: Mapping[str, Callable[[Options], Iterator[Row]]] = {
    "paired": speed.paired,
    "stories": speed.stories,
    "startup": speed.startup,
    "requests": requests.requests,
    "memory": memory.memory,
    "index": memory.index,
    "export": export.export,
    "ledger": ledger.ledger,
    "quota": quota.quota,
    "memory-large": memory.memory_large,
    "rivals": rivals.rivals,
}
# These take from ten minutes to an hour: they run when they are named.
LONG = frozenset({"export", "memory-large", "quota", "rivals"})


def main() -> None:
    """Run the measurements that were named, all quick ones without names."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    default = Options()
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MEASUREMENTS))
    parser.add_argument("--tasks", type=int, default=default.tasks, help="for requests, rivals")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="for paired, stories")
    parser.add_argument("--minutes", type=float, default=default.minutes, help="for quota")
    parser.add_argument("--together", type=int, default=default.together, help="for quota")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    names = options.names or [name for name in MEASUREMENTS if name not in LONG]
    if unknown := set(names) - MEASUREMENTS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    chosen = Options(options.tasks, options.rounds, options.minutes, options.together)
    failed = False
    for name in names:
        say(f"measuring {name} ...")
        rows = list(MEASUREMENTS[name](chosen))
        show(name, rows)
        failed |= any(row.holds is False for row in rows)
        if not options.no_write:
            write(name, rows)
        if name == "rivals" and not options.no_write:
            chart.write(rows)
    parser.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
