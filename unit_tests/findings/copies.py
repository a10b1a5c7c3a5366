"""The merged copy that a destination holds, against what Asana has; and syncs that are killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from sandbox import Sandbox, World
from unit_tests.properties.lab import DELETED, differences
from unit_tests.properties.runs import Destination, Record, Sync, key_of

HOUR = 3_600
DAY = 24 * HOUR
# No day or year of full scans ends in the hours after it, whenever the tests run.
START = datetime(2030, 3, 2, 1, tzinfo=UTC).timestamp()
TREE = ("tasks", "subtasks", "stories", "attachments")
NO_ACCESS: dict[str, Any] = {"status": 403, "message": "You do not have access to this project."}
BROKEN: dict[str, Any] = {"status": 500, "message": "Server Error"}
# Every sync reads all listings.
TRACKED: dict[str, Any] = {"track_deletions": True, "full_scan_interval_hours": 0}
# All listings are read once a day; a search finds what changes in between.
DAILY: dict[str, Any] = {**TRACKED, "full_scan_interval_hours": 24, "change_detection": "search"}
# What neither the search nor the audit log tells comes a year later.
YEARLY: dict[str, Any] = {**DAILY, "full_scan_interval_hours": 8760}


def new_world() -> World:
    """Return an empty world whose clock shows `START`."""
    world = World.empty()
    world.clock.skew = START - time.time()
    return world


class Copy(Destination):
    """A copy whose sync may be killed at a message: what is printed after that never arrives.

    Attributes:
        kill_at: says of each message whether the sync is killed right after it; used once.
    """

    kill_at: Callable[[Record], bool] | None = None

    @override
    def take(self, message: Record, done: Sync) -> None:
        super().take(message, done)
        if self.kill_at and self.kill_at(message):
            done.killed, self.kill_at = True, None


def ghosts(asana: Sandbox, copy: Copy, streams: Iterable[str] = TREE) -> dict[str, list[str]]:
    """Return the rows that a user sees of what Asana does not have any more: stream -> gids."""
    found = {
        stream: sorted(
            row["gid"]
            for row in copy.rows[stream].values()
            if not row.get(DELETED) and row["gid"] not in asana.world
        )
        for stream in streams
    }
    return {stream: gids for stream, gids in found.items() if gids}


def lacking(asana: Sandbox, copy: Copy, streams: Iterable[str] = TREE) -> dict[str, dict[str, Any]]:
    """Return what Asana shows and a copy has not, or otherwise: stream -> gid -> how.

    That is `missing`, `deleted`, or the columns that differ.
    """
    found: dict[str, dict[str, Any]] = {}
    for stream in streams:
        for record in asana.truth(stream):
            held = copy.rows[stream].get(key_of(stream, record))
            how: Any = differences(stream, held, record)
            if held and how:
                how = "deleted" if held.get(DELETED) else sorted(how)
            if how:
                found.setdefault(stream, {})[record["gid"]] = how
    return found


def wrong(asana: Sandbox, copy: Copy, streams: Iterable[str] = TREE) -> dict[str, Any]:
    """Return how a copy differs from Asana, empty where it does not."""
    streams = list(streams)
    found = {"ghosts": ghosts(asana, copy, streams), "lacking": lacking(asana, copy, streams)}
    return {name: one for name, one in found.items() if one}


def tree(world: World, *projects: str, **fields: Any) -> str:
    """Add a task with a subtask, and a comment and an attachment each; return the task."""
    task = world.add_task(projects=projects, **fields)
    for gid in (task, world.add_task(parent=task)):
        world.comment(gid)
        world.add_attachment(gid)
    return task


def below(world: World, task: str) -> str:
    """Return the first subtask of a task."""
    return str(world.listed("task.subtasks", task).gids[0])


def is_tombstone(message: Record, stream: str) -> bool:
    """Return whether a message is a tombstone of a stream."""
    one = message.get("record", {})
    return bool(one.get("stream") == stream and one["data"].get(DELETED))


def state_in(message: Record, stream: str) -> Record | None:
    """Return the state of a stream that a message is, None if it is another message."""
    if message["type"] != "STATE":
        return None
    one: Record = message["state"]["stream"]
    return one["stream_state"] if one["stream_descriptor"]["name"] == stream else None
