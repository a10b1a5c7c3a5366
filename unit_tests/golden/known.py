"""The differences from a810ad5 that are meant, each with its reason."""

from __future__ import annotations

import re
from typing import NamedTuple

BASE = "a810ad5"


class Known(NamedTuple):
    """A pattern of the whole of `scenario / sync / line: base -> tree`, and why it is meant."""

    pattern: str
    reason: str

    def fits(self, difference: str) -> bool:
        """Return whether a difference is this one."""
        return re.fullmatch(self.pattern, difference) is not None


KNOWN = (
    Known(
        r".* / state (tasks|subtasks|stories|attachments) (sent|tombstones\b.*): none -> .*",
        "a state keeps what was sent since it settled, and tombstones for as long as tokens live",
    ),
    Known(
        r".* / changed.* / request GET /tasks/\{task_gid\}\?\S*: (5 -> 6|6 -> 7|7 -> 8)"
        r"|everything / (changed.*|quiet) / (record tasks \d+: none -> 1 sent"
        r"|state tasks ledger .*)",
        "a task that was added to a project may be a new subtask, so its parent is read too, and"
        " sent with its number of subtasks",
    ),
    Known(
        r"(auto|events) / undeleted.* / (record (tasks|subtasks) .*: none -> 1 sent"
        r"|request GET /tasks/\{task_gid\}/subtasks.*: none -> 1"
        r"|request GET /tasks/\{task_gid\}\?.*: 2 -> 3"
        r"|status (tasks|subtasks): .*)",
        "a task that was restored is sent, and read with all below it",
    ),
    Known(
        r"(auto|events) / (undeleted.*|quiet) / state subtasks ledger .*",
        "so its subtasks are known again, with the name that their parent had meanwhile",
    ),
)
