"""Tasks, their stories, and the edits that move a task's `modified_at`.

What moves it follows the description (schema TaskBase) and reports: a new story, an attachment, an
assignment, a custom field value, completion, name, dates and notes. An edited comment does not, nor
does anything about a subtask; what else does not is in `silent_edits.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.happenings import Happenings
from sandbox.server_time import parse_moment, to_stamp

# Compact records show these, so records that embed the task look different with them.
SHOWN_ELSEWHERE = frozenset({"name", "resource_subtype"})


class Edits(Happenings):
    """Calls that add and change tasks and stories."""

    def add_task(
        self,
        name: str = "Task",
        *,
        projects: Sequence[str] = (),
        parent: str | None = None,
        assignee: str | None = None,
        workspace: str | None = None,
        section: str | Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        private: bool = False,
        asana_type: bool = False,
        rank: float | None = None,
        **fields: Any,
    ) -> str:
        """Add a task to these projects, by default to their first section, or below `parent`.

        `private` hides a task without projects from everybody but its assignee and followers. A new
        subtask does not move its parent's `modified_at`. `custom_fields` maps the gid of a field to
        its value.
        """
        around = parent or (projects[0] if projects else None)
        workspace = workspace or (self.workspace_of(around) if around else self.workspace)
        happens = "created_at" not in fields
        fields.setdefault("created_at", self.now())
        fields.setdefault("modified_at", fields["created_at"])
        values = fields.pop("custom_fields", None)
        task: dict[str, Any] = {
            "resource_type": "task",
            "name": name,
            "workspace": workspace,
            "parent": parent,
            "assignee": assignee,
            "_projects": [],
            "_sections": {},
            **fields,
        }
        own = {"_private": private, "_asana_type": asana_type, "_values": values}
        task.update({key: value for key, value in own.items() if value})
        gid = self.put(task, ("workspace.tasks", workspace))
        place = float(int(gid)) if rank is None else rank
        for project in projects:
            chosen = section.get(project) if isinstance(section, Mapping) else section
            self.enter_project(gid, project, chosen, place)
        if parent:
            self.enter(gid, "task.subtasks", parent, place)
            self.touch(parent)
        if assignee:
            self.enter(gid, "assignee.tasks", f"{workspace}/{assignee}")
        if tags:
            task["tags"] = list(tags)
            for tag in tags:
                self.enter(gid, "tag.tasks", tag)
        self.changed_tasks += 1
        if happens:
            self.unindex(gid, before=None)
            for container in projects or ([parent] if parent else []):
                self.record("added", gid, parent=container)
        return gid

    def enter_project(
        self, gid: str, project: str, section: str | None, rank: float, *, index: int | None = None
    ) -> None:
        """Put a task into a project, into its first section unless one is named.

        `index` is the project's place among the task's projects; by default it is the last.
        """
        sections = self.listed("project.sections", project)
        if section is None and len(sections):
            section = sections.gids[0]
        projects = self[gid]["_projects"]
        projects.insert(len(projects) if index is None else index, project)
        self.enter(gid, "project.tasks", project, rank)
        if section is not None:
            self[gid]["_sections"][project] = section
            self.enter(gid, "section.tasks", section, rank)

    def move_stamp(self, gid: str) -> None:
        """Set the `modified_at` of a task to now, and to at least 1 ms later than before."""
        task = self[gid]
        before = task["modified_at"]
        now = self.now()
        if now == before:
            now = self.later(before)
        task["modified_at"] = now
        self.unindex(gid, before=before)
        self.touch(gid)

    @staticmethod
    def later(stamp: str) -> str:
        """Return the stamp one millisecond after `stamp`."""
        return to_stamp(parse_moment(stamp) + 0.001)

    def edit_task(self, gid: str, **fields: Any) -> None:
        """Change fields of a task and move its `modified_at`.

        `custom_fields` maps the gid of a field to its value.
        """
        with self.lock:
            task = self[gid]
            values = fields.pop("custom_fields", None)
            if values is not None:
                task["_values"] = {**task.get("_values", {}), **values}
            if "assignee" in fields:
                self._reassign(gid, fields["assignee"])
            if "completed" in fields and "completed_at" not in fields:
                done = fields["completed"]
                fields["completed_at"] = self.now() if done else None
                fields["completed_by"] = self.me if done else None
            stamp = fields.pop("modified_at", None)
            shown = any(task.get(key) != fields[key] for key in SHOWN_ELSEWHERE & fields.keys())
            task.update(fields)
            self.move_stamp(gid)
            if stamp:
                task["modified_at"] = stamp
            if shown:
                self.touch_all()
            for name in fields or {"custom_fields": None}:
                self.record("changed", gid, change={"field": name, "action": "changed"})

    def edit_subtask(self, gid: str, **fields: Any) -> None:
        """Change a subtask; its parent's `modified_at` stays."""
        self.edit_task(gid, **fields)

    def _reassign(self, gid: str, assignee: str | None) -> None:
        task = self[gid]
        if task.get("assignee"):
            self.leave(gid, "assignee.tasks", f"{task['workspace']}/{task['assignee']}")
        if assignee:
            self.enter(gid, "assignee.tasks", f"{task['workspace']}/{assignee}")

    def add_story(
        self, target: str, text: str = "A comment", subtype: str = "comment_added", **fields: Any
    ) -> str:
        """Add a story to a task or goal.

        Without a `created_at` it happens now, and a task's `modified_at` moves.
        """
        happens = "created_at" not in fields
        fields.setdefault("created_at", self.now())
        fields.setdefault("created_by", self.me or None)
        comment = subtype == "comment_added"
        kind = self[target]["resource_type"]
        gid = self.put(
            {
                "resource_type": "story",
                "resource_subtype": subtype,
                "type": "comment" if comment else "system",
                "text": text,
                "target": target,
                "_within": target,
                **fields,
            },
            (f"{kind}.stories", target),
        )
        if happens and kind == "task":
            self.move_stamp(target)
            self.record("added", gid, parent=target)
        return gid

    def add_attachment(self, parent: str, name: str = "notes.pdf", **fields: Any) -> str:
        """Attach a file to a task, project or project brief. A task's `modified_at` moves."""
        happens = "created_at" not in fields
        gid = super().add_attachment(parent, name, **fields)
        if happens:
            if self[parent]["resource_type"] == "task":
                self.move_stamp(parent)
            self.record("added", gid, parent=parent)
        return gid

    def comment(self, task: str, text: str = "A comment") -> str:
        """Comment on a task now, which adds a story and moves the task's `modified_at`."""
        with self.lock:
            return self.add_story(task, text)

    def edit_comment(self, story: str, text: str = "An edited comment") -> None:
        """Edit a comment. No `modified_at` moves, and the event names no parent."""
        with self.lock:
            self[story].update(text=text, is_edited=True)
            self.touch(story)
            self.record("changed", story, change={"field": "text", "action": "changed"})
