"""Which missing records are asked about, and which wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from source_asana.core.missing import LARGEST_SHARE, MOST_AT_ONCE, Choice, Row, choose


def rows_of(number: int, prefix: str = "") -> list[Row]:
    return [(f"{prefix}{one}", "p") for one in range(number)]


def none(row: Row) -> bool:
    del row
    return False


def everything(wanted: int) -> int:
    return wanted


class Allowed:
    """Allows so many questions, and keeps what was wanted."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.wanted: list[int] = []

    def __call__(self, wanted: int) -> int:
        self.wanted.append(wanted)
        given = min(wanted, self.most)
        self.most -= given
        return given


def chosen(new: list[Row], waiting: list[Row] | None = None, **how: Any) -> Choice:
    waiting = waiting or []
    usual: dict[str, Callable[..., Any]] = {
        "is_proven": none,
        "is_expected": none,
        "question": lambda row: row[0],
        "take_for_new": everything,
        "take_for_old": everything,
    }
    return choose(new, waiting, **{"size": len(new) + len(waiting), **usual, **how})


@pytest.mark.parametrize(
    ("missing", "size", "is_cautious"),
    [
        (MOST_AT_ONCE, MOST_AT_ONCE, False),
        (MOST_AT_ONCE + 1, MOST_AT_ONCE + 1, True),
        (300, 1000, False),
        (301, 1000, True),
    ],
)
def test_too_many_new_ones_at_once_wait(missing: int, size: int, *, is_cautious: bool) -> None:
    assert is_cautious is (missing > max(MOST_AT_ONCE, LARGEST_SHARE * size))
    rows = rows_of(missing)

    found = chosen(rows, size=size)

    assert found == Choice([] if is_cautious else rows, missing * is_cautious, is_cautious)


def test_those_that_wait_already_are_asked_about_and_do_not_count() -> None:
    # 101 new ones are less than 30 % of 400 rows, but more than that of the 300 that do not wait.
    new, waiting = rows_of(MOST_AT_ONCE + 1), rows_of(100, "w")

    found = chosen(new, waiting, size=400)

    assert found.is_cautious
    assert sorted(found.rows) == sorted(waiting)
    assert found.waiting == len(new)
    assert not chosen(new, waiting, size=500).is_cautious


def test_what_is_proven_comes_first_without_a_question() -> None:
    new, waiting = rows_of(4), rows_of(2, "w")
    proven = {new[3], waiting[1]}
    new_questions, old_questions = Allowed(9), Allowed(9)

    found = chosen(
        new,
        waiting,
        is_proven=proven.__contains__,
        take_for_new=new_questions,
        take_for_old=old_questions,
    )

    assert found.rows == [new[3], waiting[1], *new[:3], waiting[0]]
    assert (new_questions.wanted, old_questions.wanted) == ([3], [1])


def test_what_is_proven_or_expected_comes_however_many_others_wait() -> None:
    rows = rows_of(MOST_AT_ONCE + 5)

    found = chosen(rows, is_proven=rows[:2].__contains__, is_expected=rows[2:4].__contains__)

    assert found.is_cautious
    assert found.rows == rows[:4]
    assert found.waiting == MOST_AT_ONCE + 1


@pytest.mark.parametrize("number", [MOST_AT_ONCE + 5, 3000])
def test_what_is_proven_or_expected_is_no_surprise(number: int) -> None:
    rows = rows_of(number)

    assert not chosen(rows, is_proven=rows[:-5].__contains__).is_cautious
    assert not chosen(rows, is_expected=rows[:-5].__contains__).is_cautious


def test_new_ones_come_before_those_that_wait() -> None:
    new, waiting, allowed = rows_of(5), rows_of(20, "w"), Allowed(8)

    found = chosen(new, waiting, take_for_new=allowed, take_for_old=allowed)

    assert found.rows[:5] == new
    assert len(found.rows) == 8
    assert found.waiting == 17
    assert not found.is_cautious


def test_those_that_wait_come_in_another_order_each_time() -> None:
    waiting, asked = rows_of(20, "w"), set[Row]()
    for _ in range(60):
        found = chosen([], waiting, take_for_old=Allowed(5)).rows
        assert len(found) == 5
        asked.update(found)

    assert asked == set(waiting)


def test_children_of_one_parent_take_one_question() -> None:
    new = [("1", "a"), ("2", "b"), ("3", "a"), ("4", "c"), ("5", "a")]
    allowed = Allowed(2)

    found = chosen(new, question=lambda row: row[1], take_for_new=allowed)

    assert allowed.wanted == [3]
    assert found.rows == [("1", "a"), ("2", "b"), ("3", "a"), ("5", "a")]
    assert found.waiting == 1


def test_nothing_is_missing() -> None:
    assert chosen([]) == Choice([], 0, is_cautious=False)
