"""What is read off the answers, from made-up ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from source_asana.live.answers import _claims, date_header
from source_asana.live.asker import Moment
from source_asana.live.history import Evidence, count
from source_asana.live.question import Answer

NOON = 1_767_268_800.0  # Thu, 01 Jan 2026 12:00:00 GMT
FORMAT = "Thu, 01 Jan 2026 12:00:{:02d} GMT"


def asked(*moments: Moment) -> Any:
    return SimpleNamespace(moments=list(moments))


def at(second: float, shown: int) -> Moment:
    return Moment(FORMAT.format(shown), NOON + second - 0.1, NOON + second + 0.1)


def test_whole_seconds_of_one_clock_agree() -> None:
    moments = [at(n * 0.7, int(n * 0.7)) for n in range(20)]
    assert date_header(asked(*moments), None).answer is Answer.AGREES  # type: ignore[arg-type]  # it looks at the answers alone


def test_servers_whose_clocks_differ_contradict() -> None:
    moments = [at(n, n + (5 if n % 2 else 0)) for n in range(10)]
    finding = date_header(asked(*moments), None)  # type: ignore[arg-type]  # as above
    assert finding.answer is Answer.CONTRADICTS
    assert "differ by 4 s" in finding.seen


def test_few_answers_are_not_enough() -> None:
    assert date_header(asked(at(0, 0)), None).answer is Answer.UNKNOWN  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("offset", ["", "x", "a.b.c", "a.!!.c", "a.bnVsbA.c", "a.WzFd.c"])
def test_an_offset_of_another_kind_says_nothing(offset: str) -> None:
    assert _claims(offset) == {}


CREATED, MODIFIED = "2024-05-01T10:00:00.000Z", "2024-05-02T10:00:00.000Z"


def counted(*stories: tuple[str, str], created: str = CREATED) -> Evidence:
    found = Evidence()
    task = {"created_at": created, "modified_at": MODIFIED}
    count(task, [{"resource_subtype": k, "created_at": at} for k, at in stories], found)
    return found


def test_a_stamp_older_than_a_story_shows_that_it_stayed() -> None:
    found = counted(("added_to_tag", "2024-05-02T10:00:02.001Z"))
    assert (found.older["added_to_tag"], found.equal["added_to_tag"]) == (1, 0)


def test_a_stamp_as_old_as_a_story_alone_shows_that_it_moved() -> None:
    found = counted(("added_to_tag", "2024-05-02T10:00:01.900Z"), ("comment_added", CREATED))
    assert (found.older["added_to_tag"], found.equal["added_to_tag"]) == (0, 1)


@pytest.mark.parametrize(
    ("second", "created"),
    [("2024-05-02T10:00:04.000Z", CREATED), (CREATED, "2024-05-02T09:59:30.000Z")],
    ids=["with another story", "with its creation"],
)
def test_what_came_together_shows_nothing(second: str, created: str) -> None:
    found = counted(("added_to_tag", MODIFIED), ("comment_added", second), created=created)
    assert found.equal["added_to_tag"] == 0
