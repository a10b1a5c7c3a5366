"""Reads the server's clock, which stamps the records, off its answers.

The process's own clock only paces requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NewType

# Milliseconds since 1970.
Millis = NewType("Millis", int)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000
# `Date` has whole seconds: the answer's instant may lie anywhere in its second.
DATE_GRAIN_MS = 1000


def to_millis(value: str | None) -> Millis | None:
    """Return the instant of an ISO date-time, in UTC where it names no zone, None of other text."""
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - EPOCH
    # Three times as fast as a division by a timedelta; each record needs it.
    return Millis(since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000)


def from_millis(millis: int) -> str:
    """Return the instant as Asana writes it: `2024-01-31T12:00:00.123Z`."""
    moment = EPOCH + timedelta(milliseconds=millis)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ServerClock:
    """Keeps Asana's time, read off the `Date` of its answers.

    Instants are of this clock, never of the process's.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._date: str | None = None
        self._latest: Millis | None = None
        self._first: tuple[Millis, float] | None = None

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take the `Date` of an answer; a missing or unreadable one changes nothing."""
        date = headers.get("Date")
        # Dozens of answers come with each second's.
        if date == self._date:
            return
        moment = _moment(date)
        if moment is None:
            return
        with self._lock:
            self._date = date
            if self._first is None:
                self._first = (moment, self._monotonic())
            self._latest = max(moment, self._latest or moment)

    @property
    def latest(self) -> Millis | None:
        """The latest `Date` so far, None before the first answer."""
        return self._latest

    def instant(self) -> Millis | None:
        """Return the instant of a listing that begins now: the latest `Date` minus its grain.

        Before the first answer it is None, and nothing may be stored.
        """
        latest = self._latest
        return None if latest is None else Millis(latest - DATE_GRAIN_MS)

    def began(self) -> Millis | None:
        """Return the instant before the first request, None before its answer."""
        return None if self._first is None else Millis(self._first[0] - DATE_GRAIN_MS)

    def now(self) -> Millis:
        """Return the server's time: its first `Date` and the seconds since, else our own time."""
        first = self._first
        if first is None:
            return Millis(int(time.time() * 1000))
        moment, at = first
        return Millis(moment + int((self._monotonic() - at) * 1000))


def _moment(date: str | None) -> Millis | None:
    """Return the instant of a `Date`, in UTC where it names no zone, None if it has none."""
    try:
        return to_millis(parsedate_to_datetime(date or "").isoformat())
    except (OverflowError, TypeError, ValueError):
        return None
