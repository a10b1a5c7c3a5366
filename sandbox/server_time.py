"""The sandbox's own time: real time plus a skew that tests move."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate


def to_stamp(moment: float) -> str:
    """Return seconds since 1970 as Asana writes them: UTC, milliseconds, Z."""
    whole, millis = divmod(round(moment * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{millis:03d}Z"


def parse_moment(text: str) -> float:
    """Return the seconds since 1970 of a date or date-time; UTC if it names no zone.

    Raises:
        ValueError: `text` is neither.
    """
    moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)


class Clock:
    """Time as the server tells it; `skew` seconds away from the real one."""

    def __init__(self, skew: float = 0.0) -> None:
        """Start at real time plus `skew` seconds."""
        self.skew = skew

    def advance(self, seconds: float) -> None:
        """Move on by `seconds` at once."""
        self.skew += seconds

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.skew

    def stamp(self) -> str:
        """Return now as Asana writes it."""
        return to_stamp(self.now())

    def date_header(self) -> str:
        """Return now for the `Date` header, whole seconds."""
        return formatdate(self.now(), usegmt=True)
