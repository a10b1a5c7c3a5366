"""Whatever happens, in any order, the ledger keeps the destination right: every history is tried.

One stream of two partitions is synced by the rules of docs/design.md, with the core's own parts and
nothing else: no HTTP, no threads, no CDK. `HISTORY_DEPTH` says how long the histories are;
those of eight steps take a minute.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from source_asana.core.ledger import Ledger, Row
from source_asana.core.missing import Completeness, choose

A, B = "7", "8"
PARTITIONS = (A, B)
ONE, TWO = "1", "2"

CHANGES = ("edit", "move", "share", "leave", "delete")
SYNCS = ("sync", "backwards", "refused", "slip", "killed", "cut", "untracked")
STEPS = CHANGES + SYNCS


class Killed(Exception):  # noqa: N818 - it is no error
    """The process ends here, whatever it has not printed."""


@dataclass(frozen=True)
class World:
    """What Asana has: TWO stays where it is, ONE is where and what the changes make it.

    Attributes:
        version: of ONE.
        places: the partitions that show ONE; none where no list has it.
        is_deleted: whether ONE is deleted; it comes back where it was.
    """

    version: int = 1
    places: frozenset[str] = frozenset({A})
    is_deleted: bool = False

    def after(self, change: str) -> World:
        """Return the world after a change."""
        match change:
            case "edit":
                return replace(self, version=self.version + 1)
            case "move":
                return replace(self, places=frozenset(PARTITIONS) - self.places or {A})
            case "share":
                return replace(self, places=frozenset(PARTITIONS))
            case "leave":
                return replace(self, places=frozenset())
        return replace(self, is_deleted=not self.is_deleted)

    def shown(self, partition: str) -> dict[str, int]:
        """Return the records of a partition: key -> version."""
        here = {TWO: 1} if partition == A else {}
        return {ONE: self.version, **here} if self.has((ONE, partition)) else here

    def has(self, row: Row) -> bool:
        """Return whether a partition shows a record."""
        key, partition = row
        is_there = partition in self.places and not self.is_deleted
        return is_there if key == ONE else partition == A


@dataclass
class Story:
    """A world, the state of the last sync, and what the destination has.

    Attributes:
        rows: record -> version in the destination. A record is a key, with a partition where each
            partition has records of its own.
        left: what the destination may keep for good: it vanished while deletions were not tracked,
            or came after the last state of a sync that was killed.
        unnamed: what came since the last state.
        messages: how many records were sent, and questions asked about those that a list shows.
    """

    by_partition: bool
    world: World = field(default_factory=World)
    state: dict[str, Any] | None = None
    rows: dict[Row, int] = field(default_factory=dict)
    left: frozenset[Row] = frozenset()
    unnamed: frozenset[Row] = frozenset()
    messages: int = 0

    def copy(self) -> Story:
        return replace(self, rows=dict(self.rows))

    def situation(self) -> bytes:
        """Return all that matters for what can happen next."""
        return repr((self.world, self.state, sorted(self.rows.items()), sorted(self.left))).encode()

    def record(self, key: str, partition: str) -> Row:
        return (key, partition if self.by_partition else "")

    def exists(self, row: Row) -> bool:
        """Return what Asana answers when it is asked for a record."""
        if self.by_partition:
            return self.world.has(row)
        return row[0] == TWO or not self.world.is_deleted

    # ── a step ─────────────────────────────────────────────────────────────────────────────────

    def step(self, name: str) -> None:
        """Let one thing happen, and look whether the destination is right if it has to be."""
        if name in CHANGES:
            self.world = self.world.after(name)
            return
        try:
            self._sync(name)
        except Killed:
            # No state names them, so nothing can tell if they vanish before the next sync.
            self.left |= self.unnamed
            return
        if name in {"sync", "backwards"}:
            self._compare()
            again = self.copy()
            again.messages = 0
            again._sync("sync")
            assert again.messages == 0, "the next sync sends or asks what it need not"

    def _compare(self) -> None:
        """Look whether a complete sync left a copy; what no list shows may be as it was."""
        for key in (ONE, TWO):
            for partition in PARTITIONS:
                row = self.record(key, partition)
                shown = self.world.shown(partition)
                if key in shown:
                    assert self.rows.get(row) == shown[key], "a record is not as Asana has it"
                elif not self.exists(row) and row not in self.left:
                    assert row not in self.rows, "a deleted record is still there"

    def _sync(self, name: str) -> None:
        ledger, read = self._loaded(), Completeness()
        self._read_all(name, ledger, read)
        if name == "untracked":
            ledger.drop_missing(read.is_complete)
            # What no list shows is not asked about, so its row may stay.
            self.left |= frozenset(row for row in self.rows if not self._is_listed(row))
        self._print_state(ledger, read, is_tracked=name != "untracked")
        if name != "untracked":
            self._confirm(ledger, is_cut=name == "cut")
            self._print_state(ledger, read, is_tracked=True)

    def _read_all(self, name: str, ledger: Ledger, read: Completeness) -> None:
        resends = name != "untracked" or bool(self.state and self.state["tracked"])
        is_backwards = name == "backwards" or (name == "slip" and self.world.places == {A})
        order = PARTITIONS[::-1] if is_backwards else PARTITIONS
        for partition in order:
            read.handed_out(partition)
        for is_second, partition in enumerate(order):
            if is_second and name == "slip" and len(self.world.places) == 1:
                # It goes to the list that was read already, before its own is.
                self.world = self.world.after("move")
            if name == "refused" and partition == B:
                continue
            self._read(ledger, partition, resends=resends)
            if name == "killed" and is_second:
                raise Killed
            read.completed(partition)
            if not is_second:
                self._print_state(ledger, read, is_tracked=name != "untracked")

    def _confirm(self, ledger: Ledger, *, is_cut: bool) -> None:
        """Ask about what is missing, and send the tombstones of what is deleted."""
        for key, partition in self._asked(ledger):
            row = self.record(key, partition)
            if self.exists(row):
                self.messages += self._is_listed(row)
                continue
            self.messages += 1
            self.rows.pop(row, None)
            if is_cut:
                raise Killed
            ledger.remove(key, partition if self.by_partition else None)

    def _read(self, ledger: Ledger, partition: str, *, resends: bool) -> None:
        """Send what is new or another version, and enter it after that."""
        for key, version in self.world.shown(partition).items():
            is_back = resends and ledger.is_missing(key, partition)
            if ledger.fingerprint(key, partition) == version and not is_back:
                ledger.show(key, partition)
                continue
            row = self.record(key, partition)
            self.messages += 1
            self.rows[row] = version
            self.left -= {row}
            self.unnamed |= {row}
            ledger.enter(key, partition, version)

    def _is_listed(self, row: Row) -> bool:
        places = [row[1]] if self.by_partition else PARTITIONS
        return any(self.world.has((row[0], partition)) for partition in places)

    def _asked(self, ledger: Ledger) -> list[Row]:
        new, waiting = ledger.missing()
        return choose(
            new,
            waiting,
            size=len(ledger),
            is_proven=lambda _: False,
            is_expected=lambda _: False,
            question="/".join,
            take_for_new=int,
            take_for_old=int,
        ).rows

    # ── the state ──────────────────────────────────────────────────────────────────────────────

    def _loaded(self) -> Ledger:
        if self.state is None:
            return Ledger(by_partition=self.by_partition)
        return Ledger.load(self.state["ledger"], by_partition=self.by_partition)

    def _print_state(self, ledger: Ledger, read: Completeness, *, is_tracked: bool) -> None:
        ledger.sweep(read.is_complete)
        self.unnamed = frozenset()
        self.state = {"ledger": ledger.dump(), "tracked": is_tracked}


def wrong(story: Story, depth: int, tried: dict[bytes, int], path: tuple[str, ...]) -> str:
    """Try everything that can happen next, to a depth; return a history that goes wrong, or "".

    Args:
        story: what happened so far.
        depth: how many steps are left.
        tried: how many steps were tried from each situation; those that are alike are one.
        path: the steps so far.
    """
    for name in STEPS:
        now, then = (*path, name), story.copy()
        try:
            then.step(name)
        except AssertionError as error:
            return f"{' > '.join(now)}: {error}"
        situation = then.situation()
        if depth > 1 and tried.get(situation, 0) < depth - 1:
            tried[situation] = depth - 1
            if found := wrong(then, depth - 1, tried, now):
                return found
    return ""


def is_right(history: list[str]) -> bool:
    """Return whether the destination is right after a history."""
    story = Story(by_partition=False)
    try:
        for name in history:
            story.step(name)
    except AssertionError:
        return False
    return True


def worst(depth: int, *, by_partition: bool) -> str:
    """Return the first history that goes wrong, "" without one. Each begins with a first sync."""
    story = Story(by_partition)
    story.step("sync")
    return wrong(story, depth, {}, ())


@pytest.mark.parametrize("by_partition", [False, True])
def test_every_history(*, by_partition: bool) -> None:
    assert worst(int(os.environ.get("HISTORY_DEPTH", "5")), by_partition=by_partition) == ""


@pytest.mark.parametrize(
    ("rule", "history"),
    [
        ("show", ["sync"]),
        ("sweep", ["delete", "sync"]),
        ("is_missing", ["delete", "cut", "delete", "sync"]),
        ("remove", ["delete", "sync", "sync"]),
    ],
)
def test_a_ledger_without_one_of_its_rules_is_found_out(
    monkeypatch: pytest.MonkeyPatch, rule: str, history: list[str]
) -> None:
    assert is_right(["sync", *history])
    monkeypatch.setattr(Ledger, rule, lambda *_: None)
    assert not is_right(["sync", *history])
