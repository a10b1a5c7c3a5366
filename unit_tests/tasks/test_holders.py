"""Which tasks a first read asks for attachments, where a search names those that have some."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from source_asana.http.errors import Action, PartitionFailed, Rule, Verdict
from source_asana.tasks.search_walk import Holders

NOW, OVERLAP = 1_000_000_000, 900_000
PAGES = [range(100), range(100, 200), range(200, 230)]


class Search:
    """The pages of a search, counted as they are asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: PartitionFailed | None = None

    def __call__(self, *_: Any, **__: Any) -> Iterator[list[dict[str, Any]]]:
        for page in PAGES:
            self.asked += 1
            if self.error:
                raise self.error
            yield [{"gid": str(gid)} for gid in page]
        self.asked += 1


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Search:
    found = Search()
    monkeypatch.setattr(retriever_search, "stepped", found)
    return found


def holders(per_minute: int = 1500) -> Holders:
    runtime: Any = SimpleNamespace(
        clock=SimpleNamespace(bound=lambda: NOW),
        searches=SimpleNamespace(overlap=OVERLAP),
        budget=SimpleNamespace(per_minute=per_minute),
        settings=SimpleNamespace(api_url="https://app.asana.com/api/1.0"),
    )
    return Holders(runtime, "1", stream="attachments", path="/{workspace}", headers={})


def test_what_changed_since_the_search_or_just_before_is_asked_all_the_same() -> None:
    assert holders().since == NOW - OVERLAP


def test_the_search_names_them_all_where_that_is_quicker(search: Search) -> None:
    assert holders().among(1000) == set(range(230))
    assert search.asked == len(PAGES) + 1


def test_few_tasks_are_asked_themselves(search: Search) -> None:
    assert holders().among(49) is None
    assert search.asked == 0


def test_a_search_is_taken_up_again_when_more_tasks_are_known(search: Search) -> None:
    several = holders()
    # A search takes as long as 25 requests, and its end is known after one more.
    assert several.among(174) is None
    assert search.asked == 1
    assert several.among(174) is None
    assert search.asked == 1
    assert several.among(1000) == set(range(230))
    assert several.among(50) == set(range(230))
    assert search.asked == len(PAGES) + 1


def test_what_was_asked_already_is_spared_no_more(search: Search) -> None:
    several = holders()
    several.asked = 960
    assert several.among(1000) is None
    assert search.asked == 0


def test_at_a_low_rate_a_search_is_worth_more(search: Search) -> None:
    assert holders(150).among(1000) == set(range(230))
    assert holders(150).among(20) is None
    assert search.asked == len(PAGES) + 2


def test_after_a_failure_every_task_is_asked(search: Search) -> None:
    search.error = PartitionFailed(Verdict(Rule((), None, Action.FAIL, "no plan"), 402, "paid"))
    several = holders()
    assert several.among(1000) is None
    assert several.among(10_000) is None
    assert search.asked == 1
