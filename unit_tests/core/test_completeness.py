"""Which partitions were read completely."""

from __future__ import annotations

from source_asana.core.missing import Completeness


def test_a_partition_is_complete_when_each_of_its_slices_is() -> None:
    made = Completeness()
    assert not made.is_expected("1")
    assert not made.is_complete("1")
    made.handed_out("1")
    assert not made.has_several("1")
    made.handed_out("1")
    made.completed("1")
    assert made.is_expected("1")
    assert not made.is_complete("1")
    made.completed("1")
    assert made.is_complete("1")
    assert made.has_several("1")
    assert not made.is_complete("2")


def test_a_partition_is_complete_only_after_its_last_slice() -> None:
    made = Completeness()
    made.handed_out("1", is_last=False)
    made.completed("1")
    assert made.is_expected("1")
    assert not made.is_complete("1")
    made.handed_out("1")
    assert not made.is_complete("1")
    made.completed("1")
    assert made.is_complete("1")
