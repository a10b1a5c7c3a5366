"""Tasks, their stories, and the edits that happen to a world while it is read.

Which edit moves a task's `modified_at` follows the description (schema TaskBase) and reports: a
story created, an attachment, an assignment, a custom field value, completion, name, dates and
notes do; a move between containers, an edited comment, likes, tags and anything about a subtask do
not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.happenings import Happenings
from sandbox.server_time import parse_moment, to_stamp

# Compact records show these, so other records change their looks with them.
SHOWN_ELSEWHERE = frozenset({"name", "resource_subtype"})


class Edits(Happenings):
    """Calls that add tasks and stories and that change, move, hide and delete things."""

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
        """Add a task to these projects (to their first section unless told), or below `parent`.

        `private` hides a task without projects from everybody but assignee and followers. A new
        subtask does not move its parent's modified_at. `custom_fields` maps field gid to value.
        """
        home = workspace or self.home_of(parent, projects)
        happens = "created_at" not in fields
        fields.setdefault("created_at", self.now())
        fields.setdefault("modified_at", fields["created_at"])
        values = fields.pop("custom_fields", None)
        task: dict[str, Any] = {
            "resource_type": "task",
            "name": name,
            "workspace": home,
            "parent": parent,
            "assignee": assignee,
            "_projects": [],
            "_sections": {},
            **fields,
        }
        own = {"_private": private, "_asana_type": asana_type, "_values": values}
        task.update({key: value for key, value in own.items() if value})
        gid = self.put(task, ("workspace.tasks", home))
        place = float(int(gid)) if rank is None else rank
        for project in projects:
            chosen = section.get(project) if isinstance(section, Mapping) else section
            self._enter_project(gid, project, chosen, place)
        if parent:
            self.enter(gid, "task.subtasks", parent, place)
            self.touch(parent)
        if assignee:
            self.enter(gid, "assignee.tasks", f"{home}/{assignee}")
        if tags:
            task["tags"] = []
            for tag in tags:
                self.tag(gid, tag)
        self.changed_tasks += 1
        if happens:
            self.unindex(gid, before=None)
            for container in projects or ([parent] if parent else []):
                self.record("added", gid, parent=container)
        return gid

    def home_of(self, parent: str | None, projects: Sequence[str]) -> str:
        """Return the workspace of a task's surroundings."""
        around = parent or (projects[0] if projects else None)
        return str(self[around]["workspace"]) if around else self.workspace

    def _enter_project(self, gid: str, project: str, section: str | None, rank: float) -> None:
        task = self[gid]
        sections = self.listed("project.sections", project)
        if section is None and len(sections):
            section = sections.gids[0]
        task["_projects"].append(project)
        self.enter(gid, "project.tasks", project, rank)
        if section is not None:
            task["_sections"][project] = section
            self.enter(gid, "section.tasks", section, rank)

    def move_stamp(self, gid: str) -> None:
        """Set `modified_at` of a task to now, later than before by 1 ms at least."""
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
        """Change fields of a task; moves modified_at. `custom_fields` maps field gid to value."""
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
        """Change a subtask; its parent's modified_at stays."""
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
        """Add a story to a task or goal. Without `created_at` it happens now and moves the task."""
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

    def comment(self, task: str, text: str = "A comment") -> str:
        """Comment on a task now: a story, and the task's modified_at moves."""
        with self.lock:
            return self.add_story(task, text)

    def edit_comment(self, story: str, text: str = "An edited comment") -> None:
        """Edit a comment: no modified_at moves; the event has no parent."""
        with self.lock:
            self[story].update(text=text, is_edited=True)
            self.touch(story)
            self.record("changed", story, change={"field": "text", "action": "changed"})

    def delete_story(self, story: str) -> None:
        """Trash a story; its task's modified_at moves."""
        with self.lock:
            target, roots = self[story]["target"], self.roots_of(story)
            self.drop(story)
            self.record("removed", story, parent=target, roots=roots)
            if self[target]["resource_type"] == "task":
                self.move_stamp(target)

    def delete_attachment(self, attachment: str) -> None:
        """Trash an attachment; its task's modified_at moves."""
        with self.lock:
            parent, roots = self[attachment]["parent"], self.roots_of(attachment)
            self.drop(attachment)
            self.record("deleted", attachment, roots=roots)
            if self[parent]["resource_type"] == "task":
                self.move_stamp(parent)

    def move_task(
        self,
        gid: str,
        *,
        add_project: str | None = None,
        remove_project: str | None = None,
        section: str | None = None,
        moves_stamp: bool = False,
    ) -> None:
        """Put a task into a project or take it out; modified_at stays unless `moves_stamp`."""
        with self.lock:
            task = self[gid]
            if add_project and add_project not in task["_projects"]:
                self._enter_project(gid, add_project, section, float(self._next_gid))
                self.record("added", gid, parent=add_project)
            if remove_project and remove_project in task["_projects"]:
                self.record("removed", gid, parent=remove_project)
                self._leave_project(gid, remove_project)
            self.touch(gid)
            if moves_stamp:
                self.move_stamp(gid)

    def _leave_project(self, gid: str, project: str) -> None:
        task = self[gid]
        task["_projects"].remove(project)
        section = task["_sections"].pop(project, None)
        self.leave(gid, "project.tasks", project)
        if section:
            self.leave(gid, "section.tasks", section)

    def like(self, gid: str, user: str | None = None) -> None:
        """Like a task, story, status update or goal; no modified_at moves."""
        with self.lock:
            likes = self[gid].setdefault("_likes", [])
            likes.append(user or self.me)
            self.touch(gid)

    def tag(self, task: str, tag: str) -> None:
        """Put a tag on a task; modified_at stays."""
        with self.lock:
            self[task].setdefault("tags", []).append(tag)
            self.enter(task, "tag.tasks", tag)
            self.touch(task)

    def add_dependency(self, task: str, on: str) -> None:
        """Let `task` wait for `on`; modified_at stays."""
        with self.lock:
            self[task].setdefault("dependencies", []).append(on)
            self[on].setdefault("dependents", []).append(task)
            self.touch(task)
            self.touch(on)
