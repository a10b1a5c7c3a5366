"""The pager: pages in order, every record once, and what a failing page makes of a listing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from itertools import islice
from typing import Any

import pytest
import requests
from airbyte_cdk.sources.declarative.models import DefaultPaginator as DefaultPaginatorModel
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import (
    ModelToComponentFactory,
)

from source_asana.components.pages import (
    RESTARTS_WITHOUT_PROGRESS,
    AskedFields,
    PagedList,
    next_offset,
    pages,
    rows,
)
from source_asana.http.errors import OffsetExpired, PartitionFailed, Refused, Rule, Verdict
from source_asana.parents.slices import Slice
from source_asana.report import Report
from unit_tests.given import manifest

EXPIRED = OffsetExpired(Verdict(Rule("offset expired"), 400, "expired"))
Answer = dict[str, Any] | Exception


def page(*gids: str, offset: str | None = None) -> dict[str, Any]:
    """Return the body of a page."""
    return {"data": [{"gid": gid} for gid in gids], "next_page": offset and {"offset": offset}}


class Asana:
    """Gives one answer after another, and notes what it was asked for."""

    def __init__(self, *answers: Answer) -> None:
        """Take the answers."""
        self.answers = iter(answers)
        self.asked: list[str | None] = []

    def __call__(self, token: str | None) -> requests.Response:
        self.asked.append(token)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.json = lambda **_: answer  # type: ignore[method-assign]  # as the error handler does
        return response


def read(listing: Iterable[list[dict[str, Any]]]) -> list[list[str]]:
    return [[record["gid"] for record in one] for one in listing]


def test_pages_come_in_order_until_none_is_named() -> None:
    asana = Asana(page("1", "2", offset="a"), page("3", offset="b"), page("4"))

    assert read(pages(asana, next_offset)) == [["1", "2"], ["3"], ["4"]]
    assert asana.asked == [None, "a", "b"]


def test_an_empty_page_is_not_the_last_one() -> None:
    asana = Asana(page(offset="a"), page("1"))

    assert read(pages(asana, next_offset)) == [[], ["1"]]


def test_a_record_that_moved_to_a_later_page_comes_once() -> None:
    asana = Asana(page("1", "2", offset="a"), page("2", "3"))

    assert read(pages(asana, next_offset)) == [["1", "2"], ["3"]]


def test_records_without_a_gid_are_all_new() -> None:
    asana = Asana({"data": [{"user": 1}, {"user": 1}], "next_page": None})

    assert list(map(len, pages(asana, next_offset))) == [2]


def test_a_page_is_emptied_when_the_next_one_is_asked_for() -> None:
    kept = list(pages(Asana(page("1", offset="a"), page("2")), next_offset))

    assert kept == [[], []]


def test_an_expired_offset_is_walked_again_from_the_first_page() -> None:
    asana = Asana(page("1", "2", offset="a"), EXPIRED, page("1", "2", offset="b"), page("3"))

    assert read(pages(asana, next_offset)) == [["1", "2"], [], ["3"]]
    assert asana.asked == [None, "a", None, "b"]


def test_a_listing_that_expires_again_and_again_fails() -> None:
    again: list[Answer] = [page("1", offset="a"), EXPIRED]
    asana = Asana(*again * (RESTARTS_WITHOUT_PROGRESS + 1))

    with pytest.raises(PartitionFailed, match="expired"):
        read(pages(asana, next_offset))
    assert asana.asked == [None, "a"] * (RESTARTS_WITHOUT_PROGRESS + 1)


def test_a_listing_that_gets_further_each_time_is_walked_as_often_as_it_takes() -> None:
    walks: list[Answer] = []
    for number in range(10):
        walks += [page(*map(str, range(number + 1)), offset="a"), EXPIRED]
    asana = Asana(*walks, page("last"))

    found = [gid for one in read(pages(asana, next_offset)) for gid in one]
    assert found == [*map(str, range(10)), "last"]


@pytest.mark.parametrize("circle", ["a", "ab", "abc"])
def test_an_offset_that_was_named_before_fails(circle: str) -> None:
    following = circle + circle[0]
    asana = Asana(*(page(str(number), offset=o) for number, o in enumerate(following)))
    listing = pages(asana, next_offset)

    assert [next(listing)[0]["gid"] for _ in following] == list(map(str, range(len(following))))
    with pytest.raises(PartitionFailed, match="that it has named before"):
        next(listing)


def test_after_an_expired_offset_the_same_ones_may_come_again() -> None:
    walk: list[Answer] = [page("1", offset="a"), page("2", offset="b")]
    asana = Asana(*walk, EXPIRED, *walk, page("3"))

    assert [gid for one in read(pages(asana, next_offset)) for gid in one] == ["1", "2", "3"]
    assert asana.asked == [None, "a", "b"] * 2


def test_what_else_an_answer_means_is_the_callers_affair() -> None:
    refused = Refused(Verdict(Rule("no access"), 403, "No access"))
    listing = pages(Asana(page("1", offset="a"), refused), next_offset)

    assert [record["gid"] for record in next(listing)] == ["1"]
    with pytest.raises(Refused, match="No access"):
        next(listing)


def test_room_is_held_while_a_page_is_there_and_given_back_between_pages() -> None:
    log: list[str] = []

    class Room(AbstractContextManager[None]):
        def __enter__(self) -> None:
            log.append("in")

        def __exit__(self, *error: object) -> None:
            log.append("out")

    room = Room()
    for one in pages(Asana(page("1", offset="a"), page("2")), next_offset, room):
        log += [one[0]["gid"]]

    assert log == ["in", "1", "out", "in", "2", "out"]


@pytest.mark.parametrize(
    ("data", "found"),
    [([], []), ([{"gid": "1"}], [{"gid": "1"}]), ({"gid": "1"}, [{"gid": "1"}]), (None, [])],
)
def test_rows(data: Any, found: list[Any]) -> None:
    assert rows({"data": data}) == found


@pytest.mark.parametrize(
    ("next_page", "offset"),
    [(None, None), ({}, None), ({"offset": ""}, None), ({"offset": "a"}, "a")],
)
def test_next_offset(next_page: Any, offset: str | None) -> None:
    answer: Callable[[str | None], requests.Response] = Asana({"data": [], "next_page": next_page})

    assert next_offset(answer(None)) == offset


class Requester:
    """Answers a listing of three pages, the last of them empty, whose offset is under a key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.asked: list[dict[str, Any]] = []

    def ask(self, _: Any, params: dict[str, Any], __: Any) -> requests.Response:
        self.asked.append(params)
        number = len(self.asked)
        records = [{"gid": str(number)}] if number < 3 else []
        answer = Asana({"data": records, "next_page": {self.key: f"o{number}"}})(None)
        answer.limit = params.get("limit")  # type: ignore[attr-defined]  # as `send` does
        return answer


