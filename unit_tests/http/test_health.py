"""One failing request, or an outage?"""

from __future__ import annotations

from typing import Any

import pytest

from source_asana.http.health import UNEXAMINED, Health, Streak


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_lasts_from_its_first_failure_on() -> None:
    clock = Clock()
    health = Health(clock)
    clock.now = 100.0
    assert health.failed() == 0.0
    clock.now = 107.0
    assert health.failed() == 7.0


@pytest.mark.parametrize("end", [Health.succeeded, Health.alive])
def test_any_sensible_answer_ends_an_outage(end: Any) -> None:
    clock = Clock()
    health = Health(clock)
    health.failed()
    clock.now = 50.0
    end(health)
    clock.now = 60.0
    assert health.failed() == 0.0


def test_a_rate_limit_is_no_success() -> None:
    clock = Clock()
    health = Health(clock)
    health.alive()
    assert health.last_success == float("-inf")
    clock.now = 5.0
    health.succeeded()
    assert health.last_success == 5.0


def streak() -> tuple[Streak, Health, Clock]:
    clock = Clock()
    health = Health(clock)
    return Streak(health), health, clock


def test_others_succeed_where_one_did_since_the_failure_before() -> None:
    failures, health, clock = streak()
    found = []
    for now, succeeds in enumerate([True, True, False, True]):
        clock.now = float(now)
        found.append(failures.add(clock.now, lambda: False))
        clock.now += 0.5
        if succeeds:
            health.succeeded()

    assert found == [False, True, True, False]


@pytest.mark.parametrize("answers", [True, False])
def test_asana_is_asked_where_nobody_else_can_tell(*, answers: bool) -> None:
    failures, _, _ = streak()
    asked: list[float] = []

    def ask() -> bool:
        asked.append(failures.count)
        return answers

    found = [failures.add(float(now), ask) for now in range(UNEXAMINED + 2)]

    assert found == [False] * UNEXAMINED + [answers] * 2
    assert asked == [UNEXAMINED + 1, UNEXAMINED + 2]


def test_a_streak_lasts_from_its_first_failure_on() -> None:
    failures, _, _ = streak()
    assert failures.lasts(5.0) == 0.0
    for now in (10.0, 12.0):
        failures.add(now, lambda: False)

    assert failures.lasts(15.0) == 5.0
