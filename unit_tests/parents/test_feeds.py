"""Feeds: what parents hand on, when it ends, and how."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from source_asana.parents.feeds import Ending, Feed, ParentFailedError
from source_asana.tasks.feed import Feeds, Group, TaskFeed


def never() -> None:
    """Tell that the sync goes on."""


@pytest.fixture
def feed() -> Feed:
    return Feed("projects", never, recursive=False)


@pytest.fixture
def portfolios() -> Feed:
    return Feed("portfolios", never, recursive=True)


@pytest.fixture
def tasks() -> TaskFeed:
    found = TaskFeed(never)
    found.walking = True
    return found


def items(*gids: str) -> list[dict[str, Any]]:
    return [{"gid": gid} for gid in gids]


def gids(found: Iterable[dict[str, Any]]) -> list[str]:
    return [item["gid"] for item in found]


class Reader:
    """A thread that iterates a feed."""

    def __init__(self, read: Callable[[], Iterator[Any]]) -> None:
        """Start it."""
        self.found: list[Any] = []
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, args=(read,), daemon=True)
        self.thread.start()

    def _run(self, read: Callable[[], Iterator[Any]]) -> None:
        try:
            for item in read():
                self.found.append(item)
        except Exception as error:  # noqa: BLE001 - it is looked at by the test
            self.error = error

    def ends(self) -> bool:
        """Return whether it ends within seconds."""
        self.thread.join(5)
        return not self.thread.is_alive()

    def has(self, count: int) -> bool:
        """Return whether it gets that many items within seconds."""
        until = time.monotonic() + 5
        while len(self.found) < count and time.monotonic() < until:
            time.sleep(0.001)
        return len(self.found) == count


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
    monkeypatch.setattr("source_asana.parents.feeds.WAKE_SECONDS", 0.01)
    error: list[Exception] = []
    feed = Feed("projects", lambda: error[0] if error else None, recursive=False)
    feed.expect()
    reader = Reader(lambda: iter(feed))
    error.append(RuntimeError("over"))
    assert reader.ends()
    assert str(reader.error) == "over"


def test_the_close_is_told_once_everything_is_over(feed: Feed) -> None:
    told: list[Ending] = []
    feed.when_closed = lambda: told.append(feed.ending)
    feed.expect()
    feed.announced(Ending.COMPLETE)
    assert told == []
    feed.ended(Ending.REFUSED)
    assert told == [Ending.REFUSED]


def test_portfolios_stay_open_until_each_was_walked_and_cycles_end(portfolios: Feed) -> None:
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
    portfolios.wait_until_closed()


def test_a_failed_walk_fails_the_portfolios(portfolios: Feed) -> None:
    portfolios.expect()
    portfolios.add(items("1"))
    portfolios.announced(Ending.COMPLETE)
    portfolios.ended(Ending.COMPLETE)
    portfolios.walked(Ending.FAILED)
    with pytest.raises(ParentFailedError):
        list(portfolios)


def listing(tasks: TaskFeed, key: str, begun: int | None = 100) -> Group:
    """Return the group of a listing that begins."""
    tasks.note(key, "w")
    tasks.expect_listing()
    return tasks.begin(key, begun, {})


def entries(group: Group) -> list[tuple[int, int, bool]]:
    return sorted(group.entries())


def closed(tasks: TaskFeed) -> list[Group]:
    """Return the groups that are whole; the feed must be over."""
    assert tasks.closed
    return list(tasks)


def test_a_group_is_handed_on_when_listing_and_walks_are_over(tasks: TaskFeed) -> None:
    group = listing(tasks, "p")
    tasks.announced(Ending.COMPLETE)
    tasks.add(group, "1", 10, shared=False, subtasks=False)
    tasks.add(group, "2", 20, shared=False, subtasks=True)
    assert [(walk.gid, walk.group) for walk in tasks.walks.items()] == [("2", group)]
    tasks.listed(group, Ending.COMPLETE)
    assert tasks.items() == []
    tasks.add(group, "3", 30, shared=False, subtasks=False)
    tasks.walked(group, Ending.COMPLETE)
    [done] = closed(tasks)
    assert done is group
    assert done.ending is Ending.COMPLETE
    assert entries(done) == [(10, 1, False), (20, 2, False), (30, 3, False)]
    assert list(done.walked()) == [("2", group)]
    assert tasks.walks.closed


@pytest.mark.parametrize("subtasks", [False, True])
def test_walks_that_fill_one_group_at_once_leave_each_task_its_stamp(
    tasks: TaskFeed, *, subtasks: bool
) -> None:
    group = listing(tasks, "p")

    def add(number: int) -> None:
        tasks.add(group, str(number), number, shared=False, subtasks=subtasks)

    other = threading.Thread(target=add, args=(2,))

    class Interrupted(array):  # type: ignore[type-arg]  # no alias of it can be a base
        def append(self, number: int) -> None:
            super().append(number)
            if number == 1:
                other.start()
                other.join(0.1)

    group.gids = Interrupted("q")
    add(1)
    other.join()
    assert list(group.gids) == list(group.modified) == [1, 2]


def test_without_a_stream_of_subtasks_nothing_is_walked(tasks: TaskFeed) -> None:
    tasks.walking = False
    group = listing(tasks, "p")
    tasks.announced(Ending.COMPLETE)
    tasks.add(group, "1", 10, shared=False, subtasks=True)
    tasks.listed(group, Ending.COMPLETE)
    assert closed(tasks) == [group]
    assert tasks.walks.items() == []


def test_a_shared_task_is_walked_once_and_both_listings_wait_for_it(tasks: TaskFeed) -> None:
    first, second = listing(tasks, "p1"), listing(tasks, "p2")
    tasks.announced(Ending.COMPLETE)
    for group in (first, second):
        tasks.add(group, "7", 70, shared=True, subtasks=True)
    [walk] = tasks.walks.items()
    node = walk.group
    tasks.listed(first, Ending.COMPLETE)
    tasks.listed(second, Ending.COMPLETE)
    assert tasks.items() == []
    tasks.add(node, "8", 80, shared=False, subtasks=False)
    tasks.walked(node, Ending.COMPLETE)
    assert set(closed(tasks)) == {first, second}
    assert entries(first) == entries(second) == [(70, 7, True), (80, 8, True)]


def test_a_walk_that_is_over_serves_a_later_listing(tasks: TaskFeed) -> None:
    first, second = listing(tasks, "p1", 100), listing(tasks, "p2", 200)
    tasks.announced(Ending.COMPLETE)
    tasks.add(first, "7", 70, shared=True, subtasks=True)
    [walk] = tasks.walks.items()
    tasks.walked(walk.group, Ending.COMPLETE)
    tasks.listed(first, Ending.COMPLETE)
    tasks.add(second, "7", 70, shared=True, subtasks=True)
    tasks.listed(second, Ending.COMPLETE)
    assert closed(tasks) == [first, second]
    # What changed below since the walk is for the next sync.
    assert (first.begun, second.begun) == (100, 100)


@pytest.mark.parametrize("ending", [Ending.REFUSED, Ending.FAILED])
def test_a_walk_that_goes_wrong_is_the_ending_of_every_owner(
    tasks: TaskFeed, ending: Ending
) -> None:
    first, second, other = (listing(tasks, key) for key in ("p1", "p2", "p3"))
    tasks.announced(Ending.COMPLETE)
    for group in (first, second):
        tasks.add(group, "7", 70, shared=True, subtasks=True)
    [walk] = tasks.walks.items()
    for group in (first, second, other):
        tasks.listed(group, Ending.COMPLETE)
    tasks.walked(walk.group, ending)
    assert [group.ending for group in (first, second, other)] == [ending, ending, Ending.COMPLETE]
    assert tasks.ending is ending
    if ending is Ending.REFUSED:
        assert set(closed(tasks)) == {first, second, other}
    else:
        # Children of what failed are not known to be whole.
        assert tasks.items() == [other]
        with pytest.raises(ParentFailedError):
            list(tasks)


def test_tasks_below_each_other_are_no_deadlock(tasks: TaskFeed) -> None:
    """Two shared tasks that each list the other below, as they were moved meanwhile."""
    group = listing(tasks, "p")
    tasks.announced(Ending.COMPLETE)
    tasks.add(group, "1", 10, shared=True, subtasks=True)
    tasks.add(group, "2", 20, shared=True, subtasks=True)
    one, two = (walk.group for walk in tasks.walks.items())
    tasks.add(one, "2", 20, shared=True, subtasks=True)
    tasks.add(two, "1", 10, shared=True, subtasks=True)
    tasks.walked(one, Ending.COMPLETE)
    tasks.walked(two, Ending.COMPLETE)
    tasks.listed(group, Ending.COMPLETE)
    assert closed(tasks) == [group]
    assert [gid for _, gid, _ in entries(group)] == [1, 2]


def test_listeners_hear_of_each_whole_group_before_its_readers(tasks: TaskFeed) -> None:
    heard: list[tuple[str, int]] = []
    tasks.listen(lambda group: heard.append((group.key, len(tasks.items()))))
    groups = [listing(tasks, key) for key in ("p1", "p2")]
    tasks.announced(Ending.COMPLETE)
    for group in groups:
        tasks.listed(group, Ending.COMPLETE)
    assert heard == [("p1", 0), ("p2", 1)]


@pytest.mark.parametrize(("ending", "complete"), [(Ending.COMPLETE, True), (Ending.REFUSED, False)])
def test_keys_are_complete_when_the_parents_listings_were(
    tasks: TaskFeed,
    ending: Ending,
    complete: bool,  # noqa: FBT001 - a column of the table
) -> None:
    listing(tasks, "p")
    tasks.announced(ending)
    assert tasks.keys == {"p"}
    assert tasks.keys_complete is complete


def test_many_threads_lose_nothing(tasks: TaskFeed) -> None:
    groups = [listing(tasks, str(number)) for number in range(8)]
    tasks.announced(Ending.COMPLETE)

    def work(group: Group) -> None:
        for number in range(200):
            # Every task is in all listings, every fifth has subtasks.
            gid = str(1000 + number)
            tasks.add(group, gid, number, shared=True, subtasks=number % 5 == 0)
        tasks.listed(group, Ending.COMPLETE)

    threads = [threading.Thread(target=work, args=(group,)) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    walks = tasks.walks.items()
    assert len(walks) == 40
    for walk in walks:
        tasks.walked(walk.group, Ending.COMPLETE)
    assert len(closed(tasks)) == 8
    assert {len(entries(group)) for group in groups} == {200}


def test_whoever_asks_at_once_gets_the_same_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two feeds of one name would leave the readers of one of them waiting for ever."""
    start = threading.Barrier(8)

    def slow(self: Feed, *args: Any, **kwargs: Any) -> None:
        time.sleep(0.01)
        made(self, *args, **kwargs)

    made = Feed.__init__
    monkeypatch.setattr(Feed, "__init__", slow)
    feeds = Feeds(never)

    def ask(_: int) -> Feed:
        start.wait()
        return feeds.of("users")

    with ThreadPoolExecutor(8) as pool:
        assert len({id(feed) for feed in pool.map(ask, range(8))}) == 1


def test_a_mistake_of_ours_fails_the_feed_instead_of_leaving_it_open(tasks: TaskFeed) -> None:
    def mistaken(_: Group) -> None:
        raise ValueError("a mistake")

    tasks.listen(mistaken)
    tasks.expect_listing()
    tasks.announced(Ending.COMPLETE)
    group = tasks.begin("1", 5, {})
    with pytest.raises(ValueError, match="a mistake"):
        tasks.listed(group, Ending.COMPLETE)
    with pytest.raises(ParentFailedError):
        list(tasks)
