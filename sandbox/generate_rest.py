"""Generates objects of the rarer kinds for the default world, more of them in larger worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.generate_draft import DAY_SECONDS
from sandbox.server_time import to_stamp

if TYPE_CHECKING:
    from sandbox.generate_draft import Draft

AI_STUDIO_RUNS = 12
AUDIT_EVENTS = 250
PRIVATE, OF_ASANA_TYPE = {3}, {4}


def build_rest(g: Draft) -> None:
    """Add to the world what the core lacks."""
    _organization(g)
    _project_things(g)
    _time(g)
    _goals(g)
    _portfolios(g)
    _audit_log(g)
    _ai_studio(g)


def _organization(g: Draft) -> None:
    """Add what belongs to a workspace: periods, templates, roles, agents, absences, exports."""
    world, r = g.world, g.random
    workspace = world.workspace
    year = world.add(
        "time_period", period="FY", display_name="FY25", start_on="2025-01-01", end_on="2025-12-31"
    )
    for number, name in enumerate(("Q1", "Q2", "Q3", "Q4")):
        first = 1 + 3 * number
        world.add(
            "time_period",
            period=name,
            display_name=f"{name} FY25",
            parent=year,
            start_on=f"2025-{first:02d}-01",
            end_on=f"2025-{first + 2:02d}-28",
        )
    for number, team in enumerate([*g.teams[:2], None]):
        world.add(
            "project_template",
            name=f"Vorlage {number}",
            team=team,
            owner=world.me,
            color="dark-blue",
            requested_dates=[{"gid": str(number + 1), "name": "Start", "description": "First day"}],
            requested_roles=[],
        )
    for name in ("Guest", "Member", "Admin", "Développeur"):
        world.add("role", name=name, is_standard_role=name != "Développeur")
    world.add("agent", name="Teammate", resource_subtype="asana_teammate")
    for number, user in enumerate(g.users):
        if number % 3 == 0:
            world.add(
                "ooo_entry",
                user=user,
                created_by=user,
                start_date=g.day(30),
                end_date=g.day(20 - number % 5),
            )
    world.add("organization_export", organization=workspace, state="finished", **g.past())
    world.add(
        "organization_export",
        organization=workspace,
        state="pending",
        download_url=None,
        **g.past(),
    )
    for number, team in enumerate(g.teams):
        world.set_custom_field(team, g.fields[number % len(g.fields)], **g.past())
    for user in r.sample(g.users, 2):
        for membership in world.listed("user.workspace_memberships", user):
            world[membership].update(
                is_admin=True, vacation_dates={"start_on": g.day(3), "end_on": None}
            )


def _project_things(g: Draft) -> None:
    """Add what belongs to a project: types, templates, briefs, allocations, budgets, rates."""
    world, r = g.world, g.random
    placeholder = world.add("placeholder", name="Designer wanted")
    for number, project in enumerate(g.projects):
        if number % 4 == 0:
            options = [
                {
                    "gid": world.new_gid(),
                    "resource_type": "custom_type_status_option",
                    "name": name,
                    "completion_state": state,
                    "enabled": True,
                    "color": "green",
                }
                for name, state in (("Open", "incomplete"), ("Fertig", "complete"))
            ]
            world.add(
                "custom_type",
                name="Bug",
                status_options=options,
                _project=project,
                _workspace=world.workspace,
            )
        if number % 3 == 1:
            template: dict[str, Any] = {"name": "Recipe", "task_resource_subtype": "default_task"}
            template.update(
                description="Steps", html_description="<body>Steps</body>", memberships=[project]
            )
            world.add(
                "task_template",
                name=f"Template {number}",
                project=project,
                template=template,
                **g.past(),
            )
        if number % 3 == 0:
            brief = world.add_project_brief(
                project, html_text="<body>Warum? Darum.</body>", text="Warum? Darum."
            )
            world.add_attachment(brief, "brief.png", **g.past())
        for turn in range(number % 3):
            world.add(
                "allocation",
                parent=project,
                assignee=placeholder if turn else r.choice(g.users),
                resource_subtype="project_allocation",
                start_date=g.day(40),
                end_date=g.day(10),
                effort={"type": "percent", "value": 50.5} if turn else None,
            )
        if number % 4 == 1:
            world.add("budget", parent=project, budget_type="cost")
            world.add(
                "rate", parent=project, resource=r.choice(g.users), rate=95.5, currency_code="EUR"
            )
            world.add("rate", parent=project, resource=placeholder, rate=60, currency_code="EUR")
        if number % 2 and g.teams:
            world.add_membership(project, r.choice(g.teams), access_level="commenter")


def _time(g: Draft) -> None:
    """Add time entries of the last year, categories (one of them archived), and timesheets."""
    world, r = g.world, g.random
    categories = [
        world.add("time_tracking_category", name=name, is_archived=archived, color="blue")
        for name, archived in (("Dev", False), ("Büro", False), ("Old", True))
    ]
    for number, task in enumerate(g.all_tasks):
        if number % 6 == 0:
            projects = world[task]["_projects"]
            world.add_time_entry(
                task,
                minutes=15 + number % 200,
                entered_on=g.day(number % 365),
                created_by=r.choice(g.users),
                categories=[r.choice(categories)] if number % 4 else [],
                attributable_to=projects[0] if projects else None,
                **g.past(),
            )
    for number, user in enumerate(g.users[:8]):
        world.add(
            "timesheet_approval_status",
            user=user,
            start_date=g.day(7 * number + 7),
            end_date=g.day(7 * number + 1),
            approval_status=("DRAFT", "SUBMITTED", "APPROVED")[number % 3],
        )


def _goals(g: Draft) -> None:
    """Add a tree of goals with supporting projects, statuses, stories and a custom field."""
    world, r = g.world, g.random
    periods = [obj["gid"] for obj in world.of_kind("time_period")]
    goals: list[str] = []
    for number in range(max(6, len(g.projects) // 20)):
        goal = world.add_goal(
            f"Ziel {number} 🎯",
            team=r.choice(g.teams) if number % 2 else None,
            time_period=r.choice(periods),
            owner=r.choice(g.users),
            notes="Reach it",
            due_on=g.day(-30),
            start_on=None,
            followers=[world.me],
            **g.past(),
        )
        if goals:
            world.support_goal(goals[(number - 1) // 2], goal)
        if number % 2 == 0:
            world.support_goal(goal, r.choice(g.projects), weight=0.5)
            reactions = [{"emoji_base": "🎉", "variant": "🎉", "count": 2, "reacted": True}]
            world.add_status_update(
                goal, f"Goal week {number}", "Läuft", reaction_summary=reactions, **g.past()
            )
            world.set_custom_field(goal, g.fields[1], **g.past())
        for turn in range(number % 3):
            world.add_story(goal, f"goal comment {turn}", created_by=r.choice(g.users), **g.past())
        goals.append(goal)


def _portfolios(g: Draft) -> None:
    """Add portfolios of the token's user, two of which contain each other, and some of others."""
    world, r = g.world, g.random
    shown = [p for p in g.projects if not world[p]["_private"]]
    made: list[str] = []
    for number in range(max(4, len(g.projects) // 30)):
        owner = world.me if number % 2 == 0 else r.choice(g.users[1:])
        portfolio = world.add_portfolio(
            f"Portfolio {number} ✦",
            owner=owner,
            items=r.sample(shown, min(len(shown), 2 + number % 3)),
            private=number in PRIVATE,
            asana_type=number in OF_ASANA_TYPE,
            due_on=g.day(-90),
            color="light-green",
            **g.past(),
        )
        world.set_custom_field(portfolio, g.fields[number % len(g.fields)], **g.past())
        if number % 2 == 0:
            world.add_status_update(portfolio, f"Portfolio week {number}", "Bien", **g.past())
        made.append(portfolio)
    # The first holds the second, which is another user's and holds the first again.
    world.add_portfolio_item(made[0], made[1])
    world.add_portfolio_item(made[1], made[0])


def _audit_log(g: Draft) -> None:
    """Add the last 80 days of the audit log, ascending."""
    world, r = g.world, g.random
    kinds = ("task_deleted", "user_login_succeeded", "project_deleted", "comment_deleted")
    for number in range(AUDIT_EVENTS):
        user = r.choice(g.users)
        world.add_audit_event(
            kinds[number % len(kinds)],
            actor={
                "actor_type": "user",
                "gid": user,
                "name": world[user]["name"],
                "email": world[user]["email"],
            },
            resource={"resource_type": "task", "gid": r.choice(g.all_tasks), "name": "Gone"},
            context={
                "context_type": "web",
                "client_ip_address": "192.0.2.7",
                "user_agent": "Mozilla",
            },
            created_at=to_stamp(
                g.start - (AUDIT_EVENTS - number) * 80 * DAY_SECONDS / AUDIT_EVENTS
            ),
        )


def _ai_studio(g: Draft) -> None:
    """Add the seats of AI Studio and the runs of a rule, recorded a little after they ended."""
    world = g.world
    rule = {"gid": world.new_gid(), "resource_type": "rule", "name": "Trier les demandes"}
    division = {"gid": world.new_gid(), "resource_type": "division", "name": "EMEA"}
    for number, user in enumerate(g.users[:3]):
        gone = number == 2
        world.add(
            "ai_studio_seat",
            user=user,
            license="ai_studio_pro",
            state="revoked" if gone else "active",
            assigned_at=to_stamp(g.start - 60 * DAY_SECONDS),
            revoked_at=to_stamp(g.start - DAY_SECONDS) if gone else None,
            assigned_by=world.me,
        )
    for number in range(AI_STUDIO_RUNS):
        began = g.start - (AI_STUDIO_RUNS - number) * DAY_SECONDS / 2
        world.add(
            "ai_studio_run",
            rule=rule,
            rule_owner=world.me,
            triggered_by=g.users[number % len(g.users)],
            triggering_container=g.projects[number % len(g.projects)] if number % 4 else None,
            division=division,
            run_started_at=to_stamp(began),
            run_completed_at=to_stamp(began + 40) if number % 5 else None,
            status="success" if number % 5 else "failure",
            model="gpt-4o",
            credits_used=12.5 * number,
            credit_source="ai_studio_pro",
            _recorded_at=to_stamp(began + 45),
        )
