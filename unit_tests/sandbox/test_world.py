"""The generated world, and every stream's truth against what HTTP gives."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from sandbox.spec import ENDPOINTS, KINDS, SCHEMAS
from sandbox.truth import STREAMS, Truth
from unit_tests.sandbox.client import walk

START = "2026-06-01T00:00:00Z"


def test_the_same_seed_gives_the_same_world() -> None:
    first, second = (World.generate(tasks=200, start=START) for _ in range(2))
    assert first.objects == second.objects
    assert World.generate(tasks=200, start=START, seed=2).objects != first.objects


def test_counts_and_history() -> None:
    world = World.generate(tasks=500, start=START)
    tasks = world.of_kind("task")
    assert len(tasks) == 500 + 3
    assert all(len(gid) == 16 and gid.isdigit() for gid in world.objects)
    assert all(task["created_at"] <= task["modified_at"] < "2026-06-01T" for task in tasks)
    assert all(str(o.get("created_at", "")) < "2026-06-01T" for o in world.objects.values())
    assert max(len(task["_projects"]) for task in tasks) >= 3
    assert max(len(world.lineage(task["gid"])) for task in tasks) >= 3
    sizes = sorted(len(rows) for rows in world.lists["project.tasks"].values())
    assert sizes[-1] >= 150
    assert {o["resource_subtype"] for o in world.of_kind("custom_field")} == {
        "text", "enum", "multi_enum", "number", "date", "people", "reference",
    }  # fmt: skip
    assert world.events == []
    assert world.unindexed == {}


def test_every_stream_has_records_and_none_leaks_names_of_the_sandbox() -> None:
    sandbox = Sandbox(World.generate(tasks=300, start=START), plan="service")
    truth = Truth(sandbox.api, sandbox.api.auth.tokens[sandbox.token])
    for stream in truth.names():
        records = truth.read(stream)
        assert bool(records) is (stream != "events"), stream
        for record in records:
            assert not [name for name in record if name.startswith("_")]
    assert sandbox.unknown_fields == []


@pytest.mark.parametrize("stream", ["projects", "users", "tags", "sections"])
def test_truth_is_what_http_gives(stream: str) -> None:
    with Sandbox(World.generate(tasks=200, start=START)) as asana:
        row = STREAMS[stream]
        truth = Truth(asana.api, asana.api.auth.tokens[asana.token])
        asana.api.settings.hides_asana_types = False
        gids = set()
        for partition in truth.partitions(row.of):
            path, _, query = row.path.format(**partition).partition("?")
            params = dict(pair.split("=") for pair in query.split("&") if pair)
            gids |= {record["gid"] for record in walk(asana, path, **params, limit=3)}
        assert {record["gid"] for record in asana.truth(stream)} == gids


def test_change_edits_a_share() -> None:
    world = World.generate(tasks=200, start=START)
    before = {task["gid"]: task["modified_at"] for task in world.of_kind("task")}
    changed = world.change(10, seed=4)
    assert len(changed) == 20
    assert {g for g, stamp in before.items() if world[g]["modified_at"] != stamp} == set(changed)


def test_tables_name_existing_schemas_and_endpoints() -> None:
    for kind in KINDS.values():
        assert kind.full in SCHEMAS
        assert kind.compact in SCHEMAS
    assert "/tasks" in ENDPOINTS
    assert "modified_since" in ENDPOINTS["/tasks"].parameters
