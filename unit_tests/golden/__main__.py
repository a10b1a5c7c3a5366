"""Compares the working tree with an earlier commit; ends with 1 and the differences if it differs.

python -m unit_tests.golden [-s SCENARIO] [COMMIT]
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unit_tests.golden.known import BASE, KNOWN
from unit_tests.golden.play import Play, Version
from unit_tests.golden.recording import Lines, canonical
from unit_tests.golden.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
# Several threads read, so that now and then chance decides on a request, with each version.
TRIES = 3


def main() -> int:
    """Play the scenarios with both versions and print how they differ."""
    parser = argparse.ArgumentParser(prog="python -m unit_tests.golden", description=__doc__)
    parser.add_argument("commit", nargs="?", default=BASE)
    parser.add_argument("-s", "--scenario", action="append", choices=SCENARIOS)
    given = parser.parse_args()
    bad: list[str] = []
    # They are differences from that commit only.
    unseen = set(KNOWN if given.commit == BASE else ())
    known = tuple(unseen)
    say("scenario", "syncs", "requests", "known", "other", "s")
    with tempfile.TemporaryDirectory() as folder:
        unpack(given.commit, folder)
        with Version(Path(folder)) as base, Version(ROOT) as tree:
            for name in given.scenario or SCENARIOS:
                began = time.monotonic()
                for _ in range(TRIES):
                    old, new = (SCENARIOS[name].play(*two) for two in ((base, tree), (tree, base)))
                    found = [f"{name} / {one}" for one in compared(old, new)]
                    other = [one for one in found if not any(each.fits(one) for each in known)]
                    if not other:
                        break
                unseen -= {each for each in unseen if any(map(each.fits, found))}
                requests = sum(map(requests_in, new.syncs.values()))
                differ = len(found) - len(other), len(other)
                say(name, len(new.syncs), requests, *differ, round(time.monotonic() - began))
                bad += other
    if not given.scenario:
        bad += [f"known, but not seen: {one.reason}" for one in unseen]
    sys.stdout.writelines(f"{one}\n" for one in bad)
    return bool(bad)


def say(name: str, *cells: object) -> None:
    """Print a row of the table."""
    sys.stdout.write(f"{name:28}{''.join(f'{cell:>9}' for cell in cells)}\n")
    sys.stdout.flush()


def unpack(commit: str, folder: str) -> None:
    """Put the connector of a commit into a folder."""
    command = ["git", "archive", "--format=tar", commit, "source_asana"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603 - git
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def compared(old: Play, new: Play) -> Iterator[str]:
    """Yield how two plays of a scenario differ, always from the base to the tree."""
    for name in (one for one in new.syncs if one not in new.chance):
        yield from differences(name, old.syncs[name], new.syncs[name])
    for name in new.handed:
        yield from differences(f"{name}, from its states", old.syncs[name], old.handed[name])
        yield from differences(f"{name}, from ours", new.handed[name], new.syncs[name])
    for name, value in new.syncs["quiet"].items():
        if name.startswith(("record ", "tombstone ")):
            yield f"quiet / {name}: none -> {text(value)}"


def differences(sync: str, before: Lines, after: Lines) -> Iterator[str]:
    """Yield how the lines of two syncs differ."""
    for name in sorted(before.keys() | after.keys()):
        one, two = before.get(name), after.get(name)
        if one != two:
            yield f"{sync} / {name}: {' -> '.join(map(text, apart(one, two)))}"


def apart(one: Any, two: Any) -> tuple[Any, Any]:
    """Return two values; of records that were sent once, the columns that differ."""
    match one, two:
        case [dict(old)], [dict(new)]:
            names = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
            return tuple({n: d[n] for n in sorted(names & d.keys())} for d in (old, new))  # type: ignore[return-value]
    return one, two


def text(value: Any) -> str:
    """Return a value in a few words; records by their number."""
    match value:
        case None:
            return "none"
        case [dict(), *_]:
            return f"{len(value)} sent"
        case str():
            return value
    return canonical(value)


def requests_in(lines: Lines) -> int:
    """Return how many requests a sync made."""
    return sum(count for name, count in lines.items() if name.startswith("request "))


if __name__ == "__main__":
    sys.exit(main())
