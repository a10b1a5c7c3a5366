"""GET by gid: what is there, what is gone, what is hidden, what is above plan or token."""

from __future__ import annotations

import re

import pytest

from sandbox import Sandbox, World
from sandbox.spec import ENDPOINTS, KINDS, SCHEMAS, kinds_of_schema
from sandbox.store import kind_of
from unit_tests.sandbox.client import Answer, get

START = "2026-06-01T00:00:00Z"
# Bound to an app or a user: nothing for a connector to read, so the world has none.
WITHOUT_OBJECTS = ("/jobs/", "/webhooks/")
SINGLES = sorted(
    template
    for template, endpoint in ENDPOINTS.items()
    if re.fullmatch(r"/\w+/\{\w+\}", template)
    and not endpoint.listed
    and not template.startswith(WITHOUT_OBJECTS)
)


@pytest.fixture(scope="module")
def asana() -> Sandbox:
    return Sandbox(World.generate(tasks=60, start=START), plan="service")


def ask(asana: Sandbox, path: str, token: str | None = None, **query: str) -> Answer:
    """Ask the API without a server: the tests here are many and small."""
    headers = {"Authorization": f"Bearer {token or asana.token}"}
    reply = asana.api.respond("GET", path, query, headers)
    return Answer(reply.status, reply.headers, reply.body)


def found(asana: Sandbox, template: str) -> dict[str, object]:
    """Return an object that the template's GET is about."""
    kinds, world = kinds_of_schema(ENDPOINTS[template].schema), asana.world
    return next(
        obj
        for gid, obj in world.objects.items()
        if kind_of(obj) in kinds and not len(world.listed("section.tasks", gid))
    )


def address(template: str, gid: object) -> str:
    return re.sub(r"\{\w+\}", str(gid), template)


@pytest.mark.parametrize("template", SINGLES)
def test_what_is_there_comes_whole_and_in_part(asana: Sandbox, template: str) -> None:
    obj = found(asana, template)
    path = address(template, obj["gid"])
    whole = ask(asana, path)
    assert whole.data["gid"] == obj["gid"]
    assert len(whole.data) > 2
    assert not [name for name in whole.data if name.startswith("_")]
    name = next(name for name in sorted(whole.data) if name not in {"gid", "resource_type"})
    assert set(ask(asana, path, opt_fields=name).data) == {"gid", name}
    every = ",".join(SCHEMAS[KINDS[kind_of(obj)].full])
    assert set(whole.data) <= set(ask(asana, path, opt_fields=every).data)
    assert asana.unknown_params == []


@pytest.mark.parametrize("template", SINGLES)
def test_hidden_is_403_and_gone_is_404(template: str) -> None:
    asana = Sandbox(World.generate(tasks=60, start=START), plan="service")
    obj = found(asana, template)
    gid, kind = str(obj["gid"]), kind_of(obj)
    path = address(template, gid)
    asana.world.hide(gid)
    refused = ask(asana, path)
    assert (refused.status, refused.message) == (403, f"You do not have access to this {kind}.")
    asana.world.show(gid)
    assert ask(asana, path).status == 200
    if kind in {"user", "workspace"}:
        return
    asana.world.delete(gid)
    gone = ask(asana, path)
    assert gone.status == 404
    assert gone.message.endswith(f": Unknown object: {gid}")
    assert gone.json["errors"][0]["help"].startswith("See https://developers.asana.com")


@pytest.mark.parametrize(
    "path",
    ["/custom_field_settings/1", "/audit_log_events/1", "/tasks/1/nothing", "/events/1", "/"],
)
def test_what_has_no_address_has_no_route(asana: Sandbox, path: str) -> None:
    refused = ask(asana, path)
    assert (refused.status, refused.message) == (404, "No matching route for request")


def test_a_gid_of_another_kind_is_unknown(asana: Sandbox) -> None:
    task = asana.world.of_kind("task")[0]["gid"]
    refused = ask(asana, f"/projects/{task}")
    assert (refused.status, refused.message) == (404, f"project: Unknown object: {task}")
    assert ask(asana, "/tasks/abc").status == 400


ABOVE = [
    ("custom_field", "/custom_fields/{}", "free"),
    ("portfolio", "/portfolios/{}", "paid"),
    ("portfolio_membership", "/memberships/{}", "paid"),
    ("project_portfolio_setting", "/project_portfolio_settings/{}", "paid"),
    ("goal", "/goals/{}", "paid"),
    ("goal_relationship", "/goal_relationships/{}", "paid"),
    ("allocation", "/allocations/{}", "paid"),
    ("time_tracking_entry", "/time_tracking_entries/{}", "paid"),
    ("time_tracking_category", "/time_tracking_categories/{}", "paid"),
    ("timesheet_approval_status", "/timesheet_approval_statuses/{}", "paid"),
    ("budget", "/budgets/{}", "paid"),
    ("rate", "/rates/{}", "paid"),
    ("role", "/roles/{}", "advanced"),
]


@pytest.mark.parametrize(("kind", "path", "plan"), ABOVE)
def test_above_the_plan_is_402(asana: Sandbox, kind: str, path: str, plan: str) -> None:
    other = Sandbox(asana.world, plan=plan)
    refused = ask(other, path.format(asana.world.of_kind(kind)[0]["gid"]))
    assert refused.status == 402


def test_what_hangs_on_a_goal_is_above_the_plan_with_it(asana: Sandbox) -> None:
    world = asana.world
    update = next(o for o in world.of_kind("status_update") if "goal" in o["resource_subtype"])
    story = next(o for o in world.of_kind("story") if world[o["target"]]["resource_type"] == "goal")
    other = Sandbox(world, plan="paid")
    assert ask(other, f"/status_updates/{update['gid']}").status == 402
    assert ask(other, f"/stories/{story['gid']}").status == 402


def test_exports_are_for_service_accounts(asana: Sandbox) -> None:
    export = asana.world.of_kind("organization_export")[0]["gid"]
    assert ask(asana, f"/organization_exports/{export}").status == 200
    other = Sandbox(asana.world, plan="advanced")
    assert ask(other, f"/organization_exports/{export}").status == 403


def test_scopes_hold_for_single_reads_too(asana: Sandbox) -> None:
    world = asana.world
    asana.add_token("narrow", scopes={"tags:read"})
    tag, task = world.of_kind("tag")[0]["gid"], world.of_kind("task")[0]["gid"]
    assert ask(asana, f"/tags/{tag}", "narrow").status == 200
    for path in (f"/tasks/{task}", f"/sections/{world.of_kind('section')[0]['gid']}"):
        assert ask(asana, path, "narrow").status == 403


def test_users_are_named_by_gid_me_or_address(asana: Sandbox) -> None:
    me = asana.world.me
    for name in (me, "me", asana.world[me]["email"]):
        assert ask(asana, f"/users/{name}").data["gid"] == me


def test_over_http() -> None:
    world = World.empty()
    task = world.add_task("T")
    with Sandbox(world) as asana:
        assert get(asana, f"/tasks/{task}", opt_fields="name").data == {"gid": task, "name": "T"}
        world.delete_task(task)
        assert get(asana, f"/tasks/{task}").status == 404
