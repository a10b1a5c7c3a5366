"""Missing records: Asana is asked about them, and what is deleted is sent as a tombstone.

The record is asked for by its gid, or its parent, or its parent's list. Asana's documentation has
404 for an object that does not exist and 403 for one that the token may not see; nobody has tried
it live. See "Deletions" in docs/design.md.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import requests

from source_asana.components.pages import AskedFields, PagedList, answered, rows
from source_asana.core.partitions import elsewhere, partition_in
from source_asana.counts import Counts
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.missing import MissingRecords
from source_asana.cursors.sending import Raw
from source_asana.cursors.strategies import OTHER_STREAM
from source_asana.http.attempts import body_of, send
from source_asana.http.errors import AsanaError, Reach, Refused, Verdict
from source_asana.parents.routers import AsanaRouter, InlineRouter
from source_asana.parents.slices import ConfirmSlice, Slice
from source_asana.runtime import Runtime


class Existence(Enum):
    """What a GET by gid tells."""

    DELETED = auto()
    FORBIDDEN = auto()
    EXISTS = auto()
    UNKNOWN = auto()


class Existences:
    """Asks for objects by their paths; whether one exists is asked once in a sync.

    Args:
        runtime: what all streams share.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._known: dict[str, Existence] = {}

    def of(
        self,
        path: str,
        counts: Counts,
        params: Callable[[], Mapping[str, Any]],
        headers: Mapping[str, Any],
        *,
        asked: Sequence[AskedFields] = (),
        is_record_wanted: bool,
    ) -> tuple[Existence, Raw]:
        """Return whether the object at a path exists, and its record if it does and was asked for.

        Args:
            path: below the API's URL, `tasks/12`.
            counts: where the request is counted.
            params: returns the query parameters, such as `opt_fields`.
            headers: request headers.
            asked: the fields that the parameters ask for; the scope of some may be missing.
            is_record_wanted: whether that it exists is not enough.
        """
        with self._lock:
            known = self._known.get(path)
        if known is not None and not (is_record_wanted and known is Existence.EXISTS):
            return known, {}

        def ask() -> requests.Response:
            client = self._runtime.client
            return send(client, path, counts=counts, params=params(), headers=headers)

        existence, record = _answer(asked, ask)
        with self._lock:
            if existence is not Existence.UNKNOWN:
                self._known[path] = existence
        return existence, record


def _answer(
    asked: Sequence[AskedFields], ask: Callable[[], requests.Response]
) -> tuple[Existence, Raw]:
    try:
        found = rows(body_of(answered(asked, ask)))
    except Refused as refusal:
        return _refused(refusal.verdict), {}
    except AsanaError:
        return Existence.UNKNOWN, {}
    return (Existence.EXISTS, found[0]) if found and found[0] else (Existence.UNKNOWN, {})


def _refused(verdict: Verdict) -> Existence:
    """Return what a refusal says of the object itself; plan, scope and routes say nothing."""
    if verdict.rule.deleted:
        return Existence.DELETED
    is_forbidden = verdict.rule.reach is Reach.PARTITION and verdict.status == 403
    return Existence.FORBIDDEN if is_forbidden else Existence.UNKNOWN


GID = {"opt_fields": "gid"}
TEMPLATE = re.compile(r"{{.*?}}")


def object_path_of(path: str, declared: str | None) -> str:
    """Return the path below which Asana has a stream's objects by gid, "" where it has none.

    Args:
        path: of the stream's list: `/tags`, `/projects/{{ … }}/sections`.
        declared: the manifest's `object_path`; without it the last plain part of the path.
    """
    if declared is not None:
        return declared.strip("/")
    parts = [part for part in TEMPLATE.sub("", path).split("/") if part]
    return parts[-1] if parts else ""


@dataclass(slots=True, eq=False)
class Lookup:
    """Asks for what a stream's lists no longer show.

    Attributes:
        runtime: what all streams share.
        paged: sends the stream's requests.
        router: knows the partition fields that a partition's key names.
        counts: where the stream's requests are counted.
        object_path: see `object_path_of`; of records of several kinds several, between spaces.
    """

    runtime: Runtime
    paged: PagedList
    router: AsanaRouter
    counts: Counts
    object_path: str
    _again: dict[str, frozenset[str]] = field(default_factory=dict)

    def path_of(self, gid: str) -> str:
        """Return the path of an object, of the first kind that the stream has."""
        return f"{self.object_path.split()[0]}/{gid}"

    def existence(self, gid: str) -> Existence:
        """Return whether an object exists."""
        return self._of(gid, lambda: GID, is_record_wanted=False)[0]

    def record(self, gid: str) -> tuple[Existence, Raw]:
        """Return whether an object exists, and its record with the stream's fields if it does."""
        fields = self.paged.fields
        return self._of(gid, lambda: fields.params, (fields,), is_record_wanted=True)

    def _of(
        self,
        gid: str,
        params: Callable[[], Mapping[str, Any]],
        asked: Sequence[AskedFields] = (),
        *,
        is_record_wanted: bool,
    ) -> tuple[Existence, Raw]:
        existence, record = Existence.UNKNOWN, Raw()
        for path in self.object_path.split():
            existence, record = self.runtime.part(Existences).of(
                f"{path}/{gid}",
                self.counts,
                params,
                self.paged.requester.get_request_headers(),
                asked=asked,
                is_record_wanted=is_record_wanted,
            )
            if existence is not Existence.DELETED:
                return existence, record
        if existence is Existence.DELETED:
            self.runtime.deleted.add(gid)
        return existence, record

    def token_user(self) -> str | None:
        """Return the gid of the token's user, None where it cannot be read."""
        _, record = self.runtime.part(Existences).of(
            "users/me",
            self.counts,
            lambda: GID,
            self.paged.requester.get_request_headers(),
            is_record_wanted=True,
        )
        return record.get("gid")

    def listed_again(self, partition: str) -> frozenset[str]:
        """Return the gids that a partition lists when it is asked once more, once in a sync.

        Raises:
            AsanaError: it cannot be listed.
        """
        if partition not in self._again:
            pages = self.paged.pages(Slice(self.router.partition_of(partition), key=partition))
            self._again[partition] = frozenset(record["gid"] for page in pages for record in page)
        return self._again[partition]


