"""With a pass at every sync, even what moves no stamp arrives, of tasks and of subtasks."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from sandbox import Sandbox
from unit_tests.properties.happenings import TASK_FAULTS, Round, examples, rounds, run
from unit_tests.properties.lab import ACCESS, LOUD, SILENT, Lab
from unit_tests.properties.runs import Record

STREAMS = ("tasks", "subtasks")
EVERY_SYNC = {"listing_pass_hours": 0}


def looks(record: Record) -> dict[str, Any]:
    """Return what is seen of a task, with what moves no stamp."""
    return {
        "name": record["name"],
        "modified_at": record["modified_at"],
        "likes": record["num_likes"],
        "tags": [tag["gid"] for tag in record["tags"] or ()],
        "projects": sorted(project["gid"] for project in record["projects"] or ()),
        "parent": (record.get("parent") or {}).get("gid"),
        "task_id": record.get("task_id"),
    }


@settings(max_examples=examples(8))
@given(happening=rounds(SILENT + LOUD + SILENT + ACCESS + SILENT, TASK_FAULTS))
def test_a_pass_finds_what_moves_no_stamp(happening: list[Round]) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced") as asana:
        destination = run(asana, lab, happening, STREAMS, **EVERY_SYNC)
        for stream in STREAMS:
            held = destination.rows[stream]
            for record in asana.truth(stream):
                assert looks(held[record["gid"]]) == looks(record), stream


def test_a_pass_sends_a_changed_listing_whole_and_an_unchanged_one_not_at_all() -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced") as asana:
        destination = run(asana, lab, [], STREAMS, **EVERY_SYNC)
        asana.clock.advance(3600)
        done = destination.sync(asana, STREAMS, **EVERY_SYNC)
        assert [done.gids(stream) for stream in STREAMS] == [[], []]
        [task, *_] = lab.world.listed("project.tasks", lab.projects[2])
        lab.world.like(task)
        asana.clock.advance(3600)
        done = destination.sync(asana, STREAMS, **EVERY_SYNC)
        listings = [set(lab.world.listed("project.tasks", gid)) for gid in lab.projects]
        changed = set().union(*(listing for listing in listings if task in listing))
        assert task in done.gids("tasks")
        assert set(done.gids("tasks")) == changed
        assert done.gids("subtasks") == []
