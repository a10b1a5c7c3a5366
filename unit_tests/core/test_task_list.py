"""What tasks were shown, in which order they are read, and when their listings are over."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.core.task_list import BLOCK, OpenWalk, TaskList, Walk


def walked_list(*listings: str) -> TaskList:
    """Return a list whose tasks are walked, with these listings open."""
    made = TaskList(is_walked=True)
    for listing in listings:
        made.begin(listing)
    return made


def ended(made: TaskList) -> list[list[str]]:
    """Return the listings of each group that is over."""
    return [sorted(group.listings) for group in made.ended_groups]


# ── the queue ──────────────────────────────────────────────────────────────────────────────────


def test_tasks_come_in_order_of_arrival_whatever_listing_shows_them() -> None:
    made = TaskList()
    for listing in "ab":
        made.begin(listing)
    for listing, gid in (("a", "3"), ("b", "1"), ("a", "2"), ("b", "3")):
        made.add(listing, gid, 5)

    assert made.block(0) == ["3", "1", "2"]
    assert made.block(2) == ["2"]
    assert made.block(3) == []
    assert made.tasks["3"].listing == "a"


def test_a_newer_version_comes_again_and_an_older_one_does_not() -> None:
    made = TaskList()
    for listing, modified in (("a", 5), ("a", 5), ("b", 6), ("a", 4)):
        made.add(listing, "1", modified)

    assert made.queue == ["1", "1"]
    assert (made.tasks["1"].modified, made.tasks["1"].listing) == (6, "b")


def test_a_task_in_a_listing_that_was_never_read_comes_again() -> None:
    made = TaskList()
    made.add("a", "1", 5)
    made.add("b", "1", 4, is_first=True)

    assert made.queue == ["1", "1"]
    assert (made.tasks["1"].modified, made.tasks["1"].listing) == (5, "b")


def test_a_search_names_the_listing_of_a_task() -> None:
    made = TaskList()
    made.begin("w")
    made.add("w", "1", 5, listing="a")
    made.end("w")

    assert made.tasks["1"].listing == "a"
    assert made.tasks["1"].walk is Walk.UNKNOWN
    assert [(group.listings, group.end) for group in made.ended_groups] == [(["w"], 1)]


def test_a_block_is_what_is_there_up_to_a_thousand() -> None:
    made = TaskList()
    for number in range(BLOCK + 1):
        made.add("a", str(number), 5)

    assert len(made.block(0)) == BLOCK
    assert made.block(BLOCK) == [str(BLOCK)]


# ── walks ──────────────────────────────────────────────────────────────────────────────────────


def test_without_walkers_nothing_is_walked() -> None:
    made = TaskList()
    made.begin("a")
    made.add("a", "1", 5, has_subtasks=True)
    made.end("a")

    assert not made.walks
    assert ended(made) == [["a"]]


def test_a_task_is_walked_once_however_often_it_is_shown() -> None:
    made = walked_list("a", "b")
    made.add("a", "1", 5, has_subtasks=True)
    made.add("a", "1", 6, has_subtasks=True)
    made.add("b", "1", 7, has_subtasks=True)
    assert list(made.walks) == [OpenWalk("1", "a")]

    made.walked(made.walks.popleft(), is_complete=True)
    made.add("b", "1", 8, has_subtasks=True)

    assert not made.walks
    assert made.has_shown_all_subtasks("1")


def test_a_later_page_that_shows_subtasks_makes_a_walk_needed() -> None:
    made = walked_list("a", "b")
    made.add("a", "1", 5, has_subtasks=False)
    assert made.has_shown_all_subtasks("1")

    made.add("b", "1", 5, has_subtasks=True)
    made.add("a", "1", 6, has_subtasks=False)

    assert list(made.walks) == [OpenWalk("1", "b")]
    assert not made.has_shown_all_subtasks("1")


def test_a_listing_has_walked_what_a_search_has_shown() -> None:
    made = walked_list("w", "a")
    made.add("w", "1", 5, listing="a")
    assert not made.walks
    assert not made.has_shown_all_subtasks("1")

    made.add("a", "1", 5, has_subtasks=True)

    assert list(made.walks) == [OpenWalk("1", "a")]
    assert made.queue == ["1"]


def test_a_listing_is_over_when_it_and_its_walks_are() -> None:
    made = walked_list("a", "b")
    for gid in "12":
        made.add("a", gid, 5, has_subtasks=True)
    made.end("a")
    made.end("b")
    assert ended(made) == [["b"]]
    for walk in list(made.walks):
        assert ended(made) == [["b"]]
        made.walked(walk, is_complete=True)

    assert ended(made) == [["b"], ["a"]]
    assert all(group.is_complete for group in made.ended_groups)


def test_a_subtask_below_a_walk_belongs_to_the_listing_and_is_walked_itself() -> None:
    made = walked_list("a")
    made.add("a", "1", 5, has_subtasks=True)
    made.end("a")
    walk = made.walks.popleft()
    made.add(walk.listing, "2", 5, has_subtasks=True)
    made.walked(walk, is_complete=True)
    assert made.ended_groups == []

    made.walked(OpenWalk("2", "a"), is_complete=True)

    [group] = made.ended_groups
    assert (group.listings, group.end) == (["a"], 2)


def test_listings_that_show_the_same_task_with_subtasks_end_together() -> None:
    made = walked_list("a", "b", "c")
    made.add("a", "1", 5, has_subtasks=True)
    made.add("b", "1", 5, has_subtasks=True)
    made.add("b", "2", 5, has_subtasks=False)
    for listing in "abc":
        made.end(listing)
    assert ended(made) == [["c"]]

    made.walked(OpenWalk("1", "a"), is_complete=True)

    assert ended(made) == [["c"], ["a", "b"]]
    assert made.ended_groups[-1].end == 2


def test_a_listing_that_shows_a_walk_that_is_over_does_not_wait_for_others() -> None:
    made = walked_list("a")
    made.add("a", "1", 5, has_subtasks=True)
    made.end("a")
    made.walked(OpenWalk("1", "a"), is_complete=True)
    made.begin("b")
    made.add("b", "1", 5, has_subtasks=True)
    made.end("b")

    assert ended(made) == [["a"], ["b"]]


def test_a_failed_walk_leaves_its_listings_incomplete_and_is_remembered() -> None:
    made = walked_list("a", "b")
    made.add("a", "1", 5, has_subtasks=True)
    made.add("b", "1", 5, has_subtasks=True)
    for listing in "ab":
        made.end(listing)
    walk = made.walks.popleft()

    made.walked(walk, is_complete=False)
    # Whatever comes later, it has failed.
    made.walked(walk, is_complete=True)

    assert made.failed == {"1": "a"}
    assert not made.has_shown_all_subtasks("1")
    assert ended(made) == [["a", "b"]]
    assert not made.ended_groups[0].is_complete
    # Nor is it walked again in this sync.
    made.add("b", "1", 9, has_subtasks=True)
    assert not made.walks


def test_a_walk_of_an_earlier_sync_is_tried_again_and_its_task_is_not_read() -> None:
    made = walked_list()
    made.retry("1", "a")
    made.retry("1", "a")
    assert list(made.walks) == [OpenWalk("1", "a")]
    assert made.queue == []

    made.begin("b")
    made.add("b", "1", 5, has_subtasks=True)
    made.end("b")
    assert len(made.walks) == 1
    assert made.queue == ["1"]
    assert made.ended_groups == []
    made.walked(made.walks.popleft(), is_complete=True)

    assert ended(made) == [["a", "b"]]
    assert made.failed == {}


def test_what_a_page_shows_already_is_not_tried_again() -> None:
    made = walked_list("a")
    made.add("a", "1", 5, has_subtasks=False)

    made.retry("1", "a")

    assert not made.walks


def test_what_a_search_has_shown_is_tried_again() -> None:
    made = walked_list("w")
    made.add("w", "1", 5, listing="b")
    made.end("w")

    for _ in range(2):
        made.retry("1", "a")

    assert list(made.walks) == [OpenWalk("1", "a")]
    assert (made.tasks["1"].modified, made.tasks["1"].listing) == (5, "b")
    made.walked(made.walks.popleft(), is_complete=True)
    assert ended(made) == [["w"], ["a"]]


def test_after_the_last_walk_all_that_are_open_have_failed() -> None:
    made = walked_list("a")
    for gid in "12":
        made.add("a", gid, 5, has_subtasks=True)
    taken = made.walks.popleft()
    made.end("a")
    for _ in range(2):
        made.walk_no_more()
        assert made.failed == {"1": "a", "2": "a"}
        assert ended(made) == [["a"]]
        assert not made.open_walks
    made.walked(taken, is_complete=True)

    assert ended(made) == [["a"]]
    made.begin("b")
    made.add("b", "3", 5, has_subtasks=True)
    made.end("b")
    assert not made.walks
    assert ended(made) == [["a"], ["b"]]


@pytest.mark.parametrize("source", ["b", "w"])
def test_a_newer_version_elsewhere_does_not_part_a_listing_from_an_open_walk(source: str) -> None:
    made = walked_list("a", source, "c")
    made.add("a", "1", 5, has_subtasks=True)
    # A listing that shows it without subtasks, or a search, that says nothing of them.
    made.add(source, "1", 6, listing="c" if source == "w" else None)
    made.end(source)
    made.add("c", "1", 6, has_subtasks=True)

    made.end("c")

    assert ended(made) == [[source]]


def test_the_last_task_of_a_listing_may_be_queued_by_another_listing() -> None:
    made = walked_list("a", "b")
    made.add("a", "1", 5)
    made.add("b", "1", 5)
    made.end("b")

    # Else the instant of `b` moves before task 1 is handed out, which may be gone from `a` then.
    assert [group.end for group in made.ended_groups] == [1]


# ── any order ──────────────────────────────────────────────────────────────────────────────────

LISTINGS = ["a", "b", "c"]
GIDS = st.sampled_from("12345")
Page = list[tuple[str, int]]
"""Tasks and their versions."""
PAGE = st.lists(st.tuples(GIDS, st.integers(1, 3)), max_size=4)


@given(
    pages=st.lists(st.tuples(st.sampled_from(LISTINGS), PAGE), max_size=8),
    parents=st.sets(GIDS),
    retried=st.sets(GIDS, max_size=2),
    chance=st.randoms(use_true_random=False),
)
def test_in_any_order_everything_is_read_walked_once_and_over(
    pages: list[tuple[str, Page]], parents: set[str], retried: set[str], chance: Random
) -> None:
    """The pages of a listing come in their order; walks and endings come in between."""
    made = walked_list(*LISTINGS)
    newest: dict[str, int] = {}
    showing: dict[str, set[str]] = {gid: set() for gid in parents}
    walks, open_walks = list[OpenWalk](), list[OpenWalk]()
    for gid in retried:
        made.retry(gid, chance.choice(LISTINGS))
    acts: list[tuple[str, Page | None]] = [*pages]
    for listing in LISTINGS:
        last = max((number for number, act in enumerate(acts) if act[0] == listing), default=-1)
        acts.insert(chance.randrange(last + 1, len(acts) + 1), (listing, None))
    while acts or open_walks or made.walks:
        open_walks += made.walks
        walks += made.walks
        made.walks.clear()
        if open_walks and (not acts or chance.random() < 0.4):
            walk = open_walks.pop(chance.randrange(len(open_walks)))
            made.walked(walk, is_complete=chance.random() < 0.8)
        elif acts:
            listing, page = acts.pop(0)
            for gid, modified in page or ():
                made.add(listing, gid, modified, has_subtasks=gid in parents)
                newest[gid] = max(modified, newest.get(gid, 0))
                if gid in parents:
                    showing[gid].add(listing)
            if page is None:
                made.end(listing)
        over = {
            listing for group in made.ended_groups for listing in group.listings if not group.open
        }
        assert not any(showing[gid] & over for gid in parents & made.open_walks.keys())

    assert {gid: made.tasks[gid].modified for gid in made.queue} == newest
    ends = {listing: group.end for group in made.ended_groups for listing in group.listings}
    assert ends.keys() == set(LISTINGS)
    assert not any(group.open for group in made.ended_groups)
    for gid in newest:
        last = max(number for number, queued in enumerate(made.queue) if queued == gid)
        assert last < ends[made.tasks[gid].listing]
    assert len({walk.gid for walk in walks}) == len(walks)
    assert {walk.gid for walk in walks} == (parents & newest.keys()) | retried
    assert not made.open_walks
