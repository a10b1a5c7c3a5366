"""The commands of whoever operates a connection, as they answer."""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer

from sandbox import Sandbox, World
from source_asana.source import SourceAsana
from source_asana_commands import questions
from source_asana_commands.entry import QUESTIONS
from source_asana_commands.estimate import estimated
from source_asana_commands.explain import explained
from source_asana_commands.prepared import Prepared
from source_asana_commands.verify import Outcome, Verified, verified
from unit_tests.conftest import quicken
from unit_tests.sync import Sync, catalog, config_for, read, streams

DAY = 86_400


@pytest.fixture(autouse=True)
def _audible() -> Iterator[None]:
    """Have later tests hear what a command has silenced."""
    logger = logging.getLogger("airbyte")
    level = logger.level
    yield
    logger.setLevel(level)


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


PLANS = ("free", "paid", "advanced", "service")


def drifting(found: Verified) -> dict[str, set[str]]:
    """Return the gids of the drifts by stream."""
    words = [drift.split() for drift in found.drifts]
    return {stream: {gid for name, gid, *_ in words if name == stream} for stream, *_ in words}


def number(found: Verified, *outcomes: Outcome) -> int:
    every = [one for outcome in found.outcomes.values() for one in outcome]
    return sum(one in outcomes for one in every)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 22))]
)
def test_drifts_are_what_the_next_sync_leaves(seed: int) -> None:
    """What it calls changed comes with the next sync, a drift with the next full scan."""
    world = World.generate(tasks=80, seed=seed)
    chance = random.Random(seed)  # noqa: S311  # a sample
    tracks = seed % 3 == 0
    with Sandbox(world, plan=PLANS[seed % 4]) as asana:

        def synced(before: Sync | None = None, **more: Any) -> Sync:
            state = before.state if before else None
            more["track_deletions"] = tracks
            return read(asana, ALL, incremental=True, state=state, **more)

        def verify(sync: Sync) -> Verified:
            found = verified(prepared(asana, ALL, sync, track_deletions=tracks), 100_000)
            assert found.requests <= 1.1 * sum(map(len, found.outcomes.values()))
            return found

        asana.clock.advance(DAY)
        first = synced()
        fresh = verify(first)
        assert fresh.drifts == []
        assert number(fresh, Outcome.EQUAL) == number(fresh, *Outcome)
        asana.clock.advance(DAY / 2)
        tasks = sorted({*first.gids("tasks"), *first.gids("subtasks")})
        *liked, commented, deleted, moved = chance.sample(tasks, 13)
        world.change(5, seed=seed)
        for gid in liked:
            world.like(gid)
        world.comment(commented)
        world.delete_task(deleted)
        world.move_task(moved, add_project=chance.choice(first.gids("projects")))
        asana.clock.advance(DAY / 2 / 12)
        edited = verify(first)
        assert number(edited, Outcome.CHANGED)
        second = synced(first)
        for stream, gids in drifting(edited).items():
            assert gids.isdisjoint(second.gids(stream)), stream
        after = verify(second)
        assert number(after, Outcome.CHANGED) == 0
        found = drifting(after)
        assert found.keys() <= {"tasks", "subtasks"}
        healed = synced(second, full_scan_interval_hours=0)
        for stream in ("tasks", "subtasks"):
            assert found.get(stream, set()) == set(healed.gids(stream))
        assert bool(found) == (PLANS[seed % 4] != "free")


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


CALM = re.compile(r"Next sync: (sends nothing, as|reads its list, and sends it if it differs\.)")


