"""Feeds: what parents hand on, when it ends, and how."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.http.stop import Stop
from source_asana.parents.feeds import (
    Ending,
    Feed,
    Feeds,
    ParentFailedError,
    ParentFeed,
    RecursiveFeed,
)
from unit_tests.parents.reader import Reader


@pytest.fixture
def feed() -> Feed:
    return Feed("projects", Stop())


@pytest.fixture
def portfolios() -> RecursiveFeed:
    return RecursiveFeed("portfolios", Stop())


def items(*gids: str) -> list[dict[str, Any]]:
    return [{"gid": gid} for gid in gids]


def gids(found: Iterable[dict[str, Any]]) -> list[str]:
    return [item["gid"] for item in found]


def test_items_come_as_they_arrive_and_to_every_reader(feed: Feed) -> None:
    readers = [Reader(lambda: iter(feed)) for _ in range(3)]
    feed.expect()
    feed.add(items("1", "2"))
    assert all(reader.has(2) for reader in readers)
    feed.add(items("3"))
    assert all(reader.has(3) for reader in readers)
    feed.announced(Ending.COMPLETE)
    assert all(reader.thread.is_alive() for reader in readers)
    feed.ended(Ending.COMPLETE)
    assert all(reader.ends() for reader in readers)
    assert {reader.error for reader in readers} == {None}
    assert gids(feed) == ["1", "2", "3"]


def test_a_feed_without_listings_ends_when_that_is_announced(feed: Feed) -> None:
    assert not feed.closed
    feed.announced(Ending.COMPLETE)
    assert feed.closed
    assert list(feed) == []


def test_a_listing_may_end_before_all_are_announced(feed: Feed) -> None:
    feed.expect()
    feed.ended(Ending.COMPLETE)
    assert not feed.closed
    feed.announced(Ending.COMPLETE)
    assert feed.closed


@pytest.mark.parametrize(
    ("endings", "ending"),
    [
        ([Ending.COMPLETE, Ending.COMPLETE], Ending.COMPLETE),
        ([Ending.COMPLETE, Ending.REFUSED], Ending.REFUSED),
        ([Ending.FAILED, Ending.REFUSED], Ending.FAILED),
    ],
)
def test_the_worst_listing_is_the_feeds_ending(
    feed: Feed, endings: list[Ending], ending: Ending
) -> None:
    for _ in endings:
        feed.expect()
    feed.announced(Ending.COMPLETE)
    for one in endings:
        feed.ended(one)
    assert feed.ending is ending


def test_what_came_before_a_failure_is_handed_on_first(feed: Feed) -> None:
    feed.expect()
    feed.add(items("1"))
    feed.announced(Ending.COMPLETE)
    feed.ended(Ending.FAILED)
    reader = Reader(lambda: iter(feed))
    assert reader.ends()
    assert gids(reader.found) == ["1"]
    assert isinstance(reader.error, ParentFailedError)
    assert str(reader.error) == "the listing of projects failed"


def test_parents_that_could_not_be_found_out_fail_the_feed(feed: Feed) -> None:
    feed.announced(Ending.FAILED)
    with pytest.raises(ParentFailedError):
        list(feed)


def test_a_refused_listing_is_no_failure(feed: Feed) -> None:
    feed.expect()
    feed.announced(Ending.COMPLETE)
    feed.ended(Ending.REFUSED)
    assert list(feed) == []


def test_waiting_readers_hear_of_the_end_of_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.http.stop.WAKE_SECONDS", 0.01)
    stop = Stop()
    feed = Feed("projects", stop)
    feed.expect()
    reader = Reader(lambda: iter(feed))
    stop.abort(AirbyteTracedException(message="over"))
    assert reader.ends()
    assert isinstance(reader.error, AirbyteTracedException)
    assert reader.error.message == "over"


def test_the_close_is_told_once_everything_is_over(feed: Feed) -> None:
    told: list[Ending] = []
    feed.when_closed = lambda: told.append(feed.ending)
    feed.expect()
    feed.announced(Ending.COMPLETE)
    assert told == []
    feed.ended(Ending.REFUSED)
    assert told == [Ending.REFUSED]


def test_portfolios_stay_open_until_each_was_walked_and_cycles_end(
    portfolios: RecursiveFeed,
) -> None:
    portfolios.expect()
    assert gids(portfolios.add(items("1", "2"))) == ["1", "2"]
    portfolios.announced(Ending.COMPLETE)
    portfolios.ended(Ending.COMPLETE)
    portfolios.wait_until_listed()
    assert not portfolios.closed
    assert gids(portfolios.add(items("2", "3", "1"))) == ["3"]
    for _ in range(3):
        assert not portfolios.closed
        portfolios.walked(Ending.COMPLETE)
    assert portfolios.closed
    assert gids(portfolios) == ["1", "2", "3"]
    portfolios.wait_until_complete()


def test_a_failed_walk_fails_the_portfolios(portfolios: RecursiveFeed) -> None:
    portfolios.expect()
    portfolios.add(items("1"))
    portfolios.announced(Ending.COMPLETE)
    portfolios.ended(Ending.COMPLETE)
    portfolios.walked(Ending.FAILED)
    with pytest.raises(ParentFailedError):
        list(portfolios)
    with pytest.raises(ParentFailedError, match="portfolios inside others were not all found"):
        portfolios.wait_until_complete()


def test_a_feed_without_walks_is_settled_at_once(feed: Feed) -> None:
    feed.expect()
    feed.wait_until_complete()


def test_portfolios_are_not_settled_before_their_walks(portfolios: RecursiveFeed) -> None:
    portfolios.expect()
    portfolios.add(items("1"))
    portfolios.announced(Ending.COMPLETE)
    portfolios.ended(Ending.COMPLETE)
    waiting = threading.Thread(target=portfolios.wait_until_complete)
    waiting.start()
    waiting.join(0.02)
    assert waiting.is_alive()
    portfolios.walked(Ending.COMPLETE)
    waiting.join(5)
    assert not waiting.is_alive()


def test_whoever_asks_at_once_gets_the_same_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two feeds of one name would leave the readers of one of them waiting for ever."""
    start = threading.Barrier(8)

    def slow(self: Feed, *args: Any, **kwargs: Any) -> None:
        time.sleep(0.01)
        made(self, *args, **kwargs)

    made = Feed.__init__
    monkeypatch.setattr(Feed, "__init__", slow)
    feeds = Feeds(Stop())

    def ask(_: int) -> ParentFeed:
        start.wait()
        return feeds.of("users")

    with ThreadPoolExecutor(8) as pool:
        assert len({id(feed) for feed in pool.map(ask, range(8))}) == 1


def test_a_feed_of_another_kind_is_provided() -> None:
    feeds = Feeds(Stop())
    portfolios = RecursiveFeed("portfolios", feeds.stop)
    feeds.provide("portfolios", portfolios)
    assert feeds.of("portfolios") is portfolios
    assert type(feeds.of("projects")) is Feed
