"""A small world, what may happen to it, and the syncs that follow.

Two projects, P and Q, in a portfolio. One task in P with a subtask, another one in both; a comment
on each, and a file on the subtask.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from typing_extensions import override

from sandbox import Sandbox
from sandbox.access import sees
from unit_tests.findings.copies import (
    BROKEN,
    DAY,
    HOUR,
    NO_ACCESS,
    TREE,
    Copy,
    lacking,
)
from unit_tests.properties.lab import DELETED
from unit_tests.properties.runs import Record, Sync, key_of
from unit_tests.small_worlds.quick import QuickSource
from unit_tests.sync import streams

ITEMS = "portfolio_items"
STREAMS = (*TREE, ITEMS)
CHILDREN = ("stories", "attachments")
MODES: dict[str, dict[str, Any]] = {
    "listings": {"full_scan_interval_hours": 0, "change_detection": "listing"},
    "search": {"full_scan_interval_hours": 24, "change_detection": "search"},
}
# The columns that are not selected at first.
ADDED = {"tasks": "notes", "stories": "text"}
SCOPE = "stories:read"
Row = tuple[str, str]
"""A stream and a key."""
Sequence = tuple[str, ...]


class Refusal(Exception):  # noqa: N818 - no error: the sequence has no meaning
    """Raised where something cannot happen, as there is nothing that it could happen to."""


class Rows(Copy):
    """A copy that does not keep what was replaced."""

    @override
    def take(self, message: Record, done: Sync) -> None:
        super().take(message, done)
        self.history.clear()

    def living(self) -> Iterator[tuple[str, str, Record]]:
        """Yield stream, key and record of what a user sees."""
        for stream in STREAMS:
            for key, row in self.rows[stream].items():
                if not row.get(DELETED):
                    yield stream, key, row


@dataclass
class Situation:
    """What holds in addition to the world, and what the destination has.

    Attributes:
        copy: what was synced.
        is_hidden: whether P is hidden from the token.
        is_excluded: whether the settings leave P out.
        is_tracking: whether deletions are tracked.
        has_scope: whether the token has the scope of stories.
        is_wide: whether the further columns are selected.
        fault: what happens to the listing of P in the next sync.
        kill: after how many messages the next sync is killed.
        trashed: what was deleted, the last one last.
        scope: what the last sync read that came to its end: exclusion and tracking.
        excused: rows that the destination may keep although they are deleted in Asana.
        unknown: rows that a killed sync printed after its last state, until they are sent again.
        forgotten: rows that may stay if they are deleted now; see `Game`.
    """

    copy: Rows = field(default_factory=Rows)
    is_hidden: bool = False
    is_excluded: bool = False
    is_tracking: bool = True
    has_scope: bool = True
    is_wide: bool = False
    fault: Mapping[str, Any] | None = None
    kill: int | None = None
    trashed: list[str] = field(default_factory=list)
    scope: tuple[bool, bool] = (False, True)
    excused: set[Row] = field(default_factory=set)
    unknown: set[Row] = field(default_factory=set)
    forgotten: set[Row] = field(default_factory=set)

    def saved(self) -> Situation:
        """Return a copy; records are never changed."""
        copy = Rows()
        copy.rows.update({stream: dict(rows) for stream, rows in self.copy.rows.items()})
        copy.states = dict(self.copy.states)
        copy.uncommitted.update({s: set(keys) for s, keys in self.copy.uncommitted.items()})
        rest = {name: value for name, value in vars(self).items() if name != "copy"}
        return Situation(copy, **deepcopy(rest))


class Game:
    """One small world, in one mode.

    What is deleted has to leave the destination, with these exceptions, which docs/design.md names.
    They hold for single rows:

    - deleted while tracking was off, or not yet noticed when it was switched off or on: the first
      sync that tracks takes stock;
    - deleted while its project was excluded, or not yet noticed when that changed: another scope
      drops what waits;
    - deleted while the token could not see it, not yet noticed when its task was hidden, or before
      it was sent again after that: what is hidden is forgotten, with all that hangs on it;
    - stories and attachments that were not sent again since tracking was off: without it their keys
      are not kept;
    - what a killed sync printed after its last state: the next one does not know of it, so it is
      neither deleted nor set back to what it was before. This does not hold for tombstones.

    Args:
        asana: serves the world.
        mode: how changes are found, a name of `MODES`.

    Attributes:
        syncs: how many were made.
        was_killed: whether one of them was killed; set back by who asks.
    """

    def __init__(self, asana: Sandbox, mode: str) -> None:
        world = self.world = asana.world
        self._asana, self._mode = asana, mode
        self.p, self.q = world.add_project("P"), world.add_project("Q")
        self.task = world.add_task("In P", projects=[self.p], notes="Notes")
        self.subtask = world.add_task("Below", parent=self.task)
        self.both = world.add_task("In both", projects=[self.p, self.q])
        self.story = world.comment(self.task)
        world.comment(self.subtask)
        world.comment(self.both)
        world.add_attachment(self.subtask)
        self.portfolio = world.add_portfolio("Portfolio", items=[self.p, self.q])
        self.now = Situation()
        self.syncs = 0
        self.was_killed = False
        # No version of an object may come twice, as the sandbox keeps what it rendered.
        self._versions = count(1_000_000, 10_000)
        self._names = count(1)

    # ── going back ─────────────────────────────────────────────────────────────────────────────

    def save(self) -> Callable[[], None]:
        """Return what brings everything back to how it is now."""
        left_out = {"lock", "clock"}
        world = pickle.dumps({k: v for k, v in vars(self.world).items() if k not in left_out})
        now, at = self.now.saved(), self.world.clock.now()

        def back() -> None:
            for name, value in pickle.loads(world).items():  # noqa: S301 - made above
                kept = getattr(self.world, name)
                if isinstance(kept, dict):
                    # The sandbox's renderers hold it.
                    kept.clear()
                    kept.update(value)
                else:
                    setattr(self.world, name, value)
            self.world.epoch = self.world.changed_tasks = next(self._versions)
            self.world.clock.skew = at - time.time()
            self.now = now.saved()
            self._asana.clear_faults()
            self._asana.reset_log()
            self._asana.set_scopes(None)
            if not self.now.has_scope:
                self._asana.take_scopes(SCOPE)

        return back

    # ── what happens ───────────────────────────────────────────────────────────────────────────

    def happen(self, name: str) -> None:
        """Let one thing happen.

        Raises:
            Refusal: it has no meaning now.
        """
        name, _, number = name.partition(" ")
        call = getattr(self, f"_{name}")
        call(int(number)) if number else call()

    def _edit(self) -> None:
        self.world.edit_task(self._there(self.task), name=self._name())

    def _edit_below(self) -> None:
        self.world.edit_task(self._there(self.subtask), name=self._name())

    def _like(self) -> None:
        liked = self.world[self._there(self.both)].get("_likes")
        (self.world.unlike if liked else self.world.like)(self.both)

    def _move(self, *, moves_stamp: bool = True) -> None:
        """Put the task into the other project, or from none into P."""
        projects = self.world[self._there(self.task)]["_projects"]
        old = projects[0] if projects else None
        self.world.move_task(
            self.task,
            add_project=self.q if old == self.p else self.p,
            remove_project=old,
            moves_stamp=moves_stamp,
        )

    def _slip(self) -> None:
        self._move(moves_stamp=False)

    def _leave(self) -> None:
        """Take the task out of its project, so that no list shows it."""
        projects = self.world[self._there(self.task)]["_projects"]
        if not projects:
            raise Refusal
        self.world.move_task(self.task, remove_project=projects[0])

    def _delete(self) -> None:
        self._remove(self.task)

    def _delete_both(self) -> None:
        self._remove(self.both)

    def _delete_story(self) -> None:
        self._remove(self.story)

    def _remove(self, gid: str) -> None:
        self.world.delete(self._there(gid))
        self.now.trashed.append(gid)

    def _undelete(self) -> None:
        if not self.now.trashed:
            raise Refusal
        try:
            self.world.undelete(self.now.trashed.pop())
        except ValueError:
            raise Refusal from None

    def _hide(self) -> None:
        (self.world.show if self.now.is_hidden else self.world.hide)(self.p)
        self.now.is_hidden = not self.now.is_hidden

    def _exclude(self) -> None:
        self.now.is_excluded = not self.now.is_excluded

    def _untrack(self) -> None:
        self.now.is_tracking = not self.now.is_tracking

    def _scope(self) -> None:
        (self._asana.take_scopes(SCOPE) if self.now.has_scope else self._asana.set_scopes(None))
        self.now.has_scope = not self.now.has_scope

    def _column(self) -> None:
        if self.now.is_wide:
            raise Refusal
        self.now.is_wide = True

    def _drop_item(self) -> None:
        if self.p not in self.world.listed("portfolio.items", self.portfolio).gids:
            raise Refusal
        self.world.remove_portfolio_item(self.portfolio, self.p)

    def _fails(self) -> None:
        self._arm(BROKEN)

    def _refused(self) -> None:
        self._arm(NO_ACCESS)

    def _arm(self, fault: Mapping[str, Any]) -> None:
        if self.now.fault:
            raise Refusal
        self.now.fault = fault

    def _kill(self, number: int) -> None:
        if self.now.kill:
            raise Refusal
        self.now.kill = number

    def _there(self, gid: str) -> str:
        if gid not in self.world:
            raise Refusal
        return gid

    def _name(self) -> str:
        return f"Name {next(self._names)}"

    # ── syncs ──────────────────────────────────────────────────────────────────────────────────

    def put_right(self) -> None:
        """Have everything be shown, read and tracked again."""
        for is_wrong, call in (
            (self.now.is_hidden, self._hide),
            (self.now.is_excluded, self._exclude),
            (not self.now.is_tracking, self._untrack),
            (not self.now.has_scope, self._scope),
        ):
            if is_wrong:
                call()

    def sync(self, pause: int = HOUR) -> tuple[Sync, list[str]]:
        """Sync some seconds later; return what came, and what is wrong with that."""
        now, self.syncs = self.now, self.syncs + 1
        self._asana.clock.advance(pause)
        self._excuse()
        if now.fault:
            path = rf"/tasks\?.*project={self.p}"
            self._asana.fault("status", path, times=None, **now.fault)
        done = now.copy.sync(
            self._asana,
            STREAMS,
            kill_after=now.kill,
            columns=None if now.is_wide else narrow(is_tracking=now.is_tracking),
            track_deletions=now.is_tracking,
            **({"exclude_project_ids": [self.p]} if now.is_excluded else {}),
            **MODES[self._mode],
        )
        self._asana.clear_faults()
        self.was_killed |= done.killed
        found = [f"{row} exists, and is deleted in the destination" for row in self._false(done)]
        if QuickSource.hung:
            QuickSource.hung = False
            found.append("a sync hangs")
        if done.failed and not (done.killed or now.fault or not now.has_scope):
            found.append(f"a sync fails: {done.errors}")
        self._remember(done)
        now.fault = now.kill = None
        return done, found

    def _false(self, done: Sync) -> Iterator[Row]:
        """Yield the rows of a sync's tombstones that are false."""
        for stream, records in done.records.items():
            for record in records:
                if record.get(DELETED) and self._exists(stream, record):
                    yield stream, key_of(stream, record)

    def _exists(self, stream: str, record: Record) -> bool:
        if stream != ITEMS:
            return record["gid"] in self.world
        return record["gid"] in self.world.listed("portfolio.items", self.portfolio).gids

    def _excuse(self) -> None:
        """Note what the next sync drops silently, and what it forgets; see the class."""
        now, viewer = self.now, self._asana.api.auth.tokens[self._asana.token].viewer
        is_other = now.scope != (now.is_excluded, now.is_tracking) or not now.is_tracking
        for stream, key, row in now.copy.living():
            gid, one = row["gid"], (stream, key)
            if not self._exists(stream, row):
                parent = row.get("task_id") or row.get("parent_id")
                is_below_hidden = parent in self.world and not sees(
                    self.world, viewer, self.world[parent]
                )
                if is_other or is_below_hidden or one in now.forgotten:
                    now.excused.add(one)
                continue
            is_keyless = stream in CHILDREN and not now.is_tracking
            if is_keyless or not sees(self.world, viewer, self.world[gid]):
                now.forgotten.add(one)

    def _remember(self, done: Sync) -> None:
        now = self.now
        if not done.killed and not done.failed:
            now.scope = (now.is_excluded, now.is_tracking)
        sent = {(s, key_of(s, record)) for s, records in done.records.items() for record in records}
        if done.killed:
            uncommitted = now.copy.uncommitted.items()
            now.unknown |= {(stream, key) for stream, keys in uncommitted for key in keys}
        else:
            now.unknown -= sent
        if now.is_tracking:
            now.forgotten -= sent
        now.excused -= sent

    # ── what has to hold in the end ────────────────────────────────────────────────────────────

    def wrong(self) -> list[str]:
        """Return how the destination differs from Asana, without what is excused."""
        now = self.now
        hidden = set() if now.is_wide else set(ADDED.values())
        found = []
        for stream, gids in lacking(self._asana, now.copy, STREAMS).items():
            for gid, how in gids.items():
                different = how if isinstance(how, str) else sorted(set(how) - hidden)
                is_excused = how != "deleted" and (stream, gid) in now.unknown
                if different and not is_excused:
                    found.append(f"{stream} {gid} differs: {different}")
        for stream, key, row in now.copy.living():
            is_excused = (stream, key) in now.excused | now.unknown
            if not self._exists(stream, row) and not is_excused:
                found.append(f"{stream} {key} is a ghost")
        return found


def narrow(*, is_tracking: bool) -> dict[str, list[str]]:
    """Return the columns of a catalog without those that are added later."""
    found = streams(track_deletions=is_tracking)
    return {
        name: [c for c in found[name]["json_schema"]["properties"] if c != without]
        for name, without in ADDED.items()
    }


__all__ = ["DAY", "HOUR", "MODES", "Game", "Refusal", "Sequence"]
