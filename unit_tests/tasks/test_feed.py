"""The feed of tasks: trees close when their listing and all walks below them are over."""

from __future__ import annotations

import threading
from array import array

import pytest

from source_asana.http.clock import Millis
from source_asana.http.stop import Stop
from source_asana.parents.feeds import Ending, ParentFailedError
from source_asana.tasks.feed import TaskFeed
from source_asana.tasks.tree import TaskTree


@pytest.fixture
def tasks() -> TaskFeed:
    found = TaskFeed("tasks", Stop())
    found.walk(lambda _: None)
    return found


def listing(tasks: TaskFeed, key: str, began: int | None = 100) -> TaskTree:
    """Return the tree of a listing that begins."""
    tasks.note(key, "w")
    tasks.expect()
    return TaskTree(key, None if began is None else Millis(began), {})


def put(
    tasks: TaskFeed,
    tree: TaskTree,
    gid: str,
    modified: int,
    *,
    is_shared: bool = False,
    has_subtasks: bool = False,
) -> None:
    """Put a task into a tree, as a worker does."""
    tasks.add(tree, gid, Millis(modified), is_shared=is_shared, has_subtasks=has_subtasks)


def entries(tree: TaskTree) -> list[tuple[int, int, bool]]:
    """Return gid, stamp and whether it is shared of each task; each listing may show a version."""
    return sorted(set(tree.entries()))


def closed(tasks: TaskFeed) -> list[TaskTree]:
    """Return the trees that are whole; the feed must be over."""
    assert tasks.closed
    return list(tasks)


def test_a_tree_is_handed_on_when_listing_and_walks_are_over(tasks: TaskFeed) -> None:
    tree = listing(tasks, "p")
    tasks.announced(Ending.COMPLETE)
    put(tasks, tree, "1", 10)
    put(tasks, tree, "2", 20, has_subtasks=True)
    assert [(walk.gid, walk.tree) for walk in tasks.walks.items()] == [("2", tree)]
    tasks.listed(tree, Ending.COMPLETE)
    assert tasks.items() == []
    put(tasks, tree, "3", 30)
    tasks.walked(tree, Ending.COMPLETE)
    [done] = closed(tasks)
    assert done is tree
    assert done.ending is Ending.COMPLETE
    assert entries(done) == [(1, 10, False), (2, 20, False), (3, 30, False)]
    assert tasks.walks.closed


@pytest.mark.parametrize("has_subtasks", [False, True])
def test_walks_that_fill_one_tree_at_once_leave_each_task_its_stamp(
    tasks: TaskFeed, *, has_subtasks: bool
) -> None:
    tree = listing(tasks, "p")

    def add(number: int) -> None:
        put(tasks, tree, str(number), number, is_shared=False, has_subtasks=has_subtasks)

    other = threading.Thread(target=add, args=(2,))

    class Interrupted(array):  # type: ignore[type-arg]  # no alias of it can be a base
        def append(self, number: int) -> None:
            super().append(number)
            if number == 1:
                other.start()
                other.join(0.1)

    tree._gids = Interrupted("q")
    add(1)
    other.join()
    assert list(tree._gids) == list(tree._modified) == [1, 2]


def test_without_a_stream_of_subtasks_nothing_is_walked() -> None:
    tasks = TaskFeed("tasks", Stop())
    tree = listing(tasks, "p")
    tasks.announced(Ending.COMPLETE)
    put(tasks, tree, "1", 10, has_subtasks=True)
    tasks.listed(tree, Ending.COMPLETE)
    assert closed(tasks) == [tree]
    assert tasks.walks.items() == []


def test_a_shared_task_is_walked_once_and_both_listings_wait_for_it(tasks: TaskFeed) -> None:
    first, second = listing(tasks, "p1"), listing(tasks, "p2")
    tasks.announced(Ending.COMPLETE)
    for tree in (first, second):
        put(tasks, tree, "7", 70, is_shared=True, has_subtasks=True)
    [walk] = tasks.walks.items()
    node = walk.tree
    tasks.listed(first, Ending.COMPLETE)
    tasks.listed(second, Ending.COMPLETE)
    assert tasks.items() == []
    put(tasks, node, "8", 80)
    tasks.walked(node, Ending.COMPLETE)
    assert set(closed(tasks)) == {first, second}
    assert entries(first) == entries(second) == [(7, 70, True), (8, 80, True)]


