"""However a sync ends, it ends: no thread waits for ever, and what was committed stays so.

A generator raises at each of its steps, the process is told to stop at each request, and states are
printed by threads that find a full queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from sandbox import Sandbox, World
from source_asana.cursors.cursor import AsanaCursor
from unit_tests.conftest import NO_LIMIT
from unit_tests.properties import runs
from unit_tests.properties.lab import differences
from unit_tests.properties.runs import Destination, Source, Sync
from unit_tests.scenarios.worlds_a import DAY, FAMILY, TRACKED, send_at_once, wrong

PATIENCE_SECONDS = 60.0
END = -1
# How many requests a sync sends here at least.
FEWEST_REQUESTS = 20


class Watch:
    """Ends a sync that hangs, so that a test fails instead of waiting for ever.

    Attributes:
        source: that of the last sync.
        hung: whether a sync did not end by itself.
        patience: after how many seconds a sync is said to hang.
    """

    def __init__(self) -> None:
        self.source: Source | None = None
        self.hung = False
        self.patience = PATIENCE_SECONDS

    def __call__(self) -> Source:
        """Return a new source; this object stands in for the class."""
        self.source = Source()
        return self.source

    def stop(self) -> None:
        """Have the sync stop as SIGTERM does."""
        assert self.source
        self.source.stop()

    def sync(self, asana: Sandbox, destination: Destination, **options: Any) -> Sync:
        """Sync a day later, and assert that it ends and says how for every stream."""
        asana.clock.advance(DAY)
        streams = options.pop("streams", FAMILY)
        timer = threading.Timer(self.patience, self._let_go)
        timer.start()
        try:
            done = destination.sync(asana, streams, **options)
        finally:
            timer.cancel()
        assert not self.hung
        statuses = {done.statuses.get(stream) for stream in streams}
        # None has one where the sync ended before the streams began.
        assert statuses <= {"COMPLETE", "INCOMPLETE"} or statuses == {None}
        return done

    def _let_go(self) -> None:
        self.hung = True
        assert self.source
        self.source.end()
        queue = self.source._concurrent_source._queue
        with queue.mutex:
            queue.maxsize = NO_LIMIT
            queue.not_full.notify_all()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    send_at_once(monkeypatch)
    made = Watch()
    monkeypatch.setattr(runs, "Source", made)
    return made


class Small:
    """Two projects and a user with tasks, subtasks, stories and attachments."""

    def __init__(self) -> None:
        self.world = world = World.empty()
        self.tasks = []
        self.projects = [world.add_project(f"P{number}") for number in range(2)]
        for project in self.projects:
            self.tasks.append(world.add_task("T", projects=[project]))
            self.tasks.append(world.add_task("S", parent=self.tasks[-1]))
        self.tasks.append(world.add_task("Lone", assignee=world.me))
        quiet = world.add_task("Quiet", projects=self.projects)
        world.comment(world.add_task("Below quiet", parent=quiet))
        world.add_attachment(quiet)
        self.change()

    def change(self) -> None:
        """Add something to each task, and delete the oldest story of the first."""
        if stories := self.world.listed("task.stories", self.tasks[0]).gids:
            self.world.delete(stories[0])
        for task in self.tasks:
            self.world.comment(task)
            self.world.add_attachment(task)


class Before:
    """What a destination knew before a sync that ends early.

    Attributes:
        read: the listings that each stream has read.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self.read = self._read()

    def _read(self) -> dict[str, set[str]]:
        return {stream: set(self._destination.instants(stream)) for stream in FAMILY}

    def is_kept(self, watch: Watch, asana: Sandbox, **options: Any) -> None:
        """Assert that the states lost nothing: the next sync brings just what is missing."""
        destination = self._destination
        assert all(keys <= self._read()[stream] for stream, keys in self.read.items())
        up_to_date = {
            stream: {
                record["gid"]
                for record in asana.truth(stream)
                if not differences(stream, destination.rows[stream].get(record["gid"]), record)
            }
            - destination.uncommitted[stream]
            for stream in FAMILY
        }
        done = watch.sync(asana, destination, **options)
        assert not done.failed, done.errors
        assert wrong(asana, destination, FAMILY) == []
        assert not any(up_to_date[stream] & {*done.gids(stream)} for stream in FAMILY)


# ── a generator raises ──────────────────────────────────────────────────────────────────────────


class UnexpectedError(Exception):
    """Is raised by nothing but these tests."""


def break_slices(patch: pytest.MonkeyPatch, stream: str, step: int) -> list[int]:
    """Have the generator of a stream raise before its slice of that number, or at its end.

    Returns:
        The step once it has raised.
    """
    slices, raised = AsanaCursor.stream_slices, list[int]()

    def broken(cursor: AsanaCursor) -> Iterator[Any]:
        for number, slice_ in enumerate(slices(cursor)):
            if cursor.stream == stream and number == step:
                raised.append(step)
                raise UnexpectedError
            yield slice_
        if cursor.stream == stream and step == END:
            raised.append(step)
            raise UnexpectedError

    patch.setattr(AsanaCursor, "stream_slices", broken)
    return raised


