"""Which stored states count, when one is printed, and how large all together may be.

Airbyte's server refuses a request that stores more than 10 MiB of states, all streams of ten
seconds together. The sync then ends as succeeded, with a warning in the platform's log, but none of
these states is stored, so each later sync begins where the last stored ones are, and sends the same
again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.declarative.retrievers.simple_retriever import (
    FULL_REFRESH_SYNC_COMPLETE_KEY,
)
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY

from source_asana.config import config_error
from source_asana.http.client import Client
from source_asana.http.stop import WAKE_SECONDS

LOGGER = logging.getLogger("airbyte.source_asana.states")
VERSION = 3
EARLIER_VERSIONS = (1, 2)
MOST_CHARACTERS = 8_000_000
ROW_CHARACTERS = 11
MUCH = 0.9
"""The share of these from which on a warning says that room runs out."""
# A state is printed at most this often: a small one every two seconds while there is progress, a
# large one more rarely.
SHORTEST_SILENCE_SECONDS = 2.0
LONG_SILENCE_SECONDS = 30.0
SMALL_CHARACTERS = 100_000
CHARACTERS_A_SECOND = 20_000
# What the CDK writes for streams without a cursor: switching to incremental starts from nothing.
EMPTY_KEYS = frozenset({NO_CURSOR_STATE_KEY, FULL_REFRESH_SYNC_COMPLETE_KEY})


_ROOM = f"{MOST_CHARACTERS // 1_000_000} MB that they may take"
FULL_SOON = (
    f"The states take more than {MUCH:.0%} of the {_ROOM}. Beyond, streams drop their lists of "
    "sent records, as Airbyte stores no states that are too large; see docs/freshness.md, `State "
    "size`."
)
TOO_LARGE = (
    f"The states take more than the {_ROOM}, and no stream has a list of sent records left to "
    "drop. Airbyte stores no states of more than 10 MiB, and calls the sync succeeded all the "
    "same: split the streams over two connections, see docs/freshness.md, `State size`."
)
LEDGER_DROPPED = "it keeps track of changes by their timestamps only, and of no deletions"
KEYS_DROPPED = "a task that changed is sent with all of its records, and none of them is tracked"


def damaged(stream: str, what: str) -> Exception:
    """Return the error for a state with our key `v` that is not as we write it."""
    return config_error(
        f"The state of stream `{stream}` was not written by this connector, or it is damaged: "
        "reset the stream, so that it is read again.",
        internal=what,
    )


def pause(characters: int) -> float:
    """Return for how many seconds no further state of this size is printed."""
    if characters < SMALL_CHARACTERS:
        spread = LONG_SILENCE_SECONDS - SHORTEST_SILENCE_SECONDS
        return SHORTEST_SILENCE_SECONDS + spread * characters / SMALL_CHARACTERS
    return max(LONG_SILENCE_SECONDS, characters / CHARACTERS_A_SECOND)


@dataclass
class StateShare:
    """What one stream's state takes of the budget.

    Attributes:
        make: returns the state; any thread may call it.
        characters: the size of the last state that was stored or printed.
        rank: who gives up its ledger first, 0 before 1.
        drop: drops for good what is first in line, and returns the rank of what comes next; None
            once nothing is left.
        rows: returns how many rows its ledgers have.
        counted: how many they had when its size was measured.
    """

    make: Callable[[], dict[str, Any]]
    characters: int = 0
    rank: int = 0
    drop: Callable[[], int | None] | None = None
    rows: Callable[[], int] = int
    counted: int = 0

    def measure(self, state: Mapping[str, Any]) -> None:
        """Take note of the size of a state that was just made."""
        self.characters, self.counted = len(orjson.dumps(state)), self.rows()

    def now(self) -> int:
        """Return about how many characters the next state takes, judging by the further rows."""
        return self.characters + max(0, self.rows() - self.counted) * ROW_CHARACTERS


class States:
    """The states of one sync: stored ones, printed ones, and the budget for all of them.

    Args:
        manager: the CDK's, with the states that the sync was given.
        repository: the CDK's, on the way to the output queue.
        tell: logs what somebody should see to.
    """

    def __init__(
        self,
        manager: ConnectorStateManager,
        repository: MessageRepository,
        tell: Callable[[str], None] = LOGGER.warning,
    ) -> None:
        self._manager = manager
        self._tell = tell
        self._repository = repository
        self._lock = threading.RLock()
        self._shares: dict[str, StateShare] = {}
        self._has_said_version = False
        self._told: set[str] = set()

    def stored(self, stream: str) -> dict[str, Any] | None:
        """Return the stored state of a stream, empty where there is none of this version.

        None stands for that of another connector.

        Raises:
            AirbyteTracedException: a config error for a state of a newer version.
        """
        stored: Mapping[str, Any] = self._manager.get_stream_state(stream, None)
        if not stored or EMPTY_KEYS & stored.keys():
            return {}
        if "v" not in stored:
            return None
        version = stored["v"]
        if version in EARLIER_VERSIONS:
            self._say_version()
            return {}
        if isinstance(version, int) and version > VERSION:
            raise config_error(
                f"The state of stream `{stream}` was written by a newer version of this connector: "
                "use that version, or reset the stream, so that it is read again."
            )
        if version != VERSION:
            raise damaged(stream, "version")
        try:
            # The CDK hands nested objects on as blobs of its own.
            plain: dict[str, Any] = orjson.loads(orjson.dumps(dict(stored), default=vars))
        except TypeError as error:
            raise damaged(stream, str(error)) from None
        return plain

    def _say_version(self) -> None:
        with self._lock:
            if not self._has_said_version:
                self._has_said_version = True
                LOGGER.info(
                    "The state was written by an earlier version, which kept it in another form: "
                    "this sync reads and sends everything once."
                )

    def count_in(self, stream: str, share: StateShare) -> None:
        """Count a stream's state in."""
        with self._lock:
            self._shares[stream] = share

    def close_share(self, stream: str) -> None:
        """Note that a stream's last state was printed: it cannot become smaller any more."""
        with self._lock:
            self._shares[stream].drop = None

    def emit(self, stream: str) -> int:
        """Print a stream's state and return its size in characters."""
        with self._lock:
            share = self._shares[stream]
            state = self._fitting(share)
            self._manager.update_state_for_stream(stream, None, state)
            message = self._manager.create_state_message(stream, None)
        # Without the lock: a full queue is emptied by the thread that may be asking for it.
        self._repository.emit_message(message)
        return share.characters

    def _fitting(self, share: StateShare) -> dict[str, Any]:
        """Return a stream's state; where there is no room for it, ledgers are dropped before."""
        while True:
            state = share.make()
            share.measure(state)
            others = (one.now() for one in self._shares.values() if one is not share)
            total = share.characters + sum(others)
            if total > MOST_CHARACTERS and self._drop_one():
                continue
            warning = _warning(total)
            if not warning or warning in self._told:
                return state
            # The state that is made again has it that this was told.
            self._told.add(warning)
            self._tell(warning)

    def _drop_one(self) -> bool:
        """Have the stream that is first in line drop its ledger; return whether there was one."""
        open_ = [(a.rank, -a.characters, name) for name, a in self._shares.items() if a.drop]
        if not open_:
            return False
        name = min(open_)[2]
        share = self._shares[name]
        assert share.drop is not None
        # The warning below says more.
        self._told.add(FULL_SOON)
        rank = share.drop()
        share.measure(share.make())
        if rank is None:
            share.drop = None
        else:
            share.rank = rank
        LOGGER.warning(
            "Stream %s: its state would no longer fit into the %d MB that all states may take, so "
            "%s; see docs/freshness.md, `State size`.",
            name,
            MOST_CHARACTERS // 1_000_000,
            LEDGER_DROPPED if rank is None else KEYS_DROPPED,
        )
        return True


