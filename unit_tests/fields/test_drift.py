"""Fields in Asana's answers that the schemas do not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from source_asana.fields.drift import UNNAMEABLE, Watch, tree_of, unknown, with_paths

TREE = {"gid": None, "owner": {"name": None}, "likes": {"user": {"name": None}}, "whole": None}


class Found(dict[str, set[str]]):
    def tell(self, stream: str, names: Iterable[str]) -> None:
        self.setdefault(stream, set()).update(names)


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ({"gid": "1", "owner": {"gid": "2", "name": "A", "resource_type": "user"}}, set()),
        ({"mood": "fine"}, {"mood"}),
        ({"owner": {"mood": "fine"}}, {"owner.mood"}),
        ({"likes": [{"user": {"name": "A"}}, {"user": {"mood": 1}}]}, {"likes.user.mood"}),
        ({"whole": {"whatever": 1}}, set()),
        ({"owner": None, "likes": []}, set()),
        ({"Ada Owner": 1, "120123": 2, "owner": {"a@b.c": 1}}, {UNNAMEABLE, f"owner.{UNNAMEABLE}"}),
    ],
    ids=["known", "top", "below", "in a list", "not looked at", "nothing there", "no field name"],
)
def test_unknown_names_are_dotted(record: dict[str, Any], names: set[str]) -> None:
    assert set(unknown(record, TREE)) == names


def test_the_tree_is_that_of_the_schema_with_its_shared_parts() -> None:
    tree = tree_of("tasks")
    assert "name" in tree["assignee"]
    assert "name" in tree["memberships"]["section"]
    assert tree["name"] is None


def test_paths_are_added_without_a_change_of_the_tree() -> None:
    grown = with_paths(TREE, ["owner.mail", "new", "far.below", "whole.part"])
    assert not list(
        unknown({"owner": {"mail": 1, "name": 2}, "new": 3, "far": {"below": 4}}, grown)
    )
    assert list(unknown({"owner": {"mail": 1}}, TREE)) == ["owner.mail"]
    assert grown["whole"] is None


def looked(records: Iterable[dict[str, Any]]) -> set[str]:
    found = Found()
    watch = Watch("tags", ["name"], found.tell)
    for record in records:
        watch.look(record)
    return found.get("tags", set())


PLAIN = {"gid": "1", "name": "n"}


def test_the_first_records_are_looked_at_and_then_a_sample() -> None:
    odd = {"gid": "1", "mood": "x"}
    assert looked([PLAIN] * 19 + [odd]) == {"mood"}
    assert looked([PLAIN] * 20 + [odd] * (Watch.EVERY - 1)) == set()
    assert looked([PLAIN] * 20 + [odd] * Watch.EVERY) == {"mood"}


def test_a_record_of_another_size_is_looked_at_at_once() -> None:
    assert looked([PLAIN] * 21 + [{**PLAIN, "mood": "x"}]) == {"mood"}
