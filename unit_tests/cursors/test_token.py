"""Events: the sync token that counts, and when."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from source_asana.core.listings import Texts
from source_asana.cursors.partial import SyncTokenStrategy
from source_asana.http.errors import Reach
from source_asana.parents.feeds import Ending
from unit_tests.cursors.surroundings import all_slices, runtime, slice_of, stored_by, strategy_of


def test_a_first_read_has_no_token() -> None:
    strategy = strategy_of(SyncTokenStrategy, slice_of("1"))
    [slice_] = all_slices(strategy)

    assert strategy.token(slice_) is None
    assert not strategy.was_read(slice_, Reach.PARTITION)


def test_a_token_counts_when_its_slice_is_complete() -> None:
    stored = {"tokens": {"1": "old"}}
    strategy = strategy_of(SyncTokenStrategy, slice_of("1"), slice_of("2"), stored=stored)
    first, second = all_slices(strategy)
    assert (strategy.token(first), strategy.token(second)) == ("old", None)
    assert strategy.was_read(first, Reach.PARTITION)
    assert not strategy.was_read(second, Reach.PARTITION)

    for slice_ in (first, second):
        strategy.advance(slice_, f"newer-{slice_.key}")
    assert stored_by(strategy) == stored

    strategy.complete(first)
    assert stored_by(strategy) == {"tokens": {"1": "newer-1"}}


def test_the_newest_token_of_several_pages_counts() -> None:
    strategy = strategy_of(SyncTokenStrategy, slice_of("1"))
    [slice_] = all_slices(strategy)
    strategy.advance(slice_, "a")
    strategy.advance(slice_, "b")
    strategy.complete(slice_)

    assert strategy.token(slice_) == "b"


def test_a_slice_that_brought_no_token_keeps_its_old_one() -> None:
    strategy = strategy_of(SyncTokenStrategy, slice_of("1"), stored={"tokens": {"1": "old"}})
    [slice_] = all_slices(strategy)
    strategy.complete(slice_)

    assert strategy.token(slice_) == "old"


@pytest.mark.parametrize("ending", list(Ending))
def test_tokens_of_vanished_projects_go_only_after_complete_parents(ending: Ending) -> None:
    stored = {"tokens": {"1": "a", "gone": "b"}}
    strategy = strategy_of(SyncTokenStrategy, slice_of("1"), shared=runtime(ending), stored=stored)
    all_slices(strategy)
    strategy.settle()

    assert "1" in stored_by(strategy)["tokens"]
    assert ("gone" in stored_by(strategy)["tokens"]) == (ending > Ending.UNAVAILABLE)


def test_a_full_refresh_reads_nothing_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    strategy = strategy_of(SyncTokenStrategy, slice_of("1"), is_incremental=False)

    assert all_slices(strategy) == all_slices(strategy) == []
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (
            logging.WARNING,
            "Stream s has no history: a full refresh of it is empty; sync it incrementally.",
        )
    ]


@pytest.mark.parametrize("value", [None, [], "a", {"1": None}, {"1": 5}, {"1": ["a"]}])
def test_a_value_that_tokens_never_are_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not texts by key"):
        Texts().load(value)
