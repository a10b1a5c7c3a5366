"""Sorted rows in chunks: all rows of a key in one of them, none larger than need be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.cursors import table
from source_asana.cursors.table import Chunk, Table

CHUNK = 4
numbers = st.integers(-3, 12)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "CHUNK_ROWS", CHUNK)
        yield


def rows(whole: Table) -> list[tuple[int, int, int]]:
    return [
        row
        for chunk in whole.chunks
        for row in zip(chunk.keys, chunk.marks, chunk.tags, strict=True)
    ]


def is_sound(whole: Table) -> bool:
    """Return whether each key stands in one chunk, and no other chunk is empty or too large."""
    keys = [set(chunk.keys) for chunk in whole.chunks]
    fits = all(len(chunk.keys) <= CHUNK or len(set(chunk.keys)) == 1 for chunk in whole.chunks)
    is_full = all(keys) or len(keys) == 1
    return fits and is_full and sum(map(len, keys)) == len(set().union(*keys))


@given(keys=st.lists(numbers), gone=st.lists(numbers))
def test_rows_stay_sorted_while_they_come_and_go(keys: list[int], gone: list[int]) -> None:
    whole = Table()
    for mark, key in enumerate(keys):
        _, _, end = whole.find(key)
        whole.insert(end, key, mark, 0)
        assert is_sound(whole)
    for key in gone:
        whole.delete(whole.find(key))

    left = sorted((key, mark, 0) for mark, key in enumerate(keys) if key not in gone)
    assert rows(whole) == left
    assert len(whole) == len(left)
    for key in range(-3, 13):
        chunk, start, end = whole.find(key)
        assert list(chunk.keys[start:end]) == [key] * [row[0] for row in left].count(key)


@given(first=st.lists(numbers), second=st.lists(numbers), more=st.lists(numbers))
def test_rows_are_appended_sorted(first: list[int], second: list[int], more: list[int]) -> None:
    whole, ordered = Table(), sorted(first + second)
    cut = len(first)
    for keys in (ordered[:cut], ordered[cut:]):
        whole.extend(Chunk(keys, range(len(keys)), [0] * len(keys)))
    for key in more:
        whole.insert(whole.find(key)[1], key, 0, 0)

    assert [key for key, _, _ in rows(whole)] == sorted(ordered + more)


def test_keys_that_rise_leave_full_chunks_behind() -> None:
    whole = Table()
    for key in range(21):
        whole.insert(whole.find(key)[1], key, 0, 0)

    assert [len(chunk.keys) for chunk in whole.chunks] == [4, 4, 4, 4, 4, 1]


def test_a_key_with_many_rows_stays_in_one_chunk() -> None:
    whole = Table()
    for mark in range(30):
        whole.insert(whole.find(5)[2], 5, mark, 0)

    assert [len(chunk.keys) for chunk in whole.chunks] == [30]


@given(keys=st.lists(numbers), kept=st.sets(numbers))
def test_an_empty_chunk_goes_and_its_keys_have_a_place_again(
    keys: list[int], kept: set[int]
) -> None:
    whole = Table()
    for key in keys:
        whole.insert(whole.find(key)[1], key, 0, 0)
    for chunk in whole.chunks:
        chunk.keep([key in kept for key in chunk.keys])
    whole.drop_empty()
    assert [key for key, _, _ in rows(whole)] == sorted(key for key in keys if key in kept)

    for key in keys:
        whole.insert(whole.find(key)[1], key, 0, 0)
    assert [key for key, _, _ in rows(whole)] == sorted([*keys, *(k for k in keys if k in kept)])


@given(marks=st.lists(st.sampled_from([0, 1, 2**16 - 1, 2**16, 2**32 - 1]), min_size=1))
def test_marks_take_the_room_that_they_need(marks: list[int]) -> None:
    inserted = Chunk((), (), ())
    appended = Chunk((), (), ())
    for at, mark in enumerate(marks):
        inserted.insert(at, at, mark, 0)
        appended.append(Chunk((at,), (mark,), (0,)))
    kept = Chunk(range(len(marks)), marks, marks)
    assert list(inserted.marks) == list(appended.marks) == list(kept.marks) == marks
    width = 2 if max(marks) < 2**16 else 4
    assert {one.marks.itemsize for one in (inserted, appended, kept)} == {width}

    kept.keep([mark < 2**16 for mark in marks])
    assert list(kept.marks) == [mark for mark in marks if mark < 2**16]
    assert kept.marks.itemsize == 2
