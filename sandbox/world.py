"""Worlds, made by hand (`World.empty`) or generated to any size (`World.generate`)."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Self

from sandbox.extras import Extras
from sandbox.generate import build

if TYPE_CHECKING:
    from sandbox.server_time import Clock


class World(Extras):
    """Everything that a fake Asana holds, with the calls that change it."""

    @classmethod
    def empty(cls, *, organization: bool = True, seed: int = 1) -> Self:
        """Return a world with one workspace (`.workspace`) and the token's user (`.me`)."""
        world = cls(seed)
        world.add_workspace("Acme", is_organization=organization)
        world.add_user("Ada Owner")
        return world

    @classmethod
    def generate(
        cls,
        tasks: int = 500,
        *,
        projects: int | None = None,
        seed: int = 1,
        start: str | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Return a world with `tasks` tasks, including subtasks, and something of every kind.

        Gids, names and relations depend only on the arguments. Times lie before `start`, a stamp,
        which is today's midnight in UTC by default.
        """
        world = cls(seed, clock=clock)
        build(world, tasks=tasks, projects=projects, start=start)
        return world

    def change(self, percent: float, *, seed: int = 1) -> list[str]:
        """Edit that share of the tasks, chosen by `seed`, and return their gids."""
        with self.lock:
            gids = sorted(obj["gid"] for obj in self.of_kind("task"))
            count = round(len(gids) * percent / 100)
            picked = sorted(Random(seed).sample(gids, count))  # noqa: S311 - reproducible
            for gid in picked:
                done = not self[gid].get("completed")
                self.edit_task(gid, notes=f"Changed {self.now()}", completed=done)
            return picked