def _warning(characters: int) -> str | None:
    """Return the warning about states of this size together."""
    if characters > MOST_CHARACTERS:
        return TOO_LARGE
    return FULL_SOON if characters > MUCH * MOST_CHARACTERS else None


class Emission:
    """Decides when a stream's state is printed.

    Args:
        stream: its name.
        states: prints the states; this one is counted in.
        client: has the clock that never goes back.

    Attributes:
        changes: how often something changed that the state names.
        characters: the size of the last state.
    """

    def __init__(self, stream: str, states: States, client: Client) -> None:
        self.changes = self.characters = 0
        self._stream = stream
        self._states = states
        self._client = client
        # States come in their order, as one thread at a time prints them. No thread waits for it:
        # it may be waiting for room in the output queue, which the main thread makes.
        self._turn = threading.Lock()
        self._is_wanted = False
        self._is_last = False
        self._printed = 0
        self._printed_at = client.monotonic()
        self._pause = pause(0)

    def save(self) -> None:
        """Print the state now, however long ago the last one is; called by any thread.

        Where another thread is printing one, it prints this one as well.
        """
        self._is_wanted = True
        self.progressed()

    def flush(self) -> None:
        """Print the state now, and wait for it where another thread is printing an earlier one.

        Not called by the main thread, which makes the room that others may be waiting for.

        Raises:
            AirbyteTracedException: the error of an aborted sync.
        """
        while not self._turn.acquire(timeout=WAKE_SECONDS):
            self._client.stop.check()
        try:
            self._emit()
        finally:
            self._turn.release()
        # Whoever wanted one meanwhile was not given the turn.
        self.progressed()

    def final(self) -> None:
        """Print the last state of the sync; see `save`."""
        self._is_last = True
        self.save()

    def progressed(self) -> None:
        """Print the state if the last one is long enough ago; called without the cursor's lock."""
        while self._turn.acquire(blocking=False):
            try:
                if self._is_wanted or self._is_due():
                    self._emit()
            finally:
                self._turn.release()
            # Whoever wanted one meanwhile was not given the turn.
            if not self._is_wanted:
                return

    def _is_due(self) -> bool:
        # A state without progress would only seem to commit the records before it.
        if self.changes == self._printed:
            return False
        return self._client.monotonic() - self._printed_at >= self._pause

    def _emit(self) -> None:
        self._is_wanted, is_last = False, self._is_last
        self._printed = self.changes
        self.characters = self._states.emit(self._stream)
        self._pause = pause(self.characters)
        self._printed_at = self._client.monotonic()
        if is_last:
            self._states.close_share(self._stream)
