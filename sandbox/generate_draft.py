"""A world that is being generated: what its parts need to know about what was made before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.server_time import parse_moment, to_stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from sandbox.extras import Extras

DAY_SECONDS = 86_400
YEARS_SECONDS = 2 * 365 * DAY_SECONDS
HOUR_SECONDS = 3600


class Draft:
    """The world, the end of its history, and the gids made so far."""

    def __init__(
        self, world: Extras, *, tasks: int, projects: int | None, start: str | None
    ) -> None:
        """Plan a world of `tasks` tasks whose history ends at `start`, or at today's midnight."""
        self.world = world
        self.random: Random = world.random
        today = datetime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.start = parse_moment(start) if start else today.timestamp()
        self.n_tasks = tasks
        self.n_users = max(4, min(400, tasks // 40))
        self.n_projects = projects if projects is not None else max(8, tasks // 60)
        self.users: list[str] = []
        self.teams: list[str] = []
        self.tags: list[str] = []
        self.projects: list[str] = []
        self.fields: list[str] = []
        self.values: dict[str, Callable[[], Any]] = {}
        self.project_fields: dict[str, list[str]] = {}
        self.top: list[str] = []
        self.all_tasks: list[str] = []

    def moment(self, earliest: float | None = None) -> float:
        """Return a time in the history that is not before `earliest`."""
        first = self.start - YEARS_SECONDS if earliest is None else earliest
        return first + self.random.random() * max(0.0, self.start - HOUR_SECONDS - first)

    def day(self, days_back: int) -> str:
        """Return the date that many days before the end of the history."""
        return to_stamp(self.start - days_back * DAY_SECONDS)[:10]

    def past(self) -> dict[str, str]:
        """Return a `created_at` within the history, ready to be passed on as a keyword."""
        return {"created_at": to_stamp(self.moment())}
