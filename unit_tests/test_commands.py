"""The commands of whoever operates a connection, as they answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer

from sandbox import Sandbox, World
from source_asana.commands.estimate import estimated
from source_asana.commands.explain import explained
from source_asana.commands.verify import Verified, verified
from source_asana.prepared import Prepared
from source_asana.source import SourceAsana
from unit_tests.conftest import quicken
from unit_tests.sync import Sync, catalog, config_for, read, streams

DAY = 86_400


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch)


def prepared(asana: Sandbox, names: list[str], sync: Sync | None = None, **more: Any) -> Prepared:
    """Return what a sync would read with, after another one."""
    tracks = bool(more.get("track_deletions"))
    wanted = catalog(names, incremental=True, track_deletions=tracks)
    states = [AirbyteStateMessageSerializer.load(one) for one in (sync.state if sync else [])]
    runtime, retrievers = SourceAsana().prepare(
        config_for(asana, **more), ConfiguredAirbyteCatalogSerializer.load(wanted), states
    )
    return Prepared(runtime, retrievers)


# ── verify ──────────────────────────────────────────────────────────────────────────────────────


def verify(asana: Sandbox, names: list[str], sync: Sync, sample: int = 500) -> Verified:
    return verified(prepared(asana, names, sync), sample, seed=1)


ALL = sorted(set(streams()) - {"organization_exports"})


@pytest.mark.parametrize("plan", ["free", "paid", "advanced", "service"])
def test_what_nobody_has_touched_is_equal(plan: str) -> None:
    with Sandbox(World.generate(tasks=60, seed=2), plan=plan) as asana:
        sync = read(asana, ALL, incremental=True)
        found = verify(asana, ALL, sync)
        [line] = found.lines()
        checked = int(line.split()[0])
        assert f" {checked} equal, 0 changed since (next sync), 0 drift" in line
        assert found.requests <= 1.1 * checked
        assert {entry.method for entry in asana.log} == {"GET"}


def test_drifts_are_found_and_told_from_changes() -> None:
    world = World.empty()
    projects = [world.add_project(f"P{number}") for number in range(3)]
    for number in range(60):
        world.add_task(f"T{number}", projects=[projects[number % 3]])
    with Sandbox(world, plan="advanced") as asana:
        names = ["tasks", "subtasks", "projects", "tags"]
        # What changed while the last sync began may be found by the next.
        asana.clock.advance(DAY)
        sync = read(asana, names, incremental=True)
        asana.clock.advance(DAY)
        gids = sync.gids("tasks")
        for gid in gids[:20]:
            world.like(gid)
        for gid in gids[20:30]:
            world.edit_task(gid, name="edited")
        found = verify(asana, names, sync, sample=2000)
        assert {drift.split()[1] for drift in found.drifts} == set(gids[:20])
        assert ", 10 changed since (next sync), 20 drift" in list(found.lines())[-1]
        healed = read(asana, names, incremental=True, state=sync.state, full_scan_interval_hours=0)
        assert verify(asana, names, healed, sample=2000).drifts == []


# ── explain ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def synced() -> Iterator[tuple[Sandbox, Sync, dict[str, str]]]:
    """Return a sandbox, its first sync, and records to ask about by name."""
    world = World.empty()
    with pytest.MonkeyPatch.context() as patch, Sandbox(world, plan="advanced") as asana:
        quicken(patch)
        project, hidden = world.add_project("P"), world.add_project("hidden")
        other = world.add_project("other")
        gids = {
            name: world.add_task(name, projects=[project])
            for name in ("equal", "edited", "liked", "deleted", "commented")
        }
        gids["hidden"] = world.add_task("hidden", projects=[hidden])
        gids["section"] = world.add_section(project, "S")
        gids["story"] = world.comment(gids["commented"])
        gids["excluded"] = world.add_task("excluded", projects=[other])
        gids["other"] = other
        sync = read(asana, QUESTIONED, incremental=True, exclude_project_ids=[other])
        asana.clock.advance(DAY)
        world.edit_task(gids["edited"], name="new name")
        world.like(gids["liked"])
        world.delete_task(gids["deleted"])
        world.hide(gids["hidden"])
        world.edit(gids["section"], name="renamed")
        gids["new"] = world.add_task("new", projects=[project])
        world.comment(gids["commented"])
        yield asana, sync, gids


QUESTIONED = ["tasks", "stories", "sections", "projects"]


@pytest.mark.parametrize(
    ("stream", "name", "answer"),
    [
        ("tasks", "equal", "sends nothing, as this version was sent"),
        ("tasks", "edited", "sends it"),
        ("tasks", "liked", "sends it"),  # listings are read, as a project is excluded
        ("tasks", "deleted", "does nothing, as it is deleted and `track_deletions` is off"),
        ("tasks", "hidden", "does nothing, as the token may not see it"),
        ("tasks", "new", "sends it"),
        ("tasks", "excluded", "does nothing, as `exclude_project_ids` leaves it out"),
        ("projects", "other", "does nothing, as `exclude_project_ids` leaves it out"),
        ("sections", "section", "sends it"),
        ("stories", "story", "reads all children of task"),
    ],
)
def test_a_question_is_answered(
    synced: tuple[Sandbox, Sync, dict[str, str]], stream: str, name: str, answer: str
) -> None:
    asana, sync, gids = synced
    made = prepared(asana, QUESTIONED, sync, exclude_project_ids=[gids["other"]])
    lines = list(explained(made, stream, gids[name]))
    assert lines[-1].startswith(f"Next sync: {answer}"), lines
    assert made.requests <= 5


# ── estimate ────────────────────────────────────────────────────────────────────────────────────


CORE = ["projects", "users", "sections", "tasks", "subtasks", "stories", "attachments"]
FIRST = re.compile(r"First sync: (\d+) requests .* (\d+) rows, (\d+) characters of state\.")
USUAL = re.compile(r"Usual sync: (\d+) requests .* (\d+) rows\.")


def numbers(form: re.Pattern[str], line: str) -> list[int]:
    found = form.fullmatch(line)
    assert found, line
    return [int(number) for number in found.groups()]


@pytest.mark.parametrize(
    ("tasks", "plan", "names"),
    [
        (50, "paid", ALL),
        (300, "free", CORE),
        (300, "service", ALL),
        *(
            pytest.param(tasks, plan, names, marks=pytest.mark.slow)
            for tasks in (50, 300, 1000, 3000)
            for plan in ("free", "paid")
            for names in (ALL, CORE)
        ),
    ],
)
def test_an_estimate_is_close_to_the_sync(
    tasks: int, plan: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whether a search for attachments pays depends on the quota.
    monkeypatch.setattr("source_asana.http.client.PAID_PER_MINUTE", 1500)
    world = World.generate(tasks=tasks, seed=5)
    with Sandbox(world, plan=plan) as asana:
        *_, first, usual, asked = estimated(prepared(asana, names))
        assert len(asana.log) <= 50
        assert f"Asked with {len(asana.log)} requests." == asked
        sync = read(asana, names, incremental=True)
        asana.clock.advance(DAY / 2)
        world.change(1)
        asana.clock.advance(60)
        next_ = read(asana, names, incremental=True, state=sync.state)
    done = sync.summary
    *estimate, state = numbers(FIRST, first)
    assert estimate == pytest.approx([done["requests"], done["records"]], rel=0.15)
    assert state == pytest.approx(done["state"]["characters"], rel=0.3)
    requests, rows = numbers(USUAL, usual)
    assert requests == pytest.approx(next_.summary["requests"], rel=0.15)
    assert rows <= tasks


def test_an_estimate_counts_the_largest_project_of_many() -> None:
    world = World.empty()
    projects = [world.add_project(f"P{number}") for number in range(80)]
    for number in range(500):
        largest = projects[33]
        project = largest if number % 2 else projects[number // 2 % 80]
        world.add_task(f"T{number}", projects=[project], assignee=world.me)
    with Sandbox(world, plan="free") as asana:
        made = prepared(asana, ["tasks", "stories"])
        *_, first, _, _ = estimated(made)
        assert made.requests <= 50
        sync = read(asana, ["tasks", "stories"], incremental=True)
    assert numbers(FIRST, first)[0] == pytest.approx(sync.summary["requests"], rel=0.15)
