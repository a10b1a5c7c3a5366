"""Destinations in "Incremental | Append + Deduped": small models of how they merge what is sent.

Read in the source of the destinations and of PyAirbyte in 2026. The models differ in three points:
whether a row has to be newer than the one that is held, by what that is judged, and whether a
tombstone removes the row or marks it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from typing_extensions import override

from sandbox import Sandbox
from unit_tests.properties.lab import DELETED, EVERY, UNTRACKED, differences
from unit_tests.properties.runs import Destination, Record, Sync, key_of
from unit_tests.sync import streams

JUDGED = tuple(stream for stream in EVERY if stream not in UNTRACKED)


class Row(NamedTuple):
    """Is one record as a destination loads it.

    Attributes:
        key: its primary key as one text.
        data: the record.
        cursor: the value of the stream's cursor field, None where the record lacks it.
        extracted_at: `_airbyte_extracted_at`, the message's `emitted_at`.
    """

    key: str
    data: Record
    cursor: str | None
    extracted_at: int

    @property
    def is_tombstone(self) -> bool:
        return self.data.get(DELETED) is not None


Rank = tuple[Any, ...]


def by_cursor(row: Row) -> Rank:
    """Return what rows are ordered by: the cursor, nulls first, then the time of extraction."""
    return (row.cursor is not None, row.cursor or "", row.extracted_at)


def by_extraction(row: Row) -> Rank:
    """Return what rows are ordered by where the cursor plays no part."""
    return (row.extracted_at,)


def winners(batch: Iterable[Row], rank: Callable[[Row], Rank]) -> list[Row]:
    """Return the best row of each key. Of equal ones it is the first: a warehouse may take any."""
    best: dict[str, Row] = {}
    for row in batch:
        held = best.get(row.key)
        if held is None or rank(row) > rank(held):
            best[row.key] = row
    return list(best.values())


class Warehouse(ABC):
    """Holds one stream as a destination does.

    Attributes:
        rows: key -> its rows; more than one is a duplicate.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    @abstractmethod
    def load(self, batch: Sequence[Row]) -> None:
        """Merge a batch into the table."""

    def live(self) -> dict[str, list[Record]]:
        """Return the rows that a user sees: those without `_ab_cdc_deleted_at`."""
        shown = {
            key: [row.data for row in rows if not row.is_tombstone]
            for key, rows in self.rows.items()
        }
        return {key: rows for key, rows in shown.items() if rows}

    def _merge(self, row: Row, *, removes: bool) -> None:
        """Update or insert a row; a tombstone removes the row where the destination does that."""
        if removes and row.is_tombstone:
            self.rows.pop(row.key, None)
        else:
            self.rows[row.key] = [row]


class RuleR(Warehouse):
    """Snowflake, BigQuery, Postgres, Redshift: the newest of a batch, if newer than the table's.

    Newer is the larger cursor, then the later extraction. A tombstone deletes.
    """

    removes = True

    @override
    def load(self, batch: Sequence[Row]) -> None:
        for row in winners(batch, by_cursor):
            held = self.rows.get(row.key)
            if held is None or by_cursor(row) > by_cursor(held[0]):
                self._merge(row, removes=self.removes)


class RuleRSoft(RuleR):
    """The first three of them with soft deletes: the tombstone is written over the row."""

    removes = False


class Databricks(Warehouse):
    """Databricks: the newest of a batch, whatever is held."""

    removes = True

    @override
    def load(self, batch: Sequence[Row]) -> None:
        for row in winners(batch, by_cursor):
            self._merge(row, removes=self.removes)


class DatabricksSoft(Databricks):
    """Databricks with soft deletes."""

    removes = False


class Iceberg(Warehouse):
    """S3 Data Lake: an upsert or an equality delete for each record, in order of arrival."""

    @override
    def load(self, batch: Sequence[Row]) -> None:
        for row in batch:
            self._merge(row, removes=True)


