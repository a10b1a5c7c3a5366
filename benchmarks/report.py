"""Figures next to their targets: on the screen, and in docs/performance.md."""

import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.process import ROOT

PAGE = ROOT / "docs" / "performance.md"
HEAD = ("measured", "figure", "target", "holds")


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: what was measured.
        figure: the value with its unit.
        target: what it must be, empty for a figure that is only shown.
        holds: whether it is, None without a target.
    """

    what: str
    figure: str
    target: str = ""
    holds: bool | None = None

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Return the row of a table."""
        words = {None: "", True: "yes", False: "**no**"}
        return (self.what, self.figure, self.target, words[self.holds])


def at_least(what: str, value: float, least: float, unit: str = "", *, digits: int = 0) -> Row:
    """Return a row whose figure must not be below `least`."""
    figure, target = f"{value:,.{digits}f}{unit}", f"at least {least:,g}{unit}"
    return Row(what, figure, target, value >= least)


def at_most(what: str, value: float, most: float, unit: str = "", *, digits: int = 0) -> Row:
    """Return a row whose figure must not be above `most`."""
    figure, target = f"{value:,.{digits}f}{unit}", f"at most {most:,g}{unit}"
    return Row(what, figure, target, value <= most)


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show(name: str, rows: Sequence[Row]) -> None:
    """Print the table of one measurement."""
    table = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    say(f"\n{name}")
    for row in table:
        cells = zip(row, widths, strict=True)
        say("  " + "  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip())


def markdown(rows: Iterable[Row]) -> str:
    """Return the table in Markdown."""
    lines = [HEAD, ("---", "---:", "---:", "---"), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write(name: str, rows: Iterable[Row]) -> None:
    """Replace the section of one measurement in docs/performance.md, between its markers."""
    text = PAGE.read_text("utf-8")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    today = f"{datetime.now(tz=UTC):%Y-%m-%d}"
    python = platform.python_version()
    where = f"{today}, {os.cpu_count()} cores ({platform.machine()}), Python {python}"
    section = f"{begin}\n{markdown(rows)}\n\n{where}.\n{end}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        message = f"{PAGE} has no section {name}"
        raise LookupError(message)
    PAGE.write_text(pattern.sub(lambda _: section, text), "utf-8")
