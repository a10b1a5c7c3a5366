"""Paces the requests of the whole process, pauses everyone, and learns the quota from refusals.

The CDK's policies wait per thread, ignore Retry-After in the budget and send a burst at the start
of each window, though Asana counts rejected requests, too. Source: Asana's page "Rate limits" (150
or 1500 a minute per token, evaluated more often than each minute; 50 GET in flight; a cost limit of
unstated size).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import requests
from airbyte_cdk.sources.streams.call_rate import AbstractAPIBudget
from airbyte_cdk.sources.streams.http.error_handlers import ErrorHandler, ResponseAction
from typing_extensions import override

from source_asana.http.errors import retry_after
from source_asana.http.stop import Stop

LOGGER = logging.getLogger("airbyte.source_asana.budget")

PAID_PER_MINUTE = 1500
SEARCHES_PER_MINUTE = 60
FREE_PER_MINUTE = 150
LEAST_PER_MINUTE = 15
WINDOW_SECONDS = 60.0
# Requests do not arrive as evenly as they are sent, so the rate is a little below the quota and the
# window a little longer than Asana's.
SHARE = 0.98
WINDOW_MARGIN = 1.005
SAID_AFTER_SECONDS = 15.0
SAID_EVERY_SECONDS = 30.0
# So many refusals among the last answers prove a lower quota; fewer are faults that pass.
LAST_ANSWERS = 20
ENOUGH = 6
# How long a lowered rate is kept before more is tried again, and how fast that grows.
QUIET_SECONDS = 600.0
RECOVERY_A_MINUTE = 0.10
WORTH_SAYING = 0.95
BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 60.0


class FairSemaphore:
    """Gives out a number of places in the order in which they are asked for.

    A semaphore of the standard library lets in whoever runs just now: a thread that leaves and
    comes back is always quicker than those that wait. The oldest slice of a project would wait for
    hundreds of younger ones, and its instant with it.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        """Wait for a place and take it."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        """Give the place to the one who waits longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class Budget:
    """Hands out permissions to send, evenly and at most `per_minute` in any minute.

    Args:
        per_minute: the quota to start from.
        in_flight: requests under way at once.
        burst: how many may be sent at once after a pause; without it a hundredth of the quota.
        given_up: whether the sync was aborted: then nobody waits any longer, and nothing is sent.
        monotonic, sleep: the process's clock, injected in tests.

    Attributes:
        refusals: how many requests were refused for a rate limit.
        pause: when the last pause that Asana asked for was asked for, and when it ends.
        paused_seconds: how long such pauses took, together.
        is_costly: whether the last refusal looks like the cost limit. It refuses after few
            requests, so that smaller pages help and a lower rate does not.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        in_flight: int = 40,
        burst: float | None = None,
        given_up: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.in_flight = FairSemaphore(in_flight)
        self._monotonic = monotonic
        self._sleep = sleep
        self._given_up = given_up
        self._lock = threading.Lock()
        self._full = float(per_minute)
        self._burst = burst
        self._limit = float(per_minute)
        self._sent: deque[float] = deque()
        self._next = float("-inf")
        self._paused_until = float("-inf")
        self.pause = (0.0, 0.0)
        self.paused_seconds = 0.0
        self.refusals = 0
        self.is_costly = False
        self._backoff = BACKOFF_SECONDS
        # Of the last answers, None for one that was accepted; for a refusal how many requests were
        # sent in the minute before it.
        self._answers: deque[int | None] = deque(maxlen=LAST_ANSWERS)
        self._raise_at = float("inf")
        self._said = float("-inf")

    @property
    def per_minute(self) -> float:
        """The rate kept to at present, requests a minute."""
        with self._lock:
            return self._limit

    def set_quota(self, per_minute: int) -> None:
        """Take a quota that became known (the plan), never above what was configured."""
        with self._lock:
            self._full = min(self._full, float(per_minute))
            self._limit = min(self._limit, self._full)

    def acquire(self) -> float:
        """Wait until a request may be sent, count it, and return the instant that it counts for.

        The instant is in monotonic seconds; it names the request in `rejected`.
        """
        began = self._monotonic()
        while True:
            with self._lock:
                now = self._monotonic()
                wait = self._wait(now)
                if wait <= 0 or self._given_up():
                    self._sent.append(now)
                    pace = WINDOW_SECONDS / (self._limit * SHARE)
                    # What late threads left unused may be caught up with.
                    earliest = now - pace * (self._burst or max(2.0, self._limit / 100))
                    self._next = max(self._next + pace, earliest)
                    return now
                paused = self._paused_until > now
                say = (
                    now - self._said >= SAID_EVERY_SECONDS
                    and now - began + wait >= SAID_AFTER_SECONDS
                    and wait > 2.0
                )
                if say:
                    self._said = now
            if say:
                why = "Asana asked for a pause" if paused else "the request quota is used up"
                LOGGER.info("Waiting %.0f s: %s (%.0f requests a minute).", wait, why, self._limit)
            self._sleep(min(wait, 5.0))

    def _wait(self, now: float) -> float:
        self._recover(now)
        horizon = now - WINDOW_SECONDS * WINDOW_MARGIN
        while self._sent and self._sent[0] <= horizon:
            self._sent.popleft()
        waits = [self._paused_until - now, self._next - now]
        over = len(self._sent) - int(self._limit)
        if over >= 0:
            waits.append(self._sent[over] - horizon)
        return max(waits)

    def accepted(self) -> None:
        """Count an answer other than a rate limit."""
        with self._lock:
            self._backoff = BACKOFF_SECONDS
            self._answers.append(None)

    def rejected(self, sent: float, retry_after: float | None) -> None:
        """Count a 429: everyone pauses, and many of them lower the rate to what was accepted.

        A 429 may be a passing fault, and the quota is not always the plan's, as another client may
        share it. What was accepted in the minute before the first of them is the quota then.

        Args:
            sent: what `acquire` returned for the request.
            retry_after: how many seconds Asana asks to wait, None where it names none.
        """
        with self._lock:
            now = self._monotonic()
            pause = retry_after if retry_after is not None else self._backoff
            if retry_after is None:
                self._backoff = min(LONGEST_BACKOFF_SECONDS, self._backoff * 2)
            self.refusals += 1
            began = max(now, self._paused_until)
            self._paused_until = max(self._paused_until, now + pause)
            self.paused_seconds += max(0.0, self._paused_until - began)
            self.pause = (now, self._paused_until)
            count = self._count_before(sent)
            self.is_costly = count < max(LEAST_PER_MINUTE, 0.06 * self._full)
            if self.is_costly:
                return
            self._answers.append(count)
            refused = [count for count in self._answers if count is not None]
            if len(refused) >= ENOUGH:
                self._lower(min(refused), now)

    def _lower(self, count: int, now: float) -> None:
        self._answers.clear()
        self._raise_at = now + QUIET_SECONDS
        # Answers overtake each other, so the count may be a few too high.
        lowered = max(LEAST_PER_MINUTE, 0.99 * count)
        if lowered >= self._limit:
            return
        # Answers that are still under way may lower it a little further, which is not worth another
        # warning.
        level = logging.INFO if lowered > WORTH_SAYING * self._limit else logging.WARNING
        self._limit = lowered
        LOGGER.log(
            level,
            "Asana refuses requests above its rate limit: going on with %.0f a minute.",
            lowered,
        )

    def _count_before(self, sent: float) -> int:
        """Return how many requests were sent in the minute before `sent`, not counting itself."""
        return sum(1 for moment in self._sent if sent - WINDOW_SECONDS < moment < sent)

    def _recover(self, now: float) -> None:
        if now >= self._raise_at:
            self._limit = min(self._full, self._limit * (1 + RECOVERY_A_MINUTE))
            self._raise_at = now + WINDOW_SECONDS if self._limit < self._full else float("inf")


class Budgets(AbstractAPIBudget):
    """The budgets of all requests, as the CDK's session asks for them.

    With them, a sync at the full quota has no request refused: `python -m benchmarks quota`.

    Args:
        general: every request counts against it.
        narrow: end of a path → a further budget that these requests count against.
        errors: tells a rate limit from other refusals.
        stop: says whether anything is to be sent any more.
    """

    def __init__(
        self, general: Budget, narrow: Mapping[str, Budget], errors: ErrorHandler, stop: Stop
    ) -> None:
        self._general, self._narrow = general, narrow
        self._errors, self._stop = errors, stop
        self._of_this_thread = threading.local()

    def of(self, request: requests.PreparedRequest) -> list[Budget]:
        """Return the budgets of a request, the general one last."""
        path = request.path_url.partition("?")[0]
        narrow = [budget for end, budget in self._narrow.items() if path.endswith(end)]
        return [*narrow, self._general]

    @override
    def get_matching_policy(self, request: Any) -> None:
        return None

    @override
    def acquire_call(self, request: Any, block: bool = True, timeout: float | None = None) -> None:
        self._of_this_thread.sent = self._general.acquire()
        self._stop.check()

    @override
    def update_from_response(self, request: Any, response: Any) -> None:
        budgets = self.of(request)
        if not response.ok and self._errors.interpret_response(response).response_action is (
            ResponseAction.RATE_LIMITED
        ):
            # Asana limits events by themselves: a refusal must not slow down what else is asked.
            budgets[0].rejected(self._of_this_thread.sent, retry_after(response))
            return
        for budget in budgets:
            budget.accepted()
