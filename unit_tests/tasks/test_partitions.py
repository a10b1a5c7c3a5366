"""Which lists show a task, for every task and choice of projects of a small world."""

from __future__ import annotations

from itertools import chain, combinations, product
from typing import Any

import pytest

from source_asana.config import parse_config
from source_asana.core.partitions import ELSEWHERE
from source_asana.tasks.routers import partitions_of, user_partition

LISTED = ("11", "12", "1/21")
SOME: tuple[dict[str, Any], ...] = (
    {},
    {"project_ids": ["11"]},
    {"exclude_project_ids": ["13"]},
    {"include_tasks_without_project": False},
)


def tasks() -> list[dict[str, Any]]:
    """Return all tasks of two listed projects and one that is not, with and without a parent."""
    sets = chain.from_iterable(combinations(("13", "12", "11"), n) for n in range(4))
    return [
        {
            "projects": [{"gid": gid} for gid in projects],
            "parent": parent and {"gid": parent},
            "assignee": assignee and {"gid": assignee},
        }
        for projects, parent, assignee in product(sets, (None, "4"), (None, "21", "22"))
    ]


@pytest.mark.parametrize("options", SOME, ids=str)
@pytest.mark.parametrize("listed", [None, LISTED], ids=["all", "some"])
def test_a_task_is_in_its_projects_or_with_its_parent_or_with_its_user(
    options: dict[str, Any], listed: tuple[str, ...] | None
) -> None:
    settings = parse_config({"credentials": {"personal_access_token": "t"}, **options})
    for task in tasks():
        found = partitions_of(task, user_partition(task, "1"), listed, settings)
        named = {project["gid"] for project in task["projects"]}
        read = named if listed is None else named & set(listed)
        if read:
            assert found == tuple(sorted(read))
        elif task["parent"] or not settings.reads_tasks_without_project:
            assert found == ()
        elif named:
            # Projects that the token cannot see, or that the settings leave out.
            assert set(found) <= (
                {"1/21", "1/22", ELSEWHERE} if settings.reads_all_projects else set()
            )
        else:
            gid = task["assignee"] and task["assignee"]["gid"]
            key = f"1/{gid}" if gid else ELSEWHERE
            assert found == ((key,) if listed is None or key in listed else ())
