"""What the package's tables should hold, worked out from Asana's truth without SQL."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from integration_tests.warehouse.engines import Row, ordered, plain

Json = Mapping[str, Any]
Truth = Mapping[str, list[dict[str, Any]]]


def gid(thing: Json | None) -> str | None:
    """Return the gid of an object, none of none."""
    return thing["gid"] if thing else None


def all_tasks(truth: Truth) -> list[dict[str, Any]]:
    """Return tasks and subtasks, each once."""
    return list({one["gid"]: one for one in [*truth["tasks"], *truth["subtasks"]]}.values())


def marts(truth: Truth) -> dict[str, list[Row]]:
    """Return mart -> rows, with those columns that say most."""
    tasks = all_tasks(truth)
    made: dict[str, Iterable[Row]] = {
        "task": (_task(one) for one in tasks),
        "task_membership": (
            {"task_id": one["gid"], "project_id": project["gid"], "section_id": section}
            for one in tasks
            for project, section in _places(one)
        ),
        "task_tag": (
            {"task_id": one["gid"], "tag_id": tag["gid"], "tag_name": tag["name"]}
            for one in tasks
            for tag in one["tags"]
        ),
        "task_follower": (
            {"task_id": one["gid"], "user_id": user["gid"]}
            for one in tasks
            for user in one["followers"]
        ),
        "task_dependency": (
            {"task_id": one["gid"], "depends_on_task_id": other["gid"]}
            for one in tasks
            for other in one["dependencies"]
        ),
        "custom_field_value": _values(truth),
        "custom_field_item": _items(truth),
        "story": (
            {
                "story_id": one["gid"],
                "task_id": one["task_id"],
                "text": one["text"],
                "created_at": one["created_at"],
                "created_by_id": gid(one.get("created_by")),
            }
            for one in truth["stories"]
        ),
        "project": (
            {
                "project_id": one["gid"],
                "name": one["name"],
                "owner_id": gid(one.get("owner")),
                "team_id": gid(one.get("team")),
                "modified_at": one["modified_at"],
                "archived": one["archived"],
            }
            for one in truth["projects"]
        ),
        "section": (
            {"section_id": one["gid"], "name": one["name"], "project_id": one["project_id"]}
            for one in truth["sections"]
        ),
        "portfolio_item": _nested(truth),
        "goal_tree": _goals(truth),
        "project_member": _members(truth["project_memberships"], "project"),
        "portfolio_member": _members(truth["portfolio_memberships"], "portfolio"),
        "team_member": (
            {"membership_id": one["gid"], "team_id": one["team_id"], "user_id": gid(one["user"])}
            for one in truth["team_memberships"]
        ),
    }
    return {name: comparable(rows) for name, rows in made.items()}


def comparable(rows: Iterable[Row]) -> list[Row]:
    """Return rows as Engine.table gives them."""
    return ordered([{key: plain(value) for key, value in row.items()} for row in rows])


def answered(rows: list[Row], may_be_empty: Container[str]) -> None:
    """Assert that a query finds rows, and that no column is null in all: a wrong path or join."""
    assert rows
    for column in rows[0]:
        if column not in may_be_empty:
            assert any(row[column] is not None for row in rows), column


def _task(one: Json) -> Row:
    same = ("name", "notes", "completed", "completed_at", "created_at", "modified_at", "due_on")
    return {
        "task_id": one["gid"],
        **{name: one.get(name) for name in same},
        "assignee_id": gid(one.get("assignee")),
        "parent_task_id": gid(one.get("parent")),
        "is_subtask": one.get("parent") is not None,
        "num_likes": one.get("num_likes"),
        "actual_time_minutes": one.get("actual_time_minutes"),
    }


def _places(task: Json) -> Iterator[tuple[Json, str | None]]:
    sections = {
        membership["project"]["gid"]: gid(membership.get("section"))
        for membership in task["memberships"]
    }
    for project in task["projects"]:
        yield project, sections.get(project["gid"])


def _fielded(truth: Truth) -> Iterator[tuple[str, Json, Json]]:
    kinds = {"task": all_tasks(truth)} | {
        kind: truth[f"{kind}s"] for kind in ("project", "portfolio", "goal")
    }
    for kind, things in kinds.items():
        for thing in things:
            for value in thing.get("custom_fields") or []:
                yield kind, thing, value


def _values(truth: Truth) -> Iterator[Row]:
    for kind, thing, value in _fielded(truth):
        day = value.get("date_value") or {}
        yield {
            "resource_type": kind,
            "resource_id": thing["gid"],
            "custom_field_id": value["gid"],
            "custom_field_name": value["name"],
            "display_value": value.get("display_value"),
            "text_value": value.get("text_value"),
            "number_value": value.get("number_value"),
            "enum_option_name": (value.get("enum_value") or {}).get("name"),
            "date_value": day.get("date"),
            "date_time_value": day.get("date_time"),
        }


def _items(truth: Truth) -> Iterator[Row]:
    for _, thing, value in _fielded(truth):
        chosen = [value["enum_value"]] if value.get("enum_value") else []
        for name in ("multi_enum_values", "people_value", "reference_value"):
            chosen += value.get(name) or []
        for one in chosen:
            yield {
                "resource_id": thing["gid"],
                "custom_field_id": value["gid"],
                "item_id": one["gid"],
            }


def _nested(truth: Truth) -> Iterator[Row]:
    below: dict[str, list[str]] = {}
    for one in truth["portfolio_items"]:
        below.setdefault(one["portfolio_id"], []).append(one["gid"])
    for top in below:
        for item, depth in _reached(below, top).items():
            if depth:
                yield {"portfolio_id": top, "item_id": item, "depth": depth}


def _goals(truth: Truth) -> Iterator[Row]:
    below: dict[str, list[str]] = {}
    for one in truth["goal_relationships"]:
        if one["supporting_resource"]["resource_type"] == "goal":
            below.setdefault(one["goal_id"], []).append(one["supporting_resource"]["gid"])
    for goal in truth["goals"]:
        for item, depth in _reached(below, goal["gid"]).items():
            yield {"ancestor_id": goal["gid"], "goal_id": item, "depth": depth}


def _reached(below: Mapping[str, list[str]], top: str) -> dict[str, int]:
    """Return what is below `top`, itself included, with the number of steps to it."""
    found, level, depth = {top: 0}, [top], 0
    while level:
        depth += 1
        level = [item for one in level for item in below.get(one, []) if item not in found]
        found |= dict.fromkeys(level, depth)
    return found


def _members(memberships: Iterable[Json], kind: str) -> Iterator[Row]:
    for one in memberships:
        yield {
            "membership_id": one["gid"],
            f"{kind}_id": one[f"{kind}_id"],
            "member_id": one["member"]["gid"],
            "access_level": one["access_level"],
        }
