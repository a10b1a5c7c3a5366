"""Events: what makes them, where they are told, how long a sync token lives, and the switches."""

from __future__ import annotations

import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import Answer, get


@pytest.fixture
def world() -> World:
    world = World.empty()
    world.add_project("P")
    return world


def ask(asana: Sandbox, resource: str, sync: str = "", **params: str) -> Answer:
    """Ask for the events behind a token."""
    return get(asana, "/events", resource=resource, **({"sync": sync} if sync else {}), **params)


def token(asana: Sandbox, resource: str) -> str:
    """Return a fresh token."""
    return str(ask(asana, resource).json["sync"])


def test_events_start_with_412_and_follow_bubbling_edits(world: World) -> None:
    project = world.find("P")
    task = world.add_task("T", projects=[project])
    child = world.add_task("child", parent=task)
    with Sandbox(world) as asana:
        first = get(asana, "/events", resource=project)
        assert first.status == 412
        token = first.json["sync"]
        world.comment(child)
        world.edit_task(task, name="x")
        world.delete_task(child)
        answer = get(asana, "/events", resource=project, sync=token)
        happened = [(e["resource"]["resource_type"], e["action"]) for e in answer.data]
        assert happened == [("story", "added"), ("task", "changed"), ("task", "deleted")]
        assert answer.data[1]["change"] == {"field": "name", "action": "changed"}
        assert get(asana, "/events", resource=project, sync=answer.json["sync"]).data == []
        assert answer.json["has_more"] is False
        asana.clock.advance(86_401)
        assert get(asana, "/events", resource=project, sync=answer.json["sync"]).status == 412
        assert get(asana, "/events", resource=task, sync=token).status == 412


def test_events_come_100_at_a_time(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        token = get(asana, "/events", resource=project).json["sync"]
        for number in range(130):
            world.add_task(f"T{number}", projects=[project])
        first = get(asana, "/events", resource=project, sync=token)
        assert (len(first.data), first.json["has_more"]) == (100, True)
        rest = get(asana, f"/projects/{project}/events", sync=first.json["sync"])
        assert (len(rest.data), rest.json["has_more"]) == (30, False)


def test_ten_thousand_events_come_in_a_hundred_answers(world: World) -> None:
    project = world.find("P")
    task = world.add_task("T", projects=[project])
    with Sandbox(world) as asana:
        sync = token(asana, project)
        for number in range(10_000):
            world.edit_task(task, notes=str(number))
        answer = ask(asana, project, sync)
        sizes = [len(answer.data)]
        while answer.json["has_more"]:
            answer = ask(asana, project, answer.json["sync"])
            sizes.append(len(answer.data))
        assert sizes == [100] * 100


def test_a_token_behind_too_many_events_is_too_old(world: World) -> None:
    project, other = world.find("P"), world.add_project("Q")
    with Sandbox(world, sync_backlog=3) as asana:
        sync, elsewhere = token(asana, project), token(asana, other)
        for _ in range(3):
            world.add_task("T", projects=[project])
        assert len(ask(asana, project, sync).data) == 3
        world.add_task("T", projects=[project])
        assert ask(asana, project, sync).status == 412
        assert ask(asana, other, elsewhere).data == []


def test_a_token_may_be_sent_again_and_an_earlier_one_is_refused_by_a_switch(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        first = token(asana, project)
        world.add_task("T", projects=[project])
        told = ask(asana, project, first)
        second = told.json["sync"]
        assert ask(asana, project, second).data == []
        assert ask(asana, project, first).data == told.data
        asana.api.settings.sync_forward = True
        refused = ask(asana, project, first)
        assert refused.status == 412
        assert ask(asana, project, second).data == []
        assert ask(asana, project, second).data == []
        assert ask(asana, project, refused.json["sync"]).data == []
        assert ask(asana, project, second).status == 412


def test_a_token_that_was_given_later_but_not_sent_refuses_nothing(world: World) -> None:
    project = world.find("P")
    with Sandbox(world, sync_forward=True) as asana:
        first = token(asana, project)
        token(asana, project)
        world.add_task("T", projects=[project])
        assert ask(asana, project, first).data == ask(asana, project, first).data != []
        other = asana.add_token("other", user=world.add_user("Other")).text
        later = ask(asana, project, first).json["sync"]
        assert get(asana, "/events", resource=project, sync=later, token=other).status == 200
        assert ask(asana, project, first).status == 200


def test_the_tokens_of_one_project_die_early(world: World) -> None:
    project, other = world.find("P"), world.add_project("Q")
    with Sandbox(world) as asana:
        sync, elsewhere = token(asana, project), token(asana, other)
        asana.api.settings.sync_lives = {project: 3600}
        asana.clock.advance(3599)
        assert ask(asana, project, sync).status == 200
        asana.clock.advance(2)
        refused = ask(asana, project, sync)
        assert refused.status == 412
        assert ask(asana, project, refused.json["sync"]).status == 200
        asana.api.settings.sync_lives = {project: 0}
        assert ask(asana, project, token(asana, project)).status == 412
        assert ask(asana, other, elsewhere).status == 200


@pytest.mark.parametrize("sync", ["x", "bm9uZQ", "MQ"])
def test_a_token_that_is_none_is_a_412_with_a_fresh_one(world: World, sync: str) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        refused = ask(asana, project, sync)
        assert (refused.status, "too old" in refused.message) == (412, True)
        assert ask(asana, project, refused.json["sync"]).data == []
