"""The calls that build worlds by hand. Each returns the gid of what it made.

Parameters have the names of Asana's fields. Any other field may be passed too; it is stored as it
is, with related objects as gids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMBER, GUEST = "member", "guest"


class Builders(Store):
    """Builds the core: workspaces, people, teams, projects, and what hangs on them."""

    me: str = ""
    workspace: str = ""
    # Needed for each record that is shown, so kept while `epoch` says that nobody came or went.
    _standings: tuple[int, dict[tuple[str, str], str]] = (-1, {})

    def add_workspace(self, name: str, *, is_organization: bool = False, **fields: Any) -> str:
        """Add a workspace; the token's user belongs to it."""
        gid = self.put(
            {
                "resource_type": "workspace",
                "name": name,
                "is_organization": is_organization,
                "email_domains": ["example.com"] if is_organization else [],
                **fields,
            },
            ("workspaces", ""),
        )
        self.workspace = self.workspace or gid
        if self.me:
            self.join(self.me, gid)
        self.touch_all()
        return gid

    def add_user(self, name: str, *, workspace: str | None = None, **fields: Any) -> str:
        """Add a user to `workspace`, or to the first one if none is named."""
        handle = f"user{len(self.lists.get('users', {}).get('', ()))}"
        fields.setdefault("email", f"{handle}@example.com")
        gid = self.put({"resource_type": "user", "name": name, **fields}, ("users", ""))
        self.me = self.me or gid
        self.join(gid, workspace or self.workspace)
        self.touch_all()
        return gid

    def join(self, user: str, workspace: str, **fields: Any) -> str:
        """Make `user` a member of `workspace`, with a My Tasks list, and return the membership."""
        self.enter(user, "workspace.users", workspace)
        task_list = self.put(
            {
                "resource_type": "user_task_list",
                "name": f"My Tasks in {self[workspace]['name']}",
                "owner": user,
                "workspace": workspace,
            }
        )
        member = {"user": user, "workspace": workspace, "user_task_list": task_list}
        flags = {"is_active": True, "is_admin": False, "is_guest": False, "is_view_only": False}
        self.touch_all()
        return self.put(
            {"resource_type": "workspace_membership", **member, **flags, **fields},
            ("workspace.memberships", workspace),
            ("user.workspace_memberships", user),
        )

    def standing(self, user: str, workspace: str) -> str:
        """Return what a user is in a workspace: `MEMBER`, `GUEST`, or "" for a stranger."""
        known = self._standings
        if known[0] != self.epoch:
            known = self._standings = (self.epoch, {})
        if (user, workspace) not in known[1]:
            known[1][user, workspace] = self._find_standing(user, workspace)
        return known[1][user, workspace]

    def _find_standing(self, user: str, workspace: str) -> str:
        for gid in self.listed("user.workspace_memberships", user):
            if self[gid]["workspace"] == workspace:
                return GUEST if self[gid]["is_guest"] else MEMBER
        return ""

    def user_task_list(self, user: str, workspace: str) -> str | None:
        """Return the gid of the user's My Tasks list in a workspace, or None for a stranger."""
        for gid in self.listed("user.workspace_memberships", user):
            if self[gid]["workspace"] == workspace and self[gid]["user_task_list"] in self:
                return str(self[gid]["user_task_list"])
        return None

    def add_team(
        self, name: str, *, workspace: str | None = None, users: Sequence[str] = (), **fields: Any
    ) -> str:
        """Add a team with these members."""
        organization = workspace or self.workspace
        gid = self.put(
            {"resource_type": "team", "name": name, "organization": organization, **fields},
            ("workspace.teams", organization),
        )
        for user in users:
            self.add_team_member(gid, user)
        self.touch_all()
        return gid

    def add_team_member(self, team: str, user: str, **fields: Any) -> str:
        """Put `user` into `team` and return the membership."""
        flags = {"is_guest": False, "is_limited_access": False, "is_admin": False}
        self.enter(user, "team.users", team)
        return self.put(
            {"resource_type": "team_membership", "team": team, "user": user, **flags, **fields},
            ("team.memberships", team),
            ("user.team_memberships", user),
        )

    def add_tag(self, name: str, *, workspace: str | None = None, **fields: Any) -> str:
        """Add a tag."""
        owner = workspace or self.workspace
        fields.setdefault("created_at", self.now())
        return self.put(
            {"resource_type": "tag", "name": name, "workspace": owner, **fields},
            ("workspace.tags", owner),
            ("tags", ""),
        )

    def add_project(
        self,
        name: str,
        *,
        workspace: str | None = None,
        private: bool = False,
        archived: bool = False,
        team: str | None = None,
        members: Sequence[str] | None = None,
        sections: Sequence[str] = ("Untitled section",),
        asana_type: bool = False,
        **fields: Any,
    ) -> str:
        """Add a project; the token's user is not in a `private` one unless `members` names them."""
        workspace = workspace or self.workspace
        joined = list(members) if members is not None else ([] if private else [self.me])
        fields.setdefault("created_at", self.now())
        fields.setdefault("modified_at", fields["created_at"])
        fields.setdefault("owner", joined[0] if joined else None)
        gid = self.put(
            {
                "resource_type": "project",
                "name": name,
                "workspace": workspace,
                "archived": archived,
                "team": team,
                "public": not private,
                "privacy_setting": "private" if private else "public_to_workspace",
                "_private": private,
                "_members": joined,
                "_asana_type": asana_type,
                **fields,
            },
            ("workspace.projects", workspace),
            ("projects", ""),
            *([("team.projects", team)] if team else []),
        )
        for user in joined:
            self.add_membership(gid, user)
        for section in sections:
            self.add_section(gid, section)
        self.touch_all()
        return gid

    def add_section(self, project: str, name: str, **fields: Any) -> str:
        """Add a section at the end of a project."""
        fields.setdefault("created_at", self[project].get("created_at") or self.now())
        return self.put(
            {
                "resource_type": "section",
                "name": name,
                "project": project,
                "projects": [project],
                "_within": project,
                **fields,
            },
            ("project.sections", project),
            rank=float(len(self.listed("project.sections", project))),
        )

    def add_membership(self, parent: str, member: str, **fields: Any) -> str:
        """Give `member`, a user or a team, access to a project, portfolio or goal."""
        kind = self[parent]["resource_type"]
        fields.setdefault("access_level", "editor")
        if kind == "goal":
            fields.setdefault("goal", parent)
            fields.setdefault("user", member)
            fields.setdefault("workspace", self[parent]["workspace"])
        return self.put(
            {
                "resource_type": "membership",
                "resource_subtype": f"{kind}_membership",
                "_kind": f"{kind}_membership",
                "parent": parent,
                "member": member,
                "_within": parent,
                **fields,
            },
            ("parent.memberships", parent),
            *([("team.project_memberships", member)] if kind == "project" else []),
        )

    def add_attachment(self, parent: str, name: str = "notes.pdf", **fields: Any) -> str:
        """Attach a file to a task, project or project brief."""
        fields.setdefault("created_at", self.now())
        fields.setdefault("host", "asana")
        return self.put(
            {
                "resource_type": "attachment",
                "resource_subtype": fields["host"],
                "name": name,
                "parent": parent,
                "_within": parent,
                **fields,
            },
            ("parent.attachments", parent),
        )

    def add_status_update(
        self, parent: str, title: str = "Status", text: str = "On track", **fields: Any
    ) -> str:
        """Publish a status update on a project, portfolio or goal; it becomes the current one."""
        kind = self[parent]["resource_type"]
        fields.setdefault("created_at", self.now())
        fields.setdefault("modified_at", fields["created_at"])
        fields.setdefault("status_type", "on_track")
        by = {"created_by": self.me, "author": self.me}
        fields.setdefault("reaction_summary", [])
        status = None
        same = {"title": title, "text": text, "_within": parent, **by, **fields}
        if kind == "project":
            legacy = {key: value for key, value in same.items() if key != "status_type"}
            status = self.put(
                {"resource_type": "project_status", "color": "green", **legacy},
                ("project.statuses", parent),
            )
        gid = self.put(
            {
                "resource_type": "status_update",
                "resource_subtype": f"{kind}_status_update",
                "_status": status,
                "parent": parent,
                **same,
            },
            ("parent.status_updates", parent),
        )
        self.touch_all()
        return gid
