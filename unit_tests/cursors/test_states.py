"""When a state is printed, which stored ones count, and how large all of them may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
)
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.cursors import states
from source_asana.cursors.states import States, StateShare, pause


def made(**stored: Any) -> tuple[States, InMemoryMessageRepository]:
    """Return the states of a sync that was given these, and where they are printed."""
    given = [
        AirbyteStateMessage(
            type=AirbyteStateType.STREAM,
            stream=AirbyteStreamState(
                stream_descriptor=StreamDescriptor(name=name),
                stream_state=AirbyteStateBlob(**value),
            ),
        )
        for name, value in stored.items()
    ]
    repository = InMemoryMessageRepository()
    return States(ConnectorStateManager(given), repository), repository


def printed(repository: InMemoryMessageRepository) -> list[tuple[str, Mapping[str, Any]]]:
    """Return streams and states in the order in which they were printed."""
    found = [m.state.stream for m in repository.consume_queue() if m.state and m.state.stream]
    return [(s.stream_descriptor.name, vars(s.stream_state)) for s in found]


# ── stored ones ────────────────────────────────────────────────────────────────────────────────


def test_a_state_of_this_version_comes_back_as_plain_json() -> None:
    value = {"v": 3, "ledger": {"rows": [[1, "a"]], "partitions": {}}, "synced_at": 5}
    found, _ = made(tags=value)

    stored = found.stored("tags")
    assert stored == value
    assert type(stored["ledger"]) is dict


@pytest.mark.parametrize(
    "value",
    [{}, {"__ab_no_cursor_state_message": True}, {"__ab_full_refresh_sync_complete": True}],
)
def test_no_state_and_that_of_a_full_refresh_are_none(value: dict[str, Any]) -> None:
    found, _ = made(tags=value)

    assert found.stored("tags") == {}
    assert found.stored("users") == {}


def test_a_state_of_an_earlier_version_counts_as_none_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    found, _ = made(tags={"v": 1, "bounds": {}}, users={"v": 2}, teams={"v": 3, "synced_at": 1})

    assert (found.stored("tags"), found.stored("users")) == ({}, {})
    assert found.stored("teams") == {"v": 3, "synced_at": 1}
    assert len([record for record in caplog.records if "an earlier version" in record.message]) == 1


@pytest.mark.parametrize("value", [{"modified_at": "2026-01-01"}, {"states": []}, {"ledger": {}}])
def test_a_state_of_another_connector_is_told_from_none(value: dict[str, Any]) -> None:
    found, _ = made(tags=value)

    assert found.stored("tags") is None


@pytest.mark.parametrize(
    ("version", "said"),
    [(4, "by a newer version"), ("3", "is damaged"), (0, "is damaged"), (None, "is damaged")],
)
def test_a_state_of_no_known_version_is_a_mistake_of_the_user(version: Any, said: str) -> None:
    found, _ = made(tags={"v": version})

    with pytest.raises(AirbyteTracedException, match=rf"stream `tags` .*{said}.*: .*reset the s"):
        found.stored("tags")


# ── printed ones ───────────────────────────────────────────────────────────────────────────────


def test_states_are_printed_in_their_order_with_their_size() -> None:
    found, repository = made()
    tags = iter([{"v": 3}, {"v": 3, "synced_at": 2}])
    found.count_in("tags", StateShare(lambda: next(tags)))
    found.count_in("users", StateShare(lambda: {"v": 3, "synced_at": 1}))

    assert found.emit("tags") == len('{"v":3}')
    found.emit("users")
    found.emit("tags")

    assert printed(repository) == [
        ("tags", {"v": 3}),
        ("users", {"v": 3, "synced_at": 1}),
        ("tags", {"v": 3, "synced_at": 2}),
    ]


def test_small_states_come_often_and_large_ones_rarely() -> None:
    assert pause(0) == 2.0
    assert 10 < pause(50_000) < 20
    assert pause(100_000) == pause(400_000) == 30.0
    assert pause(4_000_000) == 200.0
    sizes = range(0, 8_000_000, 1000)
    pauses = list(map(pause, sizes))
    assert pauses == sorted(pauses)


# ── the budget ─────────────────────────────────────────────────────────────────────────────────


class Stream:
    """A stream whose state has a size, and less each time that it is asked to drop a ledger."""

    def __init__(self, found: States, name: str, rank: int, size: int) -> None:
        """Open its account."""
        self.name, self.size, self.shrunk = name, size, 0
        # The ranks of what can be dropped after this, and the sizes that are left then.
        self.further: list[tuple[int, int]] = []
        self._states = found
        found.count_in(name, StateShare(self.state, size, rank, self.shrink))

    def state(self) -> dict[str, Any]:
        return {"text": "x" * self.size}

    def shrink(self) -> int | None:
        self.shrunk += 1
        if self.further:
            rank, self.size = self.further.pop()
            return rank
        self.size = 10
        return None

    def emit(self) -> None:
        self._states.emit(self.name)


@pytest.fixture
def _small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "MOST_CHARACTERS", 1000)


@pytest.mark.usefixtures("_small_budget")
def test_while_all_states_fit_nothing_shrinks() -> None:
    found, _ = made()
    streams = [Stream(found, name, 0, 300) for name in ("a", "b", "c")]
    for stream in streams:
        stream.emit()

    assert [stream.shrunk for stream in streams] == [0, 0, 0]


@pytest.mark.usefixtures("_small_budget")
def test_what_a_state_had_before_this_sync_counts() -> None:
    found, _ = made()
    Stream(found, "old", 5, 900)
    new = Stream(found, "new", 0, 200)

    new.emit()

    assert new.shrunk == 1


@pytest.mark.usefixtures("_small_budget")
def test_the_lowest_rank_drops_its_ledger_first_then_the_largest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, repository = made()
    stories, small, large = (
        Stream(found, name, rank, size)
        for name, rank, size in (("stories", 0, 300), ("tags", 1, 300), ("tasks", 1, 390))
    )
    stories.size = 900

    stories.emit()

    assert (stories.shrunk, small.shrunk, large.shrunk) == (1, 0, 0)
    assert [len(state["text"]) for _, state in printed(repository)] == [10]
    [warning] = [record.message for record in caplog.records]
    assert warning.startswith("Stream stories: its state would no longer fit")
    large.size = 700
    small.size = 400

    large.emit()
    small.emit()

    assert (stories.shrunk, small.shrunk, large.shrunk) == (1, 0, 1)


@pytest.mark.usefixtures("_small_budget")
def test_no_more_streams_shrink_than_have_to() -> None:
    found, _ = made()
    stories, tags, users = (
        Stream(found, name, rank, size)
        for name, rank, size in (("stories", 0, 600), ("tags", 1, 50), ("users", 4, 100))
    )
    users.size = 500

    users.emit()

    assert (stories.shrunk, tags.shrunk, users.shrunk) == (1, 0, 0)


@pytest.mark.usefixtures("_small_budget")
def test_a_stream_that_dropped_a_part_may_come_again_in_its_new_rank(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, _ = made()
    stories = Stream(found, "stories", 0, 800)
    stories.further = [(2, 500)]
    tags, users = Stream(found, "tags", 1, 100), Stream(found, "users", 4, 100)

    users.size = 300
    users.emit()
    assert (stories.shrunk, tags.shrunk, users.shrunk) == (1, 0, 0)

    users.size = 600
    users.emit()
    assert (stories.shrunk, tags.shrunk, users.shrunk) == (2, 1, 0)
    assert len(caplog.records) == 3


@pytest.mark.usefixtures("_small_budget")
def test_where_nothing_is_left_to_shrink_the_state_is_printed_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, repository = made()

    found.count_in("workspaces", StateShare(lambda: {"text": "x" * 2000}))
    found.emit("workspaces")
    found.emit("workspaces")

    assert len(printed(repository)) == 2
    [warning] = [record.message for record in caplog.records]
    assert warning == states.TOO_LARGE


@pytest.mark.usefixtures("_small_budget")
def test_nearly_full_is_told_once_unless_a_dropped_ledger_has_said_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, _ = made()
    stream = Stream(found, "a", 0, 900)
    stream.emit()
    stream.emit()
    assert [record.message for record in caplog.records] == [states.FULL_SOON]

    caplog.clear()
    stream.size, stream.further = 2000, [(2, 950)]
    stream.emit()
    [warning] = [record.message for record in caplog.records]
    assert warning.startswith("Stream a: its state would no longer fit")
