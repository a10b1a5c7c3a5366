"""Which records events name, so that what a dropped state knew of them is put right.

A destination keeps all that a sync wrote, while Airbyte may keep an older state. So a record that
events name may be there in a version that no ledger knows: it is sent when it is shown, and one
that no ledger has may be there all the same. The events come again, as a stream's tokens are as old
as its ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from source_asana.core.codec import decode_numbers, encode_numbers
from source_asana.core.hints import CHILDREN, CONTAINERS, Event

NEVER = -1
TASK, SUBTASK = "task", "subtask"
KINDS_BELOW = (SUBTASK, *sorted(CHILDREN))
# A task that gets another parent leaves the first one at the same moment.
SAME_MOMENT_MS = 10_000


@dataclass(slots=True)
class Named:
    """Holds what the events of a sync name. It is not thread-safe: the caller holds a lock.

    Kinds are `task` (a task in a list), `subtask`, `story` and `attachment`.
    """

    _records: dict[str, int] = field(default_factory=dict)
    # Task, project or section -> when it got another name: the records directly below carry it.
    _below: dict[str, int] = field(default_factory=dict)
    # What came back with everything below it.
    _restored: dict[str, int] = field(default_factory=dict)
    # Kind -> record -> the task that it was in, "" where no event says which.
    _parents: dict[str, dict[str, str]] = field(default_factory=dict)
    # Task -> when it was taken from a parent.
    _raised: dict[str, int] = field(default_factory=dict)

    def take(self, event: Event, project: str) -> None:
        """Take an event of a project."""
        if not event.gid:
            return
        if event.kind in CONTAINERS:
            self._take_container(event, project)
            return
        if event.kind not in {TASK, *CHILDREN}:
            return
        _raise(
            self._restored if event.action == "undeleted" else self._records, event.gid, event.at
        )
        if event.kind in CHILDREN:
            self._take_kind(event.kind, event)
        else:
            self._take_task(event)

    def _take_container(self, event: Event, project: str) -> None:
        if event.field == "name":
            _raise(self._below, event.gid, event.at)
        elif event.action == "undeleted":
            _raise(self._restored, project, event.at)

    def _take_task(self, event: Event) -> None:
        if event.field == "name":
            _raise(self._below, event.gid, event.at)
        if not event.parent:
            return
        if event.parent_kind != TASK:
            self._take_kind(TASK, event)
            return
        # The number of subtasks of its parent is another one.
        self.note(event.parent, event.at)
        self._take_kind(SUBTASK, event)
        if event.action == "removed":
            self._raised[event.gid] = event.at
        elif event.at - self._raised.get(event.gid, event.at) > SAME_MOMENT_MS:
            self.suppose(TASK, event.gid)

    def _take_kind(self, kind: str, event: Event) -> None:
        self.suppose(kind, event.gid)
        if event.parent and event.parent_kind == TASK:
            self._parents[kind][event.gid] = event.parent

    def suppose(self, kind: str, gid: str) -> None:
        """Note that a record may have been one of a kind."""
        self._parents.setdefault(kind, {}).setdefault(gid, "")

    def note(self, gid: str, at: int) -> None:
        """Note that a record changed with another one."""
        _raise(self._records, gid, at)

    # ── what they tell ─────────────────────────────────────────────────────────────────────────

    def at(self, gid: str, around: Iterable[str]) -> int:
        """Return when the newest event named a record, `NEVER` where none did.

        Args:
            gid: the record's.
            around: gids of what it is in, whose names it carries and with which it comes back.
        """
        found = max(self._records.get(gid, NEVER), self._restored.get(gid, NEVER))
        for one in around:
            found = max(found, self._below.get(one, NEVER), self._restored.get(one, NEVER))
        return found

    def restored_at(self, gid: str) -> int:
        """Return when a task came back with all that is below it, `NEVER` if it did not."""
        return self._restored.get(gid, NEVER)

    def shown(self, gid: str, around: Iterable[str]) -> None:
        """Note that a task was shown in what is around it: with that it came back."""
        at = max((self.restored_at(one) for one in around), default=NEVER)
        if at != NEVER:
            _raise(self._restored, gid, at)

    def parent_of(self, kind: str, gid: str) -> str | None:
        """Return the task that a record of a kind was in, "" if that is not known.

        None where no event says that it was one of this kind.
        """
        return self._parents.get(kind, {}).get(gid)

    def may_be(self, kind: str, gid: str) -> bool:
        """Return whether a record may have been one of a kind."""
        return self.parent_of(kind, gid) is not None

    def below(self, gid: str, kinds: Sequence[str] = KINDS_BELOW) -> Iterator[str]:
        """Yield the gids of all that was below a task; of subtasks also what was below them."""
        for kind in kinds:
            for one, parent in self._parents.get(kind, {}).items():
                if parent == gid:
                    yield one
                    if kind == SUBTASK:
                        yield from self.below(one)


def _raise(instants: dict[str, int], gid: str, at: int) -> None:
    instants[gid] = max(at, instants.get(gid, NEVER))


MOST_SENT = 50_000
SECOND_MS = 1000
LONG_AGO = 1


@dataclass(slots=True)
class Sent:
    """Knows when the version of a record was read that was sent last; a value of the state.

    The caller holds the stream's lock.

    Attributes:
        until: when the stream settled last, in milliseconds; all that it had sent before is in its
            ledger. 0 in a first sync, `LONG_AGO` where it is not known.
        later: key -> when the version was read that was sent since then. Of records beyond the
            first 50,000 it does not know.
    """

    until: int = 0
    later: dict[str, int] = field(default_factory=dict)

    def at(self, key: str) -> int:
        """Return up to when the ledger certainly has what the destination has of a record."""
        return self.later.get(key, self.until)

    def note(self, key: str, at: int) -> None:
        """Note that a version is sent that was read at an instant.

        A first sync has no events that tell what happened since. The instant counts as the end of
        its second, as the server's `Date` has no fractions.
        """
        if self.until and (key in self.later or len(self.later) < MOST_SENT):
            self.later[key] = at + SECOND_MS

    def settle(self, now: int) -> None:
        """Note that the ledger has all that was sent."""
        self.until = now
        self.later.clear()

    def drop_after(self, now: int) -> None:
        """Count instants that are later than the server's time as none."""
        self.until = self.until if self.until <= now else LONG_AGO
        self.later = {key: at for key, at in self.later.items() if at <= now}

    def resume(self) -> None:
        """Go on from a stored ledger; a sync that never settled did not say since when it holds."""
        self.until = self.until or LONG_AGO

    def load(self, value: Any) -> None:
        """Take a stored value.

        Raises:
            ValueError: it is not what `dump` returns.
        """
        match value:
            case {"until": int(until)}:
                self.until = until
                self.later = decode_numbers(value["later"]) if "later" in value else {}
            case _:
                raise ValueError("what was sent since the last sync has no instant")

    def dump(self) -> Callable[[], dict[str, Any]] | None:
        """Return what makes the value to store, without the lock; None for nothing."""
        if not (self.until or self.later):
            return None
        until, later = self.until, dict(self.later)

        def made() -> dict[str, Any]:
            return {"until": until, **({"later": encode_numbers(later)} if later else {})}

        return made
