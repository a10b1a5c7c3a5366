"""One project that Asana refuses or fails to list must not hide deletions in the others."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, World
from unit_tests.findings.copies import (
    BROKEN,
    DAY,
    NO_ACCESS,
    TRACKED,
    TREE,
    Copy,
    below,
    ghosts,
    new_world,
    tree,
    wrong,
)
from unit_tests.properties.lab import DELETED
from unit_tests.sync import read

LISTED = {**TRACKED, "change_detection": "listing"}
SEARCHED = {**TRACKED, "change_detection": "search"}


def with_trouble(asana: Sandbox, project: str, trouble: dict[str, Any] | None) -> None:
    """Have Asana refuse, or fail, every listing of a project from now on."""
    if trouble:
        asana.fault("status", rf"/tasks\?.*project={project}", times=None, **trouble)


def given() -> tuple[World, str, list[str]]:
    """Return a world, one of its projects, and what will be deleted elsewhere."""
    world = new_world()
    refused, project, other = (world.add_project(name) for name in ("Refused", "P", "Other"))
    tree(world, refused)
    whole, only, one = (tree(world, project) for _ in range(3))
    world.comment(world.add_task("Deep", parent=below(world, whole)))
    world.add_task("The other subtask", parent=one)
    tree(world, other)
    world.clock.advance(DAY)
    return world, refused, [whole, below(world, only), below(world, one), other]


@pytest.mark.parametrize(
    ("trouble", "options"),
    [
        pytest.param(None, LISTED, id="calm"),
        pytest.param(NO_ACCESS, LISTED, id="refused"),
        pytest.param(BROKEN, LISTED, id="fails"),
        pytest.param(NO_ACCESS, SEARCHED, id="refused-search", marks=pytest.mark.slow),
    ],
)
def test_deletions_elsewhere_arrive_and_are_taken_back(
    trouble: dict[str, Any] | None, options: dict[str, Any]
) -> None:
    world, refused, deleted = given()
    with Sandbox(world) as asana:
        copy = Copy()
        copy.sync(asana, TREE, **options)
        assert wrong(asana, copy) == {}
        with_trouble(asana, refused, trouble)
        for change in (world.delete, world.undelete):
            asana.clock.advance(DAY)
            for gid in deleted:
                change(gid)
            asana.clock.advance(DAY)
            copy.sync(asana, TREE, **options)
            assert wrong(asana, copy) == {}


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(NO_ACCESS, id="refused"),
        pytest.param(BROKEN, id="fails", marks=pytest.mark.slow),
    ],
)
def test_a_project_that_could_never_be_listed(trouble: dict[str, Any]) -> None:
    world, refused, deleted = given()
    with Sandbox(world) as asana:
        with_trouble(asana, refused, trouble)
        copy = Copy()
        copy.sync(asana, TREE, **LISTED)
        asana.clock.advance(DAY)
        for gid in deleted:
            world.delete(gid)
        copy.sync(asana, TREE, **LISTED)
        assert ghosts(asana, copy) == {}


def test_nothing_in_the_refused_project_counts_as_deleted_until_it_is_listed_again() -> None:
    world, refused, deleted = given()
    inside = list(world.listed("project.tasks", refused))
    with Sandbox(world) as asana:
        copy = Copy()
        copy.sync(asana, TREE, **LISTED)
        asana.clock.advance(DAY)
        with_trouble(asana, refused, NO_ACCESS)
        for gid in deleted:
            world.delete(gid)
        held = {gid: copy.rows["tasks"][gid] for gid in inside}
        copy.sync(asana, TREE, **LISTED)
        assert {gid: copy.rows["tasks"][gid] for gid in inside} == held
        asana.clear_faults()
        world.delete(inside[0])
        asana.clock.advance(DAY)
        copy.sync(asana, TREE, **LISTED)
        assert wrong(asana, copy) == {}
        assert all(copy.rows["tasks"][gid][DELETED] for gid in inside)


def test_what_cannot_be_proven_is_one_warning() -> None:
    world, refused, _ = given()
    options: dict[str, Any] = {"incremental": True, **LISTED}
    with Sandbox(world) as asana:
        state = read(asana, TREE, **options).state
        with_trouble(asana, refused, NO_ACCESS)
        world.delete(world.listed("project.tasks", refused).gids[0])
        asana.clock.advance(DAY)
        sync = read(asana, TREE, state=state, **options)
    assert len([line for line in sync.warnings if "delet" in line]) == 1
