"""Deletions and departures that need more than `delete`, named after what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.store import kind_of
from sandbox.trash import Trash

if TYPE_CHECKING:
    from sandbox.store import Object


class Removals(Trash):
    """Calls that take something away from something else."""

    def delete(self, gid: str, *, permanently: bool = False) -> None:
        """Delete an object of any kind with everything inside, as `Trash.delete` does.

        A membership's rights go with it.

        Raises:
            ValueError: it is a user or a workspace, or a section that is not empty.
        """
        with self.lock:
            obj = self[gid]
            if kind_of(obj) in {"user", "workspace"}:
                message = f"a {kind_of(obj)} is never deleted; `deactivate_user` lets one leave"
                raise ValueError(message)
            if kind_of(obj) == "section" and len(self.listed("section.tasks", gid)):
                message = f"section {gid} is not empty"
                raise ValueError(message)
            super().delete(gid, permanently=permanently)
            self._end_membership(obj)

    def _end_membership(self, obj: Object) -> None:
        """Take away what a deleted membership had given."""
        kind = kind_of(obj)
        if kind == "team_membership":
            self.leave(obj["user"], "team.users", obj["team"])
        elif kind == "workspace_membership":
            self.leave(obj["user"], "workspace.users", obj["workspace"])
        elif kind.endswith("_membership"):
            members = self[obj["parent"]].get("_members", ())
            self[obj["parent"]]["_members"] = [m for m in members if m != obj["member"]]
        self.touch_all()

    def delete_task(self, gid: str, *, permanently: bool = False) -> None:
        """Trash a task with its subtasks, stories and attachments; its parent's stamp stays."""
        self.delete(gid, permanently=permanently)

    def delete_project(self, gid: str) -> None:
        """Trash a project together with the tasks that are in no other one."""
        self.delete(gid)

    def delete_story(self, story: str) -> None:
        """Trash a story and move its task's `modified_at`."""
        self.delete(story)

    def delete_attachment(self, attachment: str) -> None:
        """Trash an attachment and move its task's `modified_at`."""
        self.delete(attachment)

    def delete_section(self, section: str, *, into: str | None = None) -> None:
        """Delete an empty section; with `into` its tasks go to another section first.

        Raises:
            ValueError: it is not empty and `into` is not given.
        """
        with self.lock:
            rows = self.listed("section.tasks", section)
            for task in list(rows) if into else ():
                self.move_to_section(task, str(into), rank=rows.position(task)[0])
            self.delete(section)

    def remove_member(self, parent: str, member: str) -> None:
        """Take a user or a team out of a project, portfolio or goal."""
        with self.lock:
            for gid in list(self.listed("parent.memberships", parent)):
                if self[gid]["member"] == member:
                    self._audit_member(parent, member)
                    self.delete(gid)
            # Members may have been named without a membership of their own.
            members = self[parent].get("_members", ())
            self[parent]["_members"] = [other for other in members if other != member]
            self.touch_all()

    def _audit_member(self, parent: str, member: str) -> None:
        kind = self[parent]["resource_type"]
        if kind in {"project", "portfolio", "team"}:
            event = f"{kind}_member_removed"
            self.audit(event, self[member], "access_control", self.workspace_of(parent))

    def remove_team_member(self, team: str, user: str) -> None:
        """Take a user out of a team."""
        with self.lock:
            for gid in list(self.listed("team.memberships", team)):
                if self[gid]["user"] == user:
                    self._audit_member(team, user)
                    self.delete(gid)

    def remove_portfolio_item(self, portfolio: str, item: str) -> None:
        """Take a project, with its setting there, or a portfolio out of a portfolio."""
        with self.lock:
            self.leave(item, "portfolio.items", portfolio)
            for gid in list(self.listed("portfolio.settings", portfolio)):
                if self[gid]["project"] == item:
                    self.delete(gid)
            self.touch_all()

    def remove_custom_field(self, parent: str, field: str) -> None:
        """Take a custom field off a project, portfolio, goal or team by deleting its setting."""
        with self.lock:
            for gid in list(self.listed("parent.custom_field_settings", parent)):
                if self[gid]["custom_field"] == field:
                    self.delete(gid)

    def unsupport_goal(self, goal: str, supporter: str) -> None:
        """End the relationship by which something supports a goal."""
        with self.lock:
            for gid in list(self.listed("goal.relationships", goal)):
                if self[gid]["supporting_resource"] == supporter:
                    self.delete(gid)

    def deactivate_user(self, gid: str, workspace: str | None = None) -> None:
        """Take a user out of a workspace and of its teams, projects, portfolios and goals.

        Tasks stay assigned. `join` lets the user come back, with a new membership.
        """
        with self.lock:
            workspace = workspace or self.workspace
            self.audit("user_deprovisioned", self[gid], "user_updates", workspace)
            for membership in list(self.listed("user.workspace_memberships", gid)):
                if self[membership]["workspace"] == workspace:
                    self.delete(str(self[membership]["user_task_list"]))
                    self.delete(membership)
            for membership in list(self.listed("user.team_memberships", gid)):
                if self.workspace_of(self[membership]["team"]) == workspace:
                    self.delete(membership)
            for parent, rows in list(self.lists.get("parent.memberships", {}).items()):
                held = any(self[row]["member"] == gid for row in rows)
                if held and self.workspace_of(parent) == workspace:
                    self.remove_member(parent, gid)
            self.touch_all()
