"""What each HTTP status does to each stream: what it takes is said, everything else is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from sandbox import Sandbox
from unit_tests.conftest import quicken
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small, paths
from unit_tests.sync import Sync, read, streams

WORDS = "Asana's own words"
NOT_IN_PLAN = "The Asana plan does not include these streams, or parts of them: "
SKIPPED = (402, 403, 404)
# Streams whose records are the parents of others, and those that lie in their listings.
PARENTS = ("workspaces", "users", "teams", "projects", "portfolios", "goals", "tasks", "subtasks")
INLINE = {
    "team_custom_field_settings": "teams",
    "project_custom_field_settings": "projects",
    "portfolio_custom_field_settings": "portfolios",
    "goal_custom_field_settings": "goals",
}


@pytest.fixture
def small() -> Small:
    return Small()


@pytest.fixture
def asana(small: Small) -> Iterator[Sandbox]:
    with Sandbox(small.world, plan="service") as sandbox:
        yield sandbox


def read_all(asana: Sandbox, small: Small) -> Sync:
    """Read all streams, incrementally where they can be: events are read in no other way."""
    return read(asana, streams(), incremental=True, organization_export_ids=[small.export])


def leaves() -> list[str]:
    """Return the streams that no other stream waits for and that send requests."""
    return [n for n in streams() if n not in (*PARENTS, *INLINE, "portfolio_items")]


def refuse(asana: Sandbox, small: Small, names: Iterable[str], status: int) -> None:
    """Have every request of these streams answered with a status and that stream's words."""
    for name in names:
        words = f"{WORDS} about {name}"
        asana.fault("status", paths(small)[name], times=None, status=status, message=words)


def said(lines: Iterable[str], stream: str) -> list[str]:
    """Return the lines about one stream that quote Asana."""
    return [line for line in lines if line.startswith(f"Stream {stream}: ") and WORDS in line]


def beyond_the_plan(sync: Sync) -> set[str]:
    """Return the streams in the one line about what the plan does not include."""
    [line] = [text for text in sync.logs if text.startswith(NOT_IN_PLAN)]
    assert line not in sync.warnings
    names, _, remedy = line.removeprefix(NOT_IN_PLAN).partition(". ")
    assert remedy == "Upgrade the plan to read them, or deselect them."
    return set(names.split(", "))


def test_the_small_world_has_records_for_every_stream(asana: Sandbox, small: Small) -> None:
    """A world in which all of the tests below have something to lose."""
    sync = read_all(asana, small)
    assert [name for name in streams() if not sync.records[name]] == ["events"]
    expect.whole(asana, sync, streams())
    expect.declared(sync)
    faults = {name: asana.fault("slow", at, seconds=0) for name, at in paths(small).items()}
    read_all(asana, small)
    assert {name for name, fault in faults.items() if fault.hits} == set(streams()) - set(INLINE)


@pytest.mark.parametrize("status", SKIPPED)
def test_refused_leaves_are_skipped_and_said_once(
    asana: Sandbox, small: Small, status: int
) -> None:
    refuse(asana, small, leaves(), status)
    sync = read_all(asana, small)
    assert sync.errors == []
    assert [name for name in leaves() if sync.records[name]] == []
    expect.whole(asana, sync, set(streams()) - set(leaves()))
    for name in leaves():
        assert sync.complete(name), name
        rows = [one for one in sync.summary["skipped"] if one["stream"] == name]
        warned = said(sync.warnings, name)
        if status == 402:
            assert len(rows) == 1, "a plan is the workspace's"
        else:
            [line] = warned
            assert f"(HTTP {status})" in line
            assert "To read it: " in line
    if status == 402:
        assert beyond_the_plan(sync) == set(leaves())
        assert sync.warnings == []
    else:
        assert len(sync.warnings) == len(leaves()) + 1
        assert sync.warnings[-1].startswith("Skipped ")


@pytest.mark.parametrize("status", [400, 412, 500, 503])
def test_failing_leaves_are_incomplete_and_the_rest_is_read(
    asana: Sandbox, small: Small, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, 200)
    refuse(asana, small, leaves(), status)
    sync = read_all(asana, small)
    expect.whole(asana, sync, set(streams()) - set(leaves()))
    *errors, last = sync.errors
    for name in leaves():
        assert sync.statuses[name][-1] == "INCOMPLETE", name
        assert sync.records[name] == []
        assert said([error["message"] for error in errors], name), name
    assert {error["failure_type"] for error in sync.errors} == {"transient_error"}
    assert last["message"].startswith(
        f"These streams are not complete: {', '.join(sorted(leaves()))}. "
    )


@pytest.mark.parametrize("status", [424, 429])
def test_rate_limits_are_waited_for(
    asana: Sandbox, small: Small, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, 200)
    for at in paths(small).values():
        asana.fault("status", at, times=2, status=status)
    sync = read_all(asana, small)
    assert sync.errors == []
    expect.whole(asana, sync, streams())


