"""Where the sandbox differs from what is believed, the probe says so, and only there."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from sandbox import Sandbox
from tools.probe.__main__ import QUESTIONS
from tools.probe.history import MOVES
from tools.probe.listings import _claims
from unit_tests.mock_server.worlds import FAR_PAST, Small
from unit_tests.probe.probing import leaks, probed

LATER = "2024-06-01T10:00:00.000Z"
STAMPS = "Does every change move `modified_at` that is said to?"
SEARCH = "Does a search show each changed task and subtask by its stamp?"
HIDDEN = "Does Asana answer 403 for an object that the token may not see?"
EVENTS = "Does a change that may leave `modified_at` alone make an event?"
Plant = Callable[[Sandbox, Small], object]


def instead(asana: Sandbox, path: str, *rows: Any, offset: str | None = None, **how: Any) -> None:
    """Have a listing answered with these records."""
    page = {"offset": offset, "path": "/", "uri": "/"} if offset else None
    body = {"data": list(rows), "next_page": page}
    asana.fault("status", path, status=200, **{"times": None, "body": body, **how})


def refuse(asana: Sandbox, path: str, status: int, message: str = "Nothing that helps") -> None:
    asana.fault("status", path, status=status, message=message, times=None)


def silent_comment(asana: Sandbox, small: Small) -> None:
    asana.world.add_story(small.task, "too late", created_at=LATER)


def strict(asana: Sandbox, small: Small) -> None:
    del small
    asana.api.strict_fields = True


def new_field(asana: Sandbox, small: Small) -> None:
    tag = {"gid": small.tag, "name": "urgent", "resource_type": "tag", "mood": "secret mood"}
    asana.fault("status", "/tags/{tag_gid}", status=200, body={"data": tag})


def late_subtask(asana: Sandbox, small: Small) -> None:
    child = {"gid": "77", "memberships": [{"project": {"gid": small.first}}]}
    instead(asana, r"/subtasks\?.*opt_fields=memberships", child)


def unindexed(asana: Sandbox, small: Small) -> None:
    asana.api.settings.search_lag = 600.0
    asana.world.unindex(small.subtask, before=None)
    asana.world.changed_tasks += 1


def unsteady_likes(asana: Sandbox, small: Small) -> None:
    def turn(path: str, params: Mapping[str, str]) -> None:
        if path == "/tasks" and params.get("limit") == "50":
            turn.likes = not turn.likes  # type: ignore[attr-defined]  # kept between the calls
            change = asana.world.like if turn.likes else asana.world.unlike  # type: ignore[attr-defined]  # see above
            change(small.task)

    turn.likes = False  # type: ignore[attr-defined]  # see above
    asana.before_request(turn)


def other_by_get(asana: Sandbox, small: Small) -> None:
    task = dict(next(one for one in asana.truth("tasks") if one["gid"] == small.task))
    instead(asana, rf"^/tasks/{small.task}\?", {**task, "name": "Another"})


def out_of_sight(asana: Sandbox, small: Small) -> str:
    hidden = asana.world.add_task("x", projects=[small.second], created_at=FAR_PAST)
    asana.world.add_dependency(small.task, on=hidden)
    asana.world.hide(hidden)
    return hidden


def lost_as_404(asana: Sandbox, small: Small) -> None:
    hidden = out_of_sight(asana, small)
    refuse(asana, rf"^/tasks/{hidden}\?", 404, f"task: Unknown object: {hidden}")


def short_offsets(asana: Sandbox, small: Small) -> None:
    claims = base64.urlsafe_b64encode(orjson.dumps({"iat": 1000, "exp": 1060})).decode()
    rows = {"gid": small.first}
    path = r"/projects\?.*limit=1&opt_fields=gid$"
    instead(asana, path, rows, offset=f"head.{claims.rstrip('=')}.sign")


def no_date(asana: Sandbox, small: Small) -> None:
    del small
    asana.api.settings.date_skew = None


PLANTS: Mapping[str, Plant] = {
    STAMPS: silent_comment,
    "Is `modified_since` inclusive?": lambda asana, _: instead(asana, "modified_since="),
    SEARCH: unindexed,
    "Are subtasks that were added to a project in its listing?": late_subtask,
    "Can allocations be listed by workspace alone?": lambda asana, _: instead(
        asana, r"^/allocations\?workspace="
    ),
    "How long does the offset of a page live?": short_offsets,
    "What does an unknown name in `opt_fields` do?": strict,
    "Does Asana have fields that are not in the schemas?": new_field,
    "Do two answers that show the same version count as the same?": unsteady_likes,
    "Does a task have the same fingerprint by GET, in a list and by search?": other_by_get,
    "Does Asana answer 404 for a missing object?": lambda asana, _: refuse(
        asana, "/tasks/8999", 403
    ),
    HIDDEN: lost_as_404,
    "How exact is `Date`?": no_date,
}


@pytest.fixture
def small() -> Small:
    small = Small()
    # A subtask in the listing of its parent's project, as believed.
    small.world.add_task("in First", projects=[small.first], parent=small.task, created_at=FAR_PAST)
    return small


def test_something_is_planted_for_each_question() -> None:
    assert [*PLANTS, EVENTS] == [question.title for question in QUESTIONS]


@pytest.mark.parametrize("title", PLANTS)
def test_a_planted_contradiction_is_found(title: str, small: Small) -> None:
    with Sandbox(small.world, plan="service") as asana:
        PLANTS[title](asana, small)
        found = probed(asana)
        assert leaks(asana, found.text) == set()
    assert found.contradicted == {title}
    assert found.contradictions == 1


def test_without_any_nothing_is_found(small: Small) -> None:
    with Sandbox(small.world, plan="service") as asana:
        found = probed(asana)
    assert found.contradicted == set()
    assert {title for title, one in found.findings.items() if one != "agrees"} == {
        *("How long does the offset of a page live?", HIDDEN, EVENTS)
    }


def test_what_is_hidden_and_named_agrees(small: Small) -> None:
    with Sandbox(small.world, plan="service") as asana:
        out_of_sight(asana, small)
        assert probed(asana).findings[HIDDEN] == "agrees"


def test_an_item_of_a_portfolio_that_is_hidden_is_asked_for(small: Small) -> None:
    with Sandbox(small.world, plan="service") as asana:
        item = {"gid": "4711", "resource_type": "project"}
        instead(asana, r"/items\?", item)
        refuse(asana, r"^/projects/4711\?", 403)
        assert probed(asana).findings[HIDDEN] == "agrees"


@pytest.mark.parametrize("kind", sorted(MOVES))
def test_every_kind_of_story_that_must_move_the_stamp_is_looked_at(kind: str, small: Small) -> None:
    small.world.add_story(small.other, "x", kind, created_at=LATER)
    with Sandbox(small.world) as asana:
        found = probed(asana)
    assert found.contradicted == {STAMPS}
    assert f"a story `{kind}` of theirs" in found.seen[STAMPS]


def test_a_story_that_leaves_the_stamp_alone_is_named(small: Small) -> None:
    small.world.add_story(small.other, "x", "added_to_tag", created_at=LATER)
    with Sandbox(small.world) as asana:
        found = probed(asana)
    assert found.findings[STAMPS] == "agrees"
    assert "left it alone: `added_to_tag` 1." in found.seen[STAMPS]


def test_a_change_with_an_event_agrees_though_it_may_come_late(small: Small) -> None:
    world = small.world
    section = next(g for g in world.objects if world[g].get("name") == "Done")
    with Sandbox(world) as asana:
        instead(asana, r"^/events\?.*sync=", times=3)
        found = probed(asana, lambda: world.move_to_section(small.task, section))
    assert found.findings[EVENTS] == "agrees"
    assert "Changes: 1, of `memberships`; with a new stamp: 0." in found.seen[EVENTS]


def test_a_change_without_an_event_is_found(small: Small) -> None:
    with Sandbox(small.world) as asana:
        instead(asana, r"^/events\?.*sync=")
        found = probed(asana, lambda: small.world.like(small.other))
    assert found.contradicted == {EVENTS}
    assert "Without an event: `num_likes`, 1 times." in found.seen[EVENTS]


@pytest.mark.parametrize("offset", ["", "x", "a.b.c", "a.!!.c", "a.bnVsbA.c", "a.WzFd.c"])
def test_an_offset_of_another_kind_says_nothing(offset: str) -> None:
    assert _claims(offset) == {}
