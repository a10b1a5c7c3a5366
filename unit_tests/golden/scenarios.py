"""The scenarios: what happens before and during each sync. The last one of each is quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from unit_tests.golden.play import Play, Version
from unit_tests.golden.recording import Json

TASKS = ("projects", "tasks", "subtasks", "stories", "attachments")
EVERYTHING: tuple[str, ...] = ()


class Scenario(NamedTuple):
    """What is played, and with which token, streams and settings."""

    act: Callable[[Play], None]
    plan: str
    streams: tuple[str, ...]
    settings: Json

    def play(self, version: Version, other: Version) -> Play:
        """Play it with a version, and hand states over to another one."""
        with Play(version, other, *self[1:]) as play:
            self.act(play)
            play.sync("quiet", hand_over=True)
        return play


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *, plan: str = "paid", streams: tuple[str, ...] = TASKS, **settings: object
) -> Callable[[Callable[[Play], None]], Callable[[Play], None]]:
    """Have a function be a scenario by its name."""

    def register(act: Callable[[Play], None]) -> Callable[[Play], None]:
        SCENARIOS[act.__name__] = Scenario(act, plan, streams, settings)
        return act

    return register


@scenario(plan="service", streams=EVERYTHING)
def everything(play: Play) -> None:
    play.sync("first")
    play.sync("nothing happened")
    much_happens(play)
    play.sync("changed", hand_over=True)


@scenario(plan="free", streams=EVERYTHING)
def everything_on_the_free_plan(play: Play) -> None:
    play.sync("first")
    much_happens(play)
    play.sync("changed")


@scenario()
def auto(play: Play) -> None:
    changes(play)


@scenario(change_detection="search")
def search(play: Play) -> None:
    changes(play)


@scenario(plan="free", change_detection="events")
def events(play: Play) -> None:
    changes(play)


@scenario(plan="free", change_detection="listing")
def listings(play: Play) -> None:
    changes(play)


@scenario(plan="service", streams=EVERYTHING, track_deletions=True)
def deletions(play: Play) -> None:
    world, lab = play.world, play.lab
    play.sync("first")
    gone = [world.find("Both"), lab.projects[2], lab.portfolio, lab.goal, lab.brief]
    gone += [world.of_kind(kind)[0]["gid"] for kind in ("tag", "status_update", "custom_field")]
    gone += [world.of_kind(kind)[-1]["gid"] for kind in ("story", "attachment")]
    for gid in gone:
        # Some of it goes with what it is in.
        if gid in world:
            play.edit("delete", gid)
    play.sync("deleted", hand_over=True)
    play.sync("confirmed")
    for gid in gone[:5]:
        if gid in world.trashed:
            play.edit("undelete", gid)
    play.sync("undeleted")


@scenario(change_detection="events", track_deletions=True)
def deletions_told_by_events(play: Play) -> None:
    changes(play)


@scenario()
def killed(play: Play) -> None:
    for request in (20, 60, 120):
        play.sync(f"killed at request {request}", kill=request)
    play.sync("resumed", hand_over=True)


@scenario(plan="service", track_deletions=True)
def killed_after_changes(play: Play) -> None:
    play.sync("first")
    happen(play)
    play.sync("killed", kill=15)
    play.sync("resumed", hand_over=True)


@scenario(plan="service", bulk_export=True, full_scan_interval_hours=0)
def bulk_export(play: Play) -> None:
    play.sync("first")
    happen(play)
    play.sync("changed", hand_over=True)


@scenario(streams=EVERYTHING, start_date="2026-03-01T12:00:00Z")
def start_date(play: Play) -> None:
    play.sync("first")
    much_happens(play)
    play.sync("changed", hand_over=True)


@scenario()
def full_scan(play: Play) -> None:
    """What moves no stamp comes with the next full scan."""
    play.sync("first")
    for name in ("like", "tag", "edit_comment", "move_silently"):
        play.step(name, 4, 1)
    play.world.deliver_events(lost=1.0)
    play.sync("before")
    play.wait(24 * 8)
    play.sync("full scan", hand_over=True)


def much_happens(play: Play) -> None:
    """Let something happen to most kinds of objects."""
    world, lab = play.world, play.lab
    for number, name in enumerate(("edit_task", "comment", "attach", "new_task", "new_subtask")):
        play.step(name, 5 * number, number)
    for name in ("new_project", "edit_project", "attach_to_project", "status_update", "audit"):
        play.step(name, 1, 1)
    play.edit("edit", lab.portfolio, name="Other portfolio")
    play.edit("edit", lab.goal, name="Other goal")
    play.edit("add_portfolio_item", lab.portfolio, lab.projects[2])
    play.edit("add_time_entry", world.find("Both"), minutes=7)
    play.edit("add_team_member", world.of_kind("team")[0]["gid"], lab.users[2])
    play.edit("tag", world.find("Lone"), play.edit("add_tag", "New tag"))
    section = play.edit("add_section", lab.projects[0], "New section")
    play.edit("move_to_section", world.find("Both"), section)


def changes(play: Play) -> None:
    """Sync after each kind of change to tasks."""
    play.sync("first")
    play.step("edit_task", 3)
    play.sync("one percent")
    both, lone, projects = play.world.find("Both"), play.world.find("Lone"), play.lab.projects
    play.step("new_task", 1, 2)
    play.step("new_lone_task")
    play.edit("edit_task", play.world.find("Below below"), name="Other name")
    deepest = play.edit("add_task", "Deepest", parent=play.world.find("Other name"))
    play.edit("comment", deepest)
    play.sync("created")
    play.edit("move_task", both, remove_project=projects[0], moves_stamp=True)
    play.edit("move_task", lone, add_project=projects[2], moves_stamp=True)
    play.edit("set_parent", play.world.find("Below lone"), both)
    play.sync("moved")
    play.edit("comment", both)
    play.edit("add_attachment", lone)
    play.edit("edit_comment", play.world.listed("task.stories", both).gids[0])
    play.edit("tag", both, play.edit("add_tag", "New tag"))
    section = play.edit("add_section", projects[1], "New section")
    play.edit("move_to_section", both, section)
    play.edit("rename_section", section, "Renamed section")
    play.sync("children, tag and section")
    play.edit("delete", deepest)
    play.edit("delete", lone)
    play.sync("deleted")
    play.edit("undelete", deepest)
    play.edit("undelete", lone)
    play.sync("undeleted", hand_over=True)


def happen(play: Play) -> None:
    """Let much happen to tasks at once."""
    for name in ("new_task", "new_lone_task", "edit_task", "comment", "attach", "new_subtask"):
        play.step(name, 7, 3)
    both = play.world.find("Both")
    play.edit("move_task", both, remove_project=play.lab.projects[0], moves_stamp=True)
    play.edit("delete", play.world.find("Below lone"))
