"""A record in two partitions: one tombstone where it leaves one, one version where it changes."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.lab import DELETED
from unit_tests.properties.runs import Destination, Sync
from unit_tests.scenarios.worlds_a import DAY, HARDLY, TRACKED, counts, send_at_once, wrong

ITEMS = ("projects", "portfolios", "portfolio_items")
NO_ACCESS = {"status": 403, "message": "You do not have access to this project."}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_once(monkeypatch)


def synced(asana: Sandbox, destination: Destination, *streams: str, **options: Any) -> Sync:
    """Sync a day later."""
    asana.clock.advance(DAY)
    done = destination.sync(asana, streams, **options)
    assert not done.failed, done.errors
    return done


@pytest.mark.parametrize("kind", ["project", "portfolio"])
def test_an_item_taken_out_of_one_of_two_portfolios_gets_one_tombstone(kind: str) -> None:
    world = World.empty()
    project = world.add_project("P")
    item = project if kind == "project" else world.add_portfolio("Inner", items=[project])
    leaves, stays = (world.add_portfolio(name, items=[item]) for name in ("Leaves", "Stays"))
    with Sandbox(world, plan="advanced") as asana:
        destination = Destination()
        synced(asana, destination, *ITEMS, **TRACKED)
        assert {f"{leaves}/{item}", f"{stays}/{item}"} <= destination.rows[ITEMS[2]].keys()
        world.remove_portfolio_item(leaves, item)
        done = synced(asana, destination, *ITEMS, **TRACKED)
        buried = {
            stream: [(one.get("portfolio_id"), one["gid"]) for one in records if one.get(DELETED)]
            for stream, records in done.records.items()
        }
        assert {stream: keys for stream, keys in buried.items() if keys} == {
            "portfolio_items": [(leaves, item)]
        }
        assert wrong(asana, destination, ITEMS) == []
        assert counts(synced(asana, destination, *ITEMS, **TRACKED)) == {}


def test_a_task_that_one_of_its_two_listings_shows_has_one_version() -> None:
    """Changes without a timestamp, taken back while the other listing alone can be read."""
    world = World.empty()
    first, second = world.add_project("First"), world.add_project("Second")
    task = world.add_task("T", projects=[first, second])
    with Sandbox(world) as asana:
        destination = Destination()
        options = {"full_scan_interval_hours": 0}
        synced(asana, destination, "tasks", **options)
        for refused in (second, first, first, second):
            change = world.unlike if world[task].get("_likes") else world.like
            change(task)
            asana.fault("status", f"/tasks.*project={refused}", times=None, **NO_ACCESS)
            done = synced(asana, destination, "tasks", **options)
            assert done.gids("tasks") == [task]
            assert wrong(asana, destination, ("tasks",)) == []
            asana.clear_faults()


def test_a_task_that_one_of_its_two_listings_shows_is_sent_once() -> None:
    world = World.empty()
    first, second = world.add_project("First"), world.add_project("Second")
    task = world.add_task("T", projects=[first, second])
    world.comment(task)
    streams = ("tasks", "stories")
    with Sandbox(world) as asana:
        destination = Destination()
        synced(asana, destination, *streams, **HARDLY)
        for refused in (second, first):
            world.comment(task)
            asana.fault("status", f"/tasks.*project={refused}", times=None, **NO_ACCESS)
            done = synced(asana, destination, *streams, **HARDLY)
            assert done.gids("tasks") == [task]
            assert wrong(asana, destination, streams) == []
            asana.clear_faults()
            # The listing that was refused shows what was sent already.
            assert counts(synced(asana, destination, *streams, **HARDLY)) == {}
