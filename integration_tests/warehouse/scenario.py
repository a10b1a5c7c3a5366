"""What happens in the workspace between the syncs, and what the tables then are."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from integration_tests.warehouse.asana import Asana, Sync
from integration_tests.warehouse.tables import Table, empty

TRUTHS = (
    *("tasks", "subtasks", "stories", "projects", "sections", "users", "teams", "tags"),
    *("portfolios", "portfolio_items", "portfolio_memberships", "project_memberships"),
    *("team_memberships", "goals", "goal_relationships", "goal_memberships"),
    *("time_tracking_entries", "project_status_updates", "portfolio_status_updates"),
    *("goal_status_updates", "attachments", "budgets", "rates", "allocations"),
    *("audit_log_events", "custom_fields"),
)
# Stays that the moves below make: section, from, until, of the task `moved`.
MOVES = (
    ("first", "2026-01-02 09:00:00", "2026-01-05 09:30:00"),
    ("second", "2026-01-05 09:30:00", "2026-01-09 18:00:15.25"),
    ("third", "2026-01-09 18:00:15.25", None),
)

Json = dict[str, Any]


@dataclass
class History:
    """Three syncs with changes between them.

    Attributes:
        syncs: what each sync read.
        truth: stream -> what a full read gives after the last one.
        schemas, keys: of each stream.
        incremental: the streams whose later syncs bring only what changed.
        board: name -> gid of what the scenario made: project, sections, tasks.
    """

    syncs: list[Sync]
    truth: dict[str, list[Json]]
    schemas: Mapping[str, Json]
    keys: Mapping[str, list[str]]
    incremental: set[str]
    board: dict[str, str]

    def tables(self, *, deduped: bool, streams: tuple[str, ...] = ()) -> dict[str, Table]:
        """Return tables of some streams or all, with all versions of a record or the newest."""
        chosen = streams or tuple(self.schemas)
        tables = {name: empty(self.schemas[name], self.keys[name]) for name in chosen}
        for number, sync in enumerate(self.syncs):
            for name, table in tables.items():
                if name not in self.incremental:
                    table.rows = []
                table.append(sync.records.get(name, []), f"2026-06-0{number + 1}T04:00:00Z")
                if deduped and table.key:
                    table.dedupe()
        return tables


def play(asana: Asana) -> History:
    """Read the workspace three times, with changes before and between."""
    board = _set_up(asana)
    syncs = [asana.sync()]
    _change(asana, board)
    syncs.append(asana.sync())
    asana.change(10, seed=7)
    asana.edit("comment", board["moved"], text="Dernière remarque ✓")
    syncs.append(asana.sync())
    truth = {name: asana.truth(name) for name in TRUTHS}
    return History(syncs, truth, asana.schemas, asana.keys, asana.incremental, board)


def _set_up(asana: Asana) -> dict[str, str]:
    """Make a board with a task that moves, a subtask that will leave it, nested portfolios."""
    project = asana.edit("add_project", "Board", sections=["first", "second", "third"])
    sections = {
        one["name"]: one["gid"]
        for one in asana.truth("sections")
        if one.get("project_id") == project
    }
    board = {"project": project} | sections
    created = "2026-01-01T08:00:00.000Z"
    board["moved"] = asana.edit(
        "add_task", "Moved", projects=[project], section=sections["third"], created_at=created
    )
    _tell_moves(asana, board)
    board["parent"] = asana.edit(
        "add_task", "Parent", projects=[project], section=sections["first"], created_at=created
    )
    board["leaver"] = asana.edit(
        "add_task", "Leaver", parent=board["parent"], projects=[project], created_at=created
    )
    inner = asana.edit("add_portfolio", "Inner", items=[project])
    middle = asana.edit("add_portfolio", "Middle", items=[inner])
    board["outer"] = asana.edit("add_portfolio", "Outer", items=[middle, project])
    return board


def _tell_moves(asana: Asana, board: Mapping[str, str]) -> None:
    asana.edit(
        "add_story",
        board["moved"],
        "added to Board",
        "added_to_project",
        project=board["project"],
        created_at=_stamp(MOVES[0][1]),
    )
    for (old, _, _), (new, at, _) in pairwise(MOVES):
        asana.edit(
            "add_story",
            board["moved"],
            f"moved this task from {old} to {new}",
            "section_changed",
            old_section=board[old],
            new_section=board[new],
            created_at=_stamp(at),
        )


def _stamp(text: str) -> str:
    day, time = text.split(" ")
    whole, _, part = time.partition(".")
    return f"{day}T{whole}.{part or '0':0<3}Z"


def _change(asana: Asana, board: Mapping[str, str]) -> None:
    """Let the subtask leave its project, and edit a share of the tasks."""
    asana.edit("move_task", board["leaver"], remove_project=board["project"], moves_stamp=True)
    asana.edit("edit_task", board["leaver"], name="Leaver, renamed")
    asana.change(10, seed=5)
