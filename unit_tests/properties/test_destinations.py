"""The right row, or none, in every destination after what is deleted, undeleted and edited."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import pytest
from hypothesis import given, settings

from sandbox import Sandbox, World
from unit_tests.properties.happenings import Round, examples, rounds, run
from unit_tests.properties.lab import DELETED, EVERY, Lab, differences
from unit_tests.properties.runs import Record, Sync, key_of
from unit_tests.properties.steps import DELETIONS, LOUD
from unit_tests.properties.test_deletions import TRACKED, settled
from unit_tests.properties.warehouses import (
    JUDGED,
    MODELS,
    ClickHouse,
    Iceberg,
    PyAirbyte,
    Row,
    RuleR,
    RuleRSoft,
    Warehouse,
    Warehouses,
    equal,
)

pytestmark = pytest.mark.slow

# What happens to an object before a sync: e edits it, x deletes it or brings it back.
WORDS = ("e", "x", "xe", "xx", "ex")
FAMILY = ("projects", "tasks", "subtasks", "stories", "attachments")


# ── every object with a script of its own ───────────────────────────────────────────────────────


class Scripts:
    """A world in which every object has a script: what happens to it before each sync."""

    def __init__(self) -> None:
        self.world = world = World.empty()
        self.trees: dict[str, str] = {}
        self.script: dict[str, tuple[str, ...]] = {}
        self._number = 0
        project = world.add_project("P")
        parent = world.add_task("Parent", projects=[project])
        for script in product(WORDS, WORDS):
            task = world.add_task("T", projects=[project])
            world.comment(world.add_task("Below it", parent=task))
            self.script[task] = script
            self.script[world.add_task("S", parent=parent)] = script
        for script in product(WORDS[:4], WORDS[:4]):
            inner = world.add_project("Of its own")
            world.comment(world.add_task("In it", projects=[inner]))
            holder = world.add_task("Holder", projects=[project])
            for gid in (
                inner,
                world.add_tag("G"),
                world.comment(holder),
                world.add_attachment(holder),
                world.add_status_update(project),
                world.add_goal("G"),
                world.add_portfolio("F"),
            ):
                self.script[gid] = script
        world.clock.advance(100)

    def happen(self, number: int) -> None:
        """Let everything happen that stands before the sync of this number."""
        for gid, script in self.script.items():
            for action in script[number]:
                self.world.clock.advance(0.01)
                if action == "e":
                    self._edit(gid)
                elif gid in self.world:
                    self.world.delete(gid)
                else:
                    self.world.undelete(gid)

    def _edit(self, gid: str) -> None:
        world = self.world
        if gid not in world:
            return
        self._number += 1
        name = f"Edited {self._number}"
        kind = world[gid]["resource_type"]
        if kind == "story":
            world.edit_comment(gid, name)
        elif kind == "status_update":
            world.edit(gid, title=name)
        else:
            world.edit(gid, name=name)
        if kind in {"story", "attachment"}:
            # Children are read again when their task has changed.
            world.edit_task(world[gid]["_within"], notes=name)


@pytest.mark.parametrize("mode", ["listing", "search"])
def test_delete_undelete_and_edit_in_every_order(mode: str) -> None:
    scripts = Scripts()
    with Sandbox(scripts.world, plan="service") as asana:
        destination = Warehouses()
        settled(asana, destination, mode)
        equal(asana, destination)
        for number in range(2):
            scripts.happen(number)
            # The second sync is for search, whose index lags.
            settled(asana, destination, mode)
            equal(asana, destination)


# ── that the models notice what is wrong ────────────────────────────────────────────────────────


def without_tombstones(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not row.is_tombstone]


def tombstones_without_cursor(rows: list[Row]) -> list[Row]:
    return [row._replace(cursor=None) if row.is_tombstone else row for row in rows]


def modified_at_as_cursor(rows: list[Row]) -> list[Row]:
    """Return rows as of a source without `synced_at`: what is undeleted has its old stamp."""
    return [row._replace(cursor=row.data.get("modified_at", row.data.get(DELETED))) for row in rows]


def records_after_tombstones(rows: list[Row]) -> list[Row]:
    """Return rows as of a source that sends a record once more after its tombstone."""
    lives = [row for row in rows if row.is_tombstone]
    return [*rows, *(row._replace(data={"gid": row.key}) for row in lives)]


Mistake = Callable[[list[Row]], list[Row]]
MISTAKES: dict[Mistake, tuple[type[Warehouse], ...]] = {
    without_tombstones: MODELS,
    tombstones_without_cursor: (RuleR, RuleRSoft, ClickHouse),
    modified_at_as_cursor: (RuleRSoft, ClickHouse),
    records_after_tombstones: (Iceberg, ClickHouse, PyAirbyte),
}


@pytest.fixture(scope="module")
def replayed() -> tuple[list[list[Row]], dict[str, Record]]:
    """Return the tasks that each sync of a run sent, and those that there are in the end."""
    scripts = Scripts()
    with Sandbox(scripts.world, plan="service") as asana:
        destination = Warehouses()
        settled(asana, destination, "listing")
        for number in range(2):
            scripts.happen(number)
            settled(asana, destination, "listing")
        truth = {record["gid"]: record for record in asana.truth("tasks")}
    return [sync["tasks"] for sync in destination.sent], truth


def right(model: type[Warehouse], syncs: list[list[Row]], truth: dict[str, Record]) -> bool:
    """Return whether a table holds the truth after these syncs."""
    table = model()
    for rows in syncs:
        table.load(rows)
    live = table.live()
    return live.keys() == truth.keys() and all(
        len(rows) == 1 and not differences("tasks", rows[0], truth[key])
        for key, rows in live.items()
    )


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_each_model_notices_its_mistakes(
    mistake: Mistake, replayed: tuple[list[list[Row]], dict[str, Record]]
) -> None:
    syncs, truth = replayed
    assert all(right(model, syncs, truth) for model in MODELS)
    for model in MISTAKES[mistake]:
        assert not right(model, [mistake(rows) for rows in syncs], truth), model


# ── races ───────────────────────────────────────────────────────────────────────────────────────


Actions = Callable[[World, str], None]


def delete(world: World, gid: str) -> None:
    world.delete(gid)


def undelete(world: World, gid: str) -> None:
    world.undelete(gid)


def edit(world: World, gid: str) -> None:
    world.edit_task(gid, name=f"Edited {world.now()}")


def both(*actions: Actions) -> Actions:
    """Return actions one after the other."""

    def act(world: World, gid: str) -> None:
        for action in actions:
            world.clock.advance(1)
            action(world, gid)

    return act


LISTING = r"/tasks\?.*project="
GET = r"/tasks/\d+\?"
# Name -> what happens before a sync, and (path of the request before which it happens, what).
RACES: dict[str, tuple[Actions | None, list[tuple[str, Actions]]]] = {
    "deleted before it is listed": (None, [(LISTING, delete)]),
    "edited, then deleted before it is listed": (edit, [(LISTING, delete)]),
    "undeleted before it is listed": (delete, [(LISTING, undelete)]),
    "undeleted after the listing": (delete, [(GET, undelete)]),
    "undeleted and edited after the listing": (delete, [(GET, both(undelete, edit))]),
    "undeleted, edited, deleted after the listing": (
        delete,
        [(GET, both(undelete, edit, delete))],
    ),
    "deleted and undeleted around the listing": (None, [(LISTING, delete), (GET, undelete)]),
    "deleted after its children were asked for": (edit, [("/stories", delete)]),
    "deleted, undeleted, edited while its children are read": (
        edit,
        [("/stories", both(delete, undelete, edit))],
    ),
}


@pytest.mark.parametrize("race", RACES, ids=[name.replace(" ", "_") for name in RACES])
def test_races_within_a_sync(race: str) -> None:
    before, during = RACES[race]
    world = World.empty()
    project = world.add_project("P")
    task = world.add_task("T", projects=[project])
    world.comment(task)
    world.comment(world.add_task("Other", projects=[project]))
    world.comment(world.add_task("Below", parent=task))
    with Sandbox(world, plan="service") as asana:
        destination = Warehouses()
        settled(asana, destination, "listing", FAMILY)
        asana.clock.advance(60)
        if before:
            before(world, task)
        hooks = [
            asana.before_nth(1, partial(action, world, task), path=path) for path, action in during
        ]
        done = destination.sync(asana, FAMILY, **TRACKED)
        assert not done.failed, done.errors
        assert [hook.hits for hook in hooks] == [1] * len(hooks), "nothing raced"
        only_one_of_what_is_deleted(done)
        settled(asana, destination, "listing", FAMILY)
        equal(asana, destination, FAMILY)
        if task in world:
            world.delete(task)
            settled(asana, destination, "listing", FAMILY)
            equal(asana, destination, FAMILY)
        world.undelete(task)
        settled(asana, destination, "listing", FAMILY)
        equal(asana, destination, FAMILY)


def only_one_of_what_is_deleted(done: Sync) -> None:
    """Assert that a key with a tombstone comes once in a sync."""
    for stream, records in done.records.items():
        keys = [key_of(stream, one) for one in records]
        dead = {key_of(stream, one) for one in records if one.get(DELETED)}
        assert {key for key in dead if keys.count(key) > 1} == set(), stream


@settings(max_examples=examples(3))
@given(happening=rounds(LOUD + 2 * DELETIONS))
def test_every_destination_shows_the_newest(happening: list[Round]) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="service") as asana:
        destination = Warehouses()
        run(asana, lab, happening, EVERY, destination=destination, **TRACKED)
        settled(asana, destination, "listing")
        for stream in JUDGED:
            newest = destination.rows[stream].items()
            shown = {key: [row] for key, row in newest if not row.get(DELETED)}
            for name, tables in destination.tables.items():
                live = tables[stream].live()
                if name.startswith(PyAirbyte.__name__):
                    # An edit between two listings of a task may bring it twice in a batch.
                    live = {key: rows[-1:] for key, rows in live.items()}
                assert live == shown, (name, stream)
