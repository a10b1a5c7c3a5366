"""What did not change since a partition's last bound is not sent again, 2 seconds aside."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Sandbox
from sandbox.server_time import parse_moment, to_stamp
from unit_tests.properties.happenings import Round, examples, meanwhile, rounds, steps
from unit_tests.properties.lab import ESSENCE, LOUD, OF_TASKS, Lab, apply
from unit_tests.properties.runs import Destination, Record

STREAMS = tuple(ESSENCE)
# Only what changed comes back, so a record that looks as it did is superfluous in any case.
BY_DIGEST = ("projects", "time_tracking_entries", "audit_log_events")
GRAIN = timedelta(seconds=2).total_seconds()
TURNS = 30
# A pass reads whole listings again; none falls into these syncs.
NO_PASS = {"listing_pass_hours": 8760}


class Bounds:
    """When each listing began in a sync, as the server's log tells it."""

    def __init__(self, asana: Sandbox, one: Round) -> None:
        self.began: dict[str, float] = {}
        self.first = asana.log[0].time
        for entry in asana.log:
            params = entry.params
            if entry.path_template == "/tasks":
                key = params.get("project") or f"{params['workspace']}/{params['assignee']}"
                self.began.setdefault(key, entry.time)
            elif entry.path_template in {"/projects", "/portfolios", "/goals"}:
                self.began.setdefault(entry.path_template, entry.time)
        # A listing has its bound when it begins, its request is sent when its turn has come:
        # meanwhile others are answered, each after a pause.
        self.slack = GRAIN + TURNS * one.pause

    def oldest(self, keys: list[str], *, shared: bool = False) -> str | None:
        """Return the stamp below which nothing is sent again; None where a listing was not read.

        What is below a shared task may have been walked for another listing, which began earlier.
        """
        if any(key not in self.began for key in keys):
            return None
        instants = self.began.values() if shared else [self.began[key] for key in keys]
        return to_stamp(min(instants) - self.slack)


def keys_of(lab: Lab, task: str) -> list[str]:
    """Return the listings that a task can be reached from, over its parents as well."""
    found = []
    for gid in lab.world.lineage(task):
        obj = lab.world[gid]
        found += obj["_projects"]
        if not obj["_projects"] and not obj["parent"] and obj.get("assignee"):
            found.append(f"{obj['workspace']}/{obj['assignee']}")
    return found


def superfluous(
    lab: Lab, bounds: Bounds, stream: str, record: Record, before: Record | None
) -> bool:
    """Return whether a record was sent before as it is, and nothing asked for it."""
    if before is None:
        return False
    if stream in BY_DIGEST:
        return before == record
    if stream in OF_TASKS:
        gid = record.get("task_id" if stream == "stories" else "parent_id", record["gid"])
        gid = record["gid"] if stream in {"tasks", "subtasks"} else gid
        if gid not in lab.world:
            return False
        obj = lab.world[gid]
        if obj["resource_type"] != "task":
            project = obj.get("project", gid)
            oldest, stamp = bounds.oldest([project], shared=True), record["created_at"]
        else:
            oldest = bounds.oldest(keys_of(lab, gid), shared=stream != "tasks")
            stamp = obj["modified_at"]
        return oldest is not None and stamp < oldest
    parent = {"project": "/projects", "portfolio": "/portfolios", "goal": "/goals"}
    oldest = bounds.oldest([parent[stream.partition("_")[0]]])
    return oldest is not None and record["created_at"] < oldest


@settings(max_examples=examples(12))
@given(
    happening=rounds(LOUD),
    quiet=st.lists(steps(LOUD), max_size=3),
)
def test_what_did_not_change_is_not_sent_again(
    happening: list[Round], quiet: list[tuple[str, int, int]]
) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="service") as asana:
        destination, bounds = Destination(), None
        last = Round(before=quiet, during=[], fault=None, kill_after=None, pause=0.0, gap=5)
        for one in [*happening, last]:
            for step in one.before:
                apply(lab, step)
            asana.clock.advance(one.gap)
            asana.reset_log()
            meanwhile(asana, lab, one)
            before = {stream: dict(rows) for stream, rows in destination.rows.items()}
            done = destination.sync(asana, STREAMS, **NO_PASS)
            assert not done.failed, done.errors
            asana.before_request(None)
            if bounds is not None:
                assert again(lab, bounds, before, done.records) == []
            bounds = Bounds(asana, one)


def again(
    lab: Lab, bounds: Bounds, before: dict[str, dict[str, Record]], sent: dict[str, list[Record]]
) -> list[Any]:
    """Return what was sent though nothing asked for it."""
    return [
        (stream, record["gid"], record.get("modified_at") or record.get("created_at"))
        for stream in STREAMS
        for record in sent[stream]
        if superfluous(lab, bounds, stream, record, before.get(stream, {}).get(record["gid"]))
    ]


def test_a_sync_in_which_nothing_changed_sends_nothing() -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="service") as asana:
        destination = Destination()
        for number in range(3):
            asana.clock.advance(5)
            done = destination.sync(asana, STREAMS, **NO_PASS)
            counts = defaultdict(int, {s: len(records) for s, records in done.records.items()})
            assert not done.failed
            if number:
                assert not any(counts.values()), counts


def test_a_record_changed_within_the_grain_comes_again_and_one_before_it_does_not() -> None:
    lab = Lab()
    with Sandbox(lab.world) as asana:
        destination = Destination()
        destination.sync(asana, ("tasks",), **NO_PASS)
        bound = min(
            value[0] if isinstance(value, list) else value
            for value in destination.state_of("tasks")["bounds"].values()
        )
        task = lab.tasks()[0]
        for millis, sent in ((0, 1), (-1, 0), (1, 1)):
            stamp = to_stamp((bound + millis) / 1000)
            lab.world.edit_task(task, name=f"At {millis}", modified_at=stamp)
            state = dict(destination.states)
            done = destination.sync(asana, ("tasks",), **NO_PASS)
            destination.states = state
            assert len(done.records["tasks"]) == sent, (millis, parse_moment(stamp) - bound / 1000)
