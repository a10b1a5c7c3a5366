"""States come in their order, and no thread waits for another one to print its state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from source_asana.cursors.states import Emission, States
from source_asana.http.client import Client


class FullQueue:
    """States whose first message has to wait for room in the output queue."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self.waits, self.room = threading.Event(), threading.Event()
        self.printed: list[int] = []
        self.closed_after: int | None = None

    def emit(self, stream: str) -> int:
        """Print a state."""
        del stream
        state = self._make()
        self.waits.set()
        assert self.room.wait(5)
        self.printed.append(state["number"])
        return 1

    def close_share(self, stream: str) -> None:
        """Note after how many states the account was closed."""
        del stream
        self.closed_after = len(self.printed)


class Printing:
    """An emission whose states are numbered by what is done, on a full queue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("source_asana.cursors.states.pause", lambda _: 0.0)
        self.number = 0
        self.queue = FullQueue(self._state)
        client = cast("Client", type("Clock", (), {"monotonic": lambda _: 0.0})())
        states = cast("States", self.queue)
        self.emission = Emission("s", states, client)

    def _state(self) -> dict[str, Any]:
        return {"number": self.number}

    def act(self, name: str) -> threading.Thread:
        """Do something that prints a state, in a thread of its own, which may have to wait."""
        self.number += 1
        self.emission.changes += 1
        thread = threading.Thread(target=getattr(self.emission, name), daemon=True)
        thread.start()
        return thread


@pytest.mark.parametrize("first", ["progressed", "save"])
def test_the_last_state_is_printed_by_whoever_is_printing_one(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    printing = Printing(monkeypatch)
    waiting = printing.act(first)
    assert printing.queue.waits.wait(5)
    for name in ("progressed", "save", "final"):
        other = printing.act(name)
        other.join(5)
        assert not other.is_alive()
    assert printing.queue.printed == []
    printing.queue.room.set()
    waiting.join(5)
    assert printing.queue.printed == [1, 4]
    assert printing.queue.closed_after == 2


def test_progress_is_printed_once_and_a_state_that_is_wanted_always(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printing = Printing(monkeypatch)
    printing.queue.room.set()
    printing.act("progressed").join(5)
    printing.emission.progressed()
    printing.emission.save()
    printing.emission.final()
    assert printing.queue.printed == [1, 1, 1]
    assert printing.queue.closed_after == 3
