"""Where the sandbox differs from what is believed, the probe says so, and only there."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from sandbox import Sandbox
from source_asana.live.history import MOVES, SILENT
from unit_tests.live.probing import leaks, probed
from unit_tests.mock_server.worlds import FAR_PAST, Small

LATER = "2024-06-01T10:00:00.000Z"
SEARCH = "/workspaces/{workspace_gid}/tasks/search"
Plant = Callable[[Sandbox, Small], object]


def instead(asana: Sandbox, path: str, *rows: Any, offset: str | None = None, **how: Any) -> None:
    """Have a listing answered with these records."""
    page = {"offset": offset, "path": "/", "uri": "/"} if offset else None
    body = {"data": list(rows), "next_page": page}
    asana.fault("status", path, status=200, **{"times": None, "body": body, **how})


def refuse(asana: Sandbox, path: str, status: int, message: str = "Nothing that helps") -> None:
    asana.fault("status", path, status=status, message=message, times=None)


def setting(**values: Any) -> Plant:
    def plant(asana: Sandbox, small: Small) -> None:
        del small
        for name, value in values.items():
            setattr(asana.api.settings, name, value)

    return plant


def silent_comment(asana: Sandbox, small: Small) -> None:
    asana.world.add_story(small.task, "too late", created_at=LATER)


def strict(asana: Sandbox, small: Small) -> None:
    del small
    asana.api.strict_fields = True


def new_field(asana: Sandbox, small: Small) -> None:
    tag = {"gid": small.tag, "name": "urgent", "resource_type": "tag", "mood": "secret mood"}
    asana.fault("status", "/tags/{tag_gid}", status=200, body={"data": tag})


def lost_field(asana: Sandbox, small: Small) -> None:
    del small
    instead(asana, "/tags", *({"gid": f"7{n}", "resource_type": "tag"} for n in range(3)))


def late_subtask(asana: Sandbox, small: Small) -> None:
    child = {"gid": "77", "memberships": [{"project": {"gid": small.first}}]}
    instead(asana, r"/subtasks\?.*opt_fields=memberships", child)


def hiding_header(asana: Sandbox, small: Small) -> None:
    del small
    instead(asana, r"/projects\?limit=100&opt_fields=gid&", times=1)


def small_pages(asana: Sandbox, small: Small) -> None:
    gids = [
        asana.world.add_task("x", projects=[small.first], created_at=FAR_PAST) for _ in "x" * 25
    ]
    instead(
        asana,
        r"/tasks/search\?(?!.*projects\.any)(?!.*modified_at\.)(?!.*sort_by=modified)(?!.*has_attach)",
        *({"gid": gid, "created_at": FAR_PAST, "modified_at": FAR_PAST} for gid in gids[:20]),
    )


def unindexed(asana: Sandbox, small: Small) -> None:
    asana.api.settings.search_lag = 600.0
    asana.world.unindex(small.both, before=None)
    asana.world.changed_tasks += 1


def stale_index(asana: Sandbox, small: Small) -> None:
    row = {"gid": small.task, "created_at": FAR_PAST, "modified_at": "2024-01-01T00:00:00.000Z"}
    instead(asana, r"/tasks/search\?.*sort_by=modified_at", row)


def loose_bounds(asana: Sandbox, small: Small) -> None:
    row = {"gid": small.task, "created_at": FAR_PAST, "modified_at": LATER}
    instead(asana, r"/tasks/search\?.*modified_at.after", row)


def unsteady_likes(asana: Sandbox, small: Small) -> None:
    def turn(path: str, params: Mapping[str, str]) -> None:
        if path == "/tasks" and params.get("limit") == "50":
            turn.likes = not turn.likes  # type: ignore[attr-defined]  # kept between the calls
            change = asana.world.like if turn.likes else asana.world.unlike  # type: ignore[attr-defined]  # see above
            change(small.task)

    turn.likes = False  # type: ignore[attr-defined]  # see above
    asana.before_request(turn)


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


def wordless_429(asana: Sandbox, small: Small) -> None:
    del small
    asana.fault("rate_limited", "/goals", retry_after=None)


def future(asana: Sandbox, small: Small) -> None:
    asana.world[small.both]["modified_at"] = "2099-01-01T00:00:00.000Z"


PLANTS: Mapping[str, Plant] = {
    "Does every change move `modified_at` that is said to?": silent_comment,
    "What does an unknown name in `opt_fields` do?": strict,
    "Are all fields accepted that a sync asks for?": lambda asana, _: refuse(asana, "/tags", 400),
    "Do answers have fields that the schemas lack?": new_field,
    "Do the schemas have fields that never come?": lost_field,
    "How long may an address be?": lambda asana, _: refuse(asana, "(gid,){800}", 414),
    "Is `modified_since` inclusive?": lambda asana, _: instead(asana, "modified_since="),
    "Is `created_since` of status updates inclusive?": lambda asana, _: instead(
        asana, "created_since="
    ),
    "Does `created_after` filter stories?": setting(newer=False),
    "Are subtasks that were added to a project in its listing?": late_subtask,
    "Does the header for Asana's own custom types hide nothing?": hiding_header,
    "How many days of time entries may be asked for?": lambda asana, _: refuse(
        asana, "entered_on_start_date=1970", 400
    ),
    "Can allocations be listed by workspace alone?": lambda asana, _: instead(
        asana, r"^/allocations\?workspace="
    ),
    "How large is a page of a search?": small_pages,
    "Does a search hide what a listing shows?": unindexed,
    "What do the bounds of a search mean?": loose_bounds,
    "How late is the index of the search?": stale_index,
    "Do two answers that show the same version count as the same?": unsteady_likes,
    "Is what does not exist a 404?": lambda asana, _: refuse(asana, "/tasks/8999", 403),
    "Is what the token may not see a 403?": lost_as_404,
    "How long does an offset live?": short_offsets,
    "Does a rate limit say how long to wait?": wordless_429,
    "How exact is `Date`?": setting(date_skew=None),
    "Is `Date` behind the stamps in the data?": future,
}


@pytest.fixture
def small() -> Small:
    small = Small()
    world = small.world
    # Something of all that the questions are about, as believed.
    world.add_task("in First", projects=[small.first], parent=small.task, created_at=FAR_PAST)
    world.add_story(small.other, "long ago", created_at="2024-04-01T00:00:00.000Z")
    return small


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
        assert probed(asana).contradicted == set()


def test_what_is_hidden_and_named_agrees(small: Small) -> None:
    title = "Is what the token may not see a 403?"
    with Sandbox(small.world, plan="service") as asana:
        out_of_sight(asana, small)
        assert probed(asana).findings[title] == "agrees"


def test_a_clock_that_is_ahead_is_found(small: Small) -> None:
    with Sandbox(small.world, plan="service", date_skew=120.0) as asana:
        assert probed(asana).contradicted == {"How exact is `Date`?"}


@pytest.mark.parametrize("kind", sorted(MOVES))
def test_every_kind_of_story_that_must_move_the_stamp_is_looked_at(kind: str, small: Small) -> None:
    small.world.add_story(small.other, "x", kind, created_at=LATER)
    with Sandbox(small.world) as asana:
        found = probed(asana)
    [title] = found.contradicted
    assert f"a story `{kind}` of theirs" in found.seen[title]


@pytest.mark.parametrize("what", SILENT)
def test_what_moves_the_stamp_against_belief_is_found(what: str, small: Small) -> None:
    small.world.add_story(small.both, "x", min(SILENT[what]), created_at=LATER)
    small.world[small.both]["modified_at"] = LATER
    with Sandbox(small.world) as asana:
        found = probed(asana)
    assert found.contradicted == {f"Does {what} move `modified_at`?"}


@pytest.mark.parametrize("what", SILENT)
def test_what_leaves_the_stamp_alone_agrees(what: str, small: Small) -> None:
    small.world.add_story(small.both, "x", min(SILENT[what]), created_at=LATER)
    with Sandbox(small.world) as asana:
        found = probed(asana)
    assert found.contradicted == set()
    assert found.findings[f"Does {what} move `modified_at`?"] == "agrees"
