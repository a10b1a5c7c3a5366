"""The cursors that follow the task feed, fed by hand: progress, pending tasks, shared tasks."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable
from typing import Any

import pytest
from airbyte_cdk.sources.types import StreamSlice
from source_asana.tasks.cursors_children import MOST_PENDING, ChildCursor, Progress
from source_asana.tasks.cursors_walks import ListingCursor, WalkCursor

from source_asana.http.errors import Action, Rule, Scope, Verdict
from source_asana.parents.feeds import Ending, ParentFailedError
from source_asana.parents.routers import TaskRouter
from source_asana.runtime import Runtime
from source_asana.tasks.feed import Group, TaskFeed
from unit_tests.cursors.cursors_by_hand import BEGUN, Part, make, runtime

HOME = {"gid": "1", "workspace_gid": "9"}
NO_ACCESS = Verdict(Rule((403,), None, Action.SKIP, "no access"), 403, "No access")
GONE = Verdict(Rule((404,), None, Action.SKIP, "gone", gone=True), 404, "Unknown object")
NO_PLAN = Verdict(Rule((402,), None, Action.SKIP, "plan", "", Scope.WORKSPACE), 402, "Upgrade")


def child(
    shared: Runtime, state: Any = None, *, own: Iterable[str] = (), **change: Any
) -> ChildCursor:
    cursor: ChildCursor = make(ChildCursor, state, shared=shared, **change)
    cursor.router = TaskRouter(config={}, parameters={}, own=list(own))
    cursor.router.bind(shared)
    return cursor


def listed(
    feed: TaskFeed, key: str, *tasks: tuple[int, int], begun: int | None = BEGUN, **options: Any
) -> Group:
    """Hand on a listing of (gid, modified_at) and close it."""
    feed.note(key, "9")
    feed.expect_listing()
    group = feed.begin(key, begun, {**HOME, "gid": key})
    for gid, modified in tasks:
        feed.add(group, str(gid), modified, shared=options.get("shared", False), subtasks=False)
    feed.listed(group, options.get("ending", Ending.COMPLETE))
    return group


def asked(cursor: ChildCursor) -> list[StreamSlice]:
    """Return the slices of a feed that is over."""
    cursor.runtime.feeds.tasks.announced(Ending.COMPLETE)
    return list(cursor.stream_slices())


def gids(pieces: Iterable[StreamSlice]) -> list[str]:
    return [one.extra_fields["gid"] for one in pieces]


def close(cursor: ChildCursor, one: StreamSlice) -> None:
    cursor.close_partition(Part(one))  # type: ignore[arg-type]  # all that is asked of it


# ── the order of children ──────────────────────────────────────────────────────────────────────


def test_progress_follows_the_oldest_unfinished_child() -> None:
    progress = Progress("1", array("q", [10, 20, 30]), 100)
    bounds = []
    for index in (2, 0, 1):
        progress.finish(index)
        bounds.append(progress.bound())
    assert bounds == [10, 20, 100]


def test_children_are_read_oldest_change_first_and_only_of_changed_tasks() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 20}})
    listed(shared.feeds.tasks, "1", (7, 30), (8, 19), (9, 20), (6, 40))
    assert gids(asked(cursor)) == ["9", "7", "6"]


def test_a_known_listing_moves_its_bound_child_by_child() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 5}})
    listed(shared.feeds.tasks, "1", (7, 10), (8, 20), (9, 30))
    first, second, third = asked(cursor)
    moves = []
    for one in (second, first, third):
        close(cursor, one)
        moves.append(cursor.bounds["1"])
    assert moves == [10, 30, BEGUN]


def test_a_first_read_is_unfinished_until_its_last_child() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"9": BEGUN}})
    listed(shared.feeds.tasks, "1", (7, 10), (8, 20))
    first, second = asked(cursor)
    close(cursor, first)
    assert cursor.state["unfinished"] == {"1": 20}
    assert cursor.floor_in("1", "9") == 20, "no bound of the workspace is about it"
    again = child(shared, cursor.state)
    assert again.floor_in("1", "9") == 20
    close(cursor, second)
    assert cursor.state["bounds"]["1"] == BEGUN
    assert "unfinished" not in cursor.state


@pytest.mark.parametrize("ending", [Ending.REFUSED, Ending.FAILED])
def test_a_listing_that_was_not_whole_moves_no_bound(ending: Ending) -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 5, "2": 5}})
    feed = shared.feeds.tasks
    listed(feed, "1", (7, 10), ending=ending)
    listed(feed, "2", (8, 10))
    pieces = []
    feed.announced(Ending.COMPLETE)
    try:
        for one in cursor.stream_slices():
            pieces.append(one)
            close(cursor, one)
    except ParentFailedError:
        assert ending is Ending.FAILED
    assert gids(pieces) == (["8"] if ending is Ending.FAILED else ["7", "8"])
    assert cursor.bounds == {"1": 5, "2": BEGUN}


def test_a_listing_without_changes_takes_the_time_when_it_began() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 50}})
    listed(shared.feeds.tasks, "1", (7, 10))
    assert asked(cursor) == []
    assert cursor.bounds == {"1": BEGUN}


def test_listings_that_vanished_leave_the_state() -> None:
    shared = runtime()
    state = {"v": 1, "bounds": {"1": 50, "2": 50, "9": 40}, "unfinished": {"3": 1}}
    cursor = child(shared, state)
    shared.workspaces = frozenset({"9"})
    listed(shared.feeds.tasks, "1")
    asked(cursor)
    assert cursor.state == {"v": 1, "bounds": {"1": BEGUN, "9": 40}}


# ── failures ───────────────────────────────────────────────────────────────────────────────────


def test_a_task_that_alone_fails_is_pending_and_passed_over() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 5}})
    listed(shared.feeds.tasks, "1", (7, 10), (8, 20))
    bad, good = asked(cursor)
    cursor.failed(bad, lasting=True)
    close(cursor, good)
    assert cursor.state == {"v": 1, "bounds": {"1": BEGUN}, "pending": ["7"]}
    later = runtime()
    again = child(later, cursor.state)
    listed(later.feeds.tasks, "1", begun=BEGUN + 5)
    [retried] = asked(again)
    assert gids([retried]) == ["7"]
    close(again, retried)
    assert again.state == {"v": 1, "bounds": {"1": BEGUN + 5}}


def test_a_task_that_fails_in_an_outage_holds_the_bound() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 5}})
    listed(shared.feeds.tasks, "1", (7, 10), (8, 20))
    bad, good = asked(cursor)
    cursor.failed(bad, lasting=False)
    close(cursor, good)
    assert cursor.state == {"v": 1, "bounds": {"1": 10}}


@pytest.mark.parametrize(
    ("verdict", "pending", "moved"),
    [(NO_ACCESS, ["7"], True), (GONE, [], True), (NO_PLAN, [], False)],
)
def test_a_refused_task_is_pending_unless_it_is_gone_or_all_are_refused(
    verdict: Verdict, pending: list[str], *, moved: bool
) -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 5}})
    listed(shared.feeds.tasks, "1", (7, 10))
    [one] = asked(cursor)
    cursor.refused(one, verdict)
    close(cursor, one)
    assert cursor.state.get("pending", []) == pending
    assert cursor.bounds == {"1": BEGUN if moved else 5}


def test_beyond_the_most_a_failed_task_holds_the_bound_of_every_listing_it_is_in() -> None:
    shared = runtime()
    full = [str(number) for number in range(1000, 1000 + MOST_PENDING)]
    cursor = child(shared, {"v": 1, "bounds": {"1": 5, "2": 5}, "pending": full})
    feed = shared.feeds.tasks
    listed(feed, "1", (7, 10), shared=True)
    listed(feed, "2", (7, 10), (8, 20), shared=True)
    pieces = asked(cursor)
    assert gids(pieces) == [*full, "7", "8"]
    for one in pieces:
        if one.extra_fields["gid"] == "8":
            close(cursor, one)
        else:
            cursor.failed(one, lasting=True)
    assert cursor.bounds == {"1": 5, "2": 10}
    assert cursor.state["pending"] == full


def test_attachments_of_the_project_itself_come_first_and_hold_the_bound() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 50}}, own=["gid"], field="created_at")
    listed(shared.feeds.tasks, "1", (7, 60))
    shared.feeds.of("projects").announced(Ending.COMPLETE)
    own, task = asked(cursor)
    assert gids([own, task]) == ["1", "7"]
    close(cursor, task)
    assert cursor.bounds == {"1": 50}
    old, new = ({"gid": "5", "created_at": f"1970-01-01T00:00:00.0{ms}Z"} for ms in (49, 50))
    assert [cursor.wanted(record, own) for record in (old, new)] == [False, True]
    assert [cursor.wanted(record, task) for record in (old, new)] == [True, True]
    close(cursor, own)
    assert cursor.bounds == {"1": BEGUN}


# ── shared tasks ───────────────────────────────────────────────────────────────────────────────


def test_a_shared_task_is_read_once_and_moves_both_bounds() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 5, "2": 5}})
    listed(shared.feeds.tasks, "1", (7, 10), shared=True)
    listed(shared.feeds.tasks, "2", (7, 10), shared=True, begun=BEGUN + 5)
    [one] = asked(cursor)
    assert cursor.bounds == {"1": 5, "2": 5}
    close(cursor, one)
    assert cursor.bounds == {"1": BEGUN, "2": BEGUN + 5}


def test_a_newer_version_of_a_shared_task_is_read_again() -> None:
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": {"1": 5, "2": 5}})
    listed(shared.feeds.tasks, "1", (7, 10), shared=True)
    listed(shared.feeds.tasks, "2", (7, 11), shared=True)
    first, second = asked(cursor)
    assert gids([first, second]) == ["7", "7"]
    close(cursor, second)
    assert cursor.bounds == {"1": 5, "2": BEGUN}
    close(cursor, first)
    assert cursor.bounds == {"1": BEGUN, "2": BEGUN}


# ── walks ──────────────────────────────────────────────────────────────────────────────────────


def walking(state: Any = None) -> tuple[WalkCursor, TaskFeed]:
    shared = runtime()
    cursor: WalkCursor = make(WalkCursor, state, shared=shared, field="modified_at")
    shared.feeds.tasks.walking = True
    return cursor, shared.feeds.tasks


def begin(feed: TaskFeed, key: str, begun: int = BEGUN) -> Group:
    feed.note(key, "9")
    feed.expect_listing()
    return feed.begin(key, begun, {**HOME, "gid": key})


def walks(feed: TaskFeed) -> list[tuple[str, Group]]:
    """Return the walks that are asked for by now."""
    return [(walk.gid, walk.group) for walk in feed.walks.items()]


DIGEST = "AAAAAAAAAAA"


def known(**bounds: int) -> dict[str, Any]:
    """Return a state whose digests are those of listings without subtasks."""
    pairs = {key[1:]: [bound, DIGEST] for key, bound in bounds.items()}
    return {"v": 1, "bounds": pairs, "passed": BEGUN}


def test_the_bound_of_a_walk_moves_when_listing_and_all_walks_are_over() -> None:
    cursor, feed = walking(known(p1=5))
    group = begin(feed, "1")
    feed.add(group, "7", 10, shared=False, subtasks=True)
    feed.listed(group, Ending.COMPLETE)
    assert cursor.bounds == {"1": 5}
    feed.add(group, "8", 10, shared=False, subtasks=True)
    feed.walked(group, Ending.COMPLETE)
    assert cursor.bounds == {"1": 5}
    feed.walked(group, Ending.COMPLETE)
    assert cursor.bounds == {"1": BEGUN}


@pytest.mark.parametrize("ending", [Ending.REFUSED, Ending.FAILED])
def test_a_walk_that_was_not_whole_holds_the_bound(ending: Ending) -> None:
    cursor, feed = walking(known(p1=5))
    group = begin(feed, "1")
    feed.add(group, "7", 10, shared=False, subtasks=True)
    feed.walked(group, ending)
    feed.listed(group, Ending.COMPLETE)
    assert cursor.bounds == {"1": 5}


def test_a_shared_task_is_walked_once_and_both_listings_wait_for_it() -> None:
    cursor, feed = walking(known(p1=5, p2=5))
    one, two = begin(feed, "1"), begin(feed, "2", BEGUN + 5)
    for group in (one, two):
        feed.add(group, "7", 10, shared=True, subtasks=True)
    [(gid, node)] = walks(feed)
    assert gid == "7"
    for group in (one, two):
        feed.listed(group, Ending.COMPLETE)
    assert cursor.bounds == {"1": 5, "2": 5}
    feed.walked(node, Ending.COMPLETE)
    # The walk began with the first listing: what changed below the task since is for both to find.
    assert cursor.bounds == {"1": BEGUN, "2": BEGUN}


def test_a_listing_begins_with_the_oldest_walk_at_any_depth_below_it() -> None:
    cursor, feed = walking(known(p1=5, p2=5, p3=5))
    early, late = begin(feed, "1", 100), begin(feed, "2", 200)
    feed.add(early, "8", 10, shared=True, subtasks=True)
    feed.add(late, "7", 10, shared=True, subtasks=True)
    (_, below), (_, above) = walks(feed)
    feed.add(above, "8", 10, shared=True, subtasks=True)
    third = begin(feed, "3", 300)
    feed.add(third, "7", 10, shared=True, subtasks=True)
    assert len(walks(feed)) == 2
    for group in (early, late, third):
        feed.listed(group, Ending.COMPLETE)
    feed.walked(above, Ending.COMPLETE)
    assert cursor.bounds == {"1": 5, "2": 5, "3": 5}
    feed.walked(below, Ending.COMPLETE)
    assert cursor.bounds == {"1": 100, "2": 100, "3": 100}


@pytest.mark.parametrize(
    ("state", "again"), [({"p2": 3}, 1), ({"p2": 5}, 0), ({"p2": 7}, 0), ({}, 1)]
)
def test_a_shared_task_is_walked_again_for_a_listing_that_wants_older_changes(
    state: dict[str, int], again: int
) -> None:
    cursor, feed = walking(known(p1=5, **state))
    one = begin(feed, "1")
    feed.add(one, "7", 10, shared=True, subtasks=True)
    feed.walked(walks(feed)[0][1], Ending.COMPLETE)
    two = begin(feed, "2")
    feed.add(two, "7", 10, shared=True, subtasks=True)
    assert len(walks(feed)) == 1 + again
    subtask = {"gid": "8", "modified_at": "1970-01-01T00:00:00.004Z"}
    sent = [
        cursor.wanted(
            subtask,
            StreamSlice(
                partition={"task_gid": "7"},
                cursor_slice={},
                extra_fields={"key": "1", "item": HOME, "group": node, "again": None},
            ),
        )
        for _, node in walks(feed)
    ]
    assert sent == [False, True][: 1 + again]


def test_tasks_that_changed_places_do_not_wait_for_each_other() -> None:
    cursor, feed = walking(known(p1=5))
    group = begin(feed, "1")
    feed.add(group, "7", 10, shared=True, subtasks=True)
    upper = walks(feed)[0][1]
    feed.add(upper, "8", 10, shared=True, subtasks=True)
    lower = walks(feed)[1][1]
    feed.add(lower, "7", 11, shared=True, subtasks=True)
    for node in (lower, upper):
        feed.walked(node, Ending.COMPLETE)
    feed.listed(group, Ending.COMPLETE)
    assert cursor.bounds == {"1": BEGUN}
    assert sorted(entry[1] for entry in group.entries()) == [7, 8]


# ── bounds of whole workspaces ─────────────────────────────────────────────────────────────────


def settled(bounds: dict[str, int], *keys: str, complete: bool = True) -> dict[str, int]:
    """Return the bounds after a sync of listings, these keys having been listed."""
    shared = runtime()
    cursor = child(shared, {"v": 1, "bounds": bounds})
    for key in keys:
        shared.feeds.tasks.note(key, "9")
    shared.feeds.tasks.announced(Ending.COMPLETE if complete else Ending.FAILED)
    cursor.ensure_at_least_one_state_emitted()
    return cursor.bounds


def test_a_workspace_has_the_oldest_bound_of_its_listings() -> None:
    assert settled({"1": 10, "9/5": 20}, "1", "9/5")["9"] == 10
    assert settled({"1": 10, "9": 15}, "1")["9"] == 15, "it never moves back"


def test_a_workspace_has_no_bound_before_every_user_was_read() -> None:
    assert "9" not in settled({"1": 10}, "1", "9/5")


def test_a_project_that_was_never_read_is_unknown_and_keeps_nobody() -> None:
    assert settled({"1": 10}, "1", "2")["9"] == 10


def test_a_workspace_has_no_bound_after_an_incomplete_list() -> None:
    assert "9" not in settled({"1": 10}, "1", complete=False)


@pytest.mark.parametrize(
    ("key", "floor"),
    [("1", 5_000_000), ("2", 2_000_000), ("3", None), ("9/5", None), ("9", 2_000_000)],
)
def test_the_floor_is_the_later_of_the_listings_and_the_workspaces_bound(
    key: str, floor: int | None
) -> None:
    shared = runtime(search_overlap_minutes=1)
    state = {"v": 1, "bounds": {"1": 5_000_000, "2": 1_000_000, "9": 2_060_000}}
    assert child(shared, state).floor_in(key, "9") == floor


# ── partitions that complete meanwhile ─────────────────────────────────────────────────────────


def test_vanished_listings_are_dropped_while_others_complete() -> None:
    shared = runtime()
    cursor = make(ListingCursor, {"v": 1, "bounds": {"1": 5, "2": 5, "3": 5}}, shared=shared)

    def complete() -> None:
        with cursor._lock:
            cursor.bounds["4"] = BEGUN

    other = threading.Thread(target=complete)

    class Interrupted(frozenset[str]):
        def __contains__(self, key: object) -> bool:
            if not other.ident:
                other.start()
                other.join(0.1)
            return super().__contains__(key)

    shared.workspaces = Interrupted()
    cursor.forget_all_but({"1", "2", "4"})
    other.join()
    assert cursor.bounds == {"1": 5, "2": 5, "4": BEGUN}


def test_users_are_asked_for_while_listings_complete() -> None:
    shared = runtime()
    cursor = make(ListingCursor, {"v": 1, "passed": BEGUN}, shared=shared)

    class Interrupting(str):
        __slots__ = ()

        def startswith(self, *of: Any) -> bool:
            cursor.bounds["9/2"] = BEGUN
            return super().startswith(*of)

    cursor.bounds = {Interrupting("9/1"): 5, "8": 5}
    shared.searches.family.append(cursor)
    assert not shared.searches.users_needed("9")
