"""Records that departed: each is looked into, and what is gone is sent as a tombstone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from source_asana.components.fates import Fate
from source_asana.components.lookup import Lookup
from source_asana.components.shape import Raw
from source_asana.counts import Counts
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.departures import Departures
from source_asana.cursors.policies import LEFT
from source_asana.http.errors import AsanaError
from source_asana.parents.routers import InlineRouter
from source_asana.parents.slices import DepartureSlice


class Tombstones:
    """Settles the departed records of one stream.

    What is not proven to be gone stays in the destination: a record that Asana hides is forgotten,
    one that it still has is kept, and where it does not say the next sync asks again.

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
        # A partition is a record of another stream then, which is whole.
        self._is_inline = isinstance(cursor.router, InlineRouter)

    def read(self, slice_: DepartureSlice) -> Iterator[Raw]:
        """Yield the tombstones of what is gone, and what moved where this stream reads it."""
        for key, home in slice_.rows:
            fate, record = self._fate(key, home)
            if fate is Fate.GONE:
                yield from self._buried(key, home)
            elif fate is Fate.HIDDEN:
                self._departures.forget(key, home)
            elif fate is Fate.UNKNOWN:
                self._departures.miss(key, home)
            else:
                yield from self._found(key, home, record)

    def _buried(self, key: str, home: str) -> Iterator[Raw]:
        self._counts.deleted += 1
        yield from self._departures.buried(key, home, self._cursor.stamp())

    def _fate(self, key: str, home: str) -> tuple[Fate, Raw]:
        """Return what became of a record: its partition's fate first, which costs one request."""
        parent = self._cursor.policy.parent_of(home) if self._cursor.is_vanished(home) else None
        if parent and self._lookups(parent[0]).has_address:
            fate, _ = self._lookups(parent[0]).fate(parent[1])
            if fate is not Fate.THERE:
                return fate, {}
            if self._is_inline:
                # Its parent is there and not listed any more: nothing tells.
                return Fate.HIDDEN, {}
        if self._departures.are_by_home:
            return self._membership(key, home), {}
        return self._own.fate(key, is_whole=self._cursor.policy.files_answers)

    @property
    def _departures(self) -> Departures:
        assert self._cursor.departures is not None
        return self._cursor.departures

    @property
    def _own(self) -> Lookup:
        return self._lookups(self._cursor.stream)

    def _membership(self, key: str, home: str) -> Fate:
        """Return whether a partition still holds a record that others may hold, too."""
        try:
            if key in self._own.listed_again(home):
                return Fate.THERE
        except AsanaError:
            return Fate.UNKNOWN
        if self._is_inline:
            return Fate.GONE
        # It may still be in there, and be hidden from the token.
        fate, _ = self._own.fate(key)
        return Fate.GONE if fate is Fate.THERE else fate

    def _found(self, key: str, home: str, record: Raw) -> Iterator[Raw]:
        policy = self._cursor.policy
        now = policy.home_now(record, home)
        if now == LEFT:
            yield from self._buried(key, home)
        elif policy.files_answers:
            yield from self._resent(record, now or home)
            if now != home:
                self._departures.forget_home(key, home)
            if now is None:
                self._departures.forget(key, home)
        elif now is None:
            self._departures.forget(key, home)
        else:
            self._departures.keep(key, home)
