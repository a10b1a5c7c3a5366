"""Generates the default world: first the core, then what hangs on it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from sandbox.generate_content import build_content
from sandbox.generate_core import build_core, build_personal
from sandbox.generate_draft import HOUR_SECONDS, Draft
from sandbox.generate_rest import build_rest
from sandbox.server_time import to_stamp

if TYPE_CHECKING:
    from sandbox.extras import Extras


def build(world: Extras, *, tasks: int, projects: int | None, start: str | None) -> None:
    """Fill an empty world with `tasks` tasks whose history ends at `start`, or at midnight."""
    draft = Draft(world, tasks=tasks, projects=projects, start=start)
    collecting = gc.isenabled()
    gc.disable()
    world.frozen = to_stamp(draft.start - HOUR_SECONDS)
    try:
        build_core(draft)
        build_content(draft)
        build_rest(draft)
        build_personal(draft)
    finally:
        world.frozen = None
        if collecting:
            gc.enable()
    # Generation does not count as something that happened: search and events start after it.
    world.events.clear()
    world.unindexed.clear()
