"""Strategies of what a sync need not read completely: by newest child, window, log, sync token."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.interpolation import InterpolatedString
from airbyte_cdk.sources.declarative.interpolation.macros import duration
from typing_extensions import override

from source_asana.core.listings import Gates, Instants, Texts
from source_asana.cursors.strategies import Part, Record, Strategy, Unread
from source_asana.http.clock import from_millis
from source_asana.http.errors import Reach
from source_asana.parents.slices import Slice, value_at

FARTHEST_BEHIND = timedelta(hours=12)


class _PartialStrategy(Strategy):
    """A strategy that keeps something of each partition, and reads all of them in a full scan.

    Attributes:
        name: the name of what is kept, in the state.
    """

    name: str
    reads_all = False

    def __init__(self, kept: Instants | Gates, *args: Any) -> None:
        super().__init__(*args)
        self._kept = kept

    @override
    def parts(self) -> Mapping[str, Part]:
        scanned = {"scanned": self.full_scan} if self.scans else {}
        return {self.name: self._kept, **scanned}

    @override
    def read_again(self) -> None:
        self._kept.keep_only(lambda _: False)

    @override
    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        del reach
        return slice_.key in self._kept

    @override
    def settle(self) -> None:
        super().settle()
        if self.scans and self.full_scan.is_due():
            # What could not be read completely is read by the next sync.
            self._kept.keep_only(self.partitions.is_complete)
        if self.knows_all:
            self._kept.keep_only(self._there.__contains__)


class NewestChildStrategy(_PartialStrategy):
    """Children whose parent shows its newest one: read if it is another than last time.

    Edited and deleted children show in no parent, so a full scan reads all parents.

    `incremental_sync`: `newest_child` is a dotted path in the parent's item, `cursor_field` the
    column that the start date is compared with.
    """

    name = "gates"

    def __init__(self, *args: Any) -> None:
        self._gates = Gates()
        super().__init__(self._gates, *args)

    def _newest(self, slice_: Slice) -> str | None:
        gid: str | None = value_at(slice_.item, self.incremental_sync["newest_child"])
        return gid

    def shows_another(self, slice_: Slice) -> bool:
        """Return whether a parent's newest child is another one than last time."""
        return self._gates.shows_another(slice_.key, self._newest(slice_))

    @override
    def slices(self) -> Iterator[Slice]:
        for slice_ in super().slices():
            with self.lock:
                is_all = not self.plan.is_incremental or self.full_scan.is_due()
                is_read = is_all or self.shows_another(slice_)
            if is_read:
                yield slice_

    @override
    def complete(self, slice_: Slice) -> None:
        self._gates.close(slice_.key, self._newest(slice_))


class WindowStrategy(_PartialStrategy):
    """Lists that Asana filters by a date: the end of the window that is read moves on.

    `incremental_sync`: `cursor_field` is the column that Asana filters by; `datetime_format` is how
    the parameter is written, where it is a date; `start_datetime` is what a first read asks for,
    where the parameter is required; `lookback_window` is how far a window steps back behind the
    instant, an ISO 8601 duration; `full_scan` says that a full scan reads everything.
    """

    name = "listings"

    def __init__(self, *args: Any) -> None:
        self._instants = Instants()
        super().__init__(self._instants, *args)
        self.scans = bool(self.incremental_sync.get("full_scan"))
        self._format: str | None = self.incremental_sync.get("datetime_format")
        self._lookback = self._duration(self.incremental_sync["lookback_window"])

    def since(self, key: str) -> str | None:
        """Return where the window of a partition begins, None for everything."""
        instant = self._instants.get(key) if self.plan.is_incremental else None
        if instant is None or (self.scans and self.full_scan.is_due()):
            return None
        return self._parameter(instant - self._lookback // timedelta(milliseconds=1))

    def _first(self) -> str | None:
        """Return what a first read asks for."""
        if self.start is not None:
            return self._parameter(self.start)
        return self.incremental_sync.get("start_datetime")

    def _duration(self, template: str) -> timedelta:
        """Return the duration of a template, for which `config` has the defaults, too."""
        text = InterpolatedString.create(template, parameters={})
        found = duration(text.eval(vars(self.runtime.settings)))
        assert isinstance(found, timedelta)
        # A day that is over in UTC still goes on where clocks are behind.
        return max(found, FARTHEST_BEHIND) if self._format else found

    def _parameter(self, instant: int) -> str:
        text = from_millis(max(0, instant))
        return datetime.fromisoformat(text).strftime(self._format) if self._format else text

    @override
    def slices(self) -> Iterator[Slice]:
        for found in super().slices():
            with self.lock:
                since = self.since(found.key)
            begin = since or self._first()
            slice_ = Slice(found.partition, key=found.key, item=found.item, since=begin)
            slice_.is_last = found.is_last
            # From the very first day on, or from the start date, is everything there is to read.
            slice_.is_filtered = since is not None
            yield slice_

    @override
    def complete(self, slice_: Slice) -> None:
        self._instants.move(slice_.key, slice_.began)


class AppendOnlyStrategy(WindowStrategy):
    """A log that never changes: only what the next window repeats is kept in the ledger.

    The ledger's partitions are hours, so that whole hours are dropped. `incremental_sync` as in
    `WindowStrategy`; `noted_later` says that Asana filters by an instant after the cursor field, so
    that the hour of the read, not that of the entry, tells when no further window repeats it.
    """

    HOUR = len("2024-01-31T12")

    @override
    def partition_of(self, record: Record, slice_: Slice) -> str:
        hour = str(record.get(self._cursor_field or ""))[: self.HOUR]
        if self.incremental_sync.get("noted_later") and slice_.began:
            hour = from_millis(slice_.began)[: self.HOUR]
        return f"{slice_.key}@{hour}"

    @override
    def is_expired(self, partition: str) -> bool:
        key, _, hour = partition.partition("@")
        since = self.since(key)
        return since is not None and hour < since[: self.HOUR]

    @override
    def unread(self, partition: str) -> Unread:
        return super().unread(partition.partition("@")[0])


class SyncTokenStrategy(Strategy):
    """Reads what happened since a sync token; the first read of a project only gets one."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._tokens = Texts()
        self._next: dict[str, str] = {}

    @override
    def parts(self) -> Mapping[str, Part]:
        return {"tokens": self._tokens}

    @override
    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        del reach
        return slice_.key in self._tokens.by_key

    @override
    def slices(self) -> Iterator[Slice]:
        if self.plan.is_incremental:
            yield from super().slices()
            return
        self.runtime.report.once(
            logging.WARNING,
            f"Stream {self.plan.name} has no history: a full refresh of it is empty; sync it "
            "incrementally.",
        )

    def token(self, slice_: Slice) -> str | None:
        """Return the token to continue from, None at the first read of a project."""
        with self.lock:
            return self._tokens.by_key.get(slice_.key)

    def advance(self, slice_: Slice, token: str) -> None:
        """Keep the token that follows what was read; it counts once the slice is complete."""
        with self.lock:
            self._next[slice_.key] = token

    @override
    def complete(self, slice_: Slice) -> None:
        if slice_.key in self._next:
            self._tokens.by_key[slice_.key] = self._next.pop(slice_.key)

    @override
    def settle(self) -> None:
        if self.knows_all:
            self._tokens.keep_only(self._there.__contains__)
