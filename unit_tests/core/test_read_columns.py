"""Which columns were read, which are new, and which the token lost."""

from __future__ import annotations

from typing import Any

import pytest

from source_asana.core.read_columns import Columns


def columns_after(
    *syncs: tuple[set[str], set[str]], reads_all: bool = False
) -> tuple[Columns, list[tuple[bool, frozenset[str]]]]:
    """Return the columns after some syncs, and of each sync what was further and what was lost.

    Args:
        syncs: the selected columns of each, and those that Asana refuses in it.
        reads_all: whether the stream reads all records at each sync.
    """
    stored: dict[str, Any] = {}
    said = []
    columns = Columns(())
    for selected, refused in syncs:
        columns = Columns(selected)
        columns.load(stored.get("columns") or "", stored.get("unreadable") or [])
        columns.refuse(refused)
        if columns.unreadable:
            columns.grant()
        further = columns.further
        columns.is_read = not columns.withdrawn
        stored = columns.dump(reads_all=reads_all)
        said.append((further, columns.withdrawn))
    return columns, said


NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("syncs", "said"),
    [
        ([({"a"}, set()), ({"a"}, set())], [(False, NONE), (False, NONE)]),
        ([({"a"}, set()), ({"a", "b"}, set())], [(False, NONE), (True, NONE)]),
        (
            [({"a", "b"}, set()), ({"a"}, set()), ({"a", "b"}, set())],
            [(False, NONE)] * 2 + [(True, NONE)],
        ),
        # Never readable, so nothing is lost; granted at last.
        (
            [({"a", "b"}, {"b"}), ({"a", "b"}, {"b"}), ({"a", "b"}, set()), ({"a", "b"}, set())],
            [(False, NONE), (False, NONE), (True, NONE), (False, NONE)],
        ),
        # Readable before: lost until it is readable again, and no further column then.
        (
            [({"a", "b"}, set()), ({"a", "b"}, {"b"}), ({"a", "b"}, {"b"}), ({"a", "b"}, set())],
            [(False, NONE), (False, frozenset("b")), (False, frozenset("b")), (False, NONE)],
        ),
        # Selected for the first time without its scope: nothing was sent that nulls could replace.
        ([({"a"}, set()), ({"a", "b"}, {"b"})], [(False, NONE), (False, NONE)]),
    ],
)
def test_columns_are_further_once_and_lost_if_they_were_read(
    syncs: list[tuple[set[str], set[str]]], said: list[tuple[bool, frozenset[str]]]
) -> None:
    assert columns_after(*syncs)[1] == said


def test_a_sync_without_an_answer_keeps_what_was_read_and_what_the_token_lacks() -> None:
    first = Columns({"a", "b"})
    first.refuse({"b"})
    first.is_read = True
    stored = first.dump(reads_all=False)
    quiet = Columns({"a", "b"})
    quiet.load(stored["columns"], stored["unreadable"])

    assert stored["unreadable"] == ["b"]
    assert quiet.dump(reads_all=False) == stored


@pytest.mark.parametrize("reads_all", [True, False])
def test_a_column_that_turns_out_readable_is_read_if_all_records_are(*, reads_all: bool) -> None:
    columns = Columns({"a", "b"})
    first = Columns({"a"})
    first.is_read = True
    columns.load(first.dump(reads_all=False)["columns"], ["b"])
    columns.is_read = True
    stored = columns.dump(reads_all=reads_all)
    after = Columns({"a", "b"})
    after.load(stored["columns"], stored["unreadable"] or [])

    assert stored["unreadable"] is None
    assert after.further is not reads_all


@pytest.mark.parametrize("value", [(7, []), ("", "b"), (None, [])])
def test_stored_columns_that_are_damaged_are_refused(value: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError):
        Columns(()).load(*value)
