"""Edits of everything but tasks, and of who may see what."""

from __future__ import annotations

from typing import Any

from sandbox.removals import Removals


class Sharing(Removals):
    """Calls that change, archive, share, withdraw, hide and show things."""

    def edit(self, gid: str, **fields: Any) -> None:
        """Change fields of anything; the `modified_at` of what has one moves along."""
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
        """Change fields of a project; its tasks' `modified_at` stays."""
        self.edit(gid, **fields)

    def add_section(self, project: str, name: str, **fields: Any) -> str:
        """Add a section at the end of a project."""
        gid = super().add_section(project, name, **fields)
        if "created_at" not in fields:
            self.record("added", gid, parent=project)
        return gid

    def rename_section(self, gid: str, name: str) -> None:
        """Rename a section; no `modified_at` moves."""
        self.edit(gid, name=name)

    def archive_project(self, gid: str, *, archived: bool = True) -> None:
        """Archive a project, or bring it back."""
        self.edit(gid, archived=archived)

    def share_project(self, gid: str, user: str | None = None) -> None:
        """Give the token's user, or another one, access to a project; no `modified_at` moves."""
        with self.lock:
            member = user or self.me
            if member not in self[gid]["_members"]:
                self[gid]["_members"].append(member)
                self.add_membership(gid, member)
            self.touch_all()

    def withdraw_project(self, gid: str, user: str | None = None) -> None:
        """Make a project private, without the token's user or the one who is named."""
        with self.lock:
            self[gid].update(_private=True, public=False, privacy_setting="private")
            self.remove_member(gid, user or self.me)

    def hide(self, gid: str, user: str | None = None) -> None:
        """Hide anything, with what is inside, from the token's user or another one.

        It leaves listings, and a GET is a 403. A task is hidden even if a project of it stays
        visible. There is no event, and no `modified_at` moves.
        """
        with self.lock:
            hidden = self[gid].get("_hidden", ())
            self[gid]["_hidden"] = [*hidden, user or self.me]
            self.touch_all()

    def show(self, gid: str, user: str | None = None) -> None:
        """Show what `hide` has hidden."""
        with self.lock:
            hidden = self[gid].get("_hidden", ())
            self[gid]["_hidden"] = [other for other in hidden if other != (user or self.me)]
            self.touch_all()

    def make_guest(
        self, user: str | None = None, workspace: str | None = None, *, guest: bool = True
    ) -> None:
        """Make the token's user, or another one, a guest of a workspace, or a member again.

        Guests see the projects, portfolios, goals and teams that they were added to, and their own
        tasks. They are refused custom fields.
        """
        with self.lock:
            workspace = workspace or self.workspace
            for gid in self.listed("user.workspace_memberships", user or self.me):
                if self[gid]["workspace"] == workspace:
                    self[gid]["is_guest"] = guest
            self.touch_all()

    def hand_over(self, gid: str, owner: str) -> None:
        """Give a portfolio, goal or project to another owner, who becomes a member of it."""
        with self.lock:
            if owner not in self[gid]["_members"]:
                self[gid]["_members"].append(owner)
                self.add_membership(gid, owner)
            self.edit(gid, owner=owner)
