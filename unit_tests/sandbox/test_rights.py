"""Tokens, plans, private things, scopes, quotas."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sandbox import Sandbox, World
from unit_tests.sandbox.client import Answer, get, send


@pytest.fixture
def world() -> World:
    world = World.empty()
    project = world.add_project("P")
    world.add_task("T", projects=[project], assignee=world.me)
    return world


def test_private_projects_hide(world: World) -> None:
    secret = world.add_project("Secret", private=True)
    task = world.add_task("hidden", projects=[secret])
    shared = world.add_task("shared", projects=[secret, world.find("P")])
    with Sandbox(world) as asana:
        assert secret not in get(asana, "/projects", workspace=world.workspace).gids
        refused = get(asana, "/tasks", project=secret)
        assert (refused.status, refused.message) == (403, "You do not have access to this project.")
        assert get(asana, f"/tasks/{task}").status == 403
        seen = get(asana, f"/tasks/{shared}", opt_fields="projects.name").data
        assert [p["name"] for p in seen["projects"]] == ["P"]
        world.share_project(secret)
        assert secret in get(asana, "/projects", workspace=world.workspace).gids
        assert get(asana, f"/tasks/{task}").status == 200
        world.withdraw_project(secret)
        assert get(asana, f"/projects/{secret}").status == 403


def test_errors_name_what_is_wrong(world: World) -> None:
    with Sandbox(world) as asana:
        assert get(asana, "/projects/abc/sections").message == "project: Not a recognized ID: abc"
        gone = world.add_project("gone")
        world.delete_project(gone)
        missing = get(asana, f"/projects/{gone}/sections")
        assert (missing.status, missing.message) == (404, f"project: Unknown object: {gone}")
        assert get(asana, "/nothing").message == "No matching route for request"
        assert (
            send(
                asana, "POST", "/api/1.0/tasks", headers={"Authorization": f"Bearer {asana.token}"}
            ).status
            == 404
        )
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            refused = send(asana, "GET", "/api/1.0/workspaces", headers=headers)
            assert (refused.status, refused.message) == (401, "Not Authorized")


def test_archived_projects(world: World) -> None:
    old = world.add_project("old", archived=True)
    both = [world.find("P"), old]
    with Sandbox(world) as asana:

        def read(**params: str) -> list[str]:
            return get(asana, "/projects", workspace=world.workspace, **params).gids

        assert (read(), read(archived="true"), read(archived="false")) == (both, both[1:], both[:1])


def test_asana_types_need_a_header(world: World) -> None:
    typed = world.add_project("typed", asana_type=True)
    with Sandbox(world) as asana:
        plain = get(asana, "/projects", workspace=world.workspace)
        assert typed not in plain.gids
        assert "Asana-Change" in plain.headers
        header = {"Asana-Enable": "include_asana_created_custom_types"}
        assert typed in get(asana, "/projects", workspace=world.workspace, headers=header).gids


@pytest.mark.parametrize(
    ("plan", "path", "status"),
    [
        ("free", "/workspaces/{ws}/tasks/search", 402),
        ("paid", "/workspaces/{ws}/tasks/search", 200),
        ("free", "/workspaces/{ws}/custom_fields", 402),
        ("paid", "/workspaces/{ws}/custom_fields", 200),
        ("free", "/projects/{p}/custom_field_settings", 402),
        ("paid", "/portfolios?workspace={ws}", 402),
        ("advanced", "/portfolios?workspace={ws}", 200),
        ("paid", "/goals?workspace={ws}", 402),
        ("paid", "/allocations?parent={p}", 402),
        ("advanced", "/budgets?parent={p}", 200),
        ("advanced", "/roles?workspace={ws}", 402),
        ("service", "/roles?workspace={ws}", 200),
        ("advanced", "/workspaces/{ws}/audit_log_events", 403),
        ("service", "/workspaces/{ws}/audit_log_events", 200),
        ("advanced", "/workspaces/{ws}/events", 403),
    ],
)
def test_plans(world: World, plan: str, path: str, status: int) -> None:
    with Sandbox(world, plan=plan) as asana:
        assert get(asana, path.format(ws=world.workspace, p=world.find("P"))).status == status


def test_words_of_refusals(world: World) -> None:
    with Sandbox(world, plan="free") as asana:
        search = get(asana, f"/workspaces/{world.workspace}/tasks/search")
        assert search.message == "Search is only available to premium users."
        fields = get(asana, f"/workspaces/{world.workspace}/custom_fields")
        assert fields.message == "Custom Fields are not available for free users or guests."
        asana.api.settings.refusal_status = 403
        assert get(asana, f"/workspaces/{world.workspace}/custom_fields").status == 403


def test_portfolios_of_others_and_nested_ones(world: World) -> None:
    other = world.add_user("Other")
    mine = world.add_portfolio("mine", items=[world.find("P")])
    theirs = world.add_portfolio("theirs", owner=other)
    world.add_portfolio_item(mine, theirs)
    world.add_portfolio_item(theirs, mine)
    with Sandbox(world, plan="advanced") as asana:
        assert get(asana, "/portfolios", workspace=world.workspace).gids == [mine]
        assert get(asana, "/portfolios", workspace=world.workspace, owner="me").gids == [mine]
        assert get(asana, "/portfolios", workspace=world.workspace, owner=other).status == 403
        items = get(
            asana, f"/portfolios/{mine}/items", opt_fields="resource_type,archived,current_status"
        )
        assert {item["resource_type"] for item in items.data} == {"project", "portfolio"}
        assert {r["gid"] for r in asana.truth("portfolios")} == {mine, theirs}
        assert asana.unknown_fields == []
    with Sandbox(world, plan="service") as asana:
        assert get(asana, "/portfolios", workspace=world.workspace).gids == [mine, theirs]


def test_teams_need_an_organization() -> None:
    world = World.empty(organization=False)
    with Sandbox(world) as asana:
        assert get(asana, f"/workspaces/{world.workspace}/teams").status == 400


def token_call(asana: Sandbox, path: str, **form: str) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return send(asana, "POST", path, headers=headers, body=urlencode(form))


def test_oauth_refresh_expiry_rotation_and_revocation(world: World) -> None:
    with Sandbox(world) as asana:
        app = asana.add_oauth_app(life_seconds=60, rotates=True)
        form = {
            "grant_type": "refresh_token",
            "client_id": app.client_id,
            "client_secret": app.client_secret,
        }
        first = token_call(asana, "/-/oauth_token", refresh_token=app.refresh_token, **form)
        access = first.json["access_token"]
        assert get(asana, "/workspaces", token=access).status == 200
        assert token_call(asana, "/-/token_info", token=access).json["active"] is True
        asana.clock.advance(61)
        late = get(asana, "/workspaces", token=access)
        assert late.status == 401
        assert late.message.startswith("The bearer token has expired. If you have a refresh token")
        again = token_call(
            asana, "/-/oauth_token", refresh_token=first.json["refresh_token"], **form
        )
        assert get(asana, "/workspaces", token=again.json["access_token"]).status == 200
        assert token_call(asana, "/-/oauth_token", refresh_token="old", **form).status == 400
        revoked = token_call(asana, "/-/oauth_revoke", token=app.refresh_token, **form)
        assert revoked.status == 200
        assert get(asana, "/workspaces", token=again.json["access_token"]).status == 401
        lost = token_call(asana, "/-/oauth_token", refresh_token=app.refresh_token, **form)
        assert (lost.status, lost.json["error"]) == (400, "invalid_grant")
        form["client_secret"] = "wrong"
        assert (
            token_call(asana, "/-/oauth_token", refresh_token=app.refresh_token, **form).status
            == 401
        )


def test_granular_scopes(world: World) -> None:
    project = world.find("P")
    with Sandbox(world) as asana:
        asana.add_token("narrow", scopes={"tasks:read", "workspaces:read"})
        read = {"token": "narrow", "project": project}
        assert get(asana, "/tasks", **read, opt_fields="name,assignee,assignee.name").status == 200
        assert get(asana, "/tasks", **read, opt_fields="assignee.email").status == 403
        assert get(asana, "/tasks", **read, opt_fields="custom_fields.type").status == 403
        assert get(asana, "/projects", token="narrow", workspace=world.workspace).status == 403
        assert get(asana, f"/projects/{project}/sections", token="narrow").status == 403


def test_quota_counts_rejected_requests_and_says_how_long(world: World) -> None:
    with Sandbox(world, requests_per_minute=3) as asana:
        statuses = [get(asana, "/workspaces").status for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        asana.clock.advance(30)
        refused = get(asana, "/workspaces")
        assert refused.status == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        asana.clock.advance(61)
        assert get(asana, "/workspaces").status == 200
        asana.add_token("second")
        assert get(asana, "/workspaces", token="second").status == 200
        asana.api.quota.retry_after = False
        for _ in range(3):
            refused = get(asana, "/workspaces")
        assert refused.status == 429
        assert "Retry-After" not in refused.headers


def test_searches_have_a_quota_of_their_own(world: World) -> None:
    with Sandbox(world, searches_per_minute=2) as asana:
        path = f"/workspaces/{world.workspace}/tasks/search"
        assert [get(asana, path).status for _ in range(3)] == [200, 200, 429]
        assert get(asana, "/workspaces").status == 200
