"""A small world and what may happen to it, without a look at the connector.

Every step is chosen by two numbers, so that a failing example can be made smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sandbox import World

DEEPEST = 4
DELETABLE = (
    "task",
    "task",
    "story",
    "attachment",
    "project",
    "section",
    "tag",
    "status_update",
    "project_brief",
    "portfolio",
    "goal",
    "time_tracking_entry",
    "custom_field",
    "task_template",
)


class Steps:
    """The world behind a sandbox, with calls that change something in it.

    Attributes:
        aside: gid of a task -> its stamp when something changed it, or a comment on it, without
            moving that stamp: where only a listing pass would find that, it is excused until the
            stamp moves again.
        hidden: gids of what the token could not see for a while, and of what was inside: what is
            deleted meanwhile is never known to be gone.
    """

    def __init__(self, world: World | None = None) -> None:
        self.world = world = world or World.empty()
        self.users = [world.me, world.add_user("Uma"), world.add_user("Vic")]
        self.aside: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.counter = 0
        shared = [world.add_project(f"P{n}") for n in range(3)]
        hidden = world.add_project("Hidden", private=True)
        self.projects = [*shared, hidden]
        self.portfolio = world.add_portfolio("Portfolio", items=shared[:2])
        self.goal = world.add_goal("Goal")
        self.brief = world.add_project_brief(shared[0])
        for number in range(3):
            self.new_task(number, 0)
        both = world.add_task("Both", projects=shared[:2])
        below = world.add_task("Below both", parent=both)
        world.add_task("Below below", parent=below)
        world.add_task("Hidden too", projects=[shared[0], hidden])
        lone = world.add_task("Lone", assignee=world.me)
        world.add_task("Below lone", parent=lone)
        world.add_task("Below and in a project", parent=lone, projects=[shared[1]])
        for gid in self.tasks():
            world.comment(gid)
        world.add_attachment(both)
        world.add_attachment(shared[0])
        world.add_attachment(self.brief)
        world.add_status_update(shared[0])
        world.clock.advance(100)

    # ── choosing ───────────────────────────────────────────────────────────────────────────────

    def tasks(self) -> list[str]:
        return [task["gid"] for task in self.world.of_kind("task")]

    def living(self) -> list[str]:
        return [gid for gid in self.projects if gid in self.world]

    def name(self) -> str:
        self.counter += 1
        return f"N{self.counter}"

    def below(self, gid: str) -> list[str]:
        """Return the task and all its subtasks."""
        found = [gid]
        for one in found:
            found.extend(self.world.listed("task.subtasks", one))
        return found

    def _set_aside(self, gids: Sequence[str]) -> None:
        for top in gids:
            for gid in self.below(top):
                self.aside[gid] = self.world[gid]["modified_at"]

    # ── what moves a stamp ─────────────────────────────────────────────────────────────────────

    def edit_task(self, a: int, b: int) -> None:
        del b
        self.world.edit_task(pick(self.tasks(), a), name=self.name())

    def comment(self, a: int, b: int) -> None:
        del b
        self.world.comment(pick(self.tasks(), a), self.name())

    def attach(self, a: int, b: int) -> None:
        del b
        self.world.add_attachment(pick(self.tasks(), a), self.name())

    def attach_to_project(self, a: int, b: int) -> None:
        places = [*self.living(), *([self.brief] if self.brief in self.world else [])]
        del b
        self.world.add_attachment(pick(places, a), self.name())

    def delete_story(self, a: int, b: int) -> None:
        task = pick(self.tasks(), a)
        stories = list(self.world.listed("task.stories", task))
        if stories:
            self.world.delete_story(pick(stories, b))

    def new_task(self, a: int, b: int) -> None:
        projects = self.living()
        chosen = list(dict.fromkeys([pick(projects, a), pick(projects, b)]))
        self.world.add_task(self.name(), projects=chosen)

    def new_lone_task(self, a: int, b: int) -> None:
        del b
        self.world.add_task(self.name(), assignee=pick(self.users, a))

    def new_subtask(self, a: int, b: int) -> None:
        parent = pick(self.tasks(), a)
        if len(self.world.lineage(parent)) < DEEPEST:
            projects = [pick(self.living(), b)] if b % 4 == 0 else []
            # The number of its subtasks.
            self.aside[parent] = self.world[parent]["modified_at"]
            self.world.add_task(self.name(), parent=parent, projects=projects)

    def move_task(self, a: int, b: int) -> None:
        """Put a task into a project, or out of one; its own stamp moves, those below it do not."""
        task = pick(self.tasks(), a)
        project = pick(self.living(), b)
        inside = project in self.world[task]["_projects"]
        self._set_aside(self.below(task)[1:])
        if inside:
            self.world.move_task(task, remove_project=project, moves_stamp=True)
        else:
            self.world.move_task(task, add_project=project, moves_stamp=True)

    def change_parent(self, a: int, b: int) -> None:
        world = self.world
        subtasks = [gid for gid in self.tasks() if world[gid]["parent"]]
        if not subtasks:
            return
        task = pick(subtasks, a)
        others = [
            gid
            for gid in self.tasks()
            if gid not in self.below(task) and len(world.lineage(gid)) < DEEPEST - 1
        ]
        if not others:
            return
        old, parent = world[task]["parent"], pick(others, b)
        with world.lock:
            world.leave(task, "task.subtasks", old)
            world[task]["parent"] = parent
            world.enter(task, "task.subtasks", parent, float(int(task)))
            for gid in (old, parent):
                world.touch(gid)
                self.aside[gid] = world[gid]["modified_at"]
            world.move_stamp(task)
        self._set_aside(self.below(task)[1:])

    def reassign(self, a: int, b: int) -> None:
        task = pick(self.tasks(), a)
        self._set_aside(self.below(task)[1:])
        self.world.edit_task(task, assignee=pick([*self.users, None], b))

    def delete_task(self, a: int, b: int) -> None:
        if b % 2 and len(self.tasks()) > 4:
            task = pick(self.tasks(), a)
            if parent := self.world[task]["parent"]:
                self.aside[parent] = self.world[parent]["modified_at"]
            self.world.delete_task(task)

    def edit_project(self, a: int, b: int) -> None:
        del b
        self.world.edit_project(pick(self.living(), a), name=self.name())

    def status_update(self, a: int, b: int) -> None:
        goals = [gid for gid in (self.portfolio, self.goal) if gid in self.world]
        parents = [*self.living(), *goals]
        del b
        self.world.add_status_update(pick(parents, a), self.name())

    def enter_time(self, a: int, b: int) -> None:
        entries = self.world.of_kind("time_tracking_entry")
        if entries and b % 3 == 0:
            self.world.edit(pick([e["gid"] for e in entries], a), duration_minutes=self.counter + 1)
            self.counter += 1
            return
        self.world.add_time_entry(pick(self.tasks(), a), minutes=b)

    def audit(self, a: int, b: int) -> None:
        del a, b
        self.world.add_audit_event(self.name())

    def new_project(self, a: int, b: int) -> None:
        project = self.world.add_project(self.name(), private=a % 3 == 0)
        self.projects.append(project)
        self.world.add_task(self.name(), projects=[project])
        if b % 2:
            self._set_aside([task := pick(self.tasks(), b)])
            self.world.move_task(task, add_project=project, moves_stamp=True)

    # ── access ─────────────────────────────────────────────────────────────────────────────────

    def share(self, a: int, b: int) -> None:
        del b
        project = pick(self.living(), a)
        self._set_aside(list(self.world.listed("project.tasks", project)))
        self.world.share_project(project)

    def withdraw(self, a: int, b: int) -> None:
        del b
        project = pick(self.living(), a)
        self._set_aside(list(self.world.listed("project.tasks", project)))
        self._note_hidden(project)
        self.world.withdraw_project(project)

    def leave(self, a: int, b: int) -> None:
        """Take a colleague out of the workspace, or let one come back."""
        world = self.world
        user = pick(self.users[1:], a)
        if user not in world.listed("workspace.users", world.workspace).gids:
            world.join(user, world.workspace)
        elif b % 2:
            world.deactivate_user(user)

    def archive(self, a: int, b: int) -> None:
        self.world.archive_project(pick(self.living(), a), archived=b % 2 == 0)

    def delete_project(self, a: int, b: int) -> None:
        if b % 2 and len(self.living()) > 2:
            project = pick(self.living(), a)
            self._set_aside(list(self.world.listed("project.tasks", project)))
            self.world.delete_project(project)

    # ── what is deleted ────────────────────────────────────────────────────────────────────────

    def delete_something(self, a: int, b: int) -> None:
        """Delete an object of any kind; a few tasks and projects stay, as other steps need them."""
        kinds = [kind for kind in DELETABLE if self._spare(kind)]
        self.world.delete(pick(self._spare(pick(kinds, a)), b))

    def _spare(self, kind: str) -> list[str]:
        """Return the objects of a kind that may go."""
        kept = {"task": 4, "project": 2}.get(kind, 0)
        gids = [obj["gid"] for obj in self.world.of_kind(kind)][kept:]
        return [gid for gid in gids if not self.world.listed("section.tasks", gid).gids]

    def undelete(self, a: int, b: int) -> None:
        if trashed := sorted(self.world.trashed):
            # Not where what it was in is deleted, too.
            with suppress(ValueError):
                self.world.undelete(pick(trashed, a), moves_stamp=b % 2 == 0)

    def leave_portfolio(self, a: int, b: int) -> None:
        items = self.world.listed("portfolio.items", self.portfolio).gids
        if self.portfolio in self.world and items:
            self.world.remove_portfolio_item(self.portfolio, pick(list(items), a + b))

    def leave_project(self, a: int, b: int) -> None:
        """Take a member out of a project, who may be the token's user."""
        project = pick(self.living(), a)
        members = list(self.world[project].get("members") or ())
        if members:
            self._note_hidden(project)
            self.world.remove_member(project, pick(members, b))

    def hide(self, a: int, b: int) -> None:
        """Hide something from the token's user, or show what was hidden."""
        kinds = ("project", "task", "portfolio", "goal")
        objects = [o["gid"] for kind in kinds for o in self.world.of_kind(kind)]
        gid = pick(objects, a)
        if b % 2 and self.world.me not in self.world[gid].get("_hidden", ()):
            self._note_hidden(gid)
            self.world.hide(gid)
        else:
            self.world.show(gid)

    def _note_hidden(self, gid: str) -> None:
        inside = [gid] if self.world[gid]["resource_type"] == "task" else []
        inside += self.world.listed("project.tasks", gid).gids
        brief = self.world[gid].get("project_brief")
        self.hidden.update(
            [
                gid,
                *([brief] if brief else []),
                *(one for task in inside for one in self.below(task)),
            ]
        )

    # ── what moves none ────────────────────────────────────────────────────────────────────────

    def like(self, a: int, b: int) -> None:
        del b
        task = pick(self.tasks(), a)
        self._set_aside([task])
        self.world.like(task)

    def tag(self, a: int, b: int) -> None:
        del b
        task = pick(self.tasks(), a)
        self._set_aside([task])
        self.world.tag(task, self.world.add_tag(self.name()))

    def edit_comment(self, a: int, b: int) -> None:
        task = pick(self.tasks(), a)
        stories = list(self.world.listed("task.stories", task))
        if stories:
            self.aside[task] = self.world[task]["modified_at"]
            self.world.edit_comment(pick(stories, b))

    def move_silently(self, a: int, b: int) -> None:
        task = pick(self.tasks(), a)
        self._set_aside([task])
        self.world.move_task(task, add_project=pick(self.living(), b))


def pick(choices: Sequence[Any], number: int) -> Any:
    """Return one of the choices."""
    return choices[number % len(choices)]


LOUD: tuple[str, ...] = (
    "edit_task",
    "edit_task",
    "edit_task",
    "comment",
    "comment",
    "attach",
    "attach_to_project",
    "delete_story",
    "new_task",
    "new_task",
    "new_lone_task",
    "new_subtask",
    "new_subtask",
    "move_task",
    "change_parent",
    "reassign",
    "delete_task",
    "edit_project",
    "status_update",
    "enter_time",
    "audit",
    "new_project",
)
ACCESS = ("share", "share", "withdraw", "archive", "delete_project", "leave", "leave")
DELETIONS = (
    "delete_something",
    "delete_something",
    "delete_something",
    "undelete",
    "leave_portfolio",
    "leave_project",
    "hide",
)
SILENT = ("like", "tag", "edit_comment", "move_silently")
Step = tuple[str, int, int]


def apply(lab: Steps, step: Step) -> None:
    """Let one step happen."""
    name, a, b = step
    call: Callable[[int, int], None] = getattr(lab, name)
    with lab.world.lock:
        call(a, b)