PER_PROJECT = frozenset(
    {
        "sections",
        "custom_types",
        "project_memberships",
        "project_custom_field_settings",
        "project_statuses",
        "project_status_updates",
        "project_briefs",
        "task_templates",
        "task_counts",
        "allocations",
        "budgets",
        "rates",
        "events",
    }
)
PER_PORTFOLIO = frozenset(
    {
        "portfolio_items",
        "portfolio_memberships",
        "portfolio_custom_field_settings",
        "portfolio_status_updates",
        "project_portfolio_settings",
    }
)
PER_GOAL = frozenset(
    {
        "goal_relationships",
        "goal_memberships",
        "goal_custom_field_settings",
        "goal_status_updates",
        "goal_stories",
    }
)


@dataclass(frozen=True)
class Lost:
    """What a parent's refusal takes along: the streams that are empty, and what is left of others.

    `left` names attributes of `Small`: the tasks, and the parents of stories and attachments.
    """

    parent: str
    streams: frozenset[str]
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


LOST = (
    Lost(
        "users",
        frozenset({"user_task_lists", "ooo_entries"}),
        {
            "tasks": ("task", "other", "both"),
            "subtasks": ("subtask", "deep"),
            "stories": ("task", "other", "both", "subtask", "deep"),
            "attachments": ("task", "first", "second"),
        },
    ),
    Lost("teams", frozenset({"team_memberships", "team_custom_field_settings"})),
    Lost(
        # Tasks of people come by their listings, whether or not their projects can be seen.
        "projects",
        PER_PROJECT,
        {
            "tasks": ("task", "loose"),
            "subtasks": ("subtask", "deep"),
            "stories": ("task", "loose", "subtask", "deep"),
            "attachments": ("task",),
        },
    ),
    Lost("portfolios", PER_PORTFOLIO),
    Lost("goals", PER_GOAL),
    Lost(
        "tasks",
        frozenset({"subtasks", "stories"}),
        {"attachments": ("first", "second")},
    ),
    Lost(
        "subtasks",
        frozenset(),
        {
            "stories": ("task", "other", "both", "loose"),
            "attachments": ("task", "first", "second"),
        },
    ),
)
COLUMN = {"tasks": "gid", "subtasks": "gid", "stories": "task_id", "attachments": "parent_id"}


def briefs(small: Small) -> set[str]:
    """Return the gids of the projects' briefs, which have attachments as well."""
    return {small.world[gid]["project_brief"] for gid in (small.first, small.second)}


def left_of(sync: Sync, lost: Lost, small: Small) -> None:
    """Assert that the streams that lost some parents have exactly the others' records."""
    for stream, names in lost.left.items():
        kept = {getattr(small, name) for name in names}
        if small.first in kept:
            kept |= briefs(small)
        assert {record[COLUMN[stream]] for record in sync.records[stream]} == kept, stream


@pytest.mark.parametrize("status", SKIPPED)
@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.parent)
def test_refused_parents_take_their_children_along(
    asana: Sandbox, small: Small, lost: Lost, status: int
) -> None:
    refuse(asana, small, [lost.parent], status)
    sync = read_all(asana, small)
    assert sync.errors == []
    assert [name for name in streams() if not sync.complete(name)] == []
    gone = lost.streams | {lost.parent}
    assert {name: len(sync.records[name]) for name in gone if sync.records[name]} == {}
    left_of(sync, lost, small)
    expect.whole(asana, sync, set(streams()) - gone - set(lost.left))
    if status == 402:
        assert beyond_the_plan(sync) == gone | set(lost.left)
        assert sync.warnings == []
        return
    assert said(sync.warnings, lost.parent)
    if status == 403:
        [line] = [text for text in sync.warnings if text.startswith("The contents of the refused")]
        assert {*lost.streams, *lost.left} == set(line[:-1].split(" streams: ")[1].split(", "))


@pytest.mark.parametrize("status", [400, 412, 500])
@pytest.mark.parametrize("lost", LOST, ids=lambda lost: lost.parent)
def test_failing_parents_leave_their_children_incomplete(
    asana: Sandbox, small: Small, lost: Lost, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, 200)
    refuse(asana, small, [lost.parent], status)
    sync = read_all(asana, small)
    gone = lost.streams | {lost.parent}
    assert {name: len(sync.records[name]) for name in gone if sync.records[name]} == {}
    incomplete = {name for name in streams() if not sync.complete(name)}
    assert incomplete == gone | set(lost.left)
    for stream, names in lost.left.items():
        kept = {getattr(small, name) for name in names}
        assert {record[COLUMN[stream]] for record in sync.records[stream]} <= kept | briefs(small)
    expect.whole(asana, sync, set(streams()) - incomplete)
    *errors, last = sync.errors
    assert said([error["message"] for error in errors], lost.parent)
    assert last["message"].startswith(
        f"These streams are not complete: {', '.join(sorted(incomplete))}. "
    )
    assert {error["failure_type"] for error in sync.errors} == {"transient_error"}
