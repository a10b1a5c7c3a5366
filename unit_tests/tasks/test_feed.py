"""The feed of tasks: who waits for whom, and what listings have covered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.core.task_list import Group, OpenWalk
from source_asana.http.clock import Millis
from source_asana.http.stop import Stop
from source_asana.parents.feeds import Ending, ParentFailedError
from source_asana.tasks.feed import SubtaskFeed, TaskFeed
from source_asana.tasks.strategies import ended_of

NOW = Millis(1_774_746_000_000)


def feed_of(*listings: str, is_walked: bool = False) -> TaskFeed:
    """Return a feed in which these listings of workspace 1 have begun."""
    made = TaskFeed(Stop())
    made.shown.is_walked = is_walked
    for key in listings:
        made.name(key, {"gid": key, "workspace_gid": "1"})
        made.expect()
        made.begin(key)
    return made


def show(feed: TaskFeed, listing: str, *gids: str, has_subtasks: bool = False) -> None:
    with feed.adding() as shown:
        for gid in gids:
            shown.add(listing, gid, 5, has_subtasks=has_subtasks)


class Waiting:
    """A thread that calls something, and its result or error."""

    def __init__(self, call: Callable[[], Any]) -> None:
        """Start it."""
        self.found: list[Any] = []
        self._call = call
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.found.append(self._call())
        except AirbyteTracedException as error:
            self.found.append(error)

    def waits(self) -> bool:
        self.thread.join(0.02)
        return self.thread.is_alive()

    def end(self) -> Any:
        self.thread.join(5)
        [found] = self.found
        return found


# ── blocks ─────────────────────────────────────────────────────────────────────────────────────


def test_a_block_waits_for_what_is_new_and_never_to_be_full() -> None:
    feed = feed_of("a")
    reader = Waiting(lambda: feed.block(0, 0))
    assert reader.waits()

    show(feed, "a", "7", "8")

    assert reader.end() == (["7", "8"], [])
    reader = Waiting(lambda: feed.block(2, 0))
    assert reader.waits()
    feed.end("a", Ending.COMPLETE, NOW)
    tasks, groups = reader.end()
    assert (tasks, [group.listings for group in groups]) == ([], [["a"]])
    reader = Waiting(lambda: feed.block(2, 1))
    assert reader.waits()
    feed.announced(Ending.COMPLETE)
    assert reader.end() == ([], [])


def test_each_reader_has_its_own_position() -> None:
    feed = feed_of("a")
    show(feed, "a", "7", "8", "7")

    assert feed.block(0, 0)[0] == ["7", "8"]
    assert feed.block(1, 0)[0] == ["8"]
    assert [gid for gid, _ in feed.tasks(["8", "7", "8"])] == ["8", "7"]


def test_a_feed_is_over_when_all_listings_and_walks_are() -> None:
    feed = feed_of("a", is_walked=True)
    show(feed, "a", "7", has_subtasks=True)
    waiting = Waiting(feed.wait_until_over)
    feed.announced(Ending.COMPLETE)
    feed.end("a", Ending.COMPLETE, NOW)
    assert waiting.waits()
    assert not feed.is_over

    feed.walked(OpenWalk("7", "a"), Ending.COMPLETE)

    waiting.end()
    assert feed.is_over


def test_who_waits_for_many_tasks_goes_on_when_they_are_known() -> None:
    feed = feed_of("a")
    waiting = Waiting(lambda: feed.wait_until_over(2))
    show(feed, "a", "7")
    assert waiting.waits()
    show(feed, "a", "8")
    waiting.end()


def test_who_waits_hears_of_the_end_of_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.http.stop.WAKE_SECONDS", 0.01)
    stop = Stop()
    feed = TaskFeed(stop)
    waiting = Waiting(feed.wait_until_over)

    stop.abort(AirbyteTracedException(message="over"))

    assert isinstance(waiting.end(), AirbyteTracedException)


# ── walks ──────────────────────────────────────────────────────────────────────────────────────


def test_walks_come_as_they_are_found_and_none_where_a_listing_is_over() -> None:
    feed = feed_of("a", is_walked=True)
    feed.retry({"9": "b", "6": "gone"})
    feed.name("b", {"workspace_gid": "w"})
    walks = feed.walks()
    assert next(walks) == OpenWalk("9", "b")
    show(feed, "a", "7", has_subtasks=True)
    assert next(walks) == OpenWalk("7", "a")
    show(feed, "a", "8", has_subtasks=True)
    for gid, listing in (("7", "a"), ("9", "b")):
        feed.walked(OpenWalk(gid, listing), Ending.COMPLETE)
    assert next(walks) == OpenWalk("8", "a")
    feed.end("a", Ending.COMPLETE, NOW)
    feed.announced(Ending.COMPLETE)
    feed.walked(OpenWalk("8", "a"), Ending.COMPLETE)

    assert list(walks) == [None]
    assert feed.is_over


def test_where_subtasks_end_early_walks_have_failed_and_nobody_waits() -> None:
    feed = feed_of("a", is_walked=True)
    show(feed, "a", "7", has_subtasks=True)
    feed.end("a", Ending.COMPLETE, NOW)
    feed.announced(Ending.COMPLETE)
    SubtaskFeed(feed).announced(Ending.COMPLETE)
    assert not feed.is_over

    SubtaskFeed(feed).announced(Ending.FAILED)

    assert feed.is_over
    assert feed.failed_walks() == {"7": "a"}
    with pytest.raises(ParentFailedError):
        feed.raise_failure()


# ── what was covered ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ending", "is_covered", "began", "was_answered"),
    [
        (Ending.COMPLETE, True, NOW, True),
        (Ending.COMPLETE, False, None, True),
        (Ending.REFUSED, True, None, True),
        (Ending.FAILED, True, None, False),
    ],
)
def test_a_listing_is_covered_when_it_was_read_to_its_end(
    ending: Ending, began: Millis | None, *, is_covered: bool, was_answered: bool
) -> None:
    feed = feed_of("a", "b")
    feed.end("a", ending, NOW, is_covered=is_covered)

    assert feed.named["a"].began == began
    assert [one.key for one in feed.answered("ab")] == (["a"] if was_answered else [])
    assert feed.is_complete("a") is (began is not None)
    assert not feed.is_complete("b")
    assert feed.ending is ending


def test_a_part_of_a_listing_covers_it_and_says_nothing_of_the_rest() -> None:
    feed = feed_of("a", "b")
    feed.end("a", Ending.COMPLETE, NOW, is_whole=False)

    assert feed.named["a"].began == NOW
    assert not feed.is_complete("a")


def test_a_listing_is_complete_when_its_walks_are() -> None:
    feed = feed_of("a", "b", is_walked=True)
    for listing in "ab":
        show(feed, listing, listing, has_subtasks=True)
        feed.end(listing, Ending.COMPLETE, NOW)
    assert not feed.is_complete("a")

    feed.walked(OpenWalk("a", "a"), Ending.COMPLETE)
    feed.walked(OpenWalk("b", "b"), Ending.FAILED)

    assert [feed.is_complete(key) for key in "ab"] == [True, False]


def test_an_export_covers_a_listing() -> None:
    feed = feed_of()
    feed.covered("a", {"gid": "a", "workspace_gid": "1"}, NOW)

    assert feed.is_complete("a")
    assert not feed.is_complete("b")


def test_a_feed_knows_workspaces() -> None:
    feed = feed_of("a", "b")
    show(feed, "a", "7", "8")
    show(feed, "2/5", "9")

    assert feed.by_workspace() == {"1": ["a", "b"]}
    assert [feed.workspace_of(key) for key in ("a", "2/5", "c")] == ["1", "2", None]
    assert [feed.known_in(workspace) for workspace in "123"] == [2, 1, 0]


def test_groups_are_over_once_their_last_task_was_handed_out() -> None:
    first, second, third = (Group(["a"], end=3), Group(["b"], end=5), Group(["c"], open=1))

    assert ended_of([first, second, third]) == ([first, second], [])
    assert ended_of([first, second, third], 3) == ([first], [second])
