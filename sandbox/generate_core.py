"""Generates the core of the default world: people, projects and tasks, in proportion to `tasks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.server_time import to_stamp
from sandbox.words import FIRST, LAST, NOUNS, VERBS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.generate_draft import Draft

SECTIONS = ("Untitled section", "To do", "Doing", "Blocked ⛔", "Done")
LARGEST_SHARE = 0.30
SUBTASKS_SHARE = 0.20
HOMELESS_SHARE = 0.05
DEEPEST = 5


def build_core(g: Draft) -> None:
    """Add people, projects and tasks to a world that has nothing yet."""
    _people(g)
    _projects(g)
    _tasks(g)


def _people(g: Draft) -> None:
    world, pick = g.world, g.random.choice
    world.add_workspace("Acme Corp Ω", is_organization=True)
    for number in range(g.n_users):
        name = f"{pick(FIRST)} {pick(LAST)}" if number else "Ada Token"
        g.users.append(world.add_user(name))
    for number in range(max(2, g.n_users // 10)):
        members = g.random.sample(g.users, min(len(g.users), 3 + number % 4))
        g.teams.append(world.add_team(f"{pick(NOUNS)} team {number}", users=members))
    for number in range(12):
        color = pick(("dark-pink", "light-green", None))
        stamp = to_stamp(g.moment())
        g.tags.append(world.add_tag(f"tag {number} {pick(NOUNS)}", color=color, created_at=stamp))
    _custom_fields(g)


def _custom_fields(g: Draft) -> None:
    world, r = g.world, g.random

    def options(field: str) -> list[str]:
        return [option["gid"] for option in world[field]["enum_options"]]

    made: list[tuple[str, Callable[[str], Callable[[], Any]]]] = [
        (world.add_custom_field("Kommentar", "text"), lambda _: lambda: r.choice(VERBS)),
        (
            world.add_custom_field("Priority", "enum", options=("Low", "Mid", "Hoch", "🔥")),
            lambda f: lambda: r.choice(options(f)),
        ),
        (
            world.add_custom_field("Channels", "multi_enum", options=("Web", "Mail", "Été")),
            lambda f: lambda: r.sample(options(f), r.randint(0, 3)),
        ),
        (
            world.add_custom_field(
                "Cost", "number", precision=2, format="currency", currency_code="EUR"
            ),
            lambda _: lambda: r.randint(0, 99_999) / 100,
        ),
        (
            world.add_custom_field("Points", "number", precision=0, format="none"),
            lambda _: lambda: r.randint(0, 13),
        ),
        (
            world.add_custom_field("Go live", "date"),
            lambda _: lambda: to_stamp(g.moment())[:10],
        ),
        (
            world.add_custom_field("Reviewers", "people"),
            lambda _: lambda: r.sample(g.users, r.randint(0, 2)),
        ),
        (
            world.add_custom_field(
                "See also", "reference", library=False, input_restrictions=["task"]
            ),
            lambda _: lambda: r.sample(g.top, min(len(g.top), r.randint(0, 2))),
        ),
    ]
    for field, maker in made:
        g.fields.append(field)
        g.values[field] = maker(field)


def _projects(g: Draft) -> None:
    """Add projects: a large one, an empty one, and some that are archived, private or typed."""
    world, r = g.world, g.random
    for number in range(g.n_projects):
        created = g.moment()
        private = number % 9 == 4
        gid = world.add_project(
            f"{r.choice(NOUNS)} {number}",
            archived=number % 10 == 3,
            private=private,
            team=r.choice(g.teams) if number % 3 == 0 else None,
            members=[r.choice(g.users[1:])] if private else [world.me, r.choice(g.users)],
            sections=SECTIONS[: 1 + number % len(SECTIONS)],
            asana_type=number % 11 == 6,
            created_at=to_stamp(created),
            modified_at=to_stamp(g.moment(created)),
            due_on=to_stamp(g.moment())[:10] if number % 2 else None,
            notes=f"Notes of {number}: naïve façade 🏗",
        )
        g.projects.append(gid)
        g.project_fields[gid] = r.sample(g.fields, 2 + number % 5)
        for field in g.project_fields[gid]:
            world.set_custom_field(gid, field, created_at=to_stamp(created))
        for update in range(number % 3):
            world.add_status_update(
                gid, f"Week {update}", "On trâck", created_at=to_stamp(g.moment(created))
            )


def _values(g: Draft, projects: list[str]) -> dict[str, Any]:
    """Return values for most of the custom fields of these projects."""
    fields = {field for project in projects for field in g.project_fields[project]}
    return {field: g.values[field]() for field in sorted(fields) if g.random.random() < 0.7}


def _task(g: Draft, **fields: Any) -> str:
    r, pick = g.random, g.random.choice
    number = len(g.all_tasks)
    created = g.moment()
    done = r.random() < 0.4
    modified = g.moment(created)
    fields.setdefault("assignee", pick(g.users) if r.random() < 0.6 else None)
    if done:
        fields.update(completed=True, completed_at=to_stamp(modified), completed_by=pick(g.users))
    if number % 17 == 0:
        fields["resource_subtype"] = pick(("milestone", "approval"))
        if fields["resource_subtype"] == "approval":
            fields["approval_status"] = "approved" if done else "pending"
    if number % 6 == 0:
        fields["_likes"] = r.sample(g.users, r.randint(1, 2))
    if number % 9 == 5:
        fields["_pictures"] = 1 + number % 2
    if number % 4 == 0:
        fields["followers"] = r.sample(g.users, r.randint(1, 3))
    gid = g.world.add_task(
        f"{pick(VERBS)} {pick(NOUNS)} {number}",
        tags=[pick(g.tags)] if number % 8 == 0 else (),
        created_at=to_stamp(created),
        modified_at=to_stamp(modified),
        created_by=pick(g.users),
        rank=r.random(),
        asana_type=number % 97 == 50,
        **fields,
    )
    g.all_tasks.append(gid)
    return gid


def _tasks(g: Draft) -> None:
    """Add tasks: 30 % in the first project, some in several or in none, and subtasks."""
    world, r = g.world, g.random
    subtasks = int(g.n_tasks * SUBTASKS_SHARE)
    homeless = int(g.n_tasks * HOMELESS_SHARE)
    in_projects = g.n_tasks - subtasks - homeless
    others = g.projects[2:] or g.projects
    large = int(g.n_tasks * LARGEST_SHARE)
    for number in range(in_projects):
        projects = [g.projects[0] if number < large else r.choice(others)]
        if number % 12 == 0:
            more = r.sample(others, min(len(others), r.randint(1, 4)))
            projects = list(dict.fromkeys([*projects, *more]))
        sections = {p: r.choice(world.listed("project.sections", p).gids) for p in projects}
        gid = _task(g, projects=projects, section=sections, custom_fields=_values(g, projects))
        g.top.append(gid)
    for number in range(homeless):
        owner = world.me if number % 3 == 0 else r.choice(g.users)
        g.top.append(_task(g, assignee=owner, private=number % 4 == 1))
    _subtasks(g, subtasks)
    for number, gid in enumerate(g.top):
        if number % 25 == 0 and number:
            world.add_dependency(gid, on=g.top[number - 1])


def _subtasks(g: Draft, count: int) -> None:
    """Hang subtasks below tasks, up to five levels deep; some are separators or in a project."""
    r = g.random
    parents = [(gid, 0) for gid in r.sample(g.top, max(1, len(g.top) // 12))]
    for number in range(count):
        parent, level = r.choice(parents)
        fields: dict[str, Any] = {"parent": parent}
        if number % 15 == 7:
            fields["projects"] = [r.choice(g.projects[2:] or g.projects)]
        if number % 10 == 9:
            fields["is_rendered_as_separator"] = True
        gid = _task(g, **fields)
        if level + 1 < DEEPEST and number % 3 == 0:
            parents.append((gid, level + 1))


def build_personal(g: Draft) -> None:
    """Add the second workspace, which is no organization and has one project with a few tasks."""
    world = g.world
    workspace = world.add_workspace("Personal Projects", is_organization=False)
    stamp = to_stamp(g.moment())
    project = world.add_project("Garden", workspace=workspace, created_at=stamp)
    for number in range(3):
        world.add_task(f"Water {number}", projects=[project], assignee=world.me, created_at=stamp)
    world.add_tag("home", workspace=workspace, created_at=stamp)
