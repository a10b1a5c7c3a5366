"""Time as the server and the process have it.

The server's clock, which stamps the records, and the process's, which paces the requests.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# `Date` has whole seconds: the answer's instant may lie anywhere in its second.
DATE_GRAIN = timedelta(seconds=1)


def to_millis(value: str | None) -> int | None:
    """Return milliseconds since 1970 of an ISO date-time with zone.

    Or None of None or what is no such text.
    """
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_millis(millis: int) -> str:
    """Return the instant as Asana writes it: `2024-01-31T12:00:00.123Z`."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"


class ServerClock:
    """The latest `Date` of all answers so far.

    Bounds are instants of the server's clock, never of ours.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: datetime | None = None

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take the `Date` of an answer; a missing or unreadable one changes nothing."""
        try:
            moment = parsedate_to_datetime(headers["Date"])
        except (KeyError, TypeError, ValueError):
            return
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        with self._lock:
            if self._latest is None or moment > self._latest:
                self._latest = moment

    def bound(self) -> int | None:
        """Return the bound of a listing that starts now, in milliseconds.

        The latest `Date` minus its grain.

        None before the first answer: then no bound may be stored.
        """
        with self._lock:
            latest = self._latest
        return None if latest is None else to_millis((latest - DATE_GRAIN).isoformat())
