"""A full read of all streams gives what the token can see, with the fewest requests, per plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from sandbox import Sandbox, World
from unit_tests.conftest import quicken
from unit_tests.mock_server import expect
from unit_tests.sync import Sync, read, streams

PLANS = ("free", "paid", "advanced", "service")
FULL_PAGE = 100


@pytest.fixture(scope="module", params=PLANS)
def full(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Sync]]:
    """Return the sandbox of a plan and what a full read of all streams gave."""
    world = World.generate(tasks=50)
    with pytest.MonkeyPatch.context() as patch, Sandbox(world, plan=request.param) as asana:
        quicken(patch)
        exports = [export["gid"] for export in world.of_kind("organization_export")]
        if not asana.service:
            del exports[1:]
        yield asana, read(asana, streams(), organization_export_ids=exports)


def test_every_record_once_with_every_field(full: tuple[Sandbox, Sync]) -> None:
    asana, sync = full
    expect.whole(asana, sync, streams())
    assert sync.errors == []


def test_nothing_undeclared(full: tuple[Sandbox, Sync]) -> None:
    expect.declared(full[1])


def test_nothing_unknown_is_asked_and_nothing_twice(full: tuple[Sandbox, Sync]) -> None:
    expect.asked_well(full[0])
    expect.asked_once(full[0])


def test_addresses_stay_far_below_the_usual_limit(full: tuple[Sandbox, Sync]) -> None:
    longest = max(len(entry.path) + len(urlencode(entry.params)) for entry in full[0].log)
    assert longest < 6000


def test_fewest_requests(full: tuple[Sandbox, Sync]) -> None:
    asana, _ = full
    sent = Counter(entry.path_template for entry in asana.log)
    assert dict(sent) == fewest(asana)


def test_summary_is_true(full: tuple[Sandbox, Sync]) -> None:
    asana, sync = full
    said = sync.summary["streams"]
    records = {name: one["records"] for name, one in said.items() if one["records"]}
    assert records == {name: len(found) for name, found in sync.records.items() if found}
    assert sum(one["requests"] for one in said.values()) == len(asana.log)
    assert sync.summary["records"] == sum(records.values())
    assert sync.summary["requests"] == len(asana.log)
    assert len(sync.logs) <= 120
    assert sync.failures == []


def fewest(asana: Sandbox) -> dict[str, int]:
    """Return the requests that the listings allow, refused ones included: once per workspace.

    No listing of this world but the audit log fills a page.
    """

    def gids(stream: str) -> list[str]:
        return [record["gid"] for record in asana.truth(stream, fields="gid")]

    world, features = asana.world, asana.features
    workspaces = gids("workspaces")
    organizations = [gid for gid in workspaces if world[gid]["is_organization"]]
    projects, portfolios, goals = gids("projects"), gids("portfolios"), gids("goals")
    homes = {world[gid]["workspace"] for gid in projects}
    tasks = list(dict.fromkeys(gids("tasks") + gids("subtasks")))
    people = sum(len(world.listed("workspace.users", gid)) for gid in workspaces)
    briefs = sum(bool(world[gid].get("project_brief")) for gid in projects)
    nested = [gid for gid in portfolios if not asana.service and world[gid]["owner"] != world.me]
    events = len(gids("audit_log_events"))

    def per_project(feature: str) -> int:
        return len(projects) if feature in features else len(homes)

    counts = {
        "/workspaces": 1,
        "/users": len(workspaces),
        "/workspaces/{workspace_gid}/teams": len(organizations),
        "/tags": len(workspaces),
        "/workspaces/{workspace_gid}/custom_fields": len(workspaces),
        "/projects": len(workspaces),
        "/portfolios": len(workspaces),
        "/portfolios/{portfolio_gid}": len(nested),
        "/goals": len(workspaces),
        "/time_periods": len(workspaces),
        "/project_templates": len(workspaces),
        "/workspaces/{workspace_gid}/workspace_memberships": len(workspaces),
        "/roles": len(workspaces),
        "/workspaces/{workspace_gid}/agents": len(workspaces),
        "/time_tracking_entries": len(workspaces),
        "/time_tracking_categories": len(workspaces)
        * (2 if "time_tracking_categories" in features else 1),
        "/timesheet_approval_statuses": len(workspaces),
        # The page after the last event is empty, which is the end.
        "/workspaces/{workspace_gid}/audit_log_events": 1 + -(-events // FULL_PAGE),
        "/organization_exports/{organization_export_gid}": 2 if asana.service else 1,
        "/users/{user_gid}/user_task_list": people,
        "/ooo_entries": people,
        "/team_memberships": len(gids("teams")),
        "/projects/{project_gid}/sections": len(projects),
        "/tasks": len(projects) + people,
        "/custom_types": len(workspaces) + len(projects),
        "/workspaces/{workspace_gid}/ai_studio/runs": len(organizations),
        "/workspaces/{workspace_gid}/ai_studio/seats": len(organizations),
        "/memberships": len(projects) + len(portfolios) + len(goals),
        "/projects/{project_gid}/project_statuses": len(projects),
        "/status_updates": len(projects) + len(portfolios) + len(goals),
        "/project_briefs/{project_brief_gid}": briefs,
        "/task_templates": len(projects),
        "/projects/{project_gid}/task_counts": len(projects),
        "/allocations": per_project("allocations"),
        "/budgets": per_project("budgets"),
        "/rates": per_project("rates"),
        "/tasks/{task_gid}/subtasks": sum(
            1 for gid in tasks if len(world.listed("task.subtasks", gid))
        ),
        "/tasks/{task_gid}/stories": len(tasks),
        "/attachments": len(tasks) + len(projects) + briefs,
        "/portfolios/{portfolio_gid}/items": len(portfolios),
        "/portfolios/{portfolio_gid}/project_portfolio_settings": len(portfolios),
        "/goal_relationships": len(goals),
        "/goals/{goal_gid}/stories": len(goals),
    }
    return {template: count for template, count in counts.items() if count}


def test_few_slices_that_may_wait_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit, which counts the generators as well, never holds up what waiting ones need."""
    quicken(monkeypatch)
    monkeypatch.setattr("source_asana.source.SLICES_AHEAD", 52)
    with Sandbox(World.generate(tasks=50), plan="advanced") as asana:
        names = [name for name in streams() if name != "organization_exports"]
        sync = read(asana, names, incremental=True, num_workers=2)
        assert sync.errors == []
        expect.whole(asana, sync, names)


def test_a_search_spares_asking_tasks_that_have_no_attachments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However small the projects are, and however early the first of them is over."""
    quicken(monkeypatch)
    # The quota decides what is worth it; nobody waits for it.
    monkeypatch.setattr("source_asana.http.client.PAID_PER_MINUTE", 1500)
    monkeypatch.setattr("source_asana.http.budget.Budget.acquire", lambda _: 0.0)
    names = ("tasks", "subtasks", "attachments")
    with Sandbox(World.generate(tasks=300, projects=12), plan="advanced") as asana:
        sync = read(asana, names, incremental=True)
        expect.whole(asana, sync, names)
        sent = Counter(entry.path_template for entry in asana.log)
    asked = len(sync.records["tasks"]) + len(sync.records["subtasks"])
    assert asked > 250
    # Those of the first small projects are asked before enough of them are known.
    assert sent["/attachments"] < 0.6 * asked
    assert sent["/workspaces/{workspace_gid}/tasks/search"] <= 8
