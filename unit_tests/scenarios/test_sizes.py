"""Very many tasks are due at once: what the states hold then, and how large all of them are.

Airbyte takes 10 MiB of states at once, so all of them together stay below 8 MB at every one that is
printed. Here a task stands for four thousand, and the states have room for as many rows less.
"""

from __future__ import annotations

import orjson
import pytest
from typing_extensions import override

from sandbox import Sandbox, World
from source_asana.cursors import states
from unit_tests.properties.runs import Destination, Record, Sync
from unit_tests.scenarios.worlds_a import DAY, HARDLY, counts, send_at_once, wrong

STREAMS = ("tasks", "stories", "attachments")
SCALE = 4000
# What 8 MB hold of rows of ten and a half characters.
ROWS = 760_000 // SCALE
LATE_SECONDS = 0.3
# A story is asked for in vain: what a plan lacks is refused for all tasks at once.
REFUSED = {"status": 402, "message": "Comments are only available to premium users."}


class Measured(Destination):
    """A destination that measures what Airbyte holds: the last state of each stream.

    Attributes:
        sizes: by stream, characters.
        peak: the most characters that all of them took together.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, int] = {}
        self.peak = 0

    @override
    def take(self, message: Record, done: Sync) -> None:
        super().take(message, done)
        if message["type"] == "STATE":
            stream = message["state"]["stream"]
            name = stream["stream_descriptor"]["name"]
            self.sizes[name] = len(orjson.dumps(stream["stream_state"]))
            self.peak = max(self.peak, sum(self.sizes.values()))


class Room:
    """What states take here, where all gids are close together.

    Attributes:
        empty: characters of all states of a single task.
        row: characters of a further task in one of them.
    """

    def __init__(self) -> None:
        self.empty = self._measured(1, STREAMS).peak
        sizes = [self._measured(tasks, ("tasks",)).peak for tasks in (1, 1 + ROWS)]
        self.row = (sizes[1] - sizes[0]) / ROWS

    def _measured(self, tasks: int, streams: tuple[str, ...]) -> Measured:
        destination = Measured()
        with Sandbox(world(tasks)[0]) as asana:
            destination.sync(asana, streams, **HARDLY)
        return destination


def world(tasks: int) -> tuple[World, list[str]]:
    """Return a world of so many tasks, each with a comment, and their gids."""
    made = World.empty()
    project = made.add_project("P")
    gids = [made.add_task("T", projects=[project]) for _ in range(tasks)]
    for gid in gids:
        made.comment(gid)
    made.clock.advance(DAY)
    return made, gids


@pytest.fixture(scope="module")
def room() -> Room:
    return Room()


class Many:
    """A first sync, and later ones, of so many thousand tasks.

    Args:
        patch: makes the states as small as the room for them.
        room: what they take.
        thousands: of tasks.
    """

    def __init__(self, patch: pytest.MonkeyPatch, room: Room, thousands: int) -> None:
        send_at_once(patch)
        self.most = room.empty + int(ROWS * room.row)
        patch.setattr(states, "MOST_CHARACTERS", self.most)
        self.world, self.tasks = world(thousands * 1000 // SCALE)
        self.destination = Measured()

    def sync(self, asana: Sandbox) -> Sync:
        """Sync a day later."""
        asana.clock.advance(DAY)
        done = self.destination.sync(asana, STREAMS, **HARDLY)
        assert not done.failed, done.errors
        return done

    def keeps_tasks(self, asana: Sandbox) -> bool:
        """Return whether the tasks have their ledger: it tells of what moves no timestamp."""
        self.world.like(self.tasks[0])
        return self.sync(asana).gids("tasks") == self.tasks[:1]


ALL_DUE = pytest.mark.xfail(
    reason=(
        "scenario 1: what is due stays in the state whatever its size, and ledgers go instead: "
        "simpler step 3, TaskList, at most 50,000 due rows and none of a stream that is refused"
    )
)


@pytest.mark.parametrize("thousands", [300, pytest.param(2000, marks=[ALL_DUE, pytest.mark.slow])])
def test_no_state_is_too_large_while_tasks_are_due(
    room: Room, monkeypatch: pytest.MonkeyPatch, thousands: int
) -> None:
    many = Many(monkeypatch, room, thousands)
    with Sandbox(many.world) as asana:
        many.sync(asana)
        assert wrong(asana, many.destination, STREAMS) == []
    assert many.destination.peak <= many.most, many.destination.sizes


@ALL_DUE
@pytest.mark.parametrize("thousands", [300, 600])
def test_the_ledger_of_the_tasks_stays(
    room: Room, monkeypatch: pytest.MonkeyPatch, thousands: int
) -> None:
    """It fits, with or without one of the others, once nothing is due any more."""
    many = Many(monkeypatch, room, thousands)
    with Sandbox(many.world) as asana:
        asana.fault("slow", "/stories|/attachments", times=16, seconds=LATE_SECONDS)
        many.sync(asana)
        assert many.keeps_tasks(asana)


@pytest.mark.parametrize("thousands", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_ledger_that_was_dropped_does_not_have_everything_sent(
    room: Room, monkeypatch: pytest.MonkeyPatch, thousands: int
) -> None:
    many = Many(monkeypatch, room, thousands)
    with Sandbox(many.world) as asana:
        many.sync(asana)
        for _ in range(2):
            story = many.world.comment(many.tasks[1])
            done = many.sync(asana)
            assert done.gids("tasks") == many.tasks[1:2]
            assert story in done.gids("stories")
            assert {one["task_id"] for one in done.records["stories"]} == {many.tasks[1]}
        assert wrong(asana, many.destination, STREAMS) == []
        assert counts(many.sync(asana)) == {}


@ALL_DUE
@pytest.mark.parametrize(
    ("thousands", "refused"),
    [(300, "/stories"), (600, "/stories|/attachments"), (2000, "/stories")],
)
def test_a_stream_is_refused_for_days(
    room: Room, monkeypatch: pytest.MonkeyPatch, thousands: int, refused: str
) -> None:
    """The ledger of two million tasks does not fit; that of fewer stays."""
    many = Many(monkeypatch, room, thousands)
    with Sandbox(many.world) as asana:
        asana.fault("status", refused, times=None, **REFUSED)
        many.sync(asana)
        for _ in range(2):
            many.world.edit_task(many.tasks[1], name=many.world.now())
            assert many.sync(asana).gids("tasks") == many.tasks[1:2]
        assert many.keeps_tasks(asana) is (thousands < 2000)
        assert many.destination.peak <= many.most, many.destination.sizes


DUE_FOR_EVER = pytest.mark.xfail(
    reason=(
        "scenario 1, not among the findings: what is due in a ledger that was dropped counts as "
        "shown, and is never read: a repair of tasks/versions.py in step 1, else step 3, TaskList"
    )
)


@DUE_FOR_EVER
@pytest.mark.parametrize("ending", ["refused", "killed"])
def test_what_was_due_is_read_by_later_syncs(
    room: Room, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    many = Many(monkeypatch, room, 600)
    with Sandbox(many.world) as asana:
        if ending == "refused":
            asana.fault("status", "/stories", times=None, **REFUSED)
            many.sync(asana)
            asana.clear_faults()
        else:
            # All tasks, and a third of their stories.
            done = many.destination.sync(asana, STREAMS, kill_after=2 * len(many.tasks), **HARDLY)
            assert done.killed
        for _ in range(2):
            many.sync(asana)
        assert wrong(asana, many.destination, STREAMS) == []
