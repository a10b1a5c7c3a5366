"""Single things that are refused: left out and said once, while everything else is read."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from unit_tests.mock_server import expect
from unit_tests.mock_server.worlds import Small
from unit_tests.sync import Sync, read, streams

PRIVATE = "You do not have access to this project."


def skips(sync: Sync) -> list[str]:
    """Return the skipped places of the summary, as rows."""
    columns = ("stream", "place", "reason")
    return [
        " | ".join(
            [*(one[name] for name in columns), f'HTTP {one["status"]} "{one["message"]}"']
            + ([f"{one['times']} times"] if one["times"] > 1 else [])
        )
        for one in sync.summary["skipped"]
    ]


def not_updated(sync: Sync) -> list[str]:
    """Return the lines about rows that Asana no longer shows to the token."""
    return [line for line in sync.warnings if line.startswith("Asana now refuses")]


def test_one_project_whose_sections_are_refused(asana: Sandbox, small: Small) -> None:
    path = f"^/projects/{small.first}/sections"
    asana.fault("status", path, times=None, status=403, message=PRIVATE)
    sync = read(asana, ["sections", "projects", "task_counts"])
    assert sync.errors == []
    assert all(map(sync.complete, ("sections", "projects", "task_counts")))
    assert {r["project_id"] for r in sync.records["sections"]} == {small.second}
    remedy = "give the token's user access, or exclude the object in the configuration"
    [warning] = sync.warnings
    assert warning == (
        f"Stream sections: skipped project {small.first}. "
        f'Asana said (HTTP 403): "{PRIVATE}". To read it: {remedy}.'
    )
    assert skips(sync) == [f'sections | project {small.first} | no access | HTTP 403 "{PRIVATE}"']
    expect.whole(asana, sync, ["projects", "task_counts"])


def test_a_project_that_vanished_after_it_was_listed(asana: Sandbox, small: Small) -> None:
    def vanish(path: str, params: dict[str, str]) -> None:
        del params
        if path == f"/projects/{small.first}/sections" and small.first in small.world:
            small.world.delete_project(small.first)

    asana.before_request(vanish)
    sync = read(asana, ["projects", "sections"], num_workers=1)
    assert sync.errors == []
    assert {r["project_id"] for r in sync.records["sections"]} == {small.second}
    [row] = skips(sync)
    assert row.startswith(f"sections | project {small.first} | deleted | HTTP 404 ")
    assert f"Unknown object: {small.first}" in row


def test_a_plan_that_one_workspace_lacks(small: Small) -> None:
    world = small.world
    home = world.add_workspace("Free", is_organization=True)
    projects = [world.add_project(f"free {number}", workspace=home) for number in range(5)]
    with Sandbox(world, plan="advanced") as asana:
        words = "Resource planning is only available to premium users."
        for project in projects:
            asana.fault(
                "status", f"^/allocations.*parent={project}", times=None, status=402, message=words
            )
        sync = read(asana, ["allocations", "task_counts"], num_workers=8)
        assert sync.errors == []
        assert {r["project_id"] for r in sync.records["allocations"]} == {small.first, small.second}
        assert len(sync.records["task_counts"]) == 7
        refused = [e for e in asana.log if e.status == 402]
        assert len(refused) == 1, "what the plan refuses is asked for once"
        [row] = skips(sync)
        assert row == (f'allocations | workspace {home} | plan | HTTP 402 "{words}" | 5 times')


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (402, "Custom Fields are not available for free users or guests."),
        (403, "Custom Fields are not available for free users or guests."),
        (403, "Search is only available to premium users."),
        (403, "This feature is only available to Business and Enterprise customers."),
        (400, "Portfolios are not available for your plan. Please upgrade."),
    ],
)
def test_words_of_a_plan(asana: Sandbox, small: Small, status: int, words: str) -> None:
    asana.fault(
        "status",
        "/workspaces/{workspace_gid}/custom_fields",
        times=None,
        status=status,
        message=words,
    )
    sync = read(asana, ["custom_fields", "tags"])
    assert sync.errors == []
    assert sync.complete("custom_fields")
    assert sync.gids("tags") == [small.tag]
    [row] = skips(sync)
    assert f"workspace {small.world.workspace} | plan | " in row


def test_an_endpoint_that_is_not_offered(asana: Sandbox) -> None:
    asana.fault(
        "status", "/custom_types", times=None, status=404, message="No matching route for request"
    )
    sync = read(asana, ["custom_types", "sections"], num_workers=1)
    assert sync.complete("custom_types")
    assert len(sync.records["sections"]) == 4
    [row] = skips(sync)
    assert row.startswith("custom_types | all of it | no such endpoint | HTTP 404 ")
    assert sum(e.status == 404 for e in asana.log) <= 2


def test_an_endpoint_that_wants_other_parameters(asana: Sandbox) -> None:
    # An Asana whose `/custom_types` takes a project only.
    asana.fault(
        "status",
        "/custom_types.*workspace=",
        times=None,
        status=400,
        message="project: Missing input",
    )
    sync = read(asana, ["workspace_custom_types", "custom_types"])
    assert sync.errors == []
    assert sync.complete("workspace_custom_types")
    assert sync.records["custom_types"]
    [row] = skips(sync)
    assert row.startswith("workspace_custom_types | ")
    assert " | other parameters | HTTP 400 " in row


def test_a_refusal_moves_no_state_and_a_later_sync_reads_what_was_left_out(
    asana: Sandbox, small: Small
) -> None:
    fault = asana.fault(
        "status", f"^/tasks\\?.*project={small.first}", times=None, status=403, message=PRIVATE
    )
    names = ("tasks", "stories")
    first = read(asana, names, incremental=True)
    assert all(map(first.complete, names))
    assert first.gids("tasks") == sorted([small.other, small.both, small.loose])
    for name in names:
        instants = first.instants_of(name)
        assert small.second in instants
        assert small.first not in instants
    fault.times = 0
    asana.clock.advance(60)
    second = read(asana, names, incremental=True, state=first.state)
    assert second.errors == []
    assert {small.task} <= set(second.gids("tasks")) <= {small.task, small.both}
    assert small.task in {r["task_id"] for r in second.records["stories"]}


@pytest.mark.parametrize(
    ("status", "words"), [(402, "Not available on your plan."), (403, PRIVATE)]
)
def test_a_lost_plan_is_a_warning_and_lost_access_an_error(
    asana: Sandbox, status: int, words: str
) -> None:
    fails = status == 403
    names = ["tasks", "sections"]
    first = read(asana, names, incremental=True, change_detection="listing")
    asana.fault("status", "^/tasks", times=None, status=status, message=words)
    second = read(asana, names, incremental=True, state=first.state, change_detection="listing")
    assert skips(second)
    assert len(not_updated(second)) == 1
    assert second.complete("sections")
    assert second.complete("tasks") is not fails
    assert bool(second.errors) is fails
    # No listing was covered, whatever the workspace's watermark says.
    kept = [sync.instants_of("tasks") for sync in (first, second)]
    for instants in kept:
        del instants[asana.world.workspace]
    assert kept[0] == kept[1]


def test_stories_that_are_refused_are_tried_again_at_the_next_sync(
    asana: Sandbox, small: Small
) -> None:
    fault = asana.fault(
        "status", f"^/tasks/{small.other}/stories", times=None, status=403, message="No"
    )
    first = read(asana, ["stories"], incremental=True)
    assert first.complete("stories")
    assert first.tasks_of("stories")[small.other] == "due"
    fault.times = 0
    asana.clock.advance(60)
    second = read(asana, ["stories"], incremental=True, state=first.state)
    assert {r["task_id"] for r in second.records["stories"]} == {small.other}
    assert second.tasks_of("stories")[small.other] == "read"


def test_an_app_with_granular_scopes_is_told_which_ones_it_lacks(small: Small) -> None:
    scopes = {"workspaces:read", "users:read", "projects:read", "tasks:read", "tags:read"}
    with Sandbox(small.world, plan="advanced") as asana:
        asana.add_token("narrow", scopes=scopes)
        names = (
            "workspaces",
            "users",
            "tags",
            "projects",
            "tasks",
            "subtasks",
            "sections",
            "teams",
        )
        credentials = {"personal_access_token": "narrow"}
        sync = read(asana, names, credentials=credentials, num_workers=1)
        assert sync.errors == []
        assert all(map(sync.complete, names))
        assert sync.gids("tasks") == sorted(small.tasks)
        assert sync.gids("subtasks") == sorted(small.subtasks)
        assert sync.gids("projects") == sorted([small.first, small.second])
        rows = {row.split(" | ")[0]: row for row in skips(sync)}
        assert " | scope | HTTP 403 " in rows["sections"]
        assert "teams:read" in rows["teams"]


def test_a_thousand_refusals_fill_no_table(small: Small) -> None:
    for number in range(70):
        small.world.add_task(f"T{number}", projects=[small.first])
    with Sandbox(small.world) as asana:
        asana.fault("status", "/tasks/{task_gid}/stories", times=None, status=403, message="No")
        sync = read(asana, ["stories"])
        assert sync.complete("stories")
        one, listed = sync.warnings
        assert one.startswith("Stream stories: skipped task ")
        assert listed.startswith("Skipped 76 places for one reason, no access: stories (task ")
        assert listed.endswith(" and 66 more).")
        assert len(skips(sync)) == 50
        assert sync.summary["skipped_more"] == 26
        assert sync.summary["streams"]["stories"]["skipped"] == {"no access": 76}


def test_rows_that_are_no_longer_updated_are_named_at_the_end(small: Small) -> None:
    """Only where an earlier sync has read them: access that was taken, or a plan that ended."""
    names = ("projects", "sections", "tasks", "task_counts", "allocations")
    paths = (f"^/projects/{small.first}/sections", f"^/tasks\\?.*project={small.first}")
    listed = {"incremental": True, "change_detection": "listing"}
    with Sandbox(small.world, plan="service") as asana:

        def refuse(status: int, *paths: str) -> None:
            asana.clear_faults()
            for path in paths:
                asana.fault("status", path, times=None, status=status, message=PRIVATE)

        refuse(403, "/task_counts")
        first = read(asana, names, **listed)
        assert not_updated(first) == []
        refuse(403, "/task_counts", *paths)
        asana.fault("status", "^/allocations", times=None, status=402, message="No plan")
        second = read(asana, names, state=first.state, **listed)
        assert second.errors == []
        [line] = not_updated(second)
        assert line == (
            "Asana now refuses what earlier syncs read, so these rows are no longer updated: "
            f"allocations (workspace {small.world.workspace}); "
            f"sections (project {small.first}); tasks (project {small.first}). "
            "The lines above say why."
        )
        asana.clear_faults()
        assert not_updated(read(asana, names, state=second.state, **listed)) == []


def test_only_the_first_places_of_many_are_named(small: Small) -> None:
    for number in range(30):
        small.world.add_project(f"P{number:02}")
    with Sandbox(small.world, plan="service") as asana:
        first = read(asana, ["sections"], incremental=True)
        fault = asana.fault("status", "^/projects/\\d+/sections", times=None, status=403)
        fault.message = PRIVATE
        [line] = not_updated(read(asana, ["sections"], incremental=True, state=first.state))
        assert line.count("project ") == 10
        assert " and 22 more). " in line


def test_a_free_plan_is_no_flood_of_warnings(small: Small) -> None:
    with Sandbox(small.world, plan="free") as asana:
        first = read(asana, streams(), incremental=True)
        second = read(asana, streams(), incremental=True, state=first.state)
    assert first.errors == second.errors == []
    [warning] = first.warnings
    assert "The audit log needs a service account." in warning
    assert second.warnings == []
    assert len(second.logs) <= 30
    assert sum("the same as in the last sync: " in line for line in second.logs) == 1
    assert [row for row in second.summary["skipped"] if row["new"]] == []
    assert len(second.summary["skipped"]) == len(first.summary["skipped"]) > 10
