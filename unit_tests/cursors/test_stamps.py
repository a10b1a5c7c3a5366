"""`synced_at`: every page an instant of its own, later than all before."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.cursors.sending import Stamp, Stamps
from source_asana.http.clock import Millis

START = 1_774_746_000_000


class Clock:
    """A server's clock that the test sets."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> Millis:
        return Millis(self.now)


def test_a_page_has_the_servers_time() -> None:
    assert Stamps(Clock()).next() == Stamp(Millis(START), "2026-03-29T01:00:00.000Z")


def test_pages_of_one_millisecond_follow_each_other() -> None:
    stamps = Stamps(Clock())

    assert [stamps.next().at - START for _ in range(3)] == [0, 1, 2]
    assert stamps.last == START + 2


@given(times=st.lists(st.integers(0, 2 * START), min_size=2), stored=st.integers(0, 2 * START))
def test_no_stamp_is_at_or_below_one_before_whatever_the_clock_does(
    times: list[int], stored: int
) -> None:
    clock = Clock()
    stamps, given_ = Stamps(clock), [stored]
    stamps.raise_to(Millis(stored))
    for now in times:
        clock.now = now
        stamp = stamps.next()
        assert stamp.at >= now
        given_.append(stamp.at)

    assert all(before < after for before, after in pairwise(given_))


@pytest.mark.parametrize("stored", [START - 1, START + 10])
def test_a_lower_one_lowers_nothing(stored: int) -> None:
    stamps = Stamps(Clock())
    stamps.raise_to(Millis(START + 10))
    stamps.raise_to(Millis(stored))

    assert stamps.next().at == START + 11


def test_threads_get_different_ones() -> None:
    stamps = Stamps(Clock())
    given_: list[int] = []
    threads = [
        threading.Thread(target=lambda: given_.extend([stamps.next().at for _ in range(500)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(given_)) == 2000