class ClickHouse(Warehouse):
    """ClickHouse: a ReplacingMergeTree keeps the largest version, of equal ones the last."""

    @override
    def load(self, batch: Sequence[Row]) -> None:
        for row in batch:
            held = self.rows.get(row.key)
            if held is None or (row.cursor or "") >= (held[0].cursor or ""):
                self._merge(row, removes=False)


class MotherDuck(Warehouse):
    """MotherDuck and DuckDB: the row that was extracted last, marked where it is a tombstone."""

    @override
    def load(self, batch: Sequence[Row]) -> None:
        for row in winners(batch, by_extraction):
            self._merge(row, removes=False)


class PyAirbyte(Warehouse):
    """PyAirbyte: what is held is updated, everything else inserted, also what comes twice."""

    @override
    def load(self, batch: Sequence[Row]) -> None:
        known = set(self.rows)
        for row in batch:
            if row.key in known:
                self._merge(row, removes=False)
            else:
                self.rows.setdefault(row.key, []).append(row)


MODELS: tuple[type[Warehouse], ...] = (
    RuleR,
    RuleRSoft,
    Databricks,
    DatabricksSoft,
    Iceberg,
    ClickHouse,
    MotherDuck,
    PyAirbyte,
)
BATCHES = (None, 7, 1)
"""Records that are merged at once; None: all that a sync sends."""


class Warehouses(Destination):
    """A destination that loads what is sent into each of the models as well.

    Attributes:
        tables: name of the model and size of its batches -> stream -> its table.
        sent: what each sync sent, by stream.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, Warehouse]] = {}
        self._loads: list[tuple[int | None, dict[str, Warehouse]]] = []
        for model in MODELS:
            for batch in BATCHES:
                tables = self.tables[f"{model.__name__}/{batch or 'all'}"] = defaultdict(model)
                self._loads.append((batch, tables))
        self.sent: list[dict[str, list[Row]]] = []

    @override
    def take(self, message: Record, done: Sync) -> None:
        super().take(message, done)
        if message["type"] == "RECORD":
            one = message["record"]
            row = row_of(one["stream"], one["data"], one["emitted_at"])
            self.sent[-1][one["stream"]].append(row)

    @override
    def sync(self, *args: Any, **settings: Any) -> Sync:
        self.sent.append(defaultdict(list))
        done = super().sync(*args, **settings)
        for stream, rows in self.sent[-1].items():
            for size, tables in self._loads:
                for start in range(0, len(rows), size or len(rows)):
                    tables[stream].load(rows[start : start + (size or len(rows))])
        return done


def row_of(stream: str, data: Record, extracted_at: int) -> Row:
    """Return a record as a row of its stream."""
    [cursor] = streams()[stream]["default_cursor_field"]
    return Row(key_of(stream, data), data, data.get(cursor), extracted_at)


def wrong(asana: Sandbox, warehouse: Warehouse, stream: str) -> Iterator[str]:
    """Yield how what a user sees in a table differs from Asana, in words."""
    truth = {key_of(stream, record): record for record in asana.truth(stream)}
    live = warehouse.live()
    for key in truth.keys() | live.keys():
        rows = live.get(key, [])
        if key not in truth:
            yield f"{stream} {key} is still there"
        elif len(rows) != 1:
            yield f"{stream} {key} is there {len(rows)} times"
        elif different := differences(stream, rows[0], truth[key]):
            yield f"{stream} {key}: {different}"


def all_wrong(
    asana: Sandbox, destination: Warehouses, streams: tuple[str, ...] = JUDGED
) -> Iterator[tuple[str, list[str]]]:
    """Yield each model's name and how it differs from Asana."""
    for name, tables in destination.tables.items():
        yield name, [line for s in streams for line in wrong(asana, tables[s], s)]


def equal(asana: Sandbox, destination: Warehouses, streams: tuple[str, ...] = JUDGED) -> None:
    """Assert that every model shows what Asana has."""
    assert {name: lines for name, lines in all_wrong(asana, destination, streams) if lines} == {}
