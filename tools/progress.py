"""The progress of a read: a bar where somebody watches, else the lines that the connector logs."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from tools import terminal

LOGGED = re.compile(r"Progress: (\d+) records?, (\d+) requests?, ")


@contextmanager
def shown(
    name: str, *, expected: int, seconds: float | None, say: Callable[[str], None]
) -> Iterator[Callable[[str], None]]:
    """Yield what takes the connector's log lines while it reads.

    Args:
        name: of the sync.
        expected: requests by the estimate.
        seconds: after which the read is stopped; None for never.
        say: prints a line where there is no bar.
    """
    if not terminal.is_live():
        yield lambda text: say(f"    {text}") if LOGGED.match(text) else None
        return
    bar = Bar(name, expected, seconds)
    # It disappears at the end.
    with Live(bar, transient=True):
        yield bar.take


class Bar:
    """Requests against the estimate, as rich draws them.

    The connector logs its progress every 30 seconds. Between two lines the bar goes on at the pace
    that the read has had so far; before the first one it only moves.
    """

    def __init__(
        self,
        name: str,
        expected: int,
        seconds: float | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._expected = name, expected
        self._limit = f" of {clock(seconds)}" if seconds is not None else ""
        self._monotonic, self._began = monotonic, monotonic()
        # Records and requests a second, as of the last line.
        self._pace = 0.0, 0.0

    def _seconds(self) -> float:
        return max(1.0, self._monotonic() - self._began)

    def take(self, text: str) -> None:
        """Take a line of the log."""
        if found := LOGGED.match(text):
            seconds = self._seconds()
            records, requests = map(int, found.groups())
            self._pace = records / seconds, requests / seconds

    def __rich__(self) -> Table:
        """Return the bar as of now."""
        seconds = self._seconds()
        records, requests = (round(pace * seconds) for pace in self._pace)
        total = self._expected if requests else None
        said = f"{self._expected} requests to make"
        if requests:
            said = f"{requests}/{self._expected} requests, {records} records, {self._left(seconds)}"
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        row.add_row(
            self._name,
            ProgressBar(total=total, completed=requests),
            f"{said}, {clock(seconds)}{self._limit}",
        )
        return row

    def _left(self, seconds: float) -> str:
        """Return the time left by the estimate, in words."""
        left = self._expected / self._pace[1] - seconds
        if left <= 0:
            return "more than estimated"
        return f"{left / 60:.0f} min left" if left > 90 else f"{left:.0f} s left"


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
