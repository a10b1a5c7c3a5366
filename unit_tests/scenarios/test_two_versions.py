"""Two listings show two versions of one task at the same time: the newer one stays everywhere.

Destinations keep what has the larger `synced_at`, or what came last. Which of two pages is printed
first depends on the workers and on how fast the destination takes what they print.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue, SimpleQueue
from typing import Any

import pytest
from requests.adapters import HTTPAdapter
from typing_extensions import override

from sandbox import Sandbox, World
from source_asana.cursors.sending import Sender, Stamp, Stamps, fingerprinter
from source_asana.http.clock import Millis, from_millis
from source_asana.http.stop import Stop
from unit_tests.properties.runs import Destination, Sync
from unit_tests.scenarios.worlds_a import send_at_once

Record = dict[str, Any]
Page = tuple[Stamp, list[Record]]
START = 1_774_746_000_000
PATIENCE_SECONDS = 5.0


def stamp(second: int) -> Stamp:
    at = Millis(START + 1000 * second)
    return Stamp(at, from_millis(at))


def version(gid: str, name: str, second: int) -> Record:
    """Return a task as it is since that second."""
    return {"gid": gid, "name": name, "modified_at": stamp(second).text}


# ── every interleaving of two workers ───────────────────────────────────────────────────────────


class Turns(Stop):
    """Lets one worker run at a time; one that waits for another hands its turn back instead."""

    @override
    def wait(self, condition: threading.Condition, until: Callable[[], bool]) -> None:
        while not until():
            condition.release()
            try:
                worker = threading.current_thread()
                assert isinstance(worker, Worker)
                worker.hand_back("waits")
            finally:
                condition.acquire()


class Worker(threading.Thread):
    """Sends the records of a page; each step ends when one is printed, entered, or has to wait."""

    def __init__(self, sender: Sender, page: Page, printed: list[Record]) -> None:
        super().__init__(daemon=True)
        self._sender, self._page, self._printed = sender, page, printed
        self._turn = threading.Semaphore(0)
        self._said: SimpleQueue[str] = SimpleQueue()
        self.did = "begins"
        self.start()

    def step(self) -> None:
        """Let it run until it hands its turn back."""
        self._turn.release()
        try:
            self.did = self._said.get(timeout=PATIENCE_SECONDS)
        except Empty:
            pytest.fail("a worker waits for a lock that another one holds")

    def hand_back(self, did: str) -> None:
        """Tell what it did, and wait for its turn."""
        self._said.put(did)
        self._turn.acquire()

    @override
    def run(self) -> None:
        self._turn.acquire()
        at, records = self._page
        for record in records:
            for sent in self._sender.send(dict(record), self.name, at, is_shared=True):
                self._printed.append(sent)
                self.hand_back("printed")
            self.hand_back("entered")
        self._said.put("over")


def interleavings(pages: Sequence[Page]) -> Iterator[tuple[Sender, list[Record]]]:
    """Yield the sender and what was printed, for every order in which workers can take turns."""
    order: list[int] = []
    while True:
        # After those of all pages.
        stamps = Stamps(lambda: stamp(1000).at)
        sender = Sender(threading.RLock(), ["gid"], fingerprinter(()), stamps, Turns())
        printed: list[Record] = []
        taken = take_turns([Worker(sender, page, printed) for page in pages], order)
        yield sender, printed
        while taken and taken[-1][0] == taken[-1][1][-1]:
            taken.pop()
        if not taken:
            return
        chosen, choices = taken.pop()
        order = [*(earlier for earlier, _ in taken), choices[choices.index(chosen) + 1]]


def take_turns(workers: list[Worker], order: list[int]) -> list[tuple[int, list[int]]]:
    """Run the workers to their ends: as `order` says, then the first that can go on.

    Returns:
        For each step who took it, and who could have taken it.
    """
    taken: list[tuple[int, list[int]]] = []
    waiting: set[int] = set()
    while any(worker.did != "over" for worker in workers):
        choices = [n for n, one in enumerate(workers) if one.did != "over" and n not in waiting]
        assert choices, "the workers wait for each other"
        chosen = order[len(taken)] if len(taken) < len(order) else choices[0]
        taken.append((chosen, choices))
        workers[chosen].step()
        # Once another one has done something, whoever waited may look again.
        waiting = {*waiting, chosen} if workers[chosen].did == "waits" else set()
    return taken


def by_arrival(printed: Sequence[Record]) -> dict[str, str]:
    """Return the names that a destination shows that keeps what came last."""
    return {record["gid"]: record["name"] for record in printed}


def by_cursor(printed: Sequence[Record]) -> dict[str, str]:
    """Return the names that a destination shows that keeps the largest `synced_at`."""
    return by_arrival(sorted(printed, key=lambda record: str(record["synced_at"])))


Shows = Callable[[Sequence[Record]], dict[str, str]]
BY_BOTH = pytest.mark.parametrize("shows", [by_arrival, by_cursor], ids=["arrival", "cursor"])


def all_newest(pages: Sequence[Page], shows: Shows) -> None:
    """Assert that in every order of turns the newer versions stay, and none is sent again."""
    newest = {one["gid"]: one for _, page in pages for one in page if one["name"] == "new"}
    tried = 0
    for sender, printed in interleavings(pages):
        tried += 1
        assert shows(printed) == dict.fromkeys(newest, "new"), printed
        for record in newest.values():
            assert list(sender.send(dict(record), "p", stamp(30), is_shared=True)) == []
    assert tried > 10


@BY_BOTH
@pytest.mark.parametrize("late", [0, 1], ids=["first page is late", "second page is late"])
def test_in_every_order_of_turns_where_each_page_has_something_new(late: int, shows: Shows) -> None:
    """Each page shows the one task as it is and the other as it was, and in another order."""
    stamps = [stamp(10), stamp(10)]
    stamps[late] = stamp(20)
    first = [version("1", "new", 5), version("2", "old", 2)]
    second = [version("2", "new", 6), version("1", "old", 1)]
    all_newest([(stamps[0], first), (stamps[1], second)], shows)


@pytest.mark.parametrize("shows", [by_arrival, by_cursor], ids=["arrival", "cursor"])
@pytest.mark.parametrize("moved", [0, 5], ids=["without a timestamp", "with one"])
def test_in_every_order_of_turns_where_the_later_page_is_newer(moved: int, shows: Shows) -> None:
    first = [version("1", "old", 1), version("2", "old", 1)]
    second = [version("2", "new", 1 + moved), version("1", "new", 1 + moved)]
    all_newest([(stamp(10), first), (stamp(20), second)], shows)


# ── a complete sync ─────────────────────────────────────────────────────────────────────────────


class Race:
    """Two projects with one task, whose older page overtakes the newer one.

    The page of the one project is made, then the task is edited, then the page of the other one is
    made and comes. Only when the destination has begun to take this page, the first one comes. The
    destination takes nothing more until a worker holds the older version out to it.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.world = world = World.empty()
        self.before, self.after = world.add_project("Before"), world.add_project("After")
        for number in range(20):
            world.add_task(f"T{number}", projects=[self.after])
        self.task = world.add_task("old", projects=[self.before, self.after])
        self.is_made, self.is_begun, self.is_held_out = (threading.Event() for _ in range(3))
        self._send, self._put = HTTPAdapter.send, Queue.put
        # Functions, which become methods of what they are set on.
        patch.setattr(HTTPAdapter, "send", lambda *args, **options: self.send(*args, **options))  # noqa: PLW0108
        patch.setattr(Queue, "put", lambda *args, **options: self.put(*args, **options))  # noqa: PLW0108

    def send(self, adapter: Any, request: Any, **options: Any) -> Any:
        """Send a request in its turn."""
        if f"project={self.after}" in request.url:
            self.is_made.wait(PATIENCE_SECONDS)
            self.world.edit_task(self.task, name="new")
        response = self._send(adapter, request, **options)
        if f"project={self.before}" in request.url:
            self.is_made.set()
            self.is_begun.wait(PATIENCE_SECONDS)
        return response

    def put(self, queue: Any, item: Any, *args: Any, **options: Any) -> None:
        """Put a message into a queue; tell of the older version."""
        if getattr(item, "stream_name", "") == "tasks" and item.data.get("name") == "old":
            self.is_held_out.set()
        self._put(queue, item, *args, **options)


class Patient(Destination):
    """The destination of a race."""

    def __init__(self, race: Race) -> None:
        super().__init__()
        self._race = race

    @override
    def take(self, message: Record, done: Sync) -> None:
        super().take(message, done)
        if message["type"] == "RECORD":
            self._race.is_begun.set()
            self._race.is_held_out.wait(PATIENCE_SECONDS)


@BY_BOTH
def test_where_the_older_page_comes_late_and_overtakes(
    shows: Shows, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_at_once(monkeypatch)
    monkeypatch.setattr("source_asana.source.QUEUE_SIZE", 1)
    race = Race(monkeypatch)
    destination = Patient(race)
    with Sandbox(race.world) as asana:
        assert not destination.sync(asana, ("tasks",)).failed
    assert race.is_held_out.is_set()
    versions = [one for one in destination.history["tasks"] if one["gid"] == race.task]
    assert shows(versions) == {race.task: "new"}
