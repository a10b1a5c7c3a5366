"""Answers that differ though nothing changed, and what makes them comparable."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox import Sandbox, World
from sandbox.canonical import canonical
from sandbox.spec import SCHEMAS
from unit_tests.sandbox.client import get, walk

START = "2026-06-01T00:00:00Z"
TRIES = 12


@pytest.fixture(scope="module")
def generated() -> World:
    return World.generate(tasks=150, start=START)


@pytest.fixture
def world() -> World:
    world = World.empty()
    users = [world.add_user(f"U{number}") for number in range(4)]
    homes = [world.add_project(f"P{number}", members=[world.me, *users]) for number in range(3)]
    tags = [world.add_tag(f"t{number}") for number in range(3)]
    task = world.add_task("T", projects=homes, tags=tags, followers=users, _pictures=2)
    for user in users:
        world.like(task, user)
    world.add_dependency(task, on=world.add_task("first"))
    world.add_dependency(task, on=world.add_task("second"))
    world.add_attachment(task)
    return world


def answers(asana: Sandbox, path: str, fields: str, **params: str) -> list[Any]:
    return [get(asana, path, opt_fields=fields, **params).data for _ in range(TRIES)]


@pytest.mark.parametrize(
    "name",
    ["followers", "memberships", "tags", "projects", "likes", "hearts", "dependencies"],
)
def test_lists_without_an_order_come_in_any(world: World, name: str) -> None:
    with Sandbox(world, unsteady=True) as asana:
        seen = [answer[name] for answer in answers(asana, f"/tasks/{world.find('T')}", name)]
        assert len({str(items) for items in seen}) > 1
        assert len({str(canonical(items, name)) for items in seen}) == 1


def test_lists_with_an_order_keep_it() -> None:
    world = World.empty()
    field = world.add_custom_field("Size", "enum", options=["S", "M", "L"])
    project = world.add_project("P")
    for other in ("A", "B", "C"):
        world.set_custom_field(project, world.add_custom_field(other))
    with Sandbox(world, unsteady=True) as asana:
        for answer in answers(asana, f"/custom_fields/{field}", "enum_options.name"):
            assert [option["name"] for option in answer["enum_options"]] == ["S", "M", "L"]
        names = "custom_field_settings.custom_field.name"
        for answer in answers(asana, f"/projects/{project}", names):
            settings = answer["custom_field_settings"]
            assert [setting["custom_field"]["name"] for setting in settings] == ["A", "B", "C"]


def test_addresses_are_signed_anew(world: World) -> None:
    attachment = world.of_kind("attachment")[0]["gid"]
    task = world.find("T")
    with Sandbox(world, unsteady=True) as asana:
        files = [
            a["download_url"]
            for a in answers(asana, f"/attachments/{attachment}", "name,download_url")
        ]
        assert len(set(files)) == TRIES
        assert len({urlsplit(file)._replace(query="") for file in files}) == 1
        assert all(urlsplit(file).query for file in files)
        texts = [answer["html_notes"] for answer in answers(asana, f"/tasks/{task}", "html_notes")]
        assert len(set(texts)) == TRIES
        assert "&amp;v=0&amp;t=" in texts[0]
        assert len({canonical(text) for text in texts}) == 1
        users = [
            str(answer) for answer in answers(asana, "/users", "photo", workspace=world.workspace)
        ]
        assert len(set(users)) == TRIES


def test_embedded_nulls_are_left_out_now_and_then(world: World) -> None:
    project = world.find("P0")
    field = world.add_custom_field("Cost", "number", precision=2)
    world.set_custom_field(project, field)
    with Sandbox(world, unsteady=True) as asana:
        fields = "completed_by,custom_fields.number_value,custom_fields.name"
        seen = answers(asana, f"/tasks/{world.find('T')}", fields)
        values = [answer["custom_fields"][0] for answer in seen]
        assert {"number_value" in value for value in values} == {True, False}
        assert all(value.get("number_value") is None for value in values)
        assert all("completed_by" in answer for answer in seen)


def test_a_steady_server_repeats_itself(generated: World) -> None:
    with Sandbox(generated) as asana:
        path, fields = "/tasks", ",".join(SCHEMAS["TaskResponse"])
        params = {"project": generated.of_kind("project")[0]["gid"], "opt_fields": fields}
        assert get(asana, path, **params).raw == get(asana, path, **params).raw


@pytest.mark.parametrize(
    ("stream", "schema"),
    [("users", "UserResponse"), ("projects", "ProjectResponse"), ("goals", "GoalResponse")],
)
def test_canonical_records_agree_with_the_truth(generated: World, stream: str, schema: str) -> None:
    headers = {"Asana-Enable": "include_asana_created_custom_types"}
    with Sandbox(generated, plan="advanced", unsteady=True) as asana:
        fields = ",".join(SCHEMAS[schema])
        found: dict[str, Any] = {}
        for workspace in get(asana, "/workspaces").gids:
            params = {"workspace": workspace, "limit": 100, "opt_fields": fields}
            for record in get(asana, f"/{stream}", headers=headers, **params).data:
                found[record["gid"]] = record
        truth = {record["gid"]: record for record in asana.truth(stream)}
        assert found != truth
        assert {g: canonical(r) for g, r in found.items()} == {
            g: canonical(r) for g, r in truth.items()
        }
        assert asana.truth(stream) == asana.truth(stream)


def test_pages_of_an_unsteady_server_hold_every_task(generated: World) -> None:
    project = generated.of_kind("project")[0]["gid"]
    with Sandbox(generated, unsteady=True) as asana:
        fields = ",".join(SCHEMAS["TaskResponse"])
        found = walk(asana, "/tasks", project=project, limit=7, opt_fields=fields)
        known = {record["gid"]: canonical(record) for record in asana.truth("tasks")}
        assert len(found) >= 40
        assert all(known[record["gid"]] == canonical(record) for record in found)


def test_what_is_canonical_is_not_changed_in_place() -> None:
    record = {"followers": [{"gid": "2", "name": None}, {"gid": "1"}], "due_on": None}
    assert canonical(record) == {"followers": [{"gid": "1"}, {"gid": "2"}]}
    assert record["due_on"] is None
    assert record["followers"] == [{"gid": "2", "name": None}, {"gid": "1"}]
