"""Everything beyond the core: one row per kind says in which lists its objects stand.

Adding a kind takes a row here, in `endpoints_listed.py` and in `truth.py`, and objects in
`generate_rest.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Sequence

# Kind -> (field that holds the container, list).
PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "agent": (("workspace", "workspace.agents"),),
    "ai_studio_run": (("workspace", "workspace.ai_studio_runs"),),
    "ai_studio_seat": (("workspace", "workspace.ai_studio_seats"),),
    "allocation": (("parent", "project.allocations"), ("assignee", "assignee.allocations")),
    "budget": (("parent", "project.budgets"),),
    "custom_field": (("_library_of", "workspace.custom_fields"),),
    "custom_field_setting": (("parent", "parent.custom_field_settings"),),
    "custom_type": (("_project", "project.custom_types"), ("_workspace", "workspace.custom_types")),
    "goal_relationship": (("supported_goal", "goal.relationships"),),
    "ooo_entry": (("user", "user.ooo_entries"),),
    "organization_export": (),
    "placeholder": (),
    "project_portfolio_setting": (
        ("portfolio", "portfolio.settings"),
        ("project", "project.portfolio_settings"),
    ),
    "project_template": (
        ("workspace", "workspace.project_templates"),
        ("team", "team.project_templates"),
    ),
    "rate": (("parent", "project.rates"),),
    "role": (("workspace", "workspace.roles"),),
    "task_template": (("project", "project.task_templates"),),
    "time_period": (("workspace", "workspace.time_periods"),),
    "time_tracking_category": (("workspace", "workspace.time_tracking_categories"),),
    "time_tracking_entry": (
        ("workspace", "workspace.time_tracking_entries"),
        ("task", "task.time_tracking_entries"),
        ("attributable_to", "project.time_tracking_entries"),
    ),
    "timesheet_approval_status": (("workspace", "workspace.timesheet_approval_statuses"),),
}
# Kind -> the field whose object decides who may see it.
WITHIN: dict[str, str] = {
    "allocation": "parent",
    "budget": "parent",
    "rate": "parent",
    "custom_field_setting": "parent",
    "custom_type": "_project",
    "project_portfolio_setting": "portfolio",
    "task_template": "project",
    "time_tracking_entry": "task",
}
IN_A_WORKSPACE = frozenset(
    kind for kind, places in PLACES.items() if any(field == "workspace" for field, _ in places)
) | {"ooo_entry"}


class Extras(Sharing):
    """Builds the other kinds."""

    def add(self, kind: str, **fields: Any) -> str:
        """Add an object of any kind in `PLACES`; related objects are passed as gids."""
        if kind in IN_A_WORKSPACE:
            fields.setdefault("workspace", self.workspace)
        if kind in WITHIN and fields.get(WITHIN[kind]):
            fields.setdefault("_within", fields[WITHIN[kind]])
        fields.setdefault("created_at", self.now())
        places = [(name, fields[field]) for field, name in PLACES[kind] if fields.get(field)]
        self.touch_all()
        return self.put({"resource_type": kind, **fields}, *places)

    def add_custom_field(
        self,
        name: str,
        subtype: str = "text",
        *,
        options: Sequence[str] = (),
        library: bool = True,
        workspace: str | None = None,
        **fields: Any,
    ) -> str:
        """Add a custom field; without `library` it stays local to where it is used."""
        workspace = workspace or self.workspace
        if options:
            fields["enum_options"] = [
                {
                    "gid": self.new_gid(),
                    "resource_type": "enum_option",
                    "name": option,
                    "enabled": True,
                    "color": "blue",
                }
                for option in options
            ]
        gid = self.new_gid()
        self.touch_all()
        return self.put(
            {
                "gid": gid,
                "resource_type": "custom_field",
                "resource_subtype": subtype,
                "type": subtype,
                "representation_type": subtype,
                "name": name,
                "is_global_to_workspace": library,
                "enabled": True,
                "is_formula_field": False,
                **fields,
            },
            *([("workspace.custom_fields", workspace)] if library else []),
        )

    def set_custom_field(self, parent: str, field: str, **fields: Any) -> str:
        """Put a custom field on a project, portfolio, goal or team and return the setting."""
        kind = self[parent]["resource_type"]
        return self.add(
            "custom_field_setting",
            parent=parent,
            project=parent if kind == "project" else None,
            custom_field=field,
            is_important=True,
            **fields,
        )

    def add_portfolio(
        self,
        name: str,
        *,
        owner: str | None = None,
        items: Sequence[str] = (),
        workspace: str | None = None,
        private: bool = False,
        asana_type: bool = False,
        **fields: Any,
    ) -> str:
        """Add a portfolio that holds projects and portfolios; it is the token user's by default."""
        workspace = workspace or self.workspace
        owner_gid = owner or self.me
        fields.setdefault("created_at", self.now())
        gid = self.put(
            {
                "resource_type": "portfolio",
                "name": name,
                "owner": owner_gid,
                "workspace": workspace,
                "public": not private,
                "privacy_setting": "members_only" if private else "public_to_domain",
                "_private": private,
                "_members": [owner_gid],
                "_asana_type": asana_type,
                **fields,
            },
            ("workspace.portfolios", workspace),
        )
        self.add_membership(gid, owner_gid)
        for item in items:
            self.add_portfolio_item(gid, item)
        self.touch_all()
        return gid

    def add_portfolio_item(self, portfolio: str, item: str) -> None:
        """Put a project, which gets a setting there, or a portfolio into a portfolio."""
        self.enter(item, "portfolio.items", portfolio)
        if self[item]["resource_type"] == "project":
            self.add("project_portfolio_setting", portfolio=portfolio, project=item)
        self.touch_all()

    def add_goal(
        self,
        name: str,
        *,
        owner: str | None = None,
        team: str | None = None,
        workspace: str | None = None,
        **fields: Any,
    ) -> str:
        """Add a goal; without a team it is a goal of the workspace."""
        workspace = workspace or self.workspace
        owner_gid = owner or self.me
        fields.setdefault("created_at", self.now())
        gid = self.put(
            {
                "resource_type": "goal",
                "name": name,
                "owner": owner_gid,
                "team": team,
                "workspace": workspace,
                "is_workspace_level": team is None,
                "_members": [owner_gid],
                **fields,
            },
            ("workspace.goals", workspace),
            *([("team.goals", team)] if team else []),
        )
        self.add_membership(gid, owner_gid)
        self.touch_all()
        return gid

    def support_goal(self, goal: str, supporter: str, *, weight: float = 1.0) -> str:
        """Let a goal, project, task or portfolio support `goal` and return the relationship."""
        subgoal = self[supporter]["resource_type"] == "goal"
        self.enter(goal, "supporter.goals", supporter)
        return self.add(
            "goal_relationship",
            resource_subtype="subgoal" if subgoal else "supporting_work",
            supported_goal=goal,
            supporting_resource=supporter,
            contribution_weight=weight,
        )

    def add_project_brief(self, project: str, **fields: Any) -> str:
        """Give a project its brief."""
        gid = self.put(
            {
                "resource_type": "project_brief",
                "title": "Brief",
                "project": project,
                "_within": project,
                **fields,
            },
            ("project.briefs", project),
        )
        self[project]["project_brief"] = gid
        self.touch_all()
        return gid

    def add_time_entry(
        self, task: str, *, minutes: int = 30, entered_on: str | None = None, **fields: Any
    ) -> str:
        """Enter time on a task, today unless a day is given."""
        fields.setdefault("created_by", self.me)
        gid = self.add(
            "time_tracking_entry",
            task=task,
            duration_minutes=minutes,
            entered_on=entered_on or self.now()[:10],
            workspace=self[task]["workspace"],
            **fields,
        )
        for category in fields.get("categories", ()):
            self.enter(gid, "category.time_tracking_entries", category)
        self.touch(task)
        return gid
