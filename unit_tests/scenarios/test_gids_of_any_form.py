"""Asana promises texts as gids: numbers of any size, with zeros in front, or no numbers at all."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import (
    ALWAYS,
    DAY,
    FAMILY,
    new_world,
    sent,
    tombstones,
    unlike_asana,
)

pytestmark = pytest.mark.usefixtures("fast")

# The first two are one number.
NUMBERS = ("12", "0012", "0", str(2**63 - 1), str(2**63), str(2**64 + 1), "9" * 30)
USUAL = ("1200000000000001", "1200000000000002", "1200000000000003")
TEXTS = ("a", "A", "12a", "-12", "12.0", "1e3", "\u0661\u0662", "x/y")


class Odd:
    """Tasks and tags of every form; stories and attachments are texts beside numbers.

    Asana itself takes nothing but digits for an object in a path, so texts stay where they are.
    """

    def __init__(self, numbers: tuple[str, ...], *, has_children: bool) -> None:
        world = self.world = new_world()
        project = world.add_project("P")
        self.tasks = [
            world.add_task("T", gid=gid, rank=float(place), projects=[project])
            for place, gid in enumerate(numbers)
        ]
        self.tags = [world.add_tag("T", gid=gid) for gid in (*(f"{n}7" for n in numbers), *TEXTS)]
        for task in self.tasks if has_children else ():
            below = world.add_task("Below it", gid=f"{task}3", parent=task, rank=0.0)
            for one in (task, below):
                for gid in (f"{one}4", f"s{one}"):
                    world.add_story(one, "Said", gid=gid)
                for gid in (f"{one}5", f"a{one}"):
                    world.add_attachment(one, gid=gid)


@pytest.mark.parametrize(
    ("streams", "numbers", "change_detection"),
    [
        (("tags", "tasks"), NUMBERS, "listing"),
        (("tags", "tasks"), NUMBERS, "search"),
        (("tags", *FAMILY), USUAL, "search"),
        pytest.param(("tags", *FAMILY), NUMBERS, "listing"),
        pytest.param(("tags", *FAMILY), NUMBERS, "search"),
    ],
)
def test_each_is_a_record_of_its_own(
    streams: tuple[str, ...], numbers: tuple[str, ...], change_detection: str
) -> None:
    odd = Odd(numbers, has_children="subtasks" in streams)
    world = odd.world
    options = {"track_deletions": True, "change_detection": change_detection, **ALWAYS}
    with Sandbox(world) as asana:
        destination = Destination()
        for _ in range(2):
            asana.clock.advance(DAY)
            done = destination.sync(asana, streams, **options)
            assert not done.failed, done.errors
            assert unlike_asana(asana, destination, *streams) == []
        assert sent(done) == {}
        for task in odd.tasks:
            world.edit_task(task, name="Edited")
            world.comment(task)
        deleted = [*odd.tasks[1::3], *odd.tags[1 : len(numbers) : 3]]
        for gid in deleted:
            world.delete(gid)
        asana.clock.advance(DAY)
        done = destination.sync(asana, streams, **options)
        assert not done.failed, done.errors
        assert unlike_asana(asana, destination, *streams) == []
        found = tombstones(done)
        assert sorted([*found["tags"], *found["tasks"]]) == sorted(deleted)
