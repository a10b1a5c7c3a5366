"""Very many tasks are due at once: what the states hold then, and how large all of them are.

Airbyte takes 10 MiB of states at once, so all of them together stay below 8 MB at every one that is
printed. In whole syncs a task stands for four thousand, and the states have room for as many rows
less; the parts that keep states are filled with as many rows as there are.
"""

from __future__ import annotations

from random import Random

import orjson
import pytest
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.sources.streams.concurrent.partition_enqueuer import PartitionEnqueuer
from typing_extensions import override

from sandbox import Sandbox, World
from source_asana import source
from source_asana.core import task_list, versions
from source_asana.core.versions import version_of
from source_asana.cursors import states
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.sending import Sender, Stamps, fingerprinter
from source_asana.cursors.states import MOST_CHARACTERS, States
from source_asana.cursors.strategies import Strategy
from source_asana.http.clock import Millis
from source_asana.parents.plan import StreamPlan
from source_asana.parents.routers import AsanaRouter
from source_asana.runtime import Runtime
from source_asana.tasks.children import TaskChildrenStrategy
from source_asana.tasks.routers import TaskRouter
from source_asana.tasks.strategies import TasksStrategy
from unit_tests.cursors.surroundings import GivenRouter
from unit_tests.given import settings
from unit_tests.properties.runs import Record, Sync
from unit_tests.scenarios.worlds_a import DAY, HARDLY, Killable, counts, send_at_once, wrong

STREAMS = ("tasks", "stories", "attachments")
SCALE = 4000
# What 8 MB hold of rows of ten and a half characters.
ROWS = 760_000 // SCALE
# More than there are slices under way, as in real syncs.
MOST_DUE = 20
# The generators of the streams, and a few slices.
AHEAD = 14
LATE_SECONDS = 0.3
# A story is asked for in vain: what a plan lacks is refused for all tasks at once.
REFUSED = {"status": 402, "message": "Comments are only available to premium users."}


class Measured(Killable):
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
        with pytest.MonkeyPatch.context() as patch, Sandbox(world(tasks)[0]) as asana:
            send_at_once(patch)
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
        patch.setattr(versions, "MOST_DUE", MOST_DUE)
        patch.setattr(task_list, "BLOCK", 1)
        patch.setattr(source, "SLICES_AHEAD", AHEAD)
        patch.setattr(source, "QUEUE_SIZE", 2)
        patch.setattr(PartitionEnqueuer.__init__, "__defaults__", (0.002,))
        self.world, self.tasks = world(thousands * 1000 // SCALE)
        self.destination = Measured()

    def sync(self, asana: Sandbox) -> Sync:
        """Sync a day later."""
        asana.clock.advance(DAY)
        done = self.destination.sync(asana, STREAMS, num_workers=4, **HARDLY)
        assert done.killed or not done.failed, done.errors
        return done

    def keeps_tasks(self, asana: Sandbox) -> bool:
        """Return whether the tasks have their ledger: it tells of what moves no timestamp."""
        self.world.like(self.tasks[0])
        return self.sync(asana).gids("tasks") == self.tasks[:1]


@pytest.mark.parametrize("thousands", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_no_state_is_too_large_while_tasks_are_due(
    room: Room, monkeypatch: pytest.MonkeyPatch, thousands: int
) -> None:
    many = Many(monkeypatch, room, thousands)
    with Sandbox(many.world) as asana:
        many.sync(asana)
        assert wrong(asana, many.destination, STREAMS) == []
    assert many.destination.peak <= many.most, many.destination.sizes


@pytest.mark.parametrize("thousands", [450, pytest.param(600, marks=pytest.mark.slow)])
def test_the_ledger_of_the_tasks_stays(
    room: Room, monkeypatch: pytest.MonkeyPatch, thousands: int
) -> None:
    """It fits once nothing is due any more, without one of the others."""
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


@pytest.mark.parametrize(
    ("thousands", "refused"),
    [(300, "/stories"), (500, "/stories|/attachments"), (2000, "/stories")],
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
            printed = many.destination.history["stories"]
            many.destination.kills_at = lambda _: len(printed) == len(many.tasks) // 2
            assert many.sync(asana).killed
            many.destination.kills_at = None
        for _ in range(2):
            many.sync(asana)
        assert wrong(asana, many.destination, STREAMS) == []


# ── as many rows as there are ───────────────────────────────────────────────────────────────────

FIRST_GID, GAP = 1_200_000_000_000_000, 10_000_000
STEPS = 5


class Parts:
    """The parts that keep the states of tasks and of their children, without a sync."""

    def __init__(self) -> None:
        self._repository = InMemoryMessageRepository()
        self._states = States(ConnectorStateManager([]), self._repository)
        self._runtime = Runtime(settings())
        self._sizes: dict[str, int] = {}
        self.tasks = self._cursor("tasks", TasksStrategy, GivenRouter([]))
        routers = [TaskRouter(config={}, parameters={}) for _ in STREAMS[1:]]
        self.children = [
            self._cursor(name, TaskChildrenStrategy, router)
            for name, router in zip(STREAMS[1:], routers, strict=True)
        ]

    def _cursor(self, name: str, kind: type[Strategy], router: AsanaRouter) -> AsanaCursor:
        router.bind(self._runtime.settings, self._runtime.feeds)
        plan = StreamPlan(name, is_incremental=True)
        keys = {"cursor_field": "modified_at", "resource": "story"}
        strategy = kind(plan, router, self._runtime, keys)
        stamps = Stamps(lambda: Millis(1))
        sender = Sender(strategy.lock, ["gid"], fingerprinter(()), stamps, self._runtime.stop)
        return AsanaCursor(
            plan,
            strategy,
            sender,
            self._runtime,
            states=self._states,
            stamps=stamps,
            tracks_deletions=False,
        )

    def save(self) -> None:
        """Print all states, and assert after each that all of them together are small enough."""
        for cursor in (self.tasks, *self.children):
            cursor.save()
            for message in self._repository.consume_queue():
                assert message.state
                assert message.state.stream
                state = vars(message.state.stream.stream_state)
                self._sizes[cursor.stream] = len(orjson.dumps(state))
            assert sum(self._sizes.values()) <= MOST_CHARACTERS, self._sizes

    def fill(self, count: int, *, due: bool) -> None:
        """Enter so many tasks, and their children as read or, as far as it goes, as due.

        States are printed on the way.
        """
        chance = Random(1)  # noqa: S311  # reproducible
        assert self.tasks.sender
        ledger = self.tasks.sender.ledger
        for number in range(count):
            gid = str(FIRST_GID + number * GAP + chance.randrange(GAP))
            ledger.enter(gid, str(FIRST_GID - 1 - number // 100), chance.getrandbits(32))
            for child in self.children:
                assert isinstance(child.strategy, TaskChildrenStrategy)
                version, rows = version_of(chance.getrandbits(40)), child.strategy._versions
                if rows.has_room(1):
                    rows.enter_due(gid, "1", version)
                if not due:
                    rows.read(gid, version)
            if number % (count // STEPS) == 0:
                self.save()
        self.save()


@pytest.mark.slow
@pytest.mark.parametrize("due", [False, pytest.param(True)], ids=["read", "due"])
@pytest.mark.parametrize("thousands", [300, 600, 2000])
def test_the_parts_that_keep_states(thousands: int, *, due: bool) -> None:
    parts = Parts()
    parts.fill(1000 * thousands, due=due)
    assert parts.tasks.strategy.is_ledger_dropped is (thousands > 600)
