"""What is sent as deleted where the token does not see everything."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from source_asana.core.ledger import Ledger
from unit_tests.sync import Sync, read

DAY = 86_400
TRACKED = {"incremental": True, "track_deletions": True, "full_scan_interval_hours": 0}
BELOW = ["portfolio_items", "portfolio_memberships", "goal_memberships"]


def gone(sync: Sync) -> dict[str, int]:
    """Return the number of tombstones of each stream that has some."""
    counts = {
        name: sum(bool(one.get("_ab_cdc_deleted_at")) for one in records)
        for name, records in sync.records.items()
    }
    return {name: count for name, count in counts.items() if count}


def rows(sync: Sync, stream: str) -> int:
    """Return how many records a stream's state knows."""
    by_home = stream == "portfolio_items"
    return len(Ledger.load(sync.state_of(stream)["ledger"], by_partition=by_home))


def with_a_free_workspace(world: World, asana: Sandbox) -> None:
    """Have the token see another workspace, whose plan has neither portfolios nor goals."""
    free = world.add_workspace("Free")
    for path in ("portfolios", "goals"):
        asana.fault(
            "status",
            rf"^/{path}\?.*workspace={free}",
            times=None,
            status=402,
            message=f"{path} is only available to premium users.",
        )


@pytest.fixture
def world() -> World:
    made = World.empty()
    project = made.add_project("P")
    portfolio = made.add_portfolio("Sold", items=[project])
    made.add_portfolio("Kept", items=[project, portfolio])
    for name in ("Sold", "Kept"):
        made.add_goal(name)
    made.clock.advance(DAY)
    return made


@pytest.mark.parametrize("tracked", [True, False])
def test_a_plan_without_them_elsewhere_does_not_keep_what_hung_on_them(
    world: World, *, tracked: bool
) -> None:
    options: dict[str, Any] = {**TRACKED, "track_deletions": tracked}
    with Sandbox(world, plan="service") as asana:
        with_a_free_workspace(world, asana)
        names = ["portfolios", "goals", *BELOW]
        sync = read(asana, names, **options)
        assert all(sync.records[name] for name in names)
        for name, kind in (("Sold", "portfolio"), ("Sold", "goal")):
            world.delete(world.find(name, kind))
        syncs = []
        for _ in range(2):
            asana.clock.advance(DAY)
            sync = read(asana, names, state=sync.state, **options)
            syncs.append(gone(sync))
        fresh = read(asana, names, **options)
    assert set(syncs[0]) == (set(names) if tracked else set())
    assert syncs[1] == {}
    assert {n: rows(sync, n) for n in names} == {n: len(fresh.records[n]) for n in names}


@pytest.mark.parametrize("is_hidden", [True, False])
def test_an_item_of_a_portfolio_that_is_only_hidden_stays(world: World, *, is_hidden: bool) -> None:
    names = ["projects", "portfolio_items"]
    project, portfolio = world.find("P"), world.find("Kept", "portfolio")
    with Sandbox(world, plan="advanced") as asana:
        sync = read(asana, names, **TRACKED)
        asana.clock.advance(DAY)
        if is_hidden:
            world.withdraw_project(project)
        else:
            world.remove_portfolio_item(portfolio, project)
        sync = read(asana, names, state=sync.state, **TRACKED)
    buried = [r for r in sync.records["portfolio_items"] if r.get("_ab_cdc_deleted_at")]
    keys = [(r["portfolio_id"], r["gid"]) for r in buried]
    assert keys == ([] if is_hidden else [(portfolio, project)])


@pytest.mark.parametrize("stays", [True, False])
def test_a_subtask_in_a_project_that_is_no_longer_read_is_no_deleted_task(*, stays: bool) -> None:
    made = World.empty()
    read_on, archived = made.add_project("A"), made.add_project("B")
    subtask = made.add_task("S", parent=made.add_task("T", projects=[read_on]))
    made.move_task(subtask, add_project=archived)
    made.clock.advance(DAY)
    options = {**TRACKED, "include_archived_projects": False}
    with Sandbox(made, plan="advanced") as asana:
        sync = read(asana, ["tasks", "subtasks"], **options)
        assert subtask in sync.gids("tasks")
        asana.clock.advance(DAY)
        if stays:
            made.edit_project(archived, archived=True)
        else:
            made.move_task(subtask, remove_project=archived)
        sync = read(asana, ["tasks", "subtasks"], state=sync.state, **options)
    assert gone(sync) == ({} if stays else {"tasks": 1})


