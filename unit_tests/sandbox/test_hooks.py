"""What happens between two answers, and rights that change while a token is used."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import Answer, get, send, walk

PAST = {"created_at": "2026-01-01T00:00:00.000Z"}


@pytest.fixture
def world() -> World:
    world = World.empty()
    project = world.add_project("P", sections=["A", "B"])
    for number in range(7):
        world.add_task(f"T{number}", projects=[project], rank=float(number), **PAST)
    return world


def names(asana: Sandbox) -> list[str]:
    """Return the names of the tasks of the project, read in pages of two."""
    project = asana.world.find("P")
    records = walk(asana, "/tasks", project=project, limit=2, opt_fields="name")
    return [record["name"] for record in records]


ALL = [f"T{number}" for number in range(7)]


def test_a_task_moved_forwards_is_shown_twice_and_one_moved_back_never(world: World) -> None:
    project, first, last = world.find("P"), world.find("T0"), world.find("T6")
    with Sandbox(world) as asana:
        asana.before_page("/tasks", lambda: world.reorder_task(first, project, rank=5.5), page=2)
        assert names(asana) == [*ALL[:6], "T0", "T6"]
        world.reorder_task(first, project, rank=0.0)
        asana.before_page("/tasks", lambda: world.reorder_task(last, project, rank=0.5), page=3)
        assert names(asana) == ALL[:6]
        assert names(asana) == ["T0", "T6", *ALL[1:6]]


def test_a_page_keeps_its_number_when_it_is_asked_for_again(world: World) -> None:
    seen: list[int] = []
    with Sandbox(world) as asana:
        hook = asana.before_page("/tasks", lambda: seen.append(1), page=3, times=None)
        asana.fault("status", "/tasks", skip=1, times=2)
        project = world.find("P")
        first = get(asana, "/tasks", project=project, limit=2)
        following = {"project": project, "limit": 2, "offset": first.json["next_page"]["offset"]}
        statuses = [get(asana, "/tasks", **following).status for _ in range(3)]
        assert (statuses, hook.hits) == ([500, 500, 200], 0)
        assert len(names(asana)) == 7
        assert (len(seen), hook.hits) == (1, 1)


def test_a_call_before_the_nth_request(world: World) -> None:
    with Sandbox(world) as asana:
        task = world.find("T6")
        hook = asana.before_nth(4, lambda: world.delete_task(task))
        assert names(asana) == ALL[:6]
        assert hook.hits == 1
        other = asana.before_nth(1, lambda: world.undelete(task), path="/users")
        assert names(asana) == ALL[:6]
        assert other.hits == 0
        get(asana, "/users", workspace=world.workspace)
        assert names(asana) == ALL
        asana.before_nth(1, lambda: world.delete_task(task))
        asana.clear_hooks()
        assert names(asana) == ALL


def test_an_empty_200_once(world: World) -> None:
    with Sandbox(world) as asana:
        asana.fault("empty_list", "/tasks")
        assert names(asana) == []
        assert names(asana) == ALL


@pytest.mark.parametrize(
    "edit",
    [
        lambda w, t: w.like(t),
        lambda w, t: (w.like(t), w.unlike(t)),
        lambda w, t: w.tag(t, w.add_tag("tag")),
        lambda w, t: (w.tag(t, tag := w.add_tag("tag")), w.untag(t, tag)),
        lambda w, t: w.follow(t, w.add_user("U")),
        lambda w, t: w.unfollow(t, w.me),
        lambda w, t: w.add_dependency(t, on=w.find("T2")),
        lambda w, t: (w.add_dependency(t, on=w.find("T2")), w.remove_dependency(t, w.find("T2"))),
        lambda w, t: w.move_to_section(t, w.find("B", "section")),
        lambda w, t: w.reorder_task(t, w.find("P"), rank=99.0),
        lambda w, t: w.move_task(t, add_project=w.add_project("new")),
        lambda w, t: w.set_parent(t, w.find("T2"), moves_stamp=False),
        lambda w, t: (w.delete_task(t), w.undelete(t)),
        lambda w, t: (w.hide(t), w.show(t)),
    ],
)
def test_silent_edits_move_no_stamp(world: World, edit: Callable[[World, str], object]) -> None:
    task = world.find("T1")
    with Sandbox(world) as asana:
        edit(world, task)
        assert get(asana, f"/tasks/{task}").data["modified_at"] == PAST["created_at"]
        project = world.find("P")
        since = {"project": project, "modified_since": "2026-01-01T00:00:00.001Z"}
        assert get(asana, "/tasks", **since).gids == []


def test_a_task_moves_between_sections_and_below_others(world: World) -> None:
    project, task, parent = world.find("P"), world.find("T1"), world.find("T2")
    second = world.find("B", "section")
    with Sandbox(world) as asana:
        token = get(asana, "/events", resource=project).json["sync"]
        world.move_to_section(task, second)
        shown = get(asana, f"/tasks/{task}", opt_fields="memberships.section.name").data
        assert [m["section"]["name"] for m in shown["memberships"]] == ["B"]
        assert get(asana, f"/sections/{second}/tasks").gids == [task]
        happened = get(asana, "/events", resource=project, sync=token).data
        assert [(e["action"], e["parent"]["name"]) for e in happened] == [
            ("removed", "A"),
            ("added", "B"),
        ]
        world.set_parent(task, parent)
        assert get(asana, f"/tasks/{parent}/subtasks").gids == [task]
        assert get(asana, f"/tasks/{task}", opt_fields="parent").data["parent"]["gid"] == parent
        world.set_parent(task, None)
        assert get(asana, f"/tasks/{parent}", opt_fields="num_subtasks").data["num_subtasks"] == 0
        with pytest.raises(ValueError, match="not in the project"):
            world.move_to_section(task, world.add_section(world.add_project("Q"), "C"))


def test_a_scope_is_taken_away_and_given_back(world: World) -> None:
    with Sandbox(world) as asana:
        project = world.find("P")

        def read(fields: str) -> int:
            return get(asana, "/tasks", project=project, opt_fields=fields).status

        assert (read("name"), read("assignee.email")) == (200, 200)
        asana.take_scopes("users:read")
        assert (read("name"), read("assignee.email")) == (200, 403)
        asana.take_scopes("tasks:read")
        assert read("name") == 403
        asana.give_scopes("tasks:read", "users:read")
        assert (read("name"), read("assignee.email")) == (200, 200)
        assert get(asana, f"/projects/{project}/sections").status == 403
        asana.set_scopes(None)
        assert get(asana, f"/projects/{project}/sections").status == 200


def test_an_apps_tokens_lose_scopes_with_it(world: World) -> None:
    with Sandbox(world) as asana:
        app = asana.add_oauth_app(scopes={"tags:read", "users:read"})
        form = f"grant_type=refresh_token&client_id={app.client_id}"
        form += f"&client_secret={app.client_secret}&refresh_token={app.refresh_token}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}

        def token() -> str:
            answer: Answer = send(asana, "POST", "/-/oauth_token", headers=kind, body=form)
            return str(answer.json["access_token"])

        old = token()
        asana.take_scopes("tags:read", holder=app)
        for text in (old, token()):
            assert get(asana, "/tags", workspace=world.workspace, token=text).status == 403
            assert get(asana, "/users", workspace=world.workspace, token=text).status == 200


def test_the_tokens_user_becomes_a_guest(world: World) -> None:
    other = world.add_user("Other")
    public = world.add_project("public", members=[other])
    task = world.add_task("there", projects=[public])
    mine = world.add_task("mine", projects=[public], assignee=world.me)
    free = world.add_task("free")
    portfolio = world.add_portfolio("F", owner=other)
    with Sandbox(world, plan="advanced") as asana:

        def read() -> dict[str, int]:
            paths = {
                "public": f"/projects/{public}",
                "shared": f"/projects/{world.find('P')}",
                "task": f"/tasks/{task}",
                "mine": f"/tasks/{mine}",
                "free": f"/tasks/{free}",
                "portfolio": f"/portfolios/{portfolio}",
                "fields": f"/workspaces/{world.workspace}/custom_fields",
            }
            return {name: get(asana, path).status for name, path in paths.items()}

        whole = read()
        assert set(whole.values()) == {200}
        world.make_guest()
        guests = {"public": 403, "task": 403, "free": 403, "portfolio": 403, "fields": 402}
        assert read() == {**whole, **guests}
        assert public not in {record["gid"] for record in asana.truth("projects")}
        world.make_guest(guest=False)
        assert read() == whole
        world.deactivate_user(world.me)
        assert set(read().values()) == {403}
        assert get(asana, "/workspaces").data == []


def test_a_portfolio_is_handed_over(world: World) -> None:
    portfolio = world.add_portfolio("F")
    other = world.add_user("Other")
    with Sandbox(world, plan="advanced") as asana:
        assert get(asana, "/portfolios", workspace=world.workspace).gids == [portfolio]
        world.hand_over(portfolio, other)
        assert get(asana, "/portfolios", workspace=world.workspace).gids == []
        assert get(asana, f"/portfolios/{portfolio}").data["owner"]["gid"] == other
        world.hand_over(portfolio, world.me)
        assert get(asana, "/portfolios", workspace=world.workspace).gids == [portfolio]


def test_what_is_hidden_leaves_lists_with_what_is_inside(world: World) -> None:
    project, task = world.find("P"), world.find("T1")
    story = world.comment(task)
    with Sandbox(world) as asana:
        world.hide(task)
        assert "T1" not in names(asana)
        assert get(asana, f"/stories/{story}").status == 403
        world.show(task)
        world.hide(project)
        assert get(asana, "/tasks", project=project).status == 403
        assert project not in get(asana, "/projects", workspace=world.workspace).gids
        world.show(project)
        assert names(asana) == ALL


def test_a_plan_changes(world: World) -> None:
    with Sandbox(world, plan="free") as asana:
        path = f"/workspaces/{world.workspace}/tasks/search"
        assert get(asana, path).status == 402
        asana.set_plan("paid")
        assert get(asana, path).status == 200


def test_the_date_is_ahead_or_missing(world: World) -> None:
    with Sandbox(world) as asana:
        asana.api.settings.date_skew = 86_400.0
        tomorrow = asana.clock.date_header(86_400.0)[:16]
        assert get(asana, "/workspaces").headers["Date"][:16] == tomorrow
        asana.api.settings.date_skew = None
        assert "Date" not in get(asana, "/workspaces").headers
