"""Edits of what is no task, and of who may see it."""

from __future__ import annotations

from typing import Any

from sandbox.removals import Removals


class Sharing(Removals):
    """Calls that change, share, withdraw, hide, show and archive."""

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
            self[gid].update(_private=True, public=False, privacy_setting="private")
            self.remove_member(gid, user or self.me)

    def hide(self, gid: str, user: str | None = None) -> None:
        """Hide anything, with what is inside, from the token's user or another: 403 and unlisted.

        A task in a project that stays visible is hidden too. No event, no modified_at.
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
        """Make the token's user (or another) a guest of a workspace, or a member again.

        A guest sees the projects, portfolios, goals and teams that he was added to, and tasks of
        his own; custom fields are refused to him.
        """
        with self.lock:
            home = workspace or self.workspace
            for gid in self.listed("user.workspace_memberships", user or self.me):
                if self[gid]["workspace"] == home:
                    self[gid]["is_guest"] = guest
            self.touch_all()

    def hand_over(self, gid: str, owner: str) -> None:
        """Give a portfolio, goal or project another owner, who becomes a member if he is none."""
        with self.lock:
            if owner not in self[gid]["_members"]:
                self[gid]["_members"].append(owner)
                self.add_membership(gid, owner)
            self.edit(gid, owner=owner)
