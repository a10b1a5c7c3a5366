"""What all streams of one sync share: settings, HTTP client, feeds, report, backpressure.

The order of locks, by the class that makes them. A thread that holds one takes only those of rows
below, and none of another stream's in the same row:

    Emission: whose turn it is to print a stream's state
    States: which state is next, and how large all of them are
    Deletions, AsanaOAuth: held while Asana is asked, once for all who wait for the answer
    Strategy: of one stream, for its ledger, instants and state
    Events: what they tell of tasks and projects
    Feed, TaskFeed, OpenSlices, Runtime, WorkspaceSlice: what others wait for
    Allowance, AskedFields, Existences, Once, Feeds, Report: values
    Backpressure, Budget, FairSemaphore, ServerClock, Stamps, Stop: of the process

None but those of `Deletions` and `AsanaOAuth` is held across a request, and none but the turn of
`Emission` while a record or state waits for room in the output queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar

import orjson

from source_asana.config import Settings
from source_asana.http.client import Client
from source_asana.parents.feeds import Feeds
from source_asana.report import Report

CHECK_OUTAGE_SECONDS = 20.0
MINUTE_MS = 60_000
T = TypeVar("T")


class Backpressure:
    """Keeps workers from fetching further pages while the destination is slower than Asana.

    Every worker may hold one page whose records wait for a place in the output queue; with a slow
    destination all workers would. While the queue is more than half full, only a few may fetch.

    Args:
        sleep: takes seconds; returns early when the sync is aborted.
        is_given_up: whether the sync was aborted, so that nobody waits any more.
        is_behind: whether the output queue is more than half full.
    """

    FEW = 2
    LOOK_AGAIN_SECONDS = 0.05

    def __init__(
        self,
        sleep: Callable[[float], None],
        is_given_up: Callable[[], bool],
        is_behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sleep = sleep
        self._is_given_up = is_given_up
        self._is_behind = is_behind
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._held = 0

    def __enter__(self) -> None:
        """Wait for room and take it; one thread looks out for it while the others wait behind."""
        with self._turn:
            while True:
                with self._lock:
                    if self._held < self.FEW or not self._is_behind() or self._is_given_up():
                        self._held += 1
                        return
                self._sleep(self.LOOK_AGAIN_SECONDS)

    def __exit__(self, *_: object) -> None:
        """Give the room back."""
        with self._lock:
            self._held -= 1


class Runtime:
    """What one sync or check shares; it knows no tasks.

    Args:
        settings: the configuration.
        is_behind: whether the output queue is more than half full.
        options: those of `Client`, for tests and for `check`.

    Attributes:
        workspaces: gids of the selected workspaces, once they are listed.
        user: gid of the token's user, where it could be read and matters.
        deleted: gids that Asana answered 404 for in this sync.
        reads_audit_log: whether a sync that needed them may read the audit logs of all workspaces.
        oldest_file: up to when the oldest export that an earlier sync has left tells what happened;
            None without one.
    """

    def __init__(
        self, settings: Settings, *, is_behind: Callable[[], bool] = lambda: False, **options: Any
    ) -> None:
        self.settings = settings
        self.report = Report(**{k: v for k, v in options.items() if k == "monotonic"})
        self.client = Client(settings, notice=self.report.once, **options)
        self.clock = self.client.clock
        self.stop = self.client.stop
        self.feeds = Feeds(self.stop)
        self.backpressure = Backpressure(self.client.sleep, self.stop.is_set, is_behind)
        self.workspaces: frozenset[str] = frozenset()
        self.user: str | None = None
        self.deleted: set[str] = set()
        self.reads_audit_log = False
        self.oldest_file: int | None = None
        self._parts: dict[Any, Any] = {}
        self._lock = threading.RLock()

    @property
    def scope(self) -> str:
        """What this sync may show: digests of the settings that select and of the token's user."""
        parts = (self.settings.selection, self.user)
        return ".".join(blake2b(orjson.dumps(one), digest_size=8).hexdigest() for one in parts)

    @property
    def certain_until(self) -> int:
        """Up to when the answers of this sync certainly show what happened, in milliseconds.

        Asana's search index lags by some minutes.
        """
        found = (self.clock.began() or 0) - self.settings.search_overlap_minutes * MINUTE_MS
        return found if self.oldest_file is None else min(found, self.oldest_file)

    def scan_hours(self) -> int:
        """Return after how many hours a stream is read completely whatever has changed."""
        return self.settings.scan_hours(tells_deletions=self.reads_audit_log)

    def part(self, kind: Callable[[Runtime], T]) -> T:
        """Return the one object of a class that several streams share; the first call makes it."""
        with self._lock:
            if kind not in self._parts:
                self._parts[kind] = kind(self)
            found: T = self._parts[kind]
        return found
