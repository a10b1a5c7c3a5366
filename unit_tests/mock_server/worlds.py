"""A small world with something for every stream, and where each stream's requests go."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sandbox import World

FAR_PAST = "2024-05-01T10:00:00.000Z"


class Small:
    """One organization, two projects, and one or two of everything else; attributes are gids."""

    def __init__(self) -> None:
        """Build it."""
        world = self.world = World.empty()
        self.me = world.me
        self.colleague = world.add_user("Grace Colleague")
        self.team = world.add_team("Builders", users=[world.me, self.colleague])
        self.tag = world.add_tag("urgent")
        self.unused = ""
        self.field = world.add_custom_field("Priority", "enum", options=("Low", "High"))
        self.first = self._project("First")
        self.second = self._project("Second")
        self._tasks()
        self._people_and_workspace()
        self._portfolios_and_goals()

    def _project(self, name: str) -> str:
        world = self.world
        project = world.add_project(name, sections=("To do", "Done"), created_at=FAR_PAST)
        world.set_custom_field(project, self.field)
        world.add_status_update(project, f"{name} is fine", created_at=FAR_PAST)
        brief = world.add_project_brief(project)
        world.add_attachment(brief, "brief.png", created_at=FAR_PAST)
        world.add_attachment(project, "plan.png", created_at=FAR_PAST)
        world.add("custom_type", name="Bug", _project=project, _workspace=world.workspace)
        world.add(
            "task_template",
            name="Recipe",
            project=project,
            template={"name": "Recipe", "task_resource_subtype": "default_task"},
        )
        world.add("allocation", parent=project, assignee=world.me, start_date="2024-05-01")
        world.add("budget", parent=project, budget_type="cost")
        world.add("rate", parent=project, resource=world.me, rate=95.5, currency_code="EUR")
        return project

    def _tasks(self) -> None:
        world, option = self.world, self.world[self.field]["enum_options"][1]["gid"]
        self.task = world.add_task(
            "in First",
            projects=[self.first],
            assignee=world.me,
            tags=[self.tag],
            custom_fields={self.field: option},
            created_at=FAR_PAST,
        )
        self.other = world.add_task("in Second", projects=[self.second], created_at=FAR_PAST)
        self.both = world.add_task(
            "in both", projects=[self.first, self.second], created_at=FAR_PAST
        )
        self.loose = world.add_task("in none", assignee=world.me, created_at=FAR_PAST)
        self.subtask = world.add_task("below", parent=self.task, created_at=FAR_PAST)
        self.deep = world.add_task("far below", parent=self.subtask, created_at=FAR_PAST)
        self.tasks = [self.task, self.other, self.both, self.loose]
        self.subtasks = [self.subtask, self.deep]
        for task in (*self.tasks, *self.subtasks):
            world.add_story(task, f"about {task}", created_at=FAR_PAST)
        self.attachment = world.add_attachment(self.task, "photo.png", created_at=FAR_PAST)
        world.add_time_entry(self.task, entered_on="2024-05-02", attributable_to=self.first)

    def _people_and_workspace(self) -> None:
        world = self.world
        world.set_custom_field(self.team, self.field)
        world.add("time_period", period="FY", start_on="2024-01-01", end_on="2024-12-31")
        world.add("project_template", name="Launch", team=self.team, owner=world.me)
        world.add("role", name="Member", is_standard_role=True)
        world.add("agent", name="Teammate")
        world.add("ai_studio_seat", user=world.me, license="ai_studio_pro", state="active")
        world.add(
            "ai_studio_run", rule_owner=world.me, run_started_at=FAR_PAST, _recorded_at=FAR_PAST
        )
        world.add("ooo_entry", user=self.colleague, start_date="2024-05-01", end_date="2024-05-02")
        world.add("time_tracking_category", name="Dev", is_archived=False)
        world.add("time_tracking_category", name="Old", is_archived=True)
        world.add(
            "timesheet_approval_status",
            user=world.me,
            start_date="2024-05-01",
            end_date="2024-05-07",
            approval_status="DRAFT",
        )
        world.add_audit_event("task_deleted", created_at=FAR_PAST)
        self.export = world.add("organization_export", organization=world.workspace)

    def _portfolios_and_goals(self) -> None:
        world = self.world
        self.nested = world.add_portfolio("nested", owner=self.colleague, items=[self.second])
        self.portfolio = world.add_portfolio("mine", items=[self.first, self.nested])
        self.goal = world.add_goal("Win", owner=world.me)
        self.subgoal = world.add_goal("Score", owner=world.me)
        world.support_goal(self.goal, self.subgoal)
        for parent in (self.portfolio, self.nested, self.goal):
            world.set_custom_field(parent, self.field)
            world.add_status_update(parent, "So far, so good", created_at=FAR_PAST)
        world.add_story(self.goal, "We will", created_at=FAR_PAST)


def paths(small: Small) -> Mapping[str, str]:
    """Return stream -> regular expression over path and query that hits its requests only.

    Streams that lie in their parent's listing have none.
    """
    project = f"({small.first}|{small.second})"
    portfolio = f"({small.portfolio}|{small.nested})"
    goal = f"({small.goal}|{small.subgoal})"
    return MappingProxyType(
        {
            "workspaces": r"^/workspaces(\?|$)",
            "users": r"^/users\?",
            "teams": r"^/workspaces/\d+/teams",
            "tags": r"^/tags\?",
            "custom_fields": r"^/workspaces/\d+/custom_fields",
            "projects": r"^/projects\?",
            "portfolios": r"^/portfolios(\?|/\d+\?)",
            "goals": r"^/goals\?",
            "time_periods": r"^/time_periods",
            "project_templates": r"^/project_templates",
            "workspace_memberships": r"^/workspaces/\d+/workspace_memberships",
            "roles": r"^/roles",
            "agents": r"^/workspaces/\d+/agents",
            "workspace_custom_types": r"^/custom_types\?.*workspace=",
            "ai_studio_runs": r"^/workspaces/\d+/ai_studio/runs",
            "ai_studio_seats": r"^/workspaces/\d+/ai_studio/seats",
            "time_tracking_entries": r"^/time_tracking_entries",
            "time_tracking_categories": r"^/time_tracking_categories",
            "timesheet_approval_statuses": r"^/timesheet_approval_statuses",
            "audit_log_events": r"^/workspaces/\d+/audit_log_events",
            "organization_exports": r"^/organization_exports/",
            "user_task_lists": r"^/users/\d+/user_task_list",
            "ooo_entries": r"^/ooo_entries",
            "team_memberships": r"^/team_memberships",
            "sections": r"^/projects/\d+/sections",
            "tasks": r"^/tasks\?",
            "custom_types": r"^/custom_types\?.*project=",
            "project_memberships": rf"^/memberships\?.*parent={project}",
            "project_statuses": r"^/projects/\d+/project_statuses",
            "project_status_updates": rf"^/status_updates\?.*parent={project}",
            "project_briefs": r"^/project_briefs/",
            "task_templates": r"^/task_templates",
            "task_counts": r"^/projects/\d+/task_counts",
            "allocations": r"^/allocations",
            "budgets": r"^/budgets",
            "rates": r"^/rates",
            "events": r"^/events",
            "subtasks": r"^/tasks/\d+/subtasks",
            "stories": r"^/tasks/\d+/stories",
            "attachments": r"^/attachments",
            "portfolio_items": r"^/portfolios/\d+/items",
            "portfolio_memberships": rf"^/memberships\?.*parent={portfolio}",
            "portfolio_status_updates": rf"^/status_updates\?.*parent={portfolio}",
            "project_portfolio_settings": r"^/portfolios/\d+/project_portfolio_settings",
            "goal_relationships": r"^/goal_relationships",
            "goal_memberships": rf"^/memberships\?.*parent={goal}",
            "goal_status_updates": rf"^/status_updates\?.*parent={goal}",
            "goal_stories": r"^/goals/\d+/stories",
        }
    )
