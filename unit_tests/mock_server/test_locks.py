"""The connector takes its locks in the order that `source_asana/runtime.py` writes down."""

from __future__ import annotations

import ast
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox, World
from source_asana import runtime
from unit_tests.sync import read

PACKAGE = Path(inspect.getfile(runtime)).parent
MAKERS = frozenset({"Lock", "RLock", "Condition"})
# Each has two locks of its own.
OF_TWO = frozenset({"Backpressure", "FairSemaphore"})
HELD = threading.local()
Pair = tuple[str, str]


def order() -> dict[str, int]:
    """Return the place of each class in the order that is written down."""
    lines = (inspect.getdoc(runtime) or "").splitlines()
    rows = [line.split(":")[0] for line in lines if line.startswith("    ")]
    return {name: place for place, row in enumerate(rows) for name in row.strip().split(", ")}


def makers() -> Iterator[str]:
    """Yield the classes that make a lock, or a condition with one."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        # What is imported by name could not be noted below.
        assert "from threading import" not in text
        for node in ast.parse(text).body:
            calls = (part for part in ast.walk(node) if isinstance(part, ast.Call))
            for call in calls:
                is_lock = isinstance(call.func, ast.Attribute) and call.func.attr in MAKERS
                if is_lock and not any(isinstance(one, ast.Name) for one in call.args):
                    assert isinstance(node, ast.ClassDef)
                    yield node.name


def test_every_class_with_a_lock_is_in_the_order() -> None:
    assert set(order()) == set(makers())


def test_locks_are_taken_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: set[Pair] = set()
    for name in ("Lock", "RLock"):
        monkeypatch.setattr(threading, name, noting(getattr(threading, name), pairs))
    streams = [path.stem for path in (PACKAGE / "schemas").glob("*.json")]
    streams.remove("organization_exports")
    world = World.generate(tasks=150, seed=3)
    deleted, *edited = [g for g, one in world.objects.items() if one["resource_type"] == "task"][:4]
    asks: dict[str, Any] = {"incremental": True, "track_deletions": True}
    with Sandbox(world, plan="service") as asana:
        first = read(asana, streams, bulk_export=True, **asks)
        asana.clock.advance(3600)
        for gid in edited:
            world.edit_task(gid, name="x")
        second = read(asana, streams, state=first.state, **asks)
        asana.clock.advance(3600)
        world.delete_task(deleted)
        third = read(asana, streams, state=second.state, full_scan_interval_hours=0, **asks)
    assert first.errors + second.errors + third.errors == []
    places = order()
    wrong = {
        (one, other)
        for one, other in pairs
        if places[one] >= places[other] and not (one == other and one in OF_TWO)
    }
    assert wrong == set()
    # It has noted what there is to note.
    assert ("States", "Strategy") in pairs


class NotedLock:
    """A lock of the standard library that notes which others its thread holds already."""

    def __init__(self, lock: Any, name: str, pairs: set[Pair]) -> None:
        """Wrap a lock; `name` is that of the class that made it."""
        self._lock = lock
        self._pairs = pairs
        self.name = name

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        """Take it."""
        is_taken: bool = self._lock.acquire(*args, **kwargs)
        if is_taken:
            held = _held()
            if self not in held:
                self._pairs.update((other.name, self.name) for other in held)
            held.append(self)
        return is_taken

    def release(self) -> None:
        """Give it back."""
        held = _held()
        del held[len(held) - 1 - held[::-1].index(self)]
        self._lock.release()

    def __enter__(self) -> bool:
        """Take it."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.release()

    # What a condition needs of a lock, to let it go while it waits.

    def _is_owned(self) -> bool:
        return self in _held()

    def _release_save(self) -> int:
        count = _held().count(self)
        for _ in range(count):
            self.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        for _ in range(count):
            self.acquire()


def _held() -> list[NotedLock]:
    """Return the locks that this thread holds."""
    found: list[NotedLock] = vars(HELD).setdefault("locks", [])
    return found


def noting(make: Callable[[], Any], pairs: set[Pair]) -> Callable[[], Any]:
    """Return what makes a lock; the connector's note the pairs in which they are taken."""

    def made() -> Any:
        name = _maker()
        return NotedLock(make(), name, pairs) if name else make()

    return made


def _maker() -> str | None:
    """Return the class of the connector that makes a lock just now, None for others."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename == threading.__file__ and frame.f_back:
        frame = frame.f_back
    if not Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
        return None
    return frame.f_code.co_qualname.split(".")[0]
