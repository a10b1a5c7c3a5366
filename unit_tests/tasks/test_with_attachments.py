"""Which tasks a first read asks for attachments, where a search names those that have some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from source_asana.core.task_list import Shown
from source_asana.http.clock import Millis
from source_asana.http.errors import PartitionFailed, Rule, Verdict
from source_asana.http.stop import Stop
from source_asana.tasks import children as module
from source_asana.tasks.children import AttachmentSearch, TasksWithAttachments
from source_asana.tasks.feed import TaskFeed

SINCE = Millis(1_000_000_000)
PAGES = [range(100), range(100, 200), range(200, 230)]
HOLDING = {str(gid) for page in PAGES for gid in page}


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
def of(search: Search) -> Callable[..., AttachmentSearch]:
    """Return what makes holders at a rate of requests a minute."""
    del search

    def make(per_minute: int = 1500) -> AttachmentSearch:
        client = SimpleNamespace(budget=SimpleNamespace(per_minute=per_minute))
        request: Any = SimpleNamespace(client=client)
        return AttachmentSearch("1", request, SINCE)

    return make


def test_the_search_names_them_all_where_that_is_quicker(
    search: Search, of: Callable[..., AttachmentSearch]
) -> None:
    assert of().among(1000) == HOLDING
    assert search.asked == len(PAGES) + 1


def test_few_tasks_are_asked_themselves(
    search: Search, of: Callable[..., AttachmentSearch]
) -> None:
    # One page takes as long as 25 requests, and its end is known after one more.
    assert of().among(49) is None
    assert search.asked == 0


def test_a_search_ends_where_asking_each_of_the_others_is_quicker(
    search: Search, of: Callable[..., AttachmentSearch]
) -> None:
    # After the first page 74 are left, and two more pages take as long as 75.
    assert of().among(174) is None
    assert search.asked == 1


def test_at_a_low_rate_a_search_is_worth_more(
    search: Search, of: Callable[..., AttachmentSearch]
) -> None:
    assert of(150).among(250) == HOLDING
    assert of(150).among(4) is None
    assert search.asked == len(PAGES) + 1


def test_after_a_failure_every_task_is_asked(
    search: Search, of: Callable[..., AttachmentSearch]
) -> None:
    search.error = PartitionFailed(Verdict(Rule("no plan"), 402, "paid"))
    assert of().among(1000) is None
    assert search.asked == 1


# ── by workspace ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def feed() -> TaskFeed:
    """Return a feed that has shown a thousand tasks of one workspace, and one of another."""
    made = TaskFeed(Stop())
    for listing, workspace in (("11", "1"), ("21", "2")):
        made.name(listing, {"gid": listing, "workspace_gid": workspace})

    with made.adding() as shown:
        for gid in range(1000):
            shown.add("11", str(gid), 5)
        shown.add("21", "2000", 5)
    return made


def test_each_workspace_is_decided_once_with_the_tasks_that_are_known(
    search: Search, of: Callable[..., AttachmentSearch], feed: TaskFeed
) -> None:
    searched: list[str] = []

    def begin(workspace: str) -> AttachmentSearch:
        searched.append(workspace)
        return of()

    several = TasksWithAttachments(begin, feed)

    assert [several.is_worth_reading(gid, Shown(5, "11")) for gid in ("7", "229", "230")] == [
        True,
        True,
        False,
    ]
    assert several.is_worth_reading("2000", Shown(5, "21"))
    assert searched == ["1", "2"]
    assert search.asked == len(PAGES) + 1


def test_what_changed_since_the_search_is_asked_all_the_same(
    of: Callable[..., AttachmentSearch], feed: TaskFeed
) -> None:
    several = TasksWithAttachments(lambda _: of(), feed)

    assert not several.is_worth_reading("230", Shown(SINCE - 1, "11"))
    assert several.is_worth_reading("230", Shown(SINCE, "11"))


def test_a_task_of_an_unknown_workspace_is_asked(
    search: Search, of: Callable[..., AttachmentSearch], feed: TaskFeed
) -> None:
    several = TasksWithAttachments(lambda _: of(), feed)

    assert several.is_worth_reading("230", Shown(5, "unknown"))
    assert search.asked == 0
