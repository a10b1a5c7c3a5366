"""Tasks of people in projects that the token cannot see."""

import pytest

from sandbox import Sandbox, World
from unit_tests.sync import read

pytestmark = pytest.mark.usefixtures("fast")


def test_a_task_that_only_hidden_projects_hold_is_read_by_its_assignee() -> None:
    world = World.empty()
    hidden = world.add_project("Hidden", private=True)
    seen = world.add_project("Seen")
    mine = world.add_task("Mine", projects=[hidden], assignee=world.me)
    both = world.add_task("Both", projects=[hidden, seen], assignee=world.me)
    with Sandbox(world) as asana:
        sync = read(asana, ["tasks"])
        assert sync.gids("tasks") == sorted([mine, both])


@pytest.mark.parametrize("left_out", [True, False], ids=["chosen", "all"])
def test_a_named_project_that_no_listing_shows(*, left_out: bool) -> None:
    """Asana may name a project that the token cannot see; with a choice it may be one left out."""
    world = World.empty()
    project = world.add_project("P")
    task = world.add_task("There", projects=[project], assignee=world.me)
    free = world.add_task("Free", assignee=world.me)
    with Sandbox(world) as asana:
        asana.fault("empty_list", r"^/projects\?", times=None)
        choice = {"exclude_project_ids": ["12"]} if left_out else {}
        sync = read(asana, ["tasks"], **choice)
        assert sync.gids("tasks") == ([free] if left_out else sorted([task, free]))
