"""What becomes of a missing record, by what Asana says of it and of its parent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from typing_extensions import override

from source_asana.components.confirm import Confirm, Existence
from source_asana.core.partitions import ELSEWHERE
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.strategies import OTHER_STREAM, Strategy, Unread
from source_asana.http.errors import PartitionFailed, Rule, Verdict
from source_asana.parents.slices import ConfirmSlice, Row
from unit_tests.cursors.surroundings import cursor_of, runtime

Raw = dict[str, Any]


class Movable(Strategy):
    """Missing records that exist are where their column says."""

    @override
    def unread(self, partition: str) -> Unread:
        return Unread.REMOVED if partition == "gone" else Unread.UNKNOWN

    @override
    def partition_now(self, record: Any, partition: str) -> str | None:
        now: str | None = record.get("now", partition)
        return now


@dataclass
class FakeLookup:
    """Asana's answers by gid, and what a partition lists when it is asked again."""

    answers: dict[str, tuple[Existence, Raw]] = field(default_factory=dict)
    listed: frozenset[str] | None = frozenset()
    object_path: bool = True

    def record(self, gid: str) -> tuple[Existence, Raw]:
        return self.answers[gid]

    def existence(self, gid: str) -> Existence:
        return self.answers[gid][0]

    def listed_again(self, partition: str) -> frozenset[str]:
        del partition
        if self.listed is None:
            raise PartitionFailed(Verdict(Rule("failed"), 500, ""))
        return self.listed


def confirmed(
    *rows: Row,
    own: FakeLookup | None = None,
    parents: FakeLookup | None = None,
    by_partition: bool = False,
) -> tuple[list[Raw], AsanaCursor]:
    """Ask about missing rows; return what is sent, and the cursor."""
    key = ("project_id", "gid") if by_partition else ("gid",)
    cursor, _ = cursor_of(kind=Movable, key=key, tracks_deletions=True, shared=runtime())
    assert cursor.sender
    cursor.router.parent_of = lambda partition: ("parents", partition)  # type: ignore[method-assign]
    for row in rows:
        cursor.sender.ledger.enter(*row, 5)
        cursor.sender.ledger.miss(*row)
    lookups: dict[str, Any] = {"s": own or FakeLookup(), "parents": parents or FakeLookup()}
    sent: list[tuple[Raw, str]] = []

    def resent(record: Raw, partition: str) -> Any:
        sent.append((record, partition))
        yield {**record, "in": partition}

    counts = cursor._runtime.report.counts("s")
    confirm = Confirm(cursor, lookups.__getitem__, resent, counts)
    return list(confirm.read(ConfirmSlice(list(rows)))), cursor


def rows_in(cursor: AsanaCursor) -> list[Row]:
    assert cursor.sender
    return cursor.sender.ledger.rows()


def is_missing(cursor: AsanaCursor) -> bool:
    assert cursor.sender
    return cursor.sender.ledger.missing() != ([], [])


@pytest.mark.parametrize(
    ("existence", "record", "row"),
    [
        (Existence.DELETED, {}, None),
        (Existence.FORBIDDEN, {}, None),
        (Existence.UNKNOWN, {}, ("7", "p")),
        (Existence.EXISTS, {"gid": "7"}, ("7", "p")),
        (Existence.EXISTS, {"gid": "7", "now": "q"}, ("7", "q")),
        (Existence.EXISTS, {"gid": "7", "now": None}, ("7", f"{ELSEWHERE}/p")),
        (Existence.EXISTS, {"gid": "7", "now": OTHER_STREAM}, None),
    ],
)
def test_only_what_is_deleted_or_another_streams_leaves(
    existence: Existence, record: Raw, row: Row | None
) -> None:
    found, cursor = confirmed(("7", "p"), own=FakeLookup({"7": (existence, record)}))

    is_sent = existence is Existence.EXISTS and record.get("now") != OTHER_STREAM
    is_tombstone = existence is Existence.DELETED or record.get("now") == OTHER_STREAM
    assert [one["gid"] for one in found] == ["7"] * (is_sent or is_tombstone)
    assert all(("_ab_cdc_deleted_at" in one) is is_tombstone for one in found)
    if is_sent:
        assert found[0]["in"] == (record.get("now") or "p")
    assert rows_in(cursor) == ([row] if row else [])
    assert is_missing(cursor) is (existence is Existence.UNKNOWN)
    assert cursor._runtime.report.counts("s").waiting == (existence is Existence.UNKNOWN)


