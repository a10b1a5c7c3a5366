"""Instants as texts and numbers, and the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from source_asana.http.clock import ServerClock, from_millis, to_millis

settings.register_profile("components", deadline=None, derandomize=True, max_examples=50)
MOMENTS = st.datetimes(
    min_value=datetime.fromisoformat("2005-01-01"),
    max_value=datetime.fromisoformat("2100-01-01"),
    timezones=st.timezones(),
)


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2026-03-29T01:00:00.001Z", 1774746000001),
        ("2026-03-29T01:00:00Z", 1774746000000),
        ("2026-03-29T03:00:00+02:00", 1774746000000),
        ("2026-03-28T20:00:00-05:00", 1774746000000),
        ("2026-03-29T01:00:00", 1774746000000),
        # A bound must never be later than the stamp: what is finer than a millisecond is cut.
        ("2026-03-29T01:00:00.001999Z", 1774746000001),
        ("2026-03-29", 1774742400000),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_to_millis(text: str | None, millis: int | None) -> None:
    assert to_millis(text) == millis


@settings(settings.get_profile("components"))
@given(moment=MOMENTS)
def test_millis_and_back(moment: datetime) -> None:
    millis = to_millis(moment.isoformat())
    assert millis is not None
    assert to_millis(from_millis(millis)) == millis
    left_out = moment - datetime(1970, 1, 1, tzinfo=UTC) - timedelta(milliseconds=millis)
    assert timedelta(0) <= left_out < timedelta(milliseconds=1)


@settings(settings.get_profile("components"))
@given(one=st.integers(0, 4_000_000_000_000), other=st.integers(0, 4_000_000_000_000))
def test_texts_are_ordered_as_the_instants_are(one: int, other: int) -> None:
    assert (from_millis(one) < from_millis(other)) == (one < other)


def answered(clock: ServerClock, date: str) -> int | None:
    clock.observe({"Date": date})
    return clock.instant()


def test_before_the_first_answer_there_is_no_bound() -> None:
    clock = ServerClock()
    assert clock.instant() is None
    clock.observe({})
    assert clock.instant() is None
    assert answered(clock, "yesterday") is None


def test_the_bound_is_a_second_before_the_latest_answer() -> None:
    clock = ServerClock()
    assert answered(clock, "Sun, 29 Mar 2026 01:00:00 GMT") == 1774745999000
    assert answered(clock, "Sun, 29 Mar 2026 01:00:07 GMT") == 1774746006000
    assert answered(clock, "Sun, 29 Mar 2026 01:00:03 GMT") == 1774746006000
    assert answered(clock, "broken") == 1774746006000
    assert answered(clock, "Sun, 29 Mar 99999999999 01:00:00 GMT") == 1774746006000
    assert answered(clock, "Sun, 29 Mar 2026 03:00:08 +0200") == 1774746007000
    # Obsolete form without a zone: it is GMT all the same.
    assert answered(clock, "Sun Mar 29 01:00:09 2026") == 1774746008000


@settings(settings.get_profile("components"))
@given(moment=MOMENTS, ours=MOMENTS)
def test_our_own_clock_and_zone_do_not_count(moment: datetime, ours: datetime) -> None:
    date = format_datetime(moment.astimezone(UTC), usegmt=True)
    with freeze_time(ours.astimezone(UTC), tz_offset=-5):
        bound = answered(ServerClock(), date)
    assert bound == to_millis(moment.replace(microsecond=0).isoformat()) - 1000  # type: ignore[operator]


@settings(settings.get_profile("components"))
@given(moment=MOMENTS, after=st.integers(0, 999))
def test_what_happens_after_an_answer_is_never_below_its_bound(
    moment: datetime, after: int
) -> None:
    """The header has whole seconds, stamps have milliseconds."""
    changed = moment.astimezone(UTC) + timedelta(milliseconds=after)
    date = format_datetime(moment.astimezone(UTC), usegmt=True)
    bound = answered(ServerClock(), date)
    assert bound is not None
    assert bound <= (to_millis(changed.isoformat()) or 0) - 1000