def asked(definition: str, key: str = "offset", **changes: Any) -> list[dict[str, Any]]:
    """Return what is asked for in four pages at most by a paginator of the manifest, changed."""
    given = deepcopy(manifest()["definitions"][definition])
    given["pagination_strategy"] |= changes
    paginator = ModelToComponentFactory().create_component(
        DefaultPaginatorModel, given, {}, url_base="", extractor_model=None
    )
    requester: Any = Requester(key)
    fields = AskedFields("tasks", ("name",), Report(), lambda *_: None)
    listing = PagedList(requester, paginator, fields, nullcontext())
    list(islice(listing.pages(Slice({}, key="")), 4))
    found: list[dict[str, Any]] = requester.asked
    return found


def test_the_manifests_paginator_says_what_is_asked_for() -> None:
    first, second, *_ = asked("pages")
    assert first == {"limit": 100, "opt_fields": "name"}
    assert second == {"limit": 100, "offset": "o1", "opt_fields": "name"}
    assert len(asked("pages")) == 4
    assert len(asked("pages_until_empty")) == 3


def test_a_changed_paginator_of_the_manifest_acts() -> None:
    assert len(asked("pages", "more")) == 1
    value = "{{ response.next_page.more }}"
    assert [one.get("offset") for one in asked("pages", "more", cursor_value=value)][:2] == [
        None,
        "o1",
    ]
    assert len(asked("pages", stop_condition="{{ last_page_size < 7 }}")) == 1
    assert asked("pages", page_size=20)[0]["limit"] == 20
