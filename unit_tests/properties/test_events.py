"""Every event between two sync tokens arrives: exactly once in peace, at least once in trouble."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import orjson
from hypothesis import given, settings

from sandbox import Sandbox
from unit_tests.properties.happenings import Round, examples, meanwhile, plan_fault, rounds
from unit_tests.properties.lab import Lab
from unit_tests.properties.runs import Destination, Record
from unit_tests.properties.steps import ACCESS, LOUD, SILENT, apply

STREAMS = ("tasks", "events")
FAULTS = ("flaky", "cut", "projects fail", "events fail")
Event = tuple[Any, ...]


def sequence(token: str) -> int:
    """Return the place in the world's list of events that a token of the sandbox stands for."""
    payload = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return int(orjson.loads(payload)[1])


def shown(record: Record) -> Event:
    """Return what tells an event from others."""
    parent, change = record.get("parent") or {}, record.get("change") or {}
    return (
        record["action"],
        record["resource"]["gid"],
        record["created_at"],
        parent.get("gid"),
        change.get("field"),
    )


def happened(lab: Lab, project: str, start: int, end: int) -> Counter[Event]:
    """Return the events of a project between two places in the world's list."""
    found: Counter[Event] = Counter()
    for event in lab.world.events[start:end]:
        if project in event.roots:
            body = event.body
            parent = body["parent"] and {"gid": body["parent"]}
            found[shown({**body, "parent": parent})] += 1
    return found


def read_all(
    asana: Sandbox, lab: Lab, happening: list[Round]
) -> tuple[Destination, dict[str, int], dict[str, int]]:
    """Sync once a round and once in peace; return the first and the last place of each project."""
    destination, first = Destination(), dict[str, int]()
    rest = Round(before=[], during=[], fault=None, kill_after=None, pause=0, gap=5)
    for one in [*happening, rest]:
        for step in one.before:
            apply(lab, step)
        asana.clock.advance(one.gap)
        plan_fault(asana, lab, one.fault)
        meanwhile(asana, lab, one)
        destination.sync(asana, STREAMS, kill_after=one.kill_after)
        asana.clear_faults()
        asana.before_request(None)
        tokens = destination.state_of("events")["tokens"] if "events" in destination.states else {}
        # A project that went and came back starts anew.
        first = {key: first.get(key, sequence(token)) for key, token in tokens.items()}
    last = {key: sequence(token) for key, token in tokens.items()}
    return destination, first, last


def sent(destination: Destination, project: str, wanted: Counter[Event]) -> Counter[Event]:
    """Return how often each of these events was sent for a project."""
    found = Counter(
        shown(record) for record in destination.history["events"] if record["project_id"] == project
    )
    return Counter({event: found[event] for event in wanted})


@settings(max_examples=examples(3))
@given(happening=rounds(LOUD + SILENT))
def test_in_peace_every_event_comes_exactly_once(happening: list[Round]) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced") as asana:
        destination, first, last = read_all(asana, lab, happening)
        for project, start in first.items():
            wanted = happened(lab, project, start, last[project])
            assert sent(destination, project, wanted) == wanted


@settings(max_examples=examples(3))
@given(happening=rounds(LOUD + ACCESS, FAULTS))
def test_in_trouble_every_event_comes_at_least_once(happening: list[Round]) -> None:
    lab = Lab()
    with Sandbox(lab.world, plan="advanced") as asana:
        destination, first, last = read_all(asana, lab, happening)
        for project, start in first.items():
            wanted = happened(lab, project, start, last[project])
            assert sent(destination, project, wanted) >= wanted