def test_what_nobody_has_touched_is_not_said_to_be_sent() -> None:
    with Sandbox(World.generate(tasks=40, seed=2), plan="service") as asana:
        sync = read(asana, ALL, incremental=True)
        for name, [record, *_] in sync.records.items():
            if "gid" in record:
                lines = list(explained(prepared(asana, ALL, sync), name, record["gid"]))
                assert CALM.match(lines[-1]), (name, lines)


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_catalog_without_streams_is_a_mistake(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "config": {"credentials": {"personal_access_token": "t" * 9}},
        "catalog": {"streams": []},
    }
    args = [command]
    for name, content in {**files, **({} if command == "estimate" else {"state": []})}.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content), "utf-8")
        args += [f"--{name}", str(path)]
    with pytest.raises(SystemExit) as ended:
        questions.run([*args, *(["tasks", "1"] if command == "explain" else [])])
    assert ended.value.code == "The catalog selects no stream; provide one that does."
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", ["explain", "verify"])
def test_a_state_of_another_connector_counts_as_none(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World.empty()
    gid = world.add_task("T", projects=[world.add_project("P")])
    stream = {"stream_descriptor": {"name": "tasks"}, "stream_state": {"modified_at": "2099"}}
    with Sandbox(world) as asana:
        files = {
            "config": config_for(asana),
            "catalog": catalog(["tasks"], incremental=True),
            "state": [{"type": "STREAM", "stream": stream}],
        }
        args = [command]
        for name, content in files.items():
            path = tmp_path / f"{name}.json"
            path.write_text(json.dumps(content), "utf-8")
            args += [f"--{name}", str(path)]
        with pytest.raises(SystemExit) as ended:
            questions.run([*args, *(["tasks", gid] if command == "explain" else [])])
    printed = capsys.readouterr()
    assert ended.value.code == 0
    assert "State: not known" in printed.out or "0 records of 0 streams checked" in printed.out
    assert printed.err.splitlines() == [
        (
            "These streams have a state of another connector, which counts as none, so a sync "
            "reads them completely: tasks."
        )
    ]


@pytest.fixture(scope="module")
def planted() -> Iterator[tuple[Sandbox, dict[str, Any], list[Any], dict[str, str]]]:
    """Return a sandbox, settings, states, and records to ask about by name."""
    world = World.empty()
    with pytest.MonkeyPatch.context() as patch, Sandbox(world, plan="advanced") as asana:
        quicken(patch)
        project, excluded = world.add_project("P"), world.add_project("excluded")
        old = world.now()
        asana.clock.advance(DAY)
        settings = {
            "start_date": world.now(),
            "track_deletions": True,
            "include_archived_projects": False,
            "exclude_project_ids": [excluded],
        }
        asana.clock.advance(DAY)
        archived = world.add_project("archived", archived=True)
        gids = {
            name: world.add_task(name, projects=[project])
            for name in ("sent", "due", "edited", "deleted", "forbidden", "commented")
        }
        gids["old"] = world.add_task("old", projects=[project], created_at=old, modified_at=old)
        gids["excluded"] = world.add_task("excluded", projects=[excluded])
        gids["archived"] = world.add_task("archived", projects=[archived])
        gids["unknown"] = "1200000000000001"
        gids["orphan"] = world.add_task("orphan", parent=gids["archived"])
        gids["missing"] = world.add_tag("missing")
        gids["story"] = world.comment(gids["commented"])
        asana.fault("status", f"/tasks/{gids['due']}/stories", times=None, status=500)
        asana.clock.advance(DAY / 4)
        first = read(asana, PLANTED, incremental=True, **settings)
        asana.clock.advance(DAY / 4)
        world.delete(gids["missing"])
        asana.fault("status", f"/tags/{gids['missing']}", times=None, status=500)
        second = read(asana, PLANTED, incremental=True, state=first.state, **settings)
        asana.clear_faults()
        asana.clock.advance(DAY / 4)
        world.edit_task(gids["edited"], name="new name")
        world.delete_task(gids["deleted"])
        world.hide(gids["forbidden"])
        gids["P"] = project
        yield asana, config_for(asana, **settings), second.state, gids


PLANTED = ["tasks", "subtasks", "stories", "tags", "projects"]


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        (
            "tasks sent",
            [
                r"State: known, sent by 20\d\d-\S+Z, from {P}\.",
                r"Asana: shows it, modified at \S+, in the version that was sent\.",
                "Next sync: sends nothing, as this version was sent.",
            ],
        ),
        ("stories due", ["State: task {due} is due: its children are still to be read."]),
        ("tags missing", ["Missing: an earlier sync has read its list completely without seeing"]),
        ("tasks old", ["State: not known", "Excluded: by the setting `start_date`."]),
        ("tasks excluded", ["Excluded: by the setting `exclude_project_ids`."]),
        ("tasks archived", ["Excluded: by the setting `include_archived_projects`."]),
        (
            "tasks unknown",
            [
                r"Asana: does not have it \(404\): it is deleted, or was never there\.",
                "Next sync: does nothing, as it is deleted and was never sent.",
            ],
        ),
        ("tasks edited", ["in another version", "Next sync: sends it."]),
        ("tasks deleted", [r"\(404\)", "Next sync: sends a tombstone."]),
        (
            "tasks forbidden",
            [r"\(403\)", "Next sync: does nothing, as the token may not see it; a row"],
        ),
        (
            "subtasks orphan",
            ["Next sync: reads it with its parent, task {archived}, which was not sent either"],
        ),
        ("tasks orphan", ["Next sync: does nothing, as it is a subtask: ask for it in `subtasks`"]),
        ("subtasks sent", ["Next sync: sends nothing|it has no parent: ask for it in `tasks`"]),
        (
            "stories story",
            [
                "Asana: shows it",
                "State: the children of task {commented} were read and sent.",
                "Next sync: sends nothing, as task {commented} has not changed since",
            ],
        ),
        ("stories commented", ["State: the children of task {commented} were read and sent."]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_question_is_answered_by_the_command(
    planted: tuple[Sandbox, dict[str, Any], list[Any], dict[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    question: str,
    answers: list[str],
) -> None:
    asana, config, state, gids = planted
    wanted = catalog(PLANTED, incremental=True, track_deletions=True)
    args = ["explain"]
    for name, content in (("config", config), ("catalog", wanted), ("state", state)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content), "utf-8")
        args += [f"--{name}", str(path)]
    asana.reset_log()
    stream, name = question.split()
    with pytest.raises(SystemExit) as ended:
        questions.run([*args, stream, gids[name]])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert len(asana.log) <= 5
    assert {entry.method for entry in asana.log} <= {"GET"}
    for answer in answers:
        assert re.search(answer.format(**gids), said), said


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
        # Until a search shows what changed, the tasks that events name are read one by one.
        asana.clock.advance(3600)
        next_ = read(asana, names, incremental=True, state=sync.state)
    done = sync.summary
    estimate, records, state = numbers(FIRST, first)
    assert estimate == pytest.approx(done["requests"], rel=0.15)
    # With all streams, few requests are left for the stories of some tasks, or for the audit log.
    rest = 0.3 if names is ALL and (tasks > 1000 or plan == "service") else 0.15
    assert records == pytest.approx(done["records"], rel=rest)
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
