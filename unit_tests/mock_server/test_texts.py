"""Texts that no UTF-8 can hold: Asana cuts some inside an emoji, and half of it is left."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sandbox import Sandbox
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small
from unit_tests.properties.lab import Lab
from unit_tests.sync import Record, Sync, command, config_for, read, streams

EMOJI, REPLACED = "\U0001f389", "\ufffd"
# They are no text that anybody wrote, and some are the keys of others.
NAMES = {"name", "text", "notes", "title", "description", "message"}


@pytest.fixture
def small() -> Small:
    made = Small()
    for one in made.world.objects.values():
        for name in NAMES & one.keys():
            if isinstance(one[name], str):
                one[name] += f" {EMOJI}{EMOJI}!"
        for option in one.get("enum_options") or ():
            option["name"] += EMOJI
    made.world.touch_all()
    return made


def replaced(records: list[Record]) -> list[Record]:
    """Return the records as they are sent where every emoji is cut."""
    text = re.sub("[\U00010000-\U0010ffff]", REPLACED, json.dumps(records, ensure_ascii=False))
    found: list[Record] = json.loads(text)
    return found


def sent(sync: Sync) -> dict[str, list[str]]:
    return {name: sync.gids(name) for name, records in sync.records.items() if records}


@pytest.mark.usefixtures("fast")
def test_half_an_emoji_is_replaced_in_every_stream_and_sent_once(small: Small) -> None:
    options: dict[str, Any] = {
        "incremental": True,
        "organization_export_ids": [small.export],
        "track_deletions": True,
    }
    with Sandbox(small.world, plan="service") as asana:
        asana.fault("half_emoji", times=None)
        first = read(asana, streams(), **options)
        assert first.errors == []
        for name in streams():
            expect.same(name, first.records[name], replaced(asana.truth(name)))
        second = read(asana, streams(), state=first.state, **options)
        small.world.edit(small.task, name=f"{EMOJI} edited")
        small.world.delete(small.tag)
        third = read(asana, ["tasks", "tags"], state=second.state, **options)
    names = {one["name"] for one in first.records["tasks"]}
    assert f"in First {REPLACED}{REPLACED}!" in names
    assert second.errors == third.errors == []
    assert sent(second) == {}
    assert third.records["tasks"][0]["name"] == f"{REPLACED} edited"
    assert third.records["tags"][0]["_ab_cdc_deleted_at"]


@pytest.mark.usefixtures("fast")
def test_a_custom_field_with_half_an_emoji_in_its_name_is_a_column(small: Small) -> None:
    with Sandbox(small.world, plan="service") as asana:
        asana.fault("half_emoji", times=None)
        config = config_for(asana, custom_field_columns=True)
        found = command("discover", config).catalog
        assert found
        [tasks] = [stream for stream in found["streams"] if stream["name"] == "tasks"]
        entry = {"stream": tasks, "sync_mode": "incremental", "destination_sync_mode": "append"}
        configured = {"streams": [entry]}
        first = command("read", config, catalog=configured)
        second = command("read", config, catalog=configured, state=first.state)
    assert first.errors == second.errors == []
    values = {one.get("custom_priority") for one in first.records["tasks"]}
    assert values == {None, f"High{REPLACED}"}
    assert sent(second) == {}


def test_half_an_emoji_in_a_reason_is_replaced(small: Small) -> None:
    body = rb'{"errors": [{"message": "You may not see Party \ud83c!"}]}'
    with Sandbox(small.world) as asana:
        asana.fault("status", "/tags", times=None, status=403, body=body)
        sync = read(asana, ["tags"])
    assert sync.errors == []
    assert f"You may not see Party {REPLACED}!" in sync.warnings[0]


@pytest.mark.usefixtures("fast")
def test_an_export_replaces_half_an_emoji_as_listings_do() -> None:
    lab = Lab()
    for one in lab.world.of_kind("task"):
        one["name"] += EMOJI
    # Subtasks whose line may come before that of their parent are put aside as they are.
    parent = lab.world.add_task("0", projects=lab.projects[:1])
    for depth in range(1, 5):
        parent = lab.world.add_task(f"{depth} {EMOJI}", parent=parent)
        lab.world.comment(parent, EMOJI)
    lab.world.touch_all()
    names = ("tasks", "subtasks", "stories")
    with Sandbox(lab.world, plan="service") as asana:
        asana.fault("half_emoji", times=None)
        asana.exports.trouble.half_emoji = True
        exported = read(asana, names, bulk_export=True)
        listed = read(asana, names)
        assert asana.exports.downloads
    assert exported.errors == exported.warnings == []
    for name in names:
        expect.same(name, exported.records[name], listed.records[name])
    assert f"4 {REPLACED}" in {one["name"] for one in exported.records["subtasks"]}