def test_a_partition_of_several_slices_is_complete_after_the_last_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # States are printed between the slices, as in a sync of some seconds.
    monkeypatch.setattr("source_asana.cursors.states.pause", lambda _: 0.0)
    made = World.empty()
    categories = [
        made.add("time_tracking_category", name=name, is_archived=name == "Old")
        for name in ("Dev", "Old")
    ]
    made.clock.advance(DAY)
    names = ["time_tracking_categories"]
    with Sandbox(made, plan="service") as asana:
        syncs = [read(asana, names, **TRACKED)]
        for _ in range(2):
            asana.clock.advance(DAY)
            syncs.append(read(asana, names, state=syncs[-1].state, **TRACKED))
        made.delete(categories[1])
        asana.clock.advance(DAY)
        last = read(asana, names, state=syncs[-1].state, **TRACKED)
    assert [sync.gids(names[0]) for sync in syncs] == [sorted(categories), [], []]
    assert all(len(sync.states) > 1 for sync in syncs)
    assert (gone(last), last.gids(names[0])) == ({names[0]: 1}, [categories[1]])


# How deletions show: all lists are read, or the workspace is searched and the audit log tells.
LISTED = {"change_detection": "listing"}
TOLD = {"change_detection": "search", "full_scan_interval_hours": 8760}
TASKS = ["tasks", "subtasks", "stories"]


@pytest.fixture
def tasks() -> World:
    made = World.empty()
    project = made.add_project("P", created_at="2024-05-01T10:00:00.000Z")
    for name in ("Stays", "Goes"):
        task = made.add_task(name, projects=[project])
        for one in (task, made.add_task("Below", parent=task)):
            made.comment(one)
    made.clock.advance(DAY)
    return made


def refuse_the_user(asana: Sandbox) -> None:
    asana.fault("status", r"^/users/me\?", times=None, status=403, message="Forbidden")


def scopes(sync: Sync) -> set[str | None]:
    """Return the scopes in the states of the streams of tasks."""
    return {sync.state_of(name).get("scope") for name in TASKS}


# The audit log names the task alone, which takes along what is below it.
@pytest.mark.parametrize("detection", [LISTED, TOLD], ids=["listed", "told"])
def test_deletions_wait_for_a_sync_that_can_read_the_user(
    tasks: World, detection: dict[str, Any]
) -> None:
    options = {**TRACKED, **detection}
    with Sandbox(tasks, plan="service") as asana:
        first = read(asana, TASKS, **options)
        tasks.delete(tasks.find("Goes"))
        asana.clock.advance(DAY)
        refuse_the_user(asana)
        second = read(asana, TASKS, state=first.state, **options)
        asana.clear_faults()
        asana.clock.advance(DAY)
        third = read(asana, TASKS, state=second.state, **options)
        asana.clock.advance(DAY)
        fourth = read(asana, TASKS, state=third.state, **options)
    wanted = {"tasks": 1, "subtasks": 1, "stories": 2}
    assert [gone(sync) for sync in (first, second, third, fourth)] == [{}, {}, wanted, {}]
    assert len(scopes(first) | scopes(second) | scopes(third)) == 1
    [said] = [line for line in second.warnings if "whose token" in line]
    assert "`users:read`" in said
    assert [line for line in third.warnings if "whose token" in line] == []


@pytest.mark.parametrize(
    ("status", "is_listed", "found"),
    [(None, False, 1), (403, True, 1), (400, False, 0)],
    ids=["readable", "refused", "failed"],
)
def test_full_scans_are_rare_only_where_the_audit_log_of_every_workspace_is_read(
    tasks: World, status: int | None, *, is_listed: bool, found: int
) -> None:
    options = {"incremental": True, "track_deletions": True, "change_detection": "search"}
    home = tasks.add_workspace("Home")
    goes = tasks.add_task("At home", projects=[tasks.add_project("H", workspace=home)])
    with Sandbox(tasks, plan="service") as asana:
        if status:
            path = rf"^/workspaces/{home}/audit_log_events"
            asana.fault("status", path, times=None, status=status, message="Not now.")
        first = read(asana, TASKS, **options)
        tasks.delete(goes)
        asana.clock.advance(DAY)
        asana.reset_log()
        second = read(asana, TASKS, state=first.state, **options)
        listed = asana.requests("/tasks")
        asana.clear_faults()
        third = read(asana, TASKS, state=second.state, **options)
    assert (listed > 0) is is_listed
    # A log that failed tells the next sync.
    assert (len(gone(second)), len(gone(third))) == (found, 1 - found)


