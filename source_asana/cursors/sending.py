"""The first two rules of the ledger: send a record whose fingerprint is new, and enter it.

It is entered once it is in the output queue.

Each page has an instant of its own for that, `synced_at`, by the server's clock.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple, NewType

import orjson

from source_asana.core.ledger import Ledger
from source_asana.core.partitions import partition_in
from source_asana.counts import Counts
from source_asana.cursors.doubts import Doubts, around
from source_asana.fields.schemas import SYNC_COLUMNS
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.stop import Stop

Fingerprint = NewType("Fingerprint", int)
"""A number from 1 to 2**32 - 1; in a ledger, 0 stands for a record that is no longer shown."""

ORDERED = frozenset({"enum_options"})
# Files are on a host of Asana's own, or in one of its buckets, which is named in the host or at the
# start of the path. Links to app.asana.com are not among them: their queries are not signatures.
SIGNED_URL = re.compile(
    rb"""(https?://(?:
        (?:[\w-]+\.)*asanausercontent\.com
        | asana[\w-]*\.s3[\w.-]*\.amazonaws\.com
        | s3[\w.-]*\.amazonaws\.com/asana[\w-]*
    )(?:/[^\s"'<>?\\]*)?) \?[\w.~!$&*+,;=:@/?%-]*""",
    re.VERBOSE,
)


def fingerprinter(volatile: Iterable[str]) -> Callable[[dict[str, Any]], Fingerprint]:
    """Return the function that computes the fingerprint of a stream's finished records.

    Two answers that show the same version must have the same fingerprint, so whatever Asana does
    not promise to repeat is left out of it:

    - Missing and null are the same.
    - Lists are bags. Asana promises an order for none of them: neither for likes and followers nor
      for objects without a gid (`memberships`) nor for texts (`email_domains`). Only `enum_options`
      are in the order in which users see them.
    - Pictures of users, pictures in rich text and attachments have URLs that are signed again for
      every answer. The signature is the query; the path names the file.

    The function leaves its argument as it is and may be called from several threads. It takes some
    30 microseconds for a task of 4 kB.

    Args:
        volatile: columns whose values change from answer to answer; they do not count.
    """
    ignored = SYNC_COLUMNS.union(volatile)

    def fingerprint(record: dict[str, Any]) -> Fingerprint:
        counted = _normal(record)
        for name in ignored:
            counted.pop(name, None)
        digest = blake2b(_json(counted), digest_size=4).digest()
        return Fingerprint(int.from_bytes(digest, "big") or 1)

    return fingerprint


def _normal(value: dict[str, Any]) -> dict[str, Any]:
    """Return a copy without nulls whose lists are in order, except for that of its keys."""
    normal: dict[str, Any] = {}
    # One pass and no call for what most values are: texts and nulls. Values are as JSON gave them,
    # so that no subclasses need to be looked for, which would take longer.
    for name, item in value.items():
        kind = type(item)
        if kind is str:
            normal[name] = item
        elif item is None:
            continue
        elif kind is dict:
            normal[name] = _normal(item)
        elif kind is list and item:
            normal[name] = _normal_list(item, is_ordered=name in ORDERED)
        else:
            normal[name] = item
    return normal


def _normal_list(items: list[Any], *, is_ordered: bool) -> list[Any]:
    normal = [_normal(item) if type(item) is dict else item for item in items]
    if not is_ordered and len(normal) > 1:
        normal.sort(key=_place)
    return normal


def _place(item: Any) -> bytes:
    """Return what an item of a list is sorted by: its gid, without one all that it contains."""
    gid = item.get("gid") if isinstance(item, dict) else None
    return gid.encode() if isinstance(gid, str) else _json(item)


def _json(normal: Any) -> bytes:
    """Return a value as JSON, with its keys in order and without the queries of signed URLs."""
    text = orjson.dumps(normal, option=orjson.OPT_SORT_KEYS)
    if b"asanausercontent." in text or b"amazonaws." in text:
        # In JSON, too, a URL ends before a quote or a backslash.
        return SIGNED_URL.sub(rb"\1", text)
    return text


class Stamp(NamedTuple):
    """Is an instant, in milliseconds since 1970 and as Asana writes it."""

    at: Millis
    text: str


class Stamps:
    """Gives each page of a sync an instant of its own, later than all of earlier syncs.

    Destinations keep the row with the largest `synced_at`. So it must never fall, not even when the
    server's clock does, or was ahead for a while.

    Args:
        now: returns the server's time.
    """

    def __init__(self, now: Callable[[], Millis]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._last = Millis(0)

    def raise_to(self, at: Millis) -> None:
        """Give only instants after `at` from now on; it is the latest one that a state has."""
        with self._lock:
            self._last = max(self._last, at)

    def next(self) -> Stamp:
        """Return an instant later than all that were given before."""
        with self._lock:
            self._last = Millis(max(self._last + 1, self._now()))
            return Stamp(self._last, from_millis(self._last))

    @property
    def last(self) -> Millis:
        """The latest instant given so far."""
        with self._lock:
            return self._last


Raw = dict[str, Any]

AT_BITS = 42
"""How many bits an instant takes, in milliseconds, until the year 2109."""
INSTANT = (1 << AT_BITS) - 1
LATENESS_MS = 600_000
"""How much earlier than the first page to arrive another may have been answered."""


class Sender:
    """Sends a record if, and only if, its key is unknown or its fingerprint differs.

    Several workers may see the same record: one of them claims it, the others wait until it is on
    its way, so that no instant moves past a record that nobody sent.

    Args:
        lock: the cursor's; held whenever the ledger is used.
        key: the stream's primary key; its last column is the record's key within its partition.
        fingerprint: returns that of a finished record, see `fingerprinter`.
        stamps: gives `synced_at`.
        stop: wakes those who wait when the sync is aborted.

    Attributes:
        ledger: what was sent.
        by_partition: whether a key in two partitions is two records.
        is_ledger_dropped: whether the state has no room for the ledger: then the caller decides.
        resends_missing: whether a record that was missing is sent when it is shown again, as its
            tombstone may have been sent.
        doubts: see `Strategy.doubts`.
        counts: where what is sent is counted.
        since: the last `synced_at` of earlier syncs, milliseconds; 0 without one.
    """

    def __init__(
        self,
        lock: threading.RLock,
        key: Sequence[str],
        fingerprint: Callable[[Raw], int],
        stamps: Stamps,
        stop: Stop,
    ) -> None:
        self.by_partition = len(key) > 1
        self.ledger = Ledger(by_partition=self.by_partition)
        self.is_ledger_dropped = self.resends_missing = False
        self.doubts: Doubts | None = None
        self.counts = Counts()
        self.since = 0
        self._lock = lock
        self._changed = threading.Condition(lock)
        self._first_column, self._key_column = key[0], key[-1]
        self._fingerprint = fingerprint
        self._stamps = stamps
        self._stop = stop
        self._claims: set[str] = set()
        self._newest = Newest()

    def key_of(self, record: Raw) -> str:
        """Return a record's key within its partition."""
        return str(record[self._key_column])

    def identity(self, record: Raw, partition: str) -> str:
        """Return what tells a record from all others of the stream."""
        key = self.key_of(record)
        return f"{partition}/{key}" if self.by_partition else key

    def knows(self, record: Raw, partition: str) -> bool:
        """Return whether an earlier version of a record was sent."""
        with self._lock:
            return self.ledger.fingerprint(self.key_of(record), partition) is not None

    def was_sent(self, record: Raw, partition: str) -> bool:
        """Return whether this version of a finished record was sent."""
        with self._lock:
            known = self.ledger.fingerprint(self.key_of(record), partition)
        return known is not None and known == self._fingerprint(record)

    def send(
        self,
        record: Raw,
        partition: str,
        stamp: Stamp,
        *,
        is_shared: bool,
        found_by: str = "listing",
    ) -> Iterator[Raw]:
        """Yield the record with its stamp unless this version was sent, and enter it after that.

        Args:
            record: finished, without `synced_at`.
            partition: the key of the one that shows it.
            stamp: of the page that it was on.
            is_shared: whether other slices may show it too.
            found_by: what shows it, in a word.
        """
        key, fingerprint = self.key_of(record), self._fingerprint(record)
        claim = self.identity(record, partition)
        with self._lock:
            self._wait_for(claim)
            known = self.ledger.fingerprint(key, partition)
            modified = _modified(record)
            if (
                known == fingerprint and not self._is_doubted(key, partition, record)
            ) or self._newest.is_newer(claim, modified, stamp):
                if known is not None:
                    self.ledger.show(key, partition)
                return
            if self._newest.is_stamped_later(claim, stamp):
                # The page of the older version came later: destinations would keep that one.
                stamp = self._stamps.next()
            self._newest.note(claim, modified, stamp, is_shared=is_shared)
            self._claims.add(claim)
        is_queued = False
        try:
            record["synced_at"] = stamp.text
            yield record
            # The record stands in the output queue now, before any state that names it.
            is_queued = True
            self._count(found_by, modified, is_new=known is None or known == fingerprint)
        finally:
            with self._lock:
                if is_queued and not self.is_ledger_dropped:
                    self.ledger.enter(key, partition, fingerprint)
                    if self.doubts:
                        self.doubts.sent.note(key, stamp.at)
                self._claims.discard(claim)
                self._changed.notify_all()

    def _is_doubted(self, key: str, partition: str, record: Raw) -> bool:
        """Return whether the destination may have something else than the ledger's version."""
        if self.resends_missing and self.ledger.is_missing(key, partition):
            return True
        return self.doubts is not None and self.doubts.is_doubted(key, around(record, partition))

    def _count(self, found_by: str, modified: int, *, is_new: bool) -> None:
        counts = self.counts
        counts.found[found_by] += 1
        if is_new:
            counts.new += 1
        elif 0 < modified < self.since:
            counts.changed_silently += 1
        else:
            counts.changed += 1

    def remove(self, key: str, partition: str) -> None:
        """Remove a record, in all its partitions where it is one; the caller holds the lock."""
        self.ledger.remove(key, partition if self.by_partition else None)

    def tombstone(self, key: str, partition: str, stamp: Stamp) -> Iterator[Raw]:
        """Yield the tombstone of a deleted record, and remove the record after that.

        Until then it is missing in the state, so a sync that is killed here sends it again, should
        it be restored.
        """
        columns = {self._first_column: partition_in(partition)} if self.by_partition else {}
        yield {
            **columns,
            self._key_column: key,
            "synced_at": stamp.text,
            "_ab_cdc_deleted_at": stamp.text,
        }
        with self._lock:
            self.remove(key, partition)
            if self.doubts:
                self.doubts.tombstoned(key, partition)

    def _wait_for(self, claim: str) -> None:
        self._stop.wait(self._changed, lambda: claim not in self._claims)


@dataclass(slots=True, eq=False)
class Newest:
    """Remembers the newest versions of this sync, where an older one may still come.

    That is where several slices show a record, or where it changed while the sync was going on: a
    listing that it has left may have been answered before. The caller holds the cursor's lock.
    """

    _versions: dict[str, int] = field(default_factory=dict)
    _began: int = 0

    def is_newer(self, claim: str, modified: int, stamp: Stamp) -> bool:
        """Return whether a newer version of a record came before the one modified then.

        `modified` decides: of two pages that were asked for at the same time, the one that was
        answered first may arrive last. Where it is the same, the page that arrived last is newer.
        """
        return self._versions.get(claim, 0) > modified << AT_BITS | stamp.at

    def is_stamped_later(self, claim: str, stamp: Stamp) -> bool:
        """Return whether the version that came before has a later `synced_at` than this page."""
        return self._versions.get(claim, 0) & INSTANT > stamp.at

    def note(self, claim: str, modified: int, stamp: Stamp, *, is_shared: bool) -> None:
        """Remember a version that is about to be sent, where an older one may still come."""
        self._began = self._began or stamp.at - LATENESS_MS
        if is_shared or modified >= self._began:
            self._versions[claim] = modified << AT_BITS | stamp.at


def _modified(record: Raw) -> int:
    return to_millis(record.get("modified_at")) or 0


class Once:
    """For full refreshes: sends what several slices may show only the first time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()

    def is_first(self, key: str) -> bool:
        """Return whether a key comes for the first time, and remember it."""
        with self._lock:
            if key in self._keys:
                return False
            self._keys.add(key)
            return True
