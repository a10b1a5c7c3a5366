"""One failing request, or an outage?"""

from __future__ import annotations

from source_asana.http.tries import ANSWERED, Streak


def test_a_streak_lasts_from_its_first_failure_on() -> None:
    failures = Streak(12, 600.0)
    lasted = []
    for now in (10.0, 12.0, 15.0):
        failures.add(now)
        lasted.append(failures.lasts)
    assert lasted == [0.0, 2.0, 5.0]
    assert failures.count == 3
    assert failures.before == 12.0


def test_only_many_failures_while_others_were_answered_are_its_own() -> None:
    failures = Streak(4, 600.0)
    outage, since = [False] * 5, [True] * ANSWERED
    found = []
    for answers in outage + since:
        failures.add(1.0)
        found.append(failures.is_alone(answers=answers))
    assert found == [False] * (len(outage) + ANSWERED - 1) + [True]