@pytest.mark.parametrize("status", [400, 403], ids=["failed", "refused"])
def test_what_the_audit_log_has_told_counts_though_a_later_page_is_not_given(
    tasks: World, status: int
) -> None:
    options = {**TRACKED, **TOLD}
    with Sandbox(tasks, plan="service") as asana:
        first = read(asana, TASKS, **options)
        tasks.delete(tasks.find("Goes"))
        asana.clock.advance(DAY)
        path = r"^/workspaces/\d+/audit_log_events\?.*offset="
        asana.fault("status", path, times=None, status=status, message="Not now.")
        second = read(asana, TASKS, state=first.state, **options)
    assert gone(second) == {"tasks": 1, "subtasks": 1, "stories": 2}


def test_what_comes_back_while_deletions_wait_is_there(tasks: World) -> None:
    options = {**TRACKED, **LISTED}
    task = tasks.find("Goes")
    with Sandbox(tasks, plan="service") as asana:
        sync = read(asana, TASKS, **options)
        tasks.delete(task)
        asana.clock.advance(DAY)
        refuse_the_user(asana)
        sync = read(asana, TASKS, state=sync.state, **options)
        asana.clear_faults()
        tasks.undelete(task)
        asana.clock.advance(DAY)
        sync = read(asana, TASKS, state=sync.state, **options)
    assert gone(sync) == {}
    assert sync.gids("tasks") == [task]


@pytest.mark.parametrize("obstacles", [["user", "projects"], ["projects"]])
def test_nothing_is_deleted_that_another_user_may_not_see(
    tasks: World, obstacles: list[str]
) -> None:
    options = {**TRACKED, **LISTED}
    guest = tasks.add_user("Guest")
    with Sandbox(tasks, plan="service") as asana:
        sync = read(asana, TASKS, **options)
        tasks.make_guest(guest)
        asana.token = asana.add_token("guest", user=guest).text
        found = []
        for obstacle in [*obstacles, "", ""]:
            asana.clear_faults()
            # What the guest may not see is answered as if it did not exist.
            unknown = {"status": 404, "message": "Unknown object"}
            asana.fault("status", r"^/(tasks|stories)/\d+\?", times=None, **unknown)
            if obstacle == "user":
                refuse_the_user(asana)
            elif obstacle == "projects":
                asana.fault("status", "/projects", status=400, message="Bad request")
            asana.clock.advance(DAY)
            sync = read(asana, TASKS, state=sync.state, **options)
            assert bool(sync.errors) == (obstacle == "projects")
            found.append(gone(sync))
    assert [one for one in found if one] == []
    assert not any("ledger" in sync.state_of(name) for name in TASKS)


def test_a_token_that_may_never_read_its_user_tracks_deletions(tasks: World) -> None:
    options = {**TRACKED, **LISTED}
    with Sandbox(tasks, plan="service") as asana:
        refuse_the_user(asana)
        sync = read(asana, TASKS, **options)
        tasks.delete(tasks.find("Goes"))
        asana.clock.advance(DAY)
        sync = read(asana, TASKS, state=sync.state, **options)
    assert set(gone(sync)) == set(TASKS)
    assert [line for line in sync.warnings if "whose token" in line] == []


def test_a_time_entry_that_one_answer_lacks_is_not_sent_without_its_workspace_s_name() -> None:
    world = World.empty()
    task = world.add_task("T", projects=[world.add_project("P")])
    world.add_time_entry(task, entered_on="2024-05-02")
    names = ["time_tracking_entries"]
    with Sandbox(world, plan="service") as asana:
        first = read(asana, names, **TRACKED)
        asana.clock.advance(DAY)
        asana.fault("empty_list", "/time_tracking_entries")
        again = read(asana, names, state=first.state, **TRACKED)
        entry = first.gids(names[0])[0]
        assert [e.path for e in asana.log if e.path.endswith(entry)]
    assert again.records == {}