def break_missing(patch: pytest.MonkeyPatch, stream: str, step: int) -> list[int]:
    """Have it raise where it begins to look into what is missing; see `break_slices`."""
    to_confirm, raised = AsanaCursor.to_confirm, list[int]()

    def broken(cursor: AsanaCursor) -> Iterator[Any]:
        if cursor.stream == stream:
            raised.append(step)
            raise UnexpectedError
        yield from to_confirm(cursor)

    patch.setattr(AsanaCursor, "to_confirm", broken)
    return raised


Breaks = Callable[[pytest.MonkeyPatch, str, int], list[int]]


def at_each(
    watch: Watch, stream: str, steps: Iterable[int], mode: str, breaks: Breaks = break_slices
) -> None:
    """Sync with a generator that raises at one step after the other."""
    options = {"change_detection": mode, "full_scan_interval_hours": 0, **TRACKED}
    small = Small()
    with Sandbox(small.world) as asana:
        destination = Destination()
        assert not watch.sync(asana, destination, **options).failed
        for step in steps:
            small.change()
            before = Before(destination)
            with pytest.MonkeyPatch.context() as patch:
                raised = breaks(patch, stream, step)
                done = watch.sync(asana, destination, **options)
            assert raised == [step]
            assert done.failed
            assert done.statuses[stream] == "INCOMPLETE"
            before.is_kept(watch, asana, **options)


@pytest.mark.parametrize(
    ("stream", "mode", "steps"),
    [
        ("tasks", "listing", (0, 1, END)),
        ("subtasks", "listing", (END,)),
        ("stories", "search", (0, 1, END)),
        ("attachments", "listing", (0, 1, END)),
    ],
)
def test_a_generator_raises(watch: Watch, stream: str, mode: str, steps: tuple[int, ...]) -> None:
    at_each(watch, stream, steps, mode)


@pytest.mark.parametrize("stream", FAMILY)
def test_a_generator_raises_when_it_looks_into_what_is_missing(watch: Watch, stream: str) -> None:
    at_each(watch, stream, [END], "listing", break_missing)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["listing", "search"])
@pytest.mark.parametrize(
    ("stream", "steps"),
    [
        ("tasks", (1, 2, END)),
        ("subtasks", (END,)),
        ("stories", (*range(5), END)),
        ("attachments", (*range(5), END)),
    ],
)
def test_a_generator_raises_at_each_step(
    watch: Watch, stream: str, steps: tuple[int, ...], mode: str
) -> None:
    at_each(watch, stream, steps, mode)


@pytest.mark.parametrize(
    ("stream", "mode", "step"),
    [("tasks", "search", 0), ("subtasks", "listing", 0), ("subtasks", "listing", 1)],
)
def test_a_generator_raises_while_others_wait_for_it(
    watch: Watch, stream: str, mode: str, step: int
) -> None:
    watch.patience = 3.0
    at_each(watch, stream, [step], mode)


# ── SIGTERM ─────────────────────────────────────────────────────────────────────────────────────


def told_to_stop(watch: Watch, numbers: Iterable[int], mode: str) -> None:
    """Tell a sync to stop at the request of each of these numbers, as long as it sends so many."""
    options = {"change_detection": mode, "full_scan_interval_hours": 0, **TRACKED}
    small = Small()
    with Sandbox(small.world) as asana:
        destination = Destination()
        assert not watch.sync(asana, destination, **options).failed
        for number in numbers:
            small.change()
            before = Before(destination)
            hook = asana.before_nth(number, watch.stop)
            done = watch.sync(asana, destination, **options)
            if not hook.hits:
                assert number > FEWEST_REQUESTS
                break
            # Where it was the last one, nothing is left to be stopped.
            assert done.failed or hook.seen == number
            before.is_kept(watch, asana, **options)


@pytest.mark.parametrize("numbers", [(1, 5, 9), (13, 16, 19)], ids=str)
def test_it_is_told_to_stop(watch: Watch, numbers: tuple[int, ...]) -> None:
    told_to_stop(watch, numbers, "listing")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["listing", "search"])
@pytest.mark.parametrize("first", [1, 2])
def test_it_is_told_to_stop_at_each_request(watch: Watch, first: int, mode: str) -> None:
    told_to_stop(watch, range(first, 100, 2), mode)


# ── a full queue ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bulk_export", [False, True], ids=["listings", "an export"])
def test_states_are_printed_by_others_threads_into_a_queue_of_one(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, *, bulk_export: bool
) -> None:
    """Workers print the states of streams that are not theirs: inline ones, and those exported."""
    monkeypatch.setattr("source_asana.source.QUEUE_SIZE", 1)
    small = Small()
    for project in small.projects:
        small.world.set_custom_field(project, small.world.add_custom_field("F", "text"))
    streams = (*FAMILY, "projects", "project_custom_field_settings", "sections")
    options: dict[str, Any] = {"streams": streams, "bulk_export": bulk_export, "num_workers": 4}
    with Sandbox(small.world, plan="service") as asana:
        destination = Destination()
        for _ in range(2):
            done = watch.sync(asana, destination, **options)
            assert not done.failed, done.errors
            assert wrong(asana, destination, streams, extra=False) == []
            small.change()
