"""Pauses between tries."""

from __future__ import annotations

from source_asana.http.tries import Tries


def test_pauses_double_up_to_the_longest_and_tries_end() -> None:
    pauses: list[float] = []
    assert list(Tries(pauses.append, first=1, longest=5, most=5)) == [1, 2, 3, 4, 5]
    assert pauses == [1, 2, 4, 5]


def test_what_has_progressed_begins_anew() -> None:
    pauses: list[float] = []
    tries = Tries(pauses.append, first=1, longest=5, most=3)
    numbers = []
    for number in tries:
        numbers.append(number)
        if len(numbers) == 3:
            tries.progressed()
    assert numbers == [1, 2, 3, 2, 3]
    assert pauses == [1, 2, 1, 2]
