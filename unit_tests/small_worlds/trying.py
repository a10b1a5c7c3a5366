"""Tries all sequences of happenings of a length, and tells the shortest ones that go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, count
from typing import Self

from sandbox import Sandbox
from unit_tests.findings.copies import new_world
from unit_tests.small_worlds.play import DAY, HOUR, Game, Refusal, Sequence
from unit_tests.small_worlds.quick import quick_syncs

# These concern the next sync, so none follows at once.
NEXT = ("fails", "refused", "kill")
KILLS = (1, 2, 4, 7, 11)
NAMES = (
    "edit",
    "edit_below",
    "like",
    "move",
    "slip",
    "leave",
    "delete",
    "delete_both",
    "delete_story",
    "undelete",
    "hide",
    "exclude",
    "untrack",
    "scope",
    "column",
    "drop_item",
    "fails",
    "refused",
    *(f"kill {number}" for number in KILLS),
)


class Trial:
    """Tries sequences in one mode; a context manager.

    Attributes:
        found: what went wrong, by sequence; an empty list where nothing did.
    """

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._asana = Sandbox(new_world(), "advanced")
        self._quick = quick_syncs()
        self.found: dict[Sequence, list[str]] = {}

    def __enter__(self) -> Self:
        """Start the sandbox and read everything twice."""
        self._quick.__enter__()
        self._asana.start()
        self._game = Game(self._asana, self._mode)
        for _ in range(2):
            _, found = self._game.sync()
            assert found == []
        self._start = self._game.save()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the sandbox."""
        self._asana.stop()
        self._quick.__exit__(None, None, None)

    @property
    def syncs(self) -> int:
        """How many syncs were made."""
        return self._game.syncs

    def all(
        self,
        first: Sequence,
        length: int,
        is_chosen: Callable[[Sequence], bool] = lambda _: True,
    ) -> None:
        """Try all sequences up to a length that begin with `first`.

        Args:
            first: how they begin.
            length: how long they are at most.
            is_chosen: whether a sequence is tried.
        """
        self._start()
        if all(self._step(first[:end]) for end in range(1, len(first) + 1)):
            self._below(first, length, is_chosen)

    def one(self, sequence: Sequence) -> None:
        """Try one sequence."""
        self.all(sequence, len(sequence))

    def killed_anywhere(self, *sequence: str) -> None:
        """Try a sequence whose first sync is killed after the first message, the second, and so on.

        The last one is that in which the sync has no such message.
        """
        for number in count(1):
            killed = (f"kill {number}", *sequence)
            self._game.was_killed = False
            self.one(killed)
            if not self._game.was_killed:
                return

    def _below(
        self, sequence: Sequence, length: int, is_chosen: Callable[[Sequence], bool]
    ) -> None:
        """Try a sequence that has just happened, and all that begin with it."""
        back = self._game.save()
        if sequence and is_chosen(sequence):
            self.found[sequence] = self._ending(sequence)
        if len(sequence) == length:
            return
        for name in NAMES:
            longer = (*sequence, name)
            if len(longer) == length and not is_chosen(longer):
                continue
            back()
            if self._step(longer):
                self._below(longer, length, is_chosen)

    def _step(self, sequence: Sequence) -> bool:
        """Let the last one of a sequence happen, and sync; return whether it goes on."""
        try:
            self._game.happen(sequence[-1])
        except Refusal:
            return False
        if not sequence[-1].startswith(NEXT):
            _, wrong = self._game.sync()
            if wrong:
                self.found[sequence] = wrong
                return False
        return True

    def _ending(self, sequence: Sequence) -> list[str]:
        """Put the world right after a sequence, and return what is wrong after two syncs."""
        game, wrong = self._game, []
        if sequence[-1].startswith(NEXT):
            wrong += game.sync()[1]
        game.put_right()
        _, found = game.sync(DAY)
        wrong += found
        last, found = game.sync(HOUR)
        wrong += found + game.wrong()
        for stream, records in last.records.items():
            wrong += [f"{stream} {one['gid']} is sent again" for one in records]
        return wrong

    def fails(self, sequence: Sequence) -> bool:
        """Return whether a sequence goes wrong, alone."""
        if sequence not in self.found:
            self.all(sequence, len(sequence))
        return any(self.found.get(sequence[:end]) for end in range(1, len(sequence) + 1))

    def shortest(self) -> dict[Sequence, list[str]]:
        """Return what goes wrong where no part of the sequence does."""
        wrong = [sequence for sequence, found in self.found.items() if found]
        return {
            sequence: self.found[sequence]
            for sequence in sorted(wrong, key=len)
            if not any(map(self.fails, parts(sequence)))
        }


def parts(sequence: Sequence) -> Iterator[Sequence]:
    """Yield the shorter sequences that a sequence contains in the same order, shortest first."""
    for length in range(1, len(sequence)):
        yield from combinations(sequence, length)


def told(found: dict[Sequence, list[str]]) -> str:
    """Return what goes wrong, in lines."""
    lines: Iterable[str] = (
        f"{' · '.join(sequence)}:\n    " + "\n    ".join(wrong) for sequence, wrong in found.items()
    )
    return "\n".join(lines)