class Confirm:
    """Asks Asana about the missing records of one stream, and sends what follows.

    What is not proven to be deleted stays in the destination: a record that Asana hides is
    dropped, one that exists is filed where it is now, and where Asana does not say the next sync
    asks again.

    Args:
        cursor: the stream's.
        lookups: by stream, of all streams of the sync; filled when this is made, or later.
        resent: yields a record as that of another partition, if this version was not sent.
        counts: where tombstones are counted.
    """

    def __init__(
        self,
        cursor: AsanaCursor,
        lookups: Callable[[str], Lookup],
        resent: Callable[[Raw, str], Iterator[Raw]],
        counts: Counts,
    ) -> None:
        self._cursor = cursor
        self._lookups = lookups
        self._resent = resent
        self._counts = counts
        # A partition is a record of another stream then, which is complete.
        self._is_inline = isinstance(cursor.router, InlineRouter)
        self._follows_parent = self._is_inline or cursor.strategy.follows_parent

    def read(self, slice_: ConfirmSlice) -> Iterator[Raw]:
        """Yield the tombstones of what is deleted, and what moved where this stream reads it."""
        for key, partition in slice_.rows:
            parent = self._parent(partition)
            if parent is Existence.DELETED:
                self._missing.goes_along(key)
            if parent is None or (parent is Existence.EXISTS and not self._follows_parent):
                yield from self._settled(key, partition, *self._existence(key, partition))
            elif parent is Existence.EXISTS:
                yield from self._below(key, partition)
            else:
                yield from self._settled(key, partition, parent, {})
            if parent not in {None, Existence.UNKNOWN}:
                self._left(partition)

    def _below(self, key: str, partition: str) -> Iterator[Raw]:
        """Settle a record whose parent exists, but is in no list that is read.

        The parent's own list tells of all of its records at once.
        """
        existence = self._membership(key, partition_in(partition))
        if existence is Existence.EXISTS:
            self._missing.move(key, partition, elsewhere(partition_in(partition)))
        else:
            yield from self._settled(key, partition, existence, {})

    def _settled(
        self, key: str, partition: str, existence: Existence, record: Raw
    ) -> Iterator[Raw]:
        match existence:
            case Existence.DELETED:
                yield from self._deleted(key, partition)
            case Existence.FORBIDDEN:
                self._missing.remove(key, partition)
            case Existence.UNKNOWN:
                self._counts.waiting += 1
            case Existence.EXISTS:
                yield from self._exists(key, partition, record)

    def _parent(self, partition: str) -> Existence | None:
        """Return whether the parent that decides on a record exists, None if none decides."""
        if self._cursor.strategy.outlives_parent:
            return None
        return self._parent_if_removed(partition)

    def _parent_if_removed(self, partition: str) -> Existence | None:
        cursor, own = self._cursor, partition_in(partition)
        parent = cursor.router.parent_of(own) if cursor.strategy.is_removed(partition) else None
        if parent is None or not self._lookups(parent[0]).object_path:
            return None
        return self._lookups(parent[0]).existence(parent[1])

    def _left(self, partition: str) -> None:
        with self._cursor.lock:
            self._cursor.strategy.left(partition_in(partition))

    def _deleted(self, key: str, partition: str) -> Iterator[Raw]:
        self._counts.deleted += 1
        yield from self._missing.tombstone(key, partition, self._cursor.stamp())

    @property
    def _missing(self) -> MissingRecords:
        assert self._cursor.missing is not None
        return self._cursor.missing

    @property
    def _own(self) -> Lookup:
        return self._lookups(self._cursor.stream)

    def _existence(self, key: str, partition: str) -> tuple[Existence, Raw]:
        if self._missing.are_by_partition:
            return self._membership(key, partition_in(partition)), {}
        return self._own.record(key)

    def _membership(self, key: str, partition: str) -> Existence:
        """Return whether a partition still holds a record that others may hold, too."""
        try:
            if key in self._own.listed_again(partition):
                return Existence.EXISTS
        except AsanaError:
            return Existence.UNKNOWN
        if self._is_inline:
            return Existence.DELETED
        # It may still be in there, and the token may not see it.
        existence = self._own.existence(key)
        if self._missing.are_by_partition and existence is Existence.EXISTS:
            return Existence.DELETED
        return existence

    def _exists(self, key: str, partition: str, record: Raw) -> Iterator[Raw]:
        cursor = self._cursor
        if self._missing.are_by_partition:
            own = partition_in(partition)
            self._missing.move(
                key, partition, elsewhere(own) if cursor.strategy.is_removed(own) else own
            )
            return
        now = cursor.strategy.partition_now(record, partition_in(partition))
        if now == OTHER_STREAM and self._parent_if_removed(partition) is Existence.FORBIDDEN:
            # It may seem to be no subtask any more just because the token may not see its parent.
            self._missing.remove(key, partition)
            return
        if now == OTHER_STREAM:
            yield from self._deleted(key, partition)
            return
        # Where no answer tells another parent, it has that of the partition that it was in.
        now = now or elsewhere(partition_in(partition))
        yield from self._resent(record, partition_in(now))
        self._missing.move(key, partition, now)
