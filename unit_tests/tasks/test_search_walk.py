"""The walk of a search whose pages are cut before what the token may not see is taken out."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests_mock

from source_asana.counts import Counts
from source_asana.http.client import Client
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import PartitionFailed
from source_asana.tasks.finders import PAGE, Search, SearchRequest, changed, stepped
from unit_tests.given import settings

Asked = list[dict[str, Any]]


@dataclass(frozen=True)
class Fake(SearchRequest):
    """A search over tasks made a second apart, `-` hidden.

    The index gives pages of a hundred, and what the token may not see is taken out of them.
    """

    visible: str = ""
    asked: Asked = field(default_factory=list)

    def send(self, **params: Any) -> list[dict[str, Any]]:
        """Return one page."""
        self.asked.append(params)
        after = to_millis(params.get("created_at.after"))
        tasks = [
            {"gid": str(number), "created_at": from_millis(number * 1000), "seen": seen}
            for number, seen in enumerate(self.visible, start=1)
            if after is None or number * 1000 > after
        ]
        if params.get("sort_ascending") == "false":
            tasks.reverse()
        return [task for task in tasks[:PAGE] if task["seen"] != "-"]


def fake(visible: str, kind: type[Fake] = Fake) -> Fake:
    client = Client(settings())
    return kind(client, "search", Counts(), {}, {}, visible)


def walked(visible: str) -> tuple[list[int], Asked]:
    """Walk such a search; return found tasks and requests."""
    request = fake(visible)
    pages = stepped(request, too_many=lambda pages: pages > 20)
    return [int(task["gid"]) for page in pages for task in page], request.asked


@pytest.mark.parametrize(("changed", "requests"), [(0, 2), (1, 2), (99, 2), (250, 4)])
def test_where_nothing_is_hidden_the_end_costs_one_request(changed: int, requests: int) -> None:
    found, asked = walked("x" * changed)
    assert found == list(range(1, changed + 1))
    assert len(asked) == requests


@pytest.mark.parametrize(
    "visible",
    [
        "xx--x" * 100,
        "-" * 60 + "x" * 10 + "-" * 60 + "x" * 50,
        "x" * 60 + "-" * 40 + "x" * 50 + "-" * 100,
        "x" * 60 + "-" * 40 + "x" * 50 + "-" * 300,
    ],
)
def test_hidden_tasks_among_visible_ones_end_no_search(visible: str) -> None:
    found, _ = walked(visible)
    assert found == [number for number, seen in enumerate(visible, start=1) if seen == "x"]


@pytest.mark.parametrize("before", ["", "x", "x" * 100])
def test_pages_of_nothing_but_hidden_tasks_are_not_taken_for_the_end(before: str) -> None:
    with pytest.raises(PartitionFailed, match="nothing that the token may see"):
        walked(f"{before}{'-' * 150}x")


def test_hidden_tasks_alone_are_the_end() -> None:
    assert walked(f"x{'-' * 300}")[0] == [1]


def test_a_search_that_finds_too_much_is_given_up() -> None:
    with pytest.raises(PartitionFailed, match="more than 20 pages"):
        walked("x" * 3000)


def test_more_tasks_of_one_creation_time_than_a_page_holds_fail() -> None:
    class Equal(Fake):
        def send(self, **params: Any) -> list[dict[str, Any]]:
            return [{**task, "created_at": from_millis(5000)} for task in super().send(**params)]

    with pytest.raises(PartitionFailed, match="100 tasks were created at the same time"):
        list(stepped(fake("x" * 300, Equal)))


def test_a_search_of_changes_asks_from_its_bound_on() -> None:
    client = Client(settings())
    counts = Counts()
    request = SearchRequest(client, "workspaces/1/tasks/search", counts, {"opt_fields": "gid"}, {})
    with requests_mock.Mocker() as mock:
        mock.get("https://app.asana.com/api/1.0/workspaces/1/tasks/search", json={"data": []})
        assert list(changed(request, Search("1", Millis(5), None), nullcontext())) == [[]]
        first, newest = mock.request_history
    assert first.qs == {
        "limit": ["100"],
        "modified_at.after": ["1970-01-01t00:00:00.005z"],
        "opt_fields": ["gid"],
        "sort_ascending": ["true"],
        "sort_by": ["created_at"],
    }
    assert newest.qs["sort_ascending"] == ["false"]
    assert counts.requests == 2


def test_a_search_ends_where_listings_are_cheaper() -> None:
    request = fake("x" * 1000)
    with pytest.raises(PartitionFailed, match="more than 3 pages"):
        list(changed(request, Search("1", Millis(5), 3), nullcontext()))
