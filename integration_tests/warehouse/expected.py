"""What the package's tables should hold, worked out from Asana's truth without SQL."""

from collections.abc import Iterable, Iterator, Mapping
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
        "tasks": (_task(one) for one in tasks),
        "task_memberships": (
            {"task_gid": one["gid"], "project_gid": project["gid"], "section_gid": section}
            for one in tasks
            for project, section in _places(one)
        ),
        "task_tags": (
            {"task_gid": one["gid"], "tag_gid": tag["gid"], "tag_name": tag["name"]}
            for one in tasks
            for tag in one["tags"]
        ),
        "task_followers": (
            {"task_gid": one["gid"], "user_gid": user["gid"]}
            for one in tasks
            for user in one["followers"]
        ),
        "task_dependencies": (
            {"task_gid": one["gid"], "depends_on_task_gid": other["gid"]}
            for one in tasks
            for other in one["dependencies"]
        ),
        "custom_field_values": _values(truth),
        "custom_field_items": _items(truth),
        "stories": (
            {
                "story_gid": one["gid"],
                "task_gid": one["task_id"],
                "text": one["text"],
                "created_at": one["created_at"],
                "created_by_gid": gid(one.get("created_by")),
            }
            for one in truth["stories"]
        ),
        "projects": (
            {
                "project_gid": one["gid"],
                "name": one["name"],
                "owner_gid": gid(one.get("owner")),
                "team_gid": gid(one.get("team")),
                "modified_at": one["modified_at"],
                "archived": one["archived"],
            }
            for one in truth["projects"]
        ),
        "sections": (
            {"section_gid": one["gid"], "name": one["name"], "project_gid": one["project_id"]}
            for one in truth["sections"]
        ),
        "portfolio_items": _nested(truth),
        "goal_tree": _goals(truth),
        "project_members": _members(truth["project_memberships"], "project"),
        "portfolio_members": _members(truth["portfolio_memberships"], "portfolio"),
        "team_members": (
            {"membership_gid": one["gid"], "team_gid": one["team_id"], "user_gid": gid(one["user"])}
            for one in truth["team_memberships"]
        ),
    }
    return {name: comparable(rows) for name, rows in made.items()}


def comparable(rows: Iterable[Row]) -> list[Row]:
    """Return rows as Engine.table gives them."""
    return ordered([{key: plain(value) for key, value in row.items()} for row in rows])


def _task(one: Json) -> Row:
    same = ("name", "notes", "completed", "completed_at", "created_at", "modified_at", "due_on")
    return {
        "task_gid": one["gid"],
        **{name: one.get(name) for name in same},
        "assignee_gid": gid(one.get("assignee")),
        "parent_task_gid": gid(one.get("parent")),
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
            "resource_gid": thing["gid"],
            "custom_field_gid": value["gid"],
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
                "resource_gid": thing["gid"],
                "custom_field_gid": value["gid"],
                "item_gid": one["gid"],
            }


def _nested(truth: Truth) -> Iterator[Row]:
    below: dict[str, list[str]] = {}
    for one in truth["portfolio_items"]:
        below.setdefault(one["portfolio_id"], []).append(one["gid"])
    for top in below:
        for item, depth in _reached(below, top).items():
            if depth:
                yield {"portfolio_gid": top, "item_gid": item, "depth": depth}


def _goals(truth: Truth) -> Iterator[Row]:
    below: dict[str, list[str]] = {}
    for one in truth["goal_relationships"]:
        if one["supporting_resource"]["resource_type"] == "goal":
            below.setdefault(one["goal_id"], []).append(one["supporting_resource"]["gid"])
    for goal in truth["goals"]:
        for item, depth in _reached(below, goal["gid"]).items():
            yield {"ancestor_gid": goal["gid"], "goal_gid": item, "depth": depth}


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
            "membership_gid": one["gid"],
            f"{kind}_gid": one[f"{kind}_id"],
            "member_gid": one["member"]["gid"],
            "access_level": one["access_level"],
        }
