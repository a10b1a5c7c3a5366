"""Tasks of people in projects that the token cannot see."""

from sandbox import Sandbox, World
from unit_tests.sync import read


def test_a_task_that_only_names_hidden_projects_is_read_by_its_assignee(fast: None) -> None:
    world = World.empty()
    hidden = world.add_project("Hidden", private=True)
    seen = world.add_project("Seen")
    mine = world.add_task("Mine", projects=[hidden], assignee=world.me)
    both = world.add_task("Both", projects=[hidden, seen], assignee=world.me)
    with Sandbox(world) as asana:
        sync = read(asana, ["tasks"])
        assert sync.gids("tasks") == sorted([mine, both])


def test_with_a_choice_of_projects_a_named_one_counts_as_left_out(fast: None) -> None:
    world = World.empty()
    left_out = world.add_project("Left out")
    world.add_task("There", projects=[left_out], assignee=world.me)
    free = world.add_task("Free", assignee=world.me)
    with Sandbox(world) as asana:
        sync = read(asana, ["tasks"], exclude_project_ids=[left_out])
        assert sync.gids("tasks") == [free]
