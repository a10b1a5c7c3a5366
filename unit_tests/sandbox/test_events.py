"""Events: what makes them, where they are told, how long a sync token lives, and the switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import Answer, get, send


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


def told(answer: Answer) -> list[str]:
    """Return the kind, name, action, parent and field of each event, as far as it shows them."""

    def words(event: dict[str, Any]) -> list[str]:
        resource, parent = event["resource"], event["parent"] or {}
        field = event.get("change", {}).get("field")
        about = [resource["resource_type"], resource.get("name"), event["action"]]
        return [*about, parent.get("name"), field]

    return [" ".join(filter(None, words(event))) for event in answer.data]


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


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda w, t, _: w.edit_task(t, name="N"), ["task N changed name"]),
        (lambda w, t, _: w.edit_task(t, due_on=None), ["task T changed due_on"]),
        (lambda w, t, _: w.add_task("new", parent=t), ["task new added T"]),
        (lambda w, t, _: w.set_parent(t, None), ["task T removed top"]),
        (lambda w, t, _: w.move_task(t, add_project=w.find("P")), ["task T added P"]),
        (lambda w, t, _: w.delete_task(t), ["task T deleted"]),
        (lambda w, t, _: (w.delete_task(t), w.undelete(t)), ["task T deleted", "task T undeleted"]),
        (lambda w, t, _: w.comment(t), ["story added T"]),
        (lambda w, _, c: w.edit_comment(c), ["story changed text"]),
        (lambda w, _, c: w.delete_story(c), ["story removed T"]),
        (lambda w, t, _: w.add_attachment(t, "F"), ["attachment F added T"]),
        (
            lambda w, t, _: w.delete_attachment(w.add_attachment(t, "F")),
            ["attachment F added T", "attachment F deleted"],
        ),
        (lambda w, *_: w.add_attachment(w.find("P"), "F"), ["attachment F added P"]),
        (lambda w, *_: w.add_section(w.find("P"), "S"), ["section S added P"]),
        (lambda w, *_: w.rename_section(w.find("A"), "S"), ["section S changed name"]),
        (lambda w, *_: w.delete_section(w.find("A")), ["section A deleted"]),
        (lambda w, *_: w.edit_project(w.find("P"), name="Q"), ["project Q changed name"]),
        (lambda w, *_: w.edit(w.find("tag"), name="other"), []),
        (lambda w, *_: w.reorder_task(w.find("top"), w.find("P"), rank=9.0), []),
    ],
)
def test_a_project_tells_of_what_is_in_it_down_to_subtasks(
    world: World, edit: Callable[[World, str, str], object], expected: list[str]
) -> None:
    project = world.find("P")
    world.add_section(project, "A")
    world.add_tag("tag")
    top = world.add_task("top", projects=[project])
    task = world.add_task("T", parent=top)
    comment = world.comment(task)
    with Sandbox(world) as asana:
        sync = token(asana, project)
        edit(world, task, comment)
        assert told(ask(asana, project, sync)) == expected


def test_an_edited_comment_names_its_task_as_target(world: World) -> None:
    project = world.find("P")
    task = world.add_task("T", projects=[project])
    comment = world.comment(task)
    with Sandbox(world) as asana:
        sync = token(asana, project)
        world.edit_comment(comment)
        [event] = ask(asana, project, sync, opt_fields="parent.gid,resource.target.gid").data
        assert event["parent"] is None
        assert event["resource"]["target"]["gid"] == task


@pytest.mark.parametrize("silent", [False, True])
def test_silent_edits_make_events_by_a_switch(world: World, *, silent: bool) -> None:
    project, tag, user = world.find("P"), world.add_tag("tag"), world.add_user("U")
    task, other = (world.add_task(name, projects=[project]) for name in ("T", "O"))
    comment = world.comment(task)
    with Sandbox(world) as asana:
        sync = token(asana, project)
        world.deliver_events(silent=silent)
        world.like(task)
        world.unlike(comment)
        world.tag(task, tag)
        world.untag(task, tag)
        world.follow(task, user)
        world.unfollow(task, user)
        world.add_dependency(task, on=other)
        answer = ask(asana, project, sync)
        assert told(answer) == silent * [
            "task T changed likes",
            "story changed likes",
            "task T changed tags",
            "task T changed tags",
            "task T changed followers",
            "task T changed followers",
            "task T changed dependencies",
            "task O changed dependents",
        ]
        if silent:
            changes = [event["change"] for event in answer.data]
            assert changes[2]["added_value"] == {
                "gid": tag,
                "resource_type": "tag",
                "name": "tag",
            }
            assert changes[3]["action"] == "removed"
            assert changes[3]["removed_value"]["gid"] == tag


def test_lost_and_repeated_events(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        sync = token(asana, project)
        world.deliver_events(lost=1.0)
        world.add_task("lost", projects=[project])
        world.deliver_events(repeated=1.0)
        world.add_task("twice", projects=[project])
        world.deliver_events()
        world.add_task("once", projects=[project])
        names = [name.split()[1] for name in told(ask(asana, project, sync))]
        assert names == ["twice", "twice", "once"]
        world.deliver_events(lost=0.05, seed=3)
        sync = token(asana, project)
        for _ in range(100):
            world.add_task("T", projects=[project])
        answer = ask(asana, project, sync)
        assert 85 < len(answer.data) < 100
        assert not answer.json["has_more"]


def test_late_events_come_behind_younger_ones_and_behind_the_token(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        sync = token(asana, project)
        world.deliver_events(late=1.0, delay=3600)
        world.add_task("late", projects=[project])
        world.deliver_events()
        asana.clock.advance(60)
        world.add_task("young", projects=[project])
        first = ask(asana, project, sync)
        assert told(first) == ["task young added P"]
        asana.clock.advance(3600)
        world.add_task("youngest", projects=[project])
        second = ask(asana, project, first.json["sync"])
        assert told(second) == ["task late added P", "task youngest added P"]
        assert second.data[0]["created_at"] < first.data[0]["created_at"]
        in_order = ask(asana, project, sync)
        assert told(in_order) == told(first) + told(second)


def test_events_of_chance_are_the_same_in_each_run() -> None:
    def run() -> list[str]:
        world = World.empty()
        project = world.add_project("P")
        with Sandbox(world) as asana:
            sync = token(asana, project)
            world.deliver_events(lost=0.2, repeated=0.2, late=0.3, delay=10, seed=7)
            for number in range(40):
                world.add_task(str(number), projects=[project])
            asana.clock.advance(11)
            return told(ask(asana, project, sync))

    assert run() == run() != sorted(run())


def test_an_event_is_kept_for_24_hours_from_its_arrival(world: World) -> None:
    project = world.find("P")
    with Sandbox(world, sync_life=10 * 86_400) as asana:
        sync = token(asana, project)
        world.add_task("old", projects=[project])
        world.deliver_events(late=1.0, delay=3600)
        world.add_task("late", projects=[project])
        asana.clock.advance(86_401)
        assert told(ask(asana, project, sync)) == ["task late added P"]
        asana.clock.advance(3600)
        assert told(ask(asana, project, sync)) == []


def test_an_event_about_what_the_user_may_not_see_shows_its_gid_at_most(world: World) -> None:
    project = world.find("P")
    task = world.add_task("T", projects=[project])
    hidden = world.add_project("Hidden", private=True)
    with Sandbox(world) as asana:
        sync = token(asana, project)
        world.move_task(task, add_project=hidden, remove_project=project)
        world.edit_task(task, name="Secret")
        for fields in ({}, {"opt_fields": "action,parent,resource.name"}):
            answer = ask(asana, project, sync, **fields)
            assert [event["action"] for event in answer.data] == ["added", "removed"]
            assert answer.data[0]["parent"] == {"gid": hidden, "resource_type": "project"}
            assert answer.data[1]["parent"]["name"] == "P"
            assert answer.data[1]["resource"] == {"gid": task, "resource_type": "task"}
        assert get(asana, f"/tasks/{task}").status == 403
        assert ask(asana, hidden).status == 403
        asana.api.settings.unseen_events = False
        assert ask(asana, project, sync).data == []
        world.share_project(hidden)
        assert len(ask(asana, project, sync).data) == 2


def test_a_task_that_left_for_another_project_is_told_of_there_only(world: World) -> None:
    project, other = world.find("P"), world.add_project("Q")
    task = world.add_task("T", projects=[project])
    with Sandbox(world) as asana:
        here, there = token(asana, project), token(asana, other)
        world.move_task(task, add_project=other)
        world.move_task(task, remove_project=project)
        world.edit_task(task, name="N")
        both = ["task N added Q", "task N removed P"]
        assert told(ask(asana, project, here)) == both
        assert told(ask(asana, other, there)) == [*both, "task N changed name"]


def test_another_process_sets_the_switches(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        sync = token(asana, project)
        edits = [
            {"call": "deliver_events", "repeated": 1.0},
            {"call": "add_task", "args": ["T"], "projects": [project]},
        ]
        send(asana, "POST", "/_control/edit", body=orjson.dumps(edits))
        assert len(ask(asana, project, sync).data) == 2
        lives = orjson.dumps({"sync_lives": {project: 0}})
        send(asana, "POST", "/_control/settings", body=lives)
        assert ask(asana, project, sync).status == 412