def test_a_walk_that_is_over_serves_a_later_listing(tasks: TaskFeed) -> None:
    first, second = listing(tasks, "p1", 100), listing(tasks, "p2", 200)
    tasks.announced(Ending.COMPLETE)
    put(tasks, first, "7", 70, is_shared=True, has_subtasks=True)
    [walk] = tasks.walks.items()
    tasks.walked(walk.tree, Ending.COMPLETE)
    tasks.listed(first, Ending.COMPLETE)
    put(tasks, second, "7", 70, is_shared=True, has_subtasks=True)
    tasks.listed(second, Ending.COMPLETE)
    assert closed(tasks) == [first, second]
    # What changed below since the walk is for the next sync.
    assert (first.began, second.began) == (100, 100)


@pytest.mark.parametrize("ending", [Ending.REFUSED, Ending.FAILED])
def test_a_walk_that_goes_wrong_is_the_ending_of_every_owner(
    tasks: TaskFeed, ending: Ending
) -> None:
    first, second, other = (listing(tasks, key) for key in ("p1", "p2", "p3"))
    tasks.announced(Ending.COMPLETE)
    for tree in (first, second):
        put(tasks, tree, "7", 70, is_shared=True, has_subtasks=True)
    [walk] = tasks.walks.items()
    for tree in (first, second, other):
        tasks.listed(tree, Ending.COMPLETE)
    tasks.walked(walk.tree, ending)
    assert [tree.ending for tree in (first, second, other)] == [ending, ending, Ending.COMPLETE]
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
    tree = listing(tasks, "p")
    tasks.announced(Ending.COMPLETE)
    put(tasks, tree, "1", 10, is_shared=True, has_subtasks=True)
    put(tasks, tree, "2", 20, is_shared=True, has_subtasks=True)
    one, two = (walk.tree for walk in tasks.walks.items())
    put(tasks, one, "2", 20, is_shared=True, has_subtasks=True)
    put(tasks, two, "1", 10, is_shared=True, has_subtasks=True)
    tasks.walked(one, Ending.COMPLETE)
    tasks.walked(two, Ending.COMPLETE)
    tasks.listed(tree, Ending.COMPLETE)
    assert closed(tasks) == [tree]
    assert [gid for gid, _, _ in entries(tree)] == [1, 2]


def test_listeners_hear_of_each_whole_tree_before_its_readers(tasks: TaskFeed) -> None:
    heard: list[tuple[str, int]] = []
    tasks.listen(lambda tree: heard.append((tree.key, len(tasks.items()))))
    trees = [listing(tasks, key) for key in ("p1", "p2")]
    tasks.announced(Ending.COMPLETE)
    for tree in trees:
        tasks.listed(tree, Ending.COMPLETE)
    assert heard == [("p1", 0), ("p2", 1)]


def test_the_keys_of_all_listings_are_known_whether_or_not_they_are_read(tasks: TaskFeed) -> None:
    tasks.note("p", "w1")
    tasks.note("w1/u", "w1")
    tasks.note("q", "w2")
    assert not tasks.keys_complete
    tasks.noted_all(is_complete=True)
    assert tasks.keys == {"p", "w1/u", "q"}
    assert tasks.by_workspace == {"w1": {"p", "w1/u"}, "w2": {"q"}}
    assert tasks.keys_complete


def test_tasks_without_subtasks_are_told(tasks: TaskFeed) -> None:
    told: list[str] = []
    tasks.walk(told.append)
    tree = listing(tasks, "p")
    put(tasks, tree, "1", 10)
    put(tasks, tree, "2", 20, has_subtasks=True)
    put(tasks, tree, "3", 30, is_shared=True)
    assert told == ["1", "3"]


def test_many_threads_lose_nothing(tasks: TaskFeed) -> None:
    trees = [listing(tasks, str(number)) for number in range(8)]
    tasks.announced(Ending.COMPLETE)

    def work(tree: TaskTree) -> None:
        for number in range(200):
            # Every task is in all listings, every fifth has subtasks.
            gid = str(1000 + number)
            put(tasks, tree, gid, number, is_shared=True, has_subtasks=number % 5 == 0)
        tasks.listed(tree, Ending.COMPLETE)

    threads = [threading.Thread(target=work, args=(tree,)) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    walks = tasks.walks.items()
    assert len(walks) == 40
    for walk in walks:
        tasks.walked(walk.tree, Ending.COMPLETE)
    assert len(closed(tasks)) == 8
    assert {len(entries(tree)) for tree in trees} == {200}


def test_a_mistake_of_ours_fails_the_feed_instead_of_leaving_it_open(tasks: TaskFeed) -> None:
    def mistaken(_: TaskTree) -> None:
        raise ValueError("a mistake")

    tasks.listen(mistaken)
    tree = listing(tasks, "1")
    tasks.announced(Ending.COMPLETE)
    with pytest.raises(ValueError, match="a mistake"):
        tasks.listed(tree, Ending.COMPLETE)
    with pytest.raises(ParentFailedError):
        list(tasks)
