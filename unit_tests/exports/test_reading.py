"""Which exported tasks are read, in whatever order they come."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from source_asana.config import Settings, parse_config
from source_asana.core.partitions import ELSEWHERE
from source_asana.exports.reading import Deferred, Scope, parent_of

WORKSPACE = "1"
LISTED = frozenset({"11", "12", "1/21"})
Raw = dict[str, Any]


def settings(**chosen: Any) -> Settings:
    return parse_config({"credentials": {"personal_access_token": "secret-token"}, **chosen})


def task(gid: str, *projects: str, parent: str | None = None, assignee: str | None = None) -> Raw:
    return {
        "gid": gid,
        "projects": [{"gid": project} for project in projects],
        "parent": {"gid": parent} if parent else None,
        "assignee": {"gid": assignee} if assignee else None,
    }


def test_partitions_are_the_listings_that_show_a_task() -> None:
    scope = Scope(WORKSPACE, LISTED, settings())
    assert scope.partitions(task("5", "11", "12", "99")) == ("11", "12")
    assert scope.partitions(task("5", "11", parent="4")) == ("11",)
    assert scope.partitions(task("5", assignee="21")) == ("1/21",)
    assert scope.partitions(task("5", "99", assignee="21")) == ("1/21",)
    assert scope.partitions(task("5", assignee="22")) == ()
    assert scope.partitions(task("5")) == ()
    assert scope.partitions(task("5", parent="4", assignee="21")) == ()


def test_a_choice_of_projects_leaves_out_what_may_be_in_others() -> None:
    scope = Scope(WORKSPACE, LISTED, settings(exclude_project_ids=["99"]))
    assert scope.partitions(task("5", "99", assignee="21")) == ()
    scope = Scope(WORKSPACE, LISTED, settings(project_ids=["11"]))
    assert scope.partitions(task("5", assignee="21")) == ()


def test_changes_belong_where_a_search_puts_them() -> None:
    scope = Scope(WORKSPACE, None, settings())
    assert scope.partitions(task("5", "12", "11")) == ("11",)
    assert scope.partitions(task("5", assignee="21")) == ("1/21",)
    assert scope.partitions(task("5")) == (ELSEWHERE,)
    assert scope.partitions(task("5", parent="4")) == ()
    assert scope.holds("4")


@given(st.lists(st.integers(0, 30), max_size=30), st.randoms())
def test_order_does_not_matter(parents: list[int], random: Any) -> None:
    """Task n + 1 hangs below task parents[n]; 0 is read, and 31 with what is below it is not."""
    tasks = [task(str(n + 1), parent=str(above % (n + 1))) for n, above in enumerate(parents)]
    below_lost = [task("32", parent="31"), task("33", parent="32")]
    lines = [task("0", "11"), task("31"), *tasks, *below_lost]
    random.shuffle(lines)
    scope = Scope(WORKSPACE, LISTED, settings())
    found = set()
    with closing(Deferred()) as deferred:
        for line in lines:
            parent = parent_of(line)
            if scope.partitions(line) or (parent and scope.holds(parent)):
                scope.add(line)
                found.add(line["gid"])
            elif parent:
                deferred.add(line, parent, orjson.dumps(line))
        deferred.resolve(scope.parents)
        late = [line for line in deferred.tasks() if scope.holds(parent_of(line) or "")]
    found.update(line["gid"] for line in late)
    assert found == {str(n) for n in range(len(parents) + 1)}


def test_a_task_without_subtasks_is_no_parent() -> None:
    scope = Scope(WORKSPACE, LISTED, settings())
    scope.add({"gid": "5", "num_subtasks": 0})
    scope.add({"gid": "6", "num_subtasks": 2})
    scope.add({"gid": "7"})
    assert [scope.holds(gid) for gid in "567"] == [False, True, True]
