"""Which versions of tasks were read, and which are due."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.core import versions as module
from source_asana.core.versions import VERSIONS, Versions, version_of


def stored(versions: Versions) -> bytes:
    """Return the value in a state."""
    make = versions.dump()
    return orjson.dumps(make() if make else None)


def again(versions: Versions) -> Versions:
    """Return the versions as the next sync loads them."""
    new = Versions()
    value = orjson.loads(stored(versions))
    if value is not None:
        new.load(value)
    return new


def read(versions: Versions, gid: str, version: int, listing: str = "p") -> None:
    """Have a version be due, and read its children."""
    versions.enter_due(gid, listing, version)
    versions.read(gid, version)


def of_earlier_sync(*gids: str, listings: tuple[str, ...] = ("p",)) -> Versions:
    """Return what a sync loads after one that read version 5 of these tasks."""
    made = Versions()
    for gid in gids:
        read(made, gid, 5)
        for listing in listings:
            made.show(gid, listing)
    return again(made)


def sweep(versions: Versions, *, deleted: Collection[str] = (), with_children: str = "") -> None:
    versions.sweep(lambda _: True, deleted, with_children.__contains__)


@given(st.integers(0, 2**62))
def test_a_version_fits_and_is_never_zero(modified: int) -> None:
    assert 0 < version_of(modified) <= VERSIONS


def test_a_version_is_read_once() -> None:
    made = Versions()
    assert made.is_to_read("7", 5)
    assert not made.is_known("7")

    made.enter_due("7", "p", 5)
    # A worker has it.
    assert not made.is_to_read("7", 5)
    assert (made.is_known("7"), made.was_read("7"), made.was_shown("7")) == (True, False, True)

    made.read("7", 5)
    assert made.was_read("7")
    assert not made.is_to_read("7", 5)
    assert made.is_to_read("7", 6)
    assert made.rows.partition_of("7") == "p"
    assert made.rows.partition_of("8") is None


def test_what_is_due_is_in_the_state_until_it_was_read() -> None:
    made = Versions()
    made.enter_due("7", "p", 5)
    made.enter_due("8", "p", 5)
    assert list(made.due()) == []
    made.read("8", 5)

    loaded = again(made)

    assert list(loaded.due()) == [("7", "p", 5)]
    assert loaded.due_rows == 1
    assert [loaded.is_to_read(gid, 5) for gid in "78"] == [True, False]


def test_a_version_that_became_due_meanwhile_stays_due() -> None:
    made = Versions()
    made.enter_due("7", "p", 5)
    made.enter_due("7", "p", 6)

    made.read("7", 5)

    assert not made.was_read("7")
    assert made.due_rows == 1
    assert list(again(made).due()) == [("7", "p", 6)]


def test_a_version_without_children_worth_a_request_counts_as_read() -> None:
    made = Versions()
    made.enter_read("7", "p", 5)

    assert made.was_read("7")
    assert made.due_rows == 0


def test_only_so_many_tasks_may_be_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DUE", 3)
    made = Versions()
    for gid in "12":
        made.enter_due(gid, "p", 5)
    assert made.has_room(1)
    assert not made.has_room(2)

    made.read("1", 5)
    assert made.has_room(2)
    made.remove("2")
    assert made.has_room(3)
    made.enter_due("2", "p", 5)
    made.clear()
    assert made.has_room(3)
    assert len(made) == 0
    assert made.dump() is None


def test_without_room_only_due_tasks_are_kept() -> None:
    made = Versions()
    read(made, "1", 5)
    made.enter_due("2", "p", 5)

    made.drop_read()

    assert made.tasks() == [("2", "p")]
    made.enter_read("3", "p", 5)
    made.read("2", 5)
    assert made.tasks() == []
    assert made.due_rows == 0


@pytest.mark.parametrize("rereads_missing", [False, True])
def test_a_task_that_was_missing_is_read_again_if_tombstones_may_have_been_sent(
    *, rereads_missing: bool
) -> None:
    before = of_earlier_sync("7", "8")
    before.show("8", "p")
    sweep(before)
    made = again(before)

    assert made.is_to_read("7", 5, rereads_missing=rereads_missing) is rereads_missing
    assert not made.is_to_read("8", 5, rereads_missing=rereads_missing)
    if rereads_missing:
        read(made, "7", 5)
        assert not made.is_to_read("7", 5, rereads_missing=rereads_missing)


def test_a_task_is_missing_when_none_of_its_listings_shows_it() -> None:
    made = of_earlier_sync("1", "2", "3", listings=("p", "q"))
    made.show("2", "q")
    made.sweep("p".__eq__, (), lambda _: True)
    assert not any(map(made.is_missing, "123"))

    sweep(made)

    assert [made.is_missing(gid) for gid in "123"] == [True, False, True]
    assert {gid for gid, _ in made.tasks()} == {"1", "2", "3"}
    assert made.rows.partitions_of("2") == ["q"]


def test_a_deleted_task_is_missing_whatever_was_read() -> None:
    made = of_earlier_sync("1", "2")

    made.sweep(lambda _: False, ["1", "unknown"], lambda _: True)

    assert [made.is_missing(gid) for gid in ("1", "2", "unknown")] == [True, False, False]


@pytest.mark.parametrize(("with_children", "stays"), [("", False), ("7", True)])
def test_a_task_that_is_missing_twice_is_dropped_once_it_has_no_children(
    with_children: str, *, stays: bool
) -> None:
    first = of_earlier_sync("7")
    sweep(first)
    assert first.is_known("7")
    second = again(first)
    # Not while its listing was not read completely.
    second.sweep(lambda _: False, (), lambda _: False)
    assert second.is_known("7")

    sweep(second, with_children=with_children)

    assert second.is_known("7") is stays


def test_a_due_task_is_not_dropped() -> None:
    made = Versions()
    made.enter_due("7", "p", 5)
    for _ in range(3):
        made = again(made)
        sweep(made)

    assert list(made.due()) == [("7", "p", 5)]


ACTS = st.tuples(
    st.sampled_from(["enter_due", "enter_read", "read", "forget", "again", "drop_read"]),
    st.sampled_from("123"),
    st.integers(1, 3),
)


@given(st.lists(ACTS, max_size=30))
def test_the_number_of_due_tasks_is_always_right(acts: list[tuple[str, str, int]]) -> None:
    made = Versions()
    for act, gid, version in acts:
        match act:
            case "enter_due" | "enter_read":
                getattr(made, act)(gid, "p", version)
            case "read":
                made.read(gid, version)
            case "forget":
                made.remove(gid)
            case "drop_read":
                made.drop_read()
            case _:
                made = again(made)
        assert made.due_rows == len(list(again(made).due()))


@pytest.mark.parametrize("value", [None, [], 7, {"rows": {}}])
def test_a_value_that_no_versions_have_written_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Versions().load(value)