@pytest.mark.parametrize(
    ("parent", "row"),
    [
        (Existence.DELETED, None),
        (Existence.FORBIDDEN, None),
        (Existence.UNKNOWN, ("7", "gone")),
        (Existence.EXISTS, ("7", f"{ELSEWHERE}/gone")),
    ],
)
def test_a_parent_in_no_list_decides_on_what_hangs_on_it(
    parent: Existence, row: Row | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Strategy, "follows_parent", True)
    listed = FakeLookup(listed=frozenset("7"))
    parents = FakeLookup({"gone": (parent, {})})
    found, cursor = confirmed(("7", "gone"), own=listed, parents=parents)

    is_deleted = parent is Existence.DELETED
    assert ["_ab_cdc_deleted_at" in one for one in found] == [True] * is_deleted
    assert rows_in(cursor) == ([row] if row else [])
    assert ("7" in cursor._runtime.deleted) is is_deleted


@pytest.mark.parametrize("existence", [Existence.EXISTS, Existence.DELETED])
def test_what_may_be_deleted_by_itself_is_asked_for_though_its_parent_exists(
    existence: Existence,
) -> None:
    own = FakeLookup({"7": (existence, {"gid": "7"})})
    parents = FakeLookup({"gone": (Existence.EXISTS, {})})
    found, cursor = confirmed(("7", "gone"), own=own, parents=parents)

    is_deleted = existence is Existence.DELETED
    assert [one for one in found if "_ab_cdc_deleted_at" in one] == found[: int(is_deleted)]
    assert rows_in(cursor) == ([] if is_deleted else [("7", "gone")])


@pytest.mark.parametrize(
    ("listed", "existence", "is_deleted", "stays"),
    [
        (frozenset("7"), Existence.UNKNOWN, False, True),
        (None, Existence.DELETED, False, True),
        (frozenset(), Existence.EXISTS, True, False),
        (frozenset(), Existence.DELETED, True, False),
        (frozenset(), Existence.FORBIDDEN, False, False),
        (frozenset(), Existence.UNKNOWN, False, True),
    ],
)
def test_a_partition_is_asked_again_for_a_record_that_others_may_hold(
    listed: frozenset[str] | None, existence: Existence, *, is_deleted: bool, stays: bool
) -> None:
    own = FakeLookup({"7": (existence, {})}, listed)
    found, cursor = confirmed(("7", "p"), own=own, by_partition=True)

    assert [(one["project_id"], one["gid"]) for one in found] == [("p", "7")] * is_deleted
    assert rows_in(cursor) == ([("7", "p")] if stays else [])


def test_what_is_another_streams_record_now_is_not_deleted() -> None:
    own = FakeLookup({"7": (Existence.EXISTS, {"gid": "7", "now": OTHER_STREAM})})
    found, cursor = confirmed(("7", "p"), own=own)

    assert len(found) == 1
    # Its stories and attachments are where they were.
    assert cursor._runtime.deleted == set()


@pytest.mark.parametrize(
    ("parent", "record", "sends"),
    [
        (Existence.DELETED, {"gid": "7", "now": "q"}, ["q"]),
        (Existence.DELETED, {"gid": "7", "now": OTHER_STREAM}, ["deleted"]),
        # Asana may leave out a parent that it hides.
        (Existence.FORBIDDEN, {"gid": "7", "now": OTHER_STREAM}, []),
    ],
)
def test_what_outlives_its_parent_is_where_its_own_answer_says(
    parent: Existence, record: Raw, sends: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Strategy, "outlives_parent", True)
    own = FakeLookup({"7": (Existence.EXISTS, record)})
    found, cursor = confirmed(("7", "gone"), own=own, parents=FakeLookup({"gone": (parent, {})}))
    assert [one.get("in", "deleted") for one in found] == sends
    assert rows_in(cursor) == [("7", one) for one in sends if one != "deleted"]
