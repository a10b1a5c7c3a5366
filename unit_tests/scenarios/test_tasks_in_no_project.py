"""Tasks in no project come when docs/freshness.md says: no event tells of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox import Sandbox, World
from unit_tests.findings.copies import lacking
from unit_tests.properties.runs import Destination
from unit_tests.scenarios.worlds_b import FAMILY, HARDLY, HOUR, new_world

pytestmark = pytest.mark.usefixtures("fast")

# Column of the page's table -> the plan and the setting that it is about.
COLUMNS = {
    "A": ("advanced", "auto"),
    "B": ("free", "auto"),
    "C": ("free", "events"),
    "D": ("advanced", "search"),
    "E": ("free", "listing"),
}
BELOW = "⁵"
"""The footnote on subtasks of tasks in no project."""


def cell(row: str, column: str) -> str:
    """Return what the table says of a change, named by its first words, in a column."""
    page = (Path(__file__).parents[2] / "docs" / "freshness.md").read_text("utf-8")
    [found] = re.findall(rf"^\| {re.escape(row)}.*$", page, re.MULTILINE)
    return [part.strip() for part in found.split("|")][2 + sorted(COLUMNS).index(column)]


def prepared() -> World:
    world = new_world()
    ann = world.add_user("Ann")
    world.add_task("In a project", projects=[world.add_project("One")], assignee=ann)
    alone = world.add_task("Alone", assignee=ann)
    world.add_task("Below", parent=alone)
    world.add_task("Nobody's")
    return world


@pytest.mark.parametrize("column", COLUMNS)
def test_tasks_in_no_project_arrive_when_the_page_says(column: str) -> None:
    plan, mode = COLUMNS[column]
    world = prepared()
    with Sandbox(world, plan=plan) as asana:
        copy = Destination()

        def sync() -> None:
            asana.clock.advance(HOUR)
            copy.sync(asana, FAMILY, change_detection=mode, **HARDLY)
            asana.clock.advance(HOUR)

        for _ in range(2):
            sync()
        edited = cell("a task or subtask is added or edited", column)
        assert edited.startswith("next sync")
        assert cell("a comment or a file is added", column) == edited

        world.edit_task(world.find("Alone"), notes="Edited")
        world.comment(world.find("Alone"))
        sync()
        assert lacking(asana, copy) == {}

        world.edit_subtask(world.find("Below"), notes="Edited")
        world.comment(world.find("Below"))
        sync()
        assert (lacking(asana, copy) == {}) is (BELOW not in edited)

        world.edit_task(world.find("Nobody's"), notes="Edited")
        new = world.add_task("Nobody's, and new")
        sync()
        came = {world.find("Nobody's") in copy.rows["tasks"], new in copy.rows["tasks"]}
        row = "a task in no project and without an assignee"
        assert came == {cell(row, column) == "next sync"}
