"""Events, the hints that they give, and the tokens from which they go on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_asana.core.hints import (
    Hint,
    Kind,
    TaskHints,
    event_of,
    failed_text,
    hints_of,
    hints_of_failed,
)
from source_asana.core.listings import TOKEN_LIFE_MS, Token, Tokens, oldest

AT = 1_774_746_000_000
PROJECT = "9"


def resource(kind: str, gid: str = "1", **further: Any) -> dict[str, Any]:
    """Return an object as events name it."""
    return {"gid": gid, "resource_type": kind, **further}


def told(action: str, about: Any, parent: Any = None, field: str | None = None) -> dict[str, Any]:
    """Return the JSON of an event."""
    change = {"change": {"field": field}} if field else {}
    return {"action": action, "resource": about, "parent": parent, **change}


TASK, STORY, FILE = resource("task"), resource("story"), resource("attachment")
PARENT = resource("task", "2")
CHANGED, SUBTREE = Hint(Kind.CHANGED, "1", AT), Hint(Kind.SUBTREE, "1", AT)
LISTING = Hint(Kind.LISTING, PROJECT, AT)
PARENT_CHANGED = Hint(Kind.CHANGED, "2", AT)


def child_due(kind: str) -> Hint:
    """Return the hint that these children of task 2 are due."""
    return Hint(Kind.CHILD, "2", AT, kind)


def orphan(kind: str) -> Hint:
    """Return the hint at child 1, whose task is not named."""
    return Hint(Kind.ORPHAN, "1", AT, kind)


@pytest.mark.parametrize(
    ("event", "hints"),
    [
        # Tasks.
        (told("changed", TASK, field="notes"), [CHANGED]),
        (told("changed", TASK), [CHANGED]),
        (told("changed", TASK, field="name"), [SUBTREE]),
        (told("undeleted", TASK), [SUBTREE]),
        (told("deleted", TASK), [Hint(Kind.DELETED, "1", AT)]),
        (told("deleted", TASK, PARENT), [Hint(Kind.DELETED, "1", AT)]),
        (told("added", TASK, resource("project", PROJECT)), [CHANGED]),
        (told("removed", TASK, resource("section", "5")), [CHANGED]),
        (told("added", TASK, PARENT), [CHANGED, PARENT_CHANGED]),
        (told("removed", TASK, {"gid": "2"}), [CHANGED, PARENT_CHANGED]),
        ({"action": "changed", "type": "task", "resource": {"gid": "1"}}, [CHANGED]),
        # Stories and attachments: what is added moves the version of the task.
        (told("added", STORY, PARENT), [PARENT_CHANGED]),
        (told("removed", STORY, PARENT), [child_due("story")]),
        (told("changed", resource("story", target={"gid": "2"})), [child_due("story")]),
        (told("changed", resource("story", target=PARENT), {"gid": None}), [child_due("story")]),
        (told("deleted", STORY), [orphan("story")]),
        (told("changed", resource("story", target=None)), [orphan("story")]),
        (told("deleted", FILE, PARENT), [child_due("attachment")]),
        (told("deleted", FILE), [orphan("attachment")]),
        (told("added", FILE, resource("project", PROJECT)), [LISTING]),
        (told("deleted", FILE, resource("project_brief", "4")), [LISTING]),
        (told("added", STORY, resource("project", PROJECT)), []),
        # What all tasks of a project carry.
        (told("changed", resource("section", "5"), field="name"), [LISTING]),
        (told("deleted", resource("section", "5")), [LISTING]),
        (told("undeleted", resource("section", "5")), [LISTING]),
        (told("added", resource("section", "5"), resource("project", PROJECT)), []),
        (told("changed", resource("project", PROJECT), field="name"), [LISTING]),
        (told("changed", resource("project", PROJECT), field="notes"), []),
        (told("deleted", resource("project", PROJECT)), [LISTING]),
        # What says nothing of tasks, or nothing at all.
        (told("changed", resource("tag"), field="name"), []),
        (told("changed", resource("something new")), []),
        (told("changed", {"resource_type": "task"}), []),
        (told("deleted", {"gid": "", "resource_type": "story"}), []),
        ({"action": "changed", "type": "task", "resource": None, "parent": None}, []),
        ({"action": None, "resource": None, "parent": None, "change": None}, []),
        ({}, []),
    ],
)
def test_an_event_gives_its_hints(event: dict[str, Any], hints: list[Hint]) -> None:
    assert list(hints_of(event_of(event, AT), PROJECT)) == hints


# ── the hints of a task ────────────────────────────────────────────────────────────────────────

ONE_HINT = st.builds(
    Hint,
    st.sampled_from([Kind.CHANGED, Kind.SUBTREE, Kind.DELETED, Kind.CHILD]),
    st.sampled_from("12"),
    st.integers(0, 3),
).flatmap(
    lambda hint: (
        st.sampled_from(["story", "attachment"]).map(lambda child: hint._replace(child=child))
        if hint.kind is Kind.CHILD
        else st.just(hint)
    )
)


def collected(*hints: Hint) -> TaskHints:
    """Return what hints say together."""
    made = TaskHints()
    for hint in hints:
        made.add(hint)
    return made


@given(hints=st.lists(ONE_HINT, max_size=8), data=st.data())
def test_the_order_of_hints_is_of_no_account(hints: list[Hint], data: st.DataObject) -> None:
    other = data.draw(st.permutations(hints))

    assert collected(*hints).tasks == collected(*other).tasks


def test_the_newest_hint_says_whether_a_task_is_deleted() -> None:
    deletion, change = Hint(Kind.DELETED, "1", 5), Hint(Kind.CHANGED, "1", 6)

    assert collected(deletion).tasks["1"].is_deleted
    assert not collected(deletion, change).tasks["1"].is_deleted
    assert collected(deletion, change._replace(at=4)).tasks["1"].is_deleted
    # Of the same instant: a request tells.
    assert not collected(deletion, change._replace(at=5)).tasks["1"].is_deleted


def test_a_task_keeps_what_only_one_of_its_hints_says() -> None:
    told_of = collected(
        Hint(Kind.SUBTREE, "1", 1), Hint(Kind.CHILD, "1", 2, "story"), Hint(Kind.CHANGED, "1", 3)
    ).tasks["1"]

    assert (told_of.at, told_of.is_subtree, told_of.due) == (3, True, {"story": 2})


def test_a_hint_that_tells_nothing_new_is_not_followed_again() -> None:
    made = collected(Hint(Kind.CHANGED, "1", 5), Hint(Kind.CHANGED, "2", 5))
    assert made.take() == ["1", "2"]

    made.add(Hint(Kind.CHANGED, "1", 5))
    made.add(Hint(Kind.CHANGED, "1", 4))
    assert made.take() == []

    made.add(Hint(Kind.CHILD, "1", 4, "story"))
    made.add(Hint(Kind.CHANGED, "2", 6))
    assert made.take() == ["1", "2"]


@pytest.mark.parametrize("text", [failed_text("1"), "1"])
def test_all_of_a_task_that_could_not_be_read_is_read_again(text: str) -> None:
    kinds = [(hint.kind, hint.gid, hint.child) for hint in hints_of_failed(text)]
    assert kinds == [
        (Kind.SUBTREE, "1", ""),
        (Kind.CHILD, "1", "attachment"),
        (Kind.CHILD, "1", "story"),
    ]


def test_a_child_that_could_not_be_read_is_read_again() -> None:
    hint = Hint(Kind.ORPHAN, "1", 0, "story")
    assert list(hints_of_failed(failed_text(hint))) == [hint]


# ── tokens ─────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_usable_for_less_than_a_day() -> None:
    assert Token("t", AT - TOKEN_LIFE_MS).is_usable(AT)
    assert not Token("t", AT - TOKEN_LIFE_MS - 1).is_usable(AT)


def test_events_go_on_from_the_oldest_usable_token() -> None:
    new, old, dead = Token("new", AT), Token("old", AT - 5), Token("dead", AT - TOKEN_LIFE_MS - 1)

    assert oldest([new, old], AT) == old
    assert oldest([None, new, dead], AT) == new
    assert oldest([None, dead], AT) is None
    assert oldest([], AT) is None


def test_tokens_come_back_from_the_state_as_they_were() -> None:
    before, after = Tokens(), Tokens()
    assert before.dump() is None

    before.by_key = {"1": Token("a", AT), "2": Token("b", AT - 5)}
    after.load(before.dump())
    assert after.by_key == before.by_key

    after.drop_after(AT - 1)
    assert list(after.by_key) == ["2"]
    after.keep_only("1".__eq__)
    assert after.dump() is None


@pytest.mark.parametrize("value", [[], "t", {"1": "t"}, {"1": ["t"]}, {"1": [5, "t"]}])
def test_a_state_with_other_tokens_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="tokens"):
        Tokens().load(value)
