"""The default world: people, projects and tasks, in counts derived from `tasks`."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.clock import parse_moment, to_stamp
from sandbox.generate_content import build_content
from sandbox.generate_rest import build_rest
from sandbox.words import FIRST, LAST, NOUNS, VERBS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from sandbox.world import World

YEARS_SECONDS = 2 * 365 * 86_400
SECTIONS = ("Untitled section", "To do", "Doing", "Blocked ⛔", "Done")
LARGEST_SHARE = 0.30
SUBTASKS_SHARE = 0.20
HOMELESS_SHARE = 0.05
DEEPEST = 5


class Generator:
    """Fills an empty world; all randomness comes from the world's own generator."""

    def __init__(
        self, world: World, *, tasks: int, projects: int | None, start: str | None
    ) -> None:
        """Plan a world of `tasks` tasks whose history ends at `start`."""
        self.world = world
        self.random: Random = world.random
        today = datetime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.start = parse_moment(start) if start else today.timestamp()
        self.tasks = tasks
        self.n_users = max(4, min(400, tasks // 40))
        self.n_projects = projects if projects is not None else max(8, tasks // 60)
        self.users: list[str] = []
        self.teams: list[str] = []
        self.tags: list[str] = []
        self.projects: list[str] = []
        self.fields: list[str] = []
        self.values: dict[str, list[Callable[[], Any]]] = {}
        self.project_fields: dict[str, list[str]] = {}
        self.top: list[str] = []
        self.all_tasks: list[str] = []

    def moment(self, earliest: float | None = None) -> float:
        """Return a time in the history, after `earliest`."""
        first = self.start - YEARS_SECONDS if earliest is None else earliest
        return first + self.random.random() * max(0.0, self.start - 3600 - first)

    def build(self) -> None:
        """Make everything."""
        collecting = gc.isenabled()
        gc.disable()
        self.world.frozen = to_stamp(self.start - 3600)
        try:
            self._people()
            self._projects()
            self._tasks()
            build_content(self)
            build_rest(self)
            self._personal()
        finally:
            self.world.frozen = None
            if collecting:
                gc.enable()
        # Making is no happening: nothing to tell, all of it indexed.
        self.world.events.clear()
        self.world.unindexed.clear()

    def _people(self) -> None:
        world, pick = self.world, self.random.choice
        world.add_workspace("Acme Corp Ω", is_organization=True)
        for number in range(self.n_users):
            name = f"{pick(FIRST)} {pick(LAST)}" if number else "Ada Token"
            self.users.append(world.add_user(name))
        for number in range(max(2, self.n_users // 10)):
            members = self.random.sample(self.users, min(len(self.users), 3 + number % 4))
            self.teams.append(world.add_team(f"{pick(NOUNS)} team {number}", users=members))
        for number in range(12):
            color = pick(("dark-pink", "light-green", None))
            stamp = to_stamp(self.moment())
            self.tags.append(
                world.add_tag(f"tag {number} {pick(NOUNS)}", color=color, created_at=stamp)
            )
        self._custom_fields()

    def _custom_fields(self) -> None:
        world, r = self.world, self.random

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
                lambda _: lambda: to_stamp(self.moment())[:10],
            ),
            (
                world.add_custom_field("Reviewers", "people"),
                lambda _: lambda: r.sample(self.users, r.randint(0, 2)),
            ),
            (
                world.add_custom_field(
                    "See also", "reference", library=False, input_restrictions=["task"]
                ),
                lambda _: lambda: r.sample(self.top, min(len(self.top), r.randint(0, 2))),
            ),
        ]
        for field, maker in made:
            self.fields.append(field)
            self.values[field] = [maker(field)]

    def _projects(self) -> None:
        """Make projects: 0 is the large one, 1 empty; some archived, private, of an Asana type."""
        world, r = self.world, self.random
        for number in range(self.n_projects):
            created = self.moment()
            private = number % 9 == 4
            gid = world.add_project(
                f"{r.choice(NOUNS)} {number}",
                archived=number % 10 == 3,
                private=private,
                team=r.choice(self.teams) if number % 3 == 0 else None,
                members=[r.choice(self.users[1:])] if private else [world.me, r.choice(self.users)],
                sections=SECTIONS[: 1 + number % len(SECTIONS)],
                asana_type=number % 11 == 6,
                created_at=to_stamp(created),
                modified_at=to_stamp(self.moment(created)),
                due_on=to_stamp(self.moment())[:10] if number % 2 else None,
                notes=f"Notes of {number}: naïve façade 🏗",
            )
            self.projects.append(gid)
            self.project_fields[gid] = r.sample(self.fields, 2 + number % 5)
            for field in self.project_fields[gid]:
                world.set_custom_field(gid, field, created_at=to_stamp(created))
            for update in range(number % 3):
                world.add_status_update(
                    gid, f"Week {update}", "On trâck", created_at=to_stamp(self.moment(created))
                )

    def _values(self, projects: list[str]) -> dict[str, Any]:
        """Return values for most fields of these projects."""
        fields = {field for project in projects for field in self.project_fields[project]}
        return {
            field: self.values[field][0]() for field in sorted(fields) if self.random.random() < 0.7
        }

    def _task(self, **fields: Any) -> str:
        r, pick = self.random, self.random.choice
        number = len(self.all_tasks)
        created = self.moment()
        done = r.random() < 0.4
        modified = self.moment(created)
        fields.setdefault("assignee", pick(self.users) if r.random() < 0.6 else None)
        if done:
            fields.update(
                completed=True, completed_at=to_stamp(modified), completed_by=pick(self.users)
            )
        if number % 17 == 0:
            fields["resource_subtype"] = pick(("milestone", "approval"))
            if fields["resource_subtype"] == "approval":
                fields["approval_status"] = "approved" if done else "pending"
        if number % 6 == 0:
            fields["_likes"] = r.sample(self.users, r.randint(1, 2))
        if number % 4 == 0:
            fields["followers"] = r.sample(self.users, r.randint(1, 3))
        gid = self.world.add_task(
            f"{pick(VERBS)} {pick(NOUNS)} {number}",
            tags=[pick(self.tags)] if number % 8 == 0 else (),
            created_at=to_stamp(created),
            modified_at=to_stamp(modified),
            created_by=pick(self.users),
            rank=r.random(),
            asana_type=number % 97 == 50,
            **fields,
        )
        self.all_tasks.append(gid)
        return gid

    def _tasks(self) -> None:
        """Make tasks: in a project (30 % in the first), in several, in none, and subtasks."""
        world, r = self.world, self.random
        subtasks = int(self.tasks * SUBTASKS_SHARE)
        homeless = int(self.tasks * HOMELESS_SHARE)
        in_projects = self.tasks - subtasks - homeless
        others = self.projects[2:] or self.projects
        large = int(self.tasks * LARGEST_SHARE)
        for number in range(in_projects):
            projects = [self.projects[0] if number < large else r.choice(others)]
            if number % 12 == 0:
                more = r.sample(others, min(len(others), r.randint(1, 4)))
                projects = list(dict.fromkeys([*projects, *more]))
            sections = {p: r.choice(world.listed("project.sections", p).gids) for p in projects}
            gid = self._task(
                projects=projects, section=sections, custom_fields=self._values(projects)
            )
            self.top.append(gid)
        for number in range(homeless):
            owner = world.me if number % 3 == 0 else r.choice(self.users)
            self.top.append(self._task(assignee=owner, private=number % 4 == 1))
        self._subtasks(subtasks)
        for number, gid in enumerate(self.top):
            if number % 25 == 0 and number:
                world.add_dependency(gid, on=self.top[number - 1])

    def _subtasks(self, count: int) -> None:
        """Hang subtasks below tasks, up to five levels; some are separators or in a project."""
        r = self.random
        parents = [(gid, 0) for gid in r.sample(self.top, max(1, len(self.top) // 12))]
        for number in range(count):
            parent, level = r.choice(parents)
            fields: dict[str, Any] = {"parent": parent}
            if number % 15 == 7:
                fields["projects"] = [r.choice(self.projects[2:] or self.projects)]
            if number % 10 == 9:
                fields["is_rendered_as_separator"] = True
            gid = self._task(**fields)
            if level + 1 < DEEPEST and number % 3 == 0:
                parents.append((gid, level + 1))

    def _personal(self) -> None:
        """Add the second workspace: no organization, one project, a few tasks."""
        world = self.world
        home = world.add_workspace("Personal Projects", is_organization=False)
        stamp = to_stamp(self.moment())
        project = world.add_project("Garden", workspace=home, created_at=stamp)
        for number in range(3):
            world.add_task(
                f"Water {number}", projects=[project], assignee=world.me, created_at=stamp
            )
        world.add_tag("home", workspace=home, created_at=stamp)
