"""A walk or a listing fails, or is refused, for ever: every sync ends, and costs what it must."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.properties.runs import Destination, Sync
from unit_tests.scenarios.worlds_a import FAMILY, HARDLY, send_at_once, wrong

HOUR = 3600
FAULTS: dict[str, dict[str, Any]] = {
    "fails": {"status": 500},
    "is refused": {"status": 403, "message": "You do not have access to this project."},
}
SELECTIONS = [*chain.from_iterable(combinations(FAMILY, n + 1) for n in range(len(FAMILY)))]
SYNCS = 5


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_once(monkeypatch)


class Projects:
    """Some projects with a task each, which has a subtask, and a user with a task in none.

    Attributes:
        ill: the gids of all that a fault may keep from being read.
    """

    def __init__(self) -> None:
        self.world = world = World.empty()
        self.projects = [world.add_project(f"P{number}") for number in range(6)]
        self.tasks, self.subtasks = [], []
        for project in self.projects:
            self.tasks.append(world.add_task("T", projects=[project]))
            self.subtasks.append(world.add_task("S", parent=self.tasks[-1]))
        self.ill = {self.tasks[0], self.subtasks[0]}
        for task in (*self.tasks, *self.subtasks):
            children = {world.comment(task), world.add_attachment(task)}
            self.ill |= children if task in self.ill else set()
        self.user = world.add_user("Uma")
        lone = world.add_task("Lone", assignee=self.user)
        self.ill |= {lone, world.comment(lone)}
        world.clock.advance(HOUR)

    def edit(self) -> None:
        """Change what can be read, the same things each time."""
        for task in (self.tasks[-1], self.subtasks[-1]):
            self.world.edit_task(task, name=self.world.now())

    def path(self, what: str) -> str:
        """Return the requests that read the first project, walk its task, or read the user."""
        return {
            "walk": f"/tasks/{self.tasks[0]}/subtasks",
            "listing": rf"/tasks\?.*project={self.projects[0]}",
            "listing by user": rf"/tasks\?.*assignee={self.user}",
        }[what]


def synced(
    what: str, fault: dict[str, Any], mode: str, streams: tuple[str, ...], syncs: int = SYNCS
) -> list[int]:
    """Sync some times, and return for each sync how many different requests it sent.

    What can be read has arrived after each of them.
    """
    made, requests = Projects(), []
    with Sandbox(made.world) as asana:
        destination = Destination()
        times = None if fault else 0
        planned = asana.fault("status", made.path(what), times=times, **fault)
        for _ in range(syncs):
            made.edit()
            asana.clock.advance(HOUR)
            asana.reset_log()
            done = destination.sync(asana, streams, change_detection=mode, **HARDLY)
            assert ended(done, streams)
            assert done.failed is (planned.hits > 0 and planned.status == 500), done.errors
            lacks = wrong(asana, destination, streams)
            assert [
                line for line in lacks if not made.ill & {*line.replace(":", " ").split()}
            ] == []
            # A page that fails is asked for again with another limit.
            asked = {(one.path, *sorted({**one.params, "limit": ""}.items())) for one in asana.log}
            requests.append(len(asked))
    return requests


def ended(done: Sync, streams: tuple[str, ...]) -> bool:
    """Return whether every stream has a last status."""
    return all(done.statuses.get(name) in {"COMPLETE", "INCOMPLETE"} for name in streams)


@pytest.mark.parametrize(
    ("what", "how", "mode", "streams"),
    [
        ("walk", "fails", "listing", FAMILY),
        ("walk", "is refused", "search", ("tasks", "stories")),
        ("listing", "fails", "search", ("subtasks",)),
        ("listing", "is refused", "search", FAMILY),
    ],
)
def test_later_syncs_cost_the_same(
    what: str, how: str, mode: str, streams: tuple[str, ...]
) -> None:
    _, *later = synced(what, FAULTS[how], mode, streams)
    assert len(set(later)) == 1, later


@pytest.mark.slow
@pytest.mark.parametrize("streams", SELECTIONS, ids="+".join)
@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("what", ["walk", "listing"])
def test_later_syncs_cost_the_same_with_every_selection(
    what: str, how: str, streams: tuple[str, ...]
) -> None:
    mode = ("listing", "search")[len(streams) % 2]
    _, *later = synced(what, FAULTS[how], mode, streams, syncs=4)
    assert len(set(later)) == 1, later


@pytest.mark.parametrize(
    ("what", "how"),
    [
        pytest.param("walk", "fails"),
        pytest.param("listing", "fails"),
        ("walk", "is refused"),
        ("listing", "is refused"),
        pytest.param("listing by user", "is refused"),
    ],
)
def test_where_a_workspace_is_searched_only_what_is_ill_is_listed_again(
    what: str, how: str
) -> None:
    healthy = synced(what, {}, "search", FAMILY, syncs=2)
    ill = synced(what, FAULTS[how], "search", FAMILY, syncs=3)
    # Workspaces, projects, two pages of the search, stories and attachments of two tasks.
    assert healthy[1] <= 10
    # The listing with its walk, and what hangs on the project itself.
    assert all(requests <= healthy[1] + 4 for requests in ill[1:]), (healthy, ill)


@pytest.mark.slow
def test_a_failed_walk_is_retried_after_a_sync_that_could_not_list_the_projects() -> None:
    world = World.empty()
    world.add_task("T", projects=[world.add_project("P")])
    task = world.add_task("Lone", assignee=world.me)
    world.comment(world.add_task("S", parent=task))
    with Sandbox(world) as asana:
        destination = Destination()
        for path in (f"/tasks/{task}/subtasks", r"^/projects\?", None):
            asana.clear_faults()
            if path:
                asana.fault("status", path, times=None, status=500)
            asana.clock.advance(HOUR)
            done = destination.sync(asana, FAMILY, change_detection="search", **HARDLY)
            assert done.failed is (path is not None)
        assert wrong(asana, destination, FAMILY) == []


@pytest.mark.parametrize("moment", ["edited since", "edited within the overlap", "not edited"])
def test_a_failed_walk_is_retried_though_a_search_shows_its_task(moment: str) -> None:
    world = World.empty()
    project = world.add_project("P")
    task = world.add_task("T", projects=[project])
    for number in range(2):
        world.comment(world.add_task(f"S{number}", parent=task))
    world.clock.advance(HOUR)
    with Sandbox(world) as asana:
        destination, options = Destination(), {"change_detection": "search", **HARDLY}
        if moment == "edited within the overlap":
            world.edit_task(task, name="Renamed")
        asana.fault("status", f"/tasks/{task}/subtasks", times=None, status=500)
        assert destination.sync(asana, FAMILY, **options).failed
        asana.clear_faults()
        asana.clock.advance(HOUR if moment != "edited within the overlap" else 60)
        if moment == "edited since":
            world.edit_task(task, name="Renamed")
            asana.clock.advance(HOUR)
        asana.reset_log()
        assert not destination.sync(asana, FAMILY, **options).failed
        assert wrong(asana, destination, FAMILY) == []
        assert [one.path for one in asana.log].count(f"/tasks/{task}/subtasks") == 1
