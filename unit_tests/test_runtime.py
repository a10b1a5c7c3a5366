"""What the streams of a sync share: backpressure, and parts that are made once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from source_asana.runtime import Backpressure, Runtime
from unit_tests.given import settings


class Queue:
    """An output queue that is behind or not, and a sync that is given up or not."""

    def __init__(self) -> None:
        """Begin with a full queue."""
        self.is_behind = True
        self.is_given_up = False
        self.room = Backpressure(
            lambda _: time.sleep(0.001), lambda: self.is_given_up, lambda: self.is_behind
        )


class Worker:
    """A thread that takes room, and holds it until it is told to give it back."""

    def __init__(self, queue: Queue) -> None:
        """Start it."""
        self._taken, self._done = threading.Event(), threading.Event()
        self._queue = queue
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self._queue.room:
            self._taken.set()
            self._done.wait(10)

    def has_room(self, seconds: float = 5.0) -> bool:
        """Return whether it gets room within seconds."""
        return self._taken.wait(seconds)

    def end(self) -> None:
        """Have it give its room back."""
        self._done.set()
        self.thread.join(5)


def test_while_the_destination_is_behind_only_few_may_fetch() -> None:
    queue = Queue()
    first = [Worker(queue) for _ in range(Backpressure.FEW)]
    assert all(worker.has_room() for worker in first)
    late = Worker(queue)
    assert not late.has_room(0.05)
    first[0].end()
    assert late.has_room()
    for worker in (first[1], late):
        worker.end()


@pytest.mark.parametrize("what", ["is_behind", "is_given_up"])
def test_who_waits_goes_on_when_there_is_no_reason_left(what: str) -> None:
    queue = Queue()
    workers = [Worker(queue) for _ in range(Backpressure.FEW)]
    assert all(worker.has_room() for worker in workers)
    waiting = [Worker(queue) for _ in range(3)]
    assert not any(worker.has_room(0.02) for worker in waiting)
    setattr(queue, what, what == "is_given_up")
    assert all(worker.has_room() for worker in waiting)
    for worker in workers + waiting:
        worker.end()


def test_room_is_given_back_after_an_error() -> None:
    queue = Queue()
    for _ in range(2 * Backpressure.FEW):
        with pytest.raises(ValueError, match="a mistake"), queue.room:
            raise ValueError("a mistake")
    with queue.room:
        pass


def runtime(**options: Any) -> Runtime:
    return Runtime(settings(), **options)


def test_a_shared_part_is_made_once_a_sync() -> None:
    class Part:
        def __init__(self, runtime: Runtime) -> None:
            self.runtime = runtime

    first, second = runtime(), runtime()
    part = first.part(Part)
    assert first.part(Part) is part
    assert part.runtime is first
    assert second.part(Part) is not part


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("workspace_ids", ["1"]),
        ("project_ids", ["1"]),
        ("exclude_project_ids", ["1"]),
        ("team_ids", ["1"]),
        ("portfolio_ids", ["1"]),
        ("include_archived_projects", False),
        ("include_tasks_without_project", False),
        ("start_date", "2026-01-01T00:00:00Z"),
    ],
)
def test_whatever_selects_is_another_scope(key: str, value: Any) -> None:
    assert Runtime(settings(**{key: value})).scope != runtime().scope


@pytest.mark.parametrize(
    ("key", "value"),
    [("num_workers", 3), ("full_scan_interval_hours", 1), ("track_deletions", True)],
)
def test_what_selects_nothing_is_no_other_scope(key: str, value: Any) -> None:
    assert Runtime(settings(**{key: value})).scope == runtime().scope


def test_another_user_is_another_scope() -> None:
    first, second = runtime(), runtime()
    first.user = "1"
    assert first.scope != second.scope
    second.user = "1"
    assert first.scope == second.scope


def test_everything_hears_of_the_end_of_the_sync() -> None:
    made = runtime()
    assert made.feeds.stop is made.stop is made.client.stop
    assert made.clock is made.client.clock
