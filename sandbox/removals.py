"""Edits that hide or delete things, and edits of projects and people."""

from __future__ import annotations

from typing import Any

from sandbox.edits import Edits


class Removals(Edits):
    """Deleting, sharing, withdrawing, archiving."""

    def delete_task(self, gid: str) -> None:
        """Trash a task with its subtasks, stories and attachments; its parent stays unmoved."""
        with self.lock:
            roots, parent = self.roots_of(gid), self[gid].get("parent")
            self._drop_task(gid)
            if parent is not None and parent in self:
                self.touch(parent)
            self.record("deleted", gid, roots=roots)

    def _drop_task(self, gid: str) -> None:
        for child in list(self.listed("task.subtasks", gid)):
            self._drop_task(child)
        for name in ("task.stories", "parent.attachments", "task.time_tracking_entries"):
            for child in list(self.listed(name, gid)):
                self.drop(child)
        for mine, theirs in (("dependencies", "dependents"), ("dependents", "dependencies")):
            for other in self[gid].get(mine, ()):
                if other in self and gid in self[other].get(theirs, ()):
                    self[other][theirs].remove(gid)
        self.drop(gid)

    def edit(self, gid: str, **fields: Any) -> None:
        """Change fields of anything; a project's or status update's modified_at moves along."""
        with self.lock:
            obj = self[gid]
            obj.update(fields)
            if "modified_at" in obj and "modified_at" not in fields:
                now = self.now()
                obj["modified_at"] = now if now != obj["modified_at"] else self.later(now)
            self.touch_all()
            for name in fields:
                self.record("changed", gid, change={"field": name, "action": "changed"})

    def edit_project(self, gid: str, **fields: Any) -> None:
        """Change fields of a project; its tasks' modified_at stay."""
        self.edit(gid, **fields)

    def rename_section(self, gid: str, name: str) -> None:
        """Rename a section; no modified_at moves."""
        self.edit(gid, name=name)

    def archive_project(self, gid: str, *, archived: bool = True) -> None:
        """Archive a project, or bring it back."""
        self.edit(gid, archived=archived)

    def share_project(self, gid: str, user: str | None = None) -> None:
        """Give the token's user (or another) access to a project; no modified_at moves."""
        with self.lock:
            member = user or self.me
            if member not in self[gid]["_members"]:
                self[gid]["_members"].append(member)
                self.add_membership(gid, member)
            self.touch_all()

    def withdraw_project(self, gid: str, user: str | None = None) -> None:
        """Take access to a project away from the token's user (or another): it becomes private."""
        with self.lock:
            member = user or self.me
            project = self[gid]
            project.update(_private=True, public=False, privacy_setting="private")
            project["_members"] = [m for m in project["_members"] if m != member]
            for membership in list(self.listed("parent.memberships", gid)):
                if self[membership]["member"] == member:
                    self.drop(membership)
            self.touch_all()

    def delete_project(self, gid: str) -> None:
        """Trash a project; tasks that are in no other project go with it."""
        with self.lock:
            roots = self.roots_of(gid)
            for task in list(self.listed("project.tasks", gid)):
                if task not in self:
                    continue
                alone = len(self[task]["_projects"]) == 1 and not self[task].get("parent")
                if alone:
                    self._drop_task(task)
                else:
                    self._leave_project(task, gid)
            inside = [
                child
                for name in self.lists
                if name.startswith(("project.", "parent."))
                for child in list(self.listed(name, gid))
            ]
            for child in inside:
                self.drop(child)
            for portfolio in self.lists.get("portfolio.items", {}).values():
                portfolio.remove(gid)
            self.drop(gid)
            self.record("deleted", gid, roots=roots)

    def delete(self, gid: str) -> None:
        """Trash anything that has nothing inside."""
        with self.lock:
            roots = self.roots_of(gid)
            self.drop(gid)
            self.record("deleted", gid, roots=roots)

    def deactivate_user(self, gid: str, workspace: str | None = None) -> None:
        """Take a user out of a workspace: gone from its listings, tasks stay assigned."""
        with self.lock:
            home = workspace or self.workspace
            self.leave(gid, "workspace.users", home)
            for membership in list(self.listed("user.workspace_memberships", gid)):
                if self[membership]["workspace"] == home:
                    self.drop(membership)
            for team in list(self.listed("user.team_memberships", gid)):
                self.leave(gid, "team.users", self[team]["team"])
                self.drop(team)
            self.touch_all()
