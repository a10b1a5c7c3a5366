"""The sandbox's own time: real time plus a skew that tests can change."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate


def to_stamp(moment: float) -> str:
    """Return seconds since 1970 as Asana writes them: in UTC, with milliseconds and a Z."""
    whole, millis = divmod(round(moment * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{millis:03d}Z"


def parse_moment(text: str) -> float:
    """Return the seconds since 1970 of a date or date-time, which is UTC if it names no zone.

    Raises:
        ValueError: `text` is neither.
    """
    moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)


class Clock:
    """The server's time, which is `skew` seconds ahead of the real one."""

    def __init__(self, skew: float = 0.0) -> None:
        """Start at real time plus `skew` seconds."""
        self.skew = skew

    def advance(self, seconds: float) -> None:
        """Jump ahead by `seconds`."""
        self.skew += seconds

    def now(self) -> float:
        """Return the seconds since 1970."""
        return time.time() + self.skew

    def stamp(self) -> str:
        """Return the present as Asana writes it."""
        return to_stamp(self.now())

    def date_header(self, ahead: float = 0.0) -> str:
        """Return the text of the `Date` header for a moment `ahead` seconds from now."""
        return formatdate(self.now() + ahead, usegmt=True)
