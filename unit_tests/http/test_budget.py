"""The request budget against simulated servers: time stands still but for the waits."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from random import Random

import pytest

from source_asana.http.budget import BACKOFF_SECONDS, LEAST_PER_MINUTE, Budget

Refuses = Callable[[float], float | bool | None]
LATENCY = 0.3
# Between two requests that are sent at once.
MOMENT = 0.0005


class Simulation:
    """A budget, its clock, and a server that refuses what a rule refuses.

    A rule gets the instant of a request; it returns False to accept it, else Retry-After in
    seconds or None. Answers come after `LATENCY`; at most `in_flight` requests are under way.
    """

    def __init__(self, refuses: Refuses, per_minute: int = 1500, *, in_flight: int = 20) -> None:
        """Start at 1000 seconds."""
        self.now = 1000.0
        self.budget = Budget(
            per_minute, in_flight=in_flight, monotonic=lambda: self.now, sleep=self.sleep
        )
        self.refuses = refuses
        self.most = in_flight
        self.sent: list[float] = []
        self.rejected: list[float] = []
        self.costly = 0
        self._under_way: deque[tuple[float, float, float | bool | None]] = deque()

    def sleep(self, seconds: float) -> None:
        """Let time pass; answers come in on the way."""
        until = self.now + max(seconds, 1e-6)
        while self._under_way and self._under_way[0][0] <= until:
            self.answer()
        self.now = until

    def answer(self) -> None:
        """Take the next answer."""
        due, sent, verdict = self._under_way.popleft()
        self.now = max(self.now, due)
        if verdict is False:
            self.budget.accepted()
        else:
            self.rejected.append(sent)
            pause = None if verdict is None else float(verdict)
            self.budget.rejected(sent, pause)
            self.costly += self.budget.is_costly

    def run(self, seconds: float) -> int:
        """Send as much as the budget allows for that long; return how many were accepted."""
        until, before = self.now + seconds, len(self.sent) - len(self.rejected)
        while self.now < until:
            while len(self._under_way) >= self.most:
                self.answer()
            sent = self.budget.acquire()
            self.sent.append(sent)
            self._under_way.append((self.now + LATENCY, sent, self.refuses(self.now)))
            self.now += MOMENT
        return len(self.sent) - len(self.rejected) - before

    def rejections_since(self, moment: float) -> int:
        """Return how many requests sent since then were refused."""
        return sum(sent >= moment for sent in self.rejected)


def never(now: float) -> bool:
    """Refuse nothing."""
    del now
    return False


class Quota:
    """A sliding minute, rejected requests included, as Asana counts; says how long to wait."""

    def __init__(self, limit: int, *, retry_after: bool = True) -> None:
        """Allow `limit` requests in any minute."""
        self.limit = limit
        self.retry_after = retry_after
        self.times: deque[float] = deque()

    def __call__(self, now: float) -> float | bool | None:
        """Judge one request."""
        while self.times and self.times[0] <= now - 60:
            self.times.popleft()
        self.times.append(now)
        if len(self.times) <= self.limit:
            return False
        return max(1.0, self.times[-self.limit] + 60 - now) if self.retry_after else None


class Sometimes:
    """Refuse a share of the requests, whatever their number."""

    def __init__(self, share: float, retry_after: float | None, seed: int = 1) -> None:
        """Refuse that share."""
        self.random = Random(seed)  # noqa: S311 - reproducible
        self.share = share
        self.retry_after = retry_after

    def __call__(self, now: float) -> float | bool | None:
        """Judge one request."""
        del now
        return self.retry_after if self.random.random() < self.share else False


def most_in(times: list[float], seconds: float) -> int:
    """Return the most instants in any span of that length."""
    best, start = 0, 0
    for end, moment in enumerate(times):
        while times[start] <= moment - seconds:
            start += 1
        best = max(best, end - start + 1)
    return best


@pytest.mark.parametrize("per_minute", [15, 60, 150, 1500])
def test_no_minute_has_more_than_the_quota_and_hardly_less(per_minute: int) -> None:
    simulation = Simulation(never, per_minute)
    simulation.run(600)
    assert most_in(simulation.sent, 60) <= per_minute
    assert len(simulation.sent) >= 10 * per_minute * 0.95


def test_requests_are_spread_evenly() -> None:
    simulation = Simulation(never, 1500)
    simulation.run(120)
    assert most_in(simulation.sent, 1) <= 1500 / 60 + 1500 / 100 + 1


def test_a_late_start_is_caught_up_with_in_a_small_burst_only() -> None:
    simulation = Simulation(never, 1500)
    simulation.run(10)
    simulation.now += 30
    start = simulation.now
    simulation.run(2)
    at_once = [moment for moment in simulation.sent if start <= moment <= start + 0.01]
    assert 2 <= len(at_once) <= 17


def test_a_quota_that_is_known_is_never_met() -> None:
    simulation = Simulation(Quota(1500), 1500)
    accepted = simulation.run(900)
    assert simulation.rejected == []
    assert accepted >= 15 * 1500 * 0.96


@pytest.mark.parametrize("retry_after", [True, False])
def test_a_lower_quota_is_learnt_from_one_batch_of_refusals(retry_after: bool) -> None:  # noqa: FBT001
    simulation = Simulation(Quota(150, retry_after=retry_after), 1500)
    simulation.run(300)
    assert 2 <= len(simulation.rejected) <= 20
    assert simulation.budget.per_minute == pytest.approx(150, rel=0.05)
    since = simulation.now
    accepted = simulation.run(300)
    assert simulation.rejections_since(since) == 0
    assert accepted >= 5 * 150 * 0.9
    assert simulation.costly == 0


def test_answers_that_were_under_way_bring_no_second_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    simulation = Simulation(never, 1500)
    sent = [simulation.budget.acquire() for _ in range(160)]
    for moment in sent[150:] + sent[144:150]:
        simulation.budget.rejected(moment, 30.0)
    assert simulation.budget.per_minute < 145
    said = [r.levelname for r in caplog.records if "refuses requests above" in r.message]
    assert said == ["WARNING", "INFO"]


def test_a_quota_shared_with_others_is_shared() -> None:
    simulation = Simulation(Quota(700), 1500)
    simulation.run(1200)
    assert simulation.budget.per_minute == pytest.approx(700, rel=0.1)
    # A little more is tried again from time to time.
    assert len(simulation.rejected) <= 90
    assert len(simulation.sent) >= 20 * 700 * 0.85


def test_the_rate_recovers_when_the_quota_does() -> None:
    quota = Quota(300)
    simulation = Simulation(quota, 1500)
    simulation.run(90)
    assert simulation.budget.per_minute == pytest.approx(300, rel=0.05)
    quota.limit = 1500
    simulation.run(500)
    assert simulation.budget.per_minute < 310
    simulation.run(1500)
    assert simulation.budget.per_minute == 1500
    assert len(simulation.rejected) <= 20


@pytest.mark.parametrize(("share", "retry_after"), [(0.01, 1.0), (0.05, 1.0), (0.05, None)])
def test_rare_refusals_lower_nothing(share: float, retry_after: float | None) -> None:
    for seed in range(5):
        simulation = Simulation(Sometimes(share, retry_after, seed), 1500)
        simulation.run(300)
        assert simulation.budget.per_minute == 1500, seed


def test_a_lone_refusal_pauses_everyone_for_as_long_as_asana_says() -> None:
    simulation = Simulation(never, 1500)
    simulation.run(60)
    sent = simulation.budget.acquire()
    refused_at = simulation.now
    simulation.budget.rejected(sent, 30.0)
    assert not simulation.budget.is_costly
    assert simulation.budget.acquire() >= refused_at + 30
    assert simulation.budget.per_minute == 1500


def test_a_shorter_pause_ends_no_longer_one() -> None:
    simulation = Simulation(never, 1500)
    refused_at = simulation.now
    simulation.budget.rejected(simulation.budget.acquire(), 30.0)
    simulation.budget.rejected(refused_at, 1.0)
    assert simulation.budget.acquire() >= refused_at + 30


def test_without_retry_after_pauses_double_up_to_a_minute() -> None:
    simulation = Simulation(never, 1500)
    pauses = []
    for _ in range(7):
        sent = simulation.budget.acquire()
        before = simulation.now
        simulation.budget.rejected(sent, None)
        simulation.budget.acquire()
        pauses.append(round(simulation.now - before))
    assert pauses == [2, 4, 8, 16, 32, 60, 60]
    simulation.budget.accepted()
    sent = simulation.budget.acquire()
    before = simulation.now
    simulation.budget.rejected(sent, None)
    simulation.budget.acquire()
    assert simulation.now - before == pytest.approx(BACKOFF_SECONDS, abs=0.1)


def test_a_refusal_after_few_requests_is_the_cost_limit() -> None:
    simulation = Simulation(never, 1500)
    sent = [simulation.budget.acquire() for _ in range(20)]
    for moment in (sent[-1], sent[-2]):
        simulation.budget.rejected(moment, 5.0)
        assert simulation.budget.is_costly
    assert simulation.budget.per_minute == 1500


def test_the_rate_has_a_floor() -> None:
    simulation = Simulation(Quota(3), 60)
    simulation.run(600)
    assert simulation.budget.per_minute >= LEAST_PER_MINUTE


def test_a_plan_that_becomes_known_caps_the_rate_and_raises_none() -> None:
    budget = Budget(1500)
    budget.set_quota(150)
    assert budget.per_minute == 150
    budget.set_quota(1500)
    assert budget.per_minute == 150


def test_a_long_wait_is_said_once_in_thirty_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    simulation = Simulation(never, 1500)
    simulation.run(1)
    simulation.budget.rejected(simulation.budget.acquire(), 100.0)
    simulation.budget.acquire()
    said = [record.message for record in caplog.records]
    assert said[0] == "Waiting 100 s: Asana asked for a pause (1500 requests a minute)."
    assert 3 <= len(said) <= 4


def test_a_short_wait_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    simulation = Simulation(never, 1500)
    simulation.budget.rejected(simulation.budget.acquire(), 10.0)
    simulation.budget.acquire()
    assert caplog.records == []


def test_nobody_waits_when_the_sync_is_over() -> None:
    simulation = Simulation(never, 1500)
    simulation.budget.rejected(simulation.budget.acquire(), 3000.0)
    simulation.budget._given_up = lambda: True
    before = simulation.now
    simulation.budget.acquire()
    assert simulation.now == before


def test_a_burst_of_its_own() -> None:
    simulation = Simulation(never)
    simulation.budget = Budget(
        60, burst=10, monotonic=lambda: simulation.now, sleep=simulation.sleep
    )
    simulation.budget.acquire()
    simulation.now += 100
    start = simulation.now
    times = [simulation.budget.acquire() for _ in range(20)]
    assert 10 <= sum(moment == start for moment in times) <= 12
    assert times[-1] - start > 7
