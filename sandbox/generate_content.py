"""Generates stories and attachments for the tasks of the default world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.server_time import to_stamp

if TYPE_CHECKING:
    from sandbox.generate_draft import Draft


def build_content(g: Draft) -> None:
    """Add stories to every task, and attachments to some tasks and projects."""
    _stories(g)
    _attachments(g)


def _stories(g: Draft) -> None:
    """Give each task 2 to 4 stories: comments, and system stories with old and new values."""
    world, r = g.world, g.random
    users, projects = g.users, g.projects
    changes = _value_changes(g)
    for number, gid in enumerate(g.all_tasks):
        task = world[gid]
        stamp = task["created_at"]
        kinds: list[tuple[str, str, dict[str, Any]]] = [
            ("added_to_project", "added to project", {"project": projects[0]}),
            ("comment_added", f"Commentaire {number} ✅", {}),
            ("name_changed", "changed the name", {"old_name": "Old", "new_name": task["name"]}),
            (
                "due_date_changed",
                "changed the due date",
                {
                    "old_dates": {"start_on": None, "due_at": None, "due_on": "2025-01-01"},
                    "new_dates": {"start_on": None, "due_at": None, "due_on": "2025-02-01"},
                },
            ),
            ("assigned", "assigned", {"assignee": r.choice(users)}),
            *changes,
        ]
        for turn in range(2 + number % 3):
            subtype, text, extra = kinds[(number + turn) % len(kinds)]
            # Moving to a project leaves `modified_at` alone, so it is not what came last.
            at = task["created_at"] if subtype == "added_to_project" else stamp
            world.add_story(gid, text, subtype, created_at=at, created_by=r.choice(users), **extra)
            stamp = task["modified_at"] if turn == number % 3 else stamp


def _value_changes(g: Draft) -> list[tuple[str, str, dict[str, Any]]]:
    """Return stories about changed custom field values, one for each subtype, and one more."""
    world = g.world
    changes: list[tuple[str, str, dict[str, Any]]] = [
        (
            "resource_subtype_changed",
            "changed the type",
            {"old_resource_subtype": "default_task", "new_resource_subtype": "milestone"},
        )
    ]
    for gid in g.fields:
        field = world[gid]
        kind = field["resource_subtype"]
        options = field.get("enum_options") or []
        values: dict[str, tuple[str, Any, Any]] = {
            "text": ("text_value", "alt", "neu"),
            "number": ("number_value", 1, 2),
            "enum": ("enum_value", options[:1] and options[0], options[-1:] and options[-1]),
            "multi_enum": ("multi_enum_values", options[:1], options[1:]),
            "people": ("people_value", [], g.users[:1]),
        }
        if kind in values:
            name, old, new = values[kind]
            extra = {"custom_field": gid, f"old_{name}": old, f"new_{name}": new}
            changes.append((f"{kind}_custom_field_changed", "changed a field", extra))
    return changes


def _attachments(g: Draft) -> None:
    """Attach files to a tenth of the tasks and to some projects."""
    for number, gid in enumerate(g.all_tasks):
        if number % 10 == 2:
            stamp = g.world[gid]["created_at"]
            for turn in range(1 + number % 2):
                g.world.add_attachment(gid, f"datei-{turn}.pdf", created_at=stamp)
    for number, gid in enumerate(g.projects):
        if number % 3 == 0:
            g.world.add_attachment(gid, "plan.png", created_at=to_stamp(g.moment()))
