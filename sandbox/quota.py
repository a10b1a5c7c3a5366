"""Rate limits: sliding minutes per token, separate ones for searches, and requests in flight.

Source: Asana's page "Rate limits". Windows are minutes but evaluated more often, rejected requests
count, and a 429 carries Retry-After. How long Retry-After is when the window is full is not
documented; here it is the time until the next request would pass, and at least 1 s.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from sandbox.refusals import ApiError

if TYPE_CHECKING:
    from sandbox.server_time import Clock

WINDOW_SECONDS = 60.0


class Window:
    """At most `limit` requests in any minute, including rejected ones."""

    def __init__(self, limit: int) -> None:
        """Start empty."""
        self.limit = limit
        self.times: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Count a request at `now` and return the seconds to wait, which are 0 if it passes."""
        while self.times and self.times[0] <= now - WINDOW_SECONDS:
            self.times.popleft()
        self.times.append(now)
        if len(self.times) <= self.limit:
            return 0.0
        return self.times[-self.limit] + WINDOW_SECONDS - now


class Quota:
    """The limits of one server, None where there is none; all may be changed while it runs."""

    def __init__(self, clock: Clock) -> None:
        """Start without limits."""
        self.clock = clock
        self.requests_per_minute: int | None = None
        self.searches_per_minute: int | None = None
        self.concurrent: int | None = None
        self.retry_after = True
        self.in_flight = 0
        self.most_in_flight = 0
        self.windows: dict[tuple[str, str], Window] = {}

    def refuse(self, wait: float) -> ApiError:
        """Return the 429 with its Retry-After, unless that is switched off."""
        seconds = str(max(1, math.ceil(wait)))
        headers = {"Retry-After": seconds} if self.retry_after else {}
        return ApiError(429, "You have made too many requests recently.", headers=headers)

    def check(self, token: str, *, search: bool) -> None:
        """Count one request of `token` and refuse it with a 429 if it exceeds a limit."""
        if self.concurrent is not None and self.in_flight > self.concurrent:
            raise self.refuse(1.0)
        limits = [("all", self.requests_per_minute)]
        if search:
            limits.append(("search", self.searches_per_minute))
        wait = 0.0
        for name, limit in limits:
            if limit is None:
                continue
            window = self.windows.setdefault((token, name), Window(limit))
            window.limit = limit
            wait = max(wait, window.wait(self.clock.now()))
        if wait > 0:
            raise self.refuse(wait)

    def reset(self) -> None:
        """Forget what was counted."""
        self.windows.clear()
        self.most_in_flight = self.in_flight
