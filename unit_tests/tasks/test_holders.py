"""Which tasks a first read asks for attachments, where a search names those that have some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from source_asana.http.clock import Millis
from source_asana.http.errors import Action, PartitionFailed, Rule, Verdict
from source_asana.tasks import holders as module
from source_asana.tasks.holders import Holders

SINCE = Millis(1_000_000_000)
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
    monkeypatch.setattr(module, "stepped", found)
    return found


@pytest.fixture
def of(search: Search) -> Callable[..., Holders]:
    """Return what makes holders at a rate of requests a minute."""
    del search

    def make(per_minute: int = 1500) -> Holders:
        client = SimpleNamespace(budget=SimpleNamespace(per_minute=per_minute))
        request: Any = SimpleNamespace(client=client)
        return Holders("1", request, SINCE)

    return make


def test_what_changed_since_then_is_asked_all_the_same(of: Callable[..., Holders]) -> None:
    assert of().since == SINCE


def test_the_search_names_them_all_where_that_is_quicker(
    search: Search, of: Callable[..., Holders]
) -> None:
    assert of().among(1000) == set(range(230))
    assert search.asked == len(PAGES) + 1


def test_few_tasks_are_asked_themselves(search: Search, of: Callable[..., Holders]) -> None:
    assert of().among(49) is None
    assert search.asked == 0


def test_a_search_is_taken_up_again_when_more_tasks_are_known(
    search: Search, of: Callable[..., Holders]
) -> None:
    several = of()
    # A search takes as long as 25 requests, and its end is known after one more.
    assert several.among(174) is None
    assert search.asked == 1
    assert several.among(174) is None
    assert search.asked == 1
    assert several.among(1000) == set(range(230))
    assert several.among(50) == set(range(230))
    assert search.asked == len(PAGES) + 1


def test_what_was_asked_already_is_spared_no_more(
    search: Search, of: Callable[..., Holders]
) -> None:
    several = of()
    several.asked = 960
    assert several.among(1000) is None
    assert search.asked == 0


def test_at_a_low_rate_a_search_is_worth_more(search: Search, of: Callable[..., Holders]) -> None:
    assert of(150).among(1000) == set(range(230))
    assert of(150).among(20) is None
    assert search.asked == len(PAGES) + 2


def test_after_a_failure_every_task_is_asked(search: Search, of: Callable[..., Holders]) -> None:
    search.error = PartitionFailed(Verdict(Rule((), None, Action.FAIL, "no plan"), 402, "paid"))
    several = of()
    assert several.among(1000) is None
    assert several.among(10_000) is None
    assert search.asked == 1
