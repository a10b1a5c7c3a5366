"""What events name: at which instant, with which parent, and what came back with it."""

from __future__ import annotations

import pytest

from source_asana.core.hints import Event
from source_asana.core.named import LONG_AGO, MOST_SENT, NEVER, SECOND_MS, Named, Sent

MINUTE = 60_000


def event(kind: str, gid: str, action: str = "changed", at: int = MINUTE, **more: str) -> Event:
    """Return an event; `more` may name its field, its parent and the kind of that."""
    told = {"field": "", "parent": "", "parent_kind": "", **more}
    return Event(kind=kind, gid=gid, action=action, at=at, **told)


def named(*events: Event, project: str = "p") -> Named:
    found = Named()
    for one in events:
        found.take(one, project)
    return found


def test_the_newest_event_counts() -> None:
    found = named(event("task", "t", at=2), event("task", "t", at=3), event("task", "t", at=1))
    assert found.at("t", ()) == 3
    assert found.at("other", ()) == NEVER


@pytest.mark.parametrize(
    ("one", "project", "counts"),
    [
        (event("task", "parent", field="name"), "p", True),
        (event("project", "p", field="name"), "p", True),
        (event("section", "s", field="name"), "p", True),
        (event("section", "another", field="name"), "p", False),
        (event("task", "parent", "undeleted"), "p", True),
        (event("project", "p", "undeleted"), "p", True),
        (event("task", "parent", field="notes"), "p", False),
        (event("project", "p", field="notes"), "p", False),
    ],
)
def test_a_record_changes_with_the_name_and_the_return_of_what_it_is_in(
    one: Event, project: str, *, counts: bool
) -> None:
    found = named(one, project=project)
    assert found.at("t", ("parent", "p", "s")) == (MINUTE if counts else NEVER)


def test_a_parent_changes_with_the_number_of_its_subtasks() -> None:
    found = named(event("task", "t", "added", parent="above", parent_kind="task"))
    assert found.at("above", ()) == MINUTE
    assert found.parent_of("subtask", "t") == "above"
    assert found.parent_of("task", "t") is None


def test_a_task_that_was_taken_from_its_parent_may_be_one_of_its_own_later() -> None:
    removed = event("task", "t", "removed", parent="a", parent_kind="task", at=MINUTE)
    soon = event("task", "t", "added", parent="b", parent_kind="task", at=MINUTE + 1)
    late = event("task", "t", "added", parent="b", parent_kind="task", at=10 * MINUTE)
    assert not named(removed, soon).may_be("task", "t")
    assert named(removed, late).may_be("task", "t")


def test_all_levels_below_a_task_are_known() -> None:
    found = named(
        event("task", "s", "added", parent="t", parent_kind="task"),
        event("task", "ss", "added", parent="s", parent_kind="task"),
        event("story", "c", "added", parent="ss", parent_kind="task"),
        event("attachment", "f", "added", parent="t", parent_kind="task"),
        event("story", "elsewhere", "added", parent="other", parent_kind="task"),
    )
    assert sorted(found.below("t")) == ["c", "f", "s", "ss"]
    assert sorted(found.below("t", ("attachment",))) == ["f"]


def test_what_is_shown_in_something_that_came_back_came_back_with_it() -> None:
    found = named(event("task", "t", "undeleted"))
    found.shown("s", ("t", "p"))
    found.shown("other", ("p",))
    assert (found.restored_at("s"), found.restored_at("other")) == (MINUTE, NEVER)


def test_the_ledger_certainly_has_what_was_read_before_the_stream_settled() -> None:
    sent = Sent()
    sent.note("t", MINUTE)
    assert sent.at("t") == 0
    sent.resume()
    sent.note("t", MINUTE)
    assert sent.at("t") == MINUTE + SECOND_MS
    sent.settle(5 * MINUTE)
    sent.note("t", 6 * MINUTE)
    assert (sent.at("t"), sent.at("other")) == (6 * MINUTE + SECOND_MS, 5 * MINUTE)
    sent.settle(7 * MINUTE)
    assert sent.at("t") == 7 * MINUTE


def test_what_was_sent_is_stored_and_bounded() -> None:
    sent, loaded = Sent(until=MINUTE), Sent()
    for number in range(MOST_SENT + 1):
        sent.note(str(number), 2 * MINUTE)
    made = sent.dump()
    assert made is not None
    loaded.load(made())
    assert loaded == sent
    assert loaded.at(str(MOST_SENT)) == MINUTE
    loaded.drop_after(MINUTE - 1)
    assert (loaded.until, loaded.later) == (LONG_AGO, {})
    assert Sent().dump() is None
    with pytest.raises(ValueError, match="has no instant"):
        loaded.load({"until": "1"})
