"""The rolling listing pass: what moves no timestamp is found by comparing whole listings with a digest.

Moves between projects, likes, tags and the like leave `modified_at` alone (Asana's description of TaskBase), so no filter
shows them. Each sync passes the projects whose place in the period `listing_pass_hours` has gone by since the last one.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from typing_extensions import override

from source_asana.components.cursors import DIGEST_BYTES, damaged, digest
from source_asana.components.cursors_family import TaskFamilyCursor

HOUR = 3_600_000
WIDTH = 1 << (8 * DIGEST_BYTES)


def number(record: Mapping[str, Any]) -> int:
    """Return a record's digest as a number; sums of them do not depend on the order."""
    return int.from_bytes(digest(record), "big")


class Watch:
    """A digest of many records in any order, and which of them were sent already."""

    __slots__ = ("sent", "total")

    def __init__(self) -> None:
        self.total = 0
        self.sent: set[str] = set()

    def add(self, record: Mapping[str, Any]) -> None:
        """Count a finished record in."""
        self.total += number(record)


def encoded(total: int) -> str:
    """Return a digest as it stands in the state, eleven characters."""
    return b64encode((total % WIDTH).to_bytes(DIGEST_BYTES, "big")).decode().rstrip("=")


class PassCursor(TaskFamilyCursor):
    """Bounds with a digest per partition. State: `{"bounds", "digests": {key: digest}, "passed": instant, "unpassed": [key]}`.

    `passed` is when the pass was rolled last, `unpassed` names partitions whose turn came and that were not read since.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.digests: dict[str, str] = {}
        self._passed: int | None = None
        self._rolled: int | None = None
        self._unpassed: set[str] = set()
        super().__init__(*args, **kwargs)

    @override
    def _load(self, stored: Mapping[str, Any]) -> None:
        super()._load(stored)
        self.digests = self._checked(stored, "digests", str)
        self._passed = stored.get("passed")
        unpassed = stored.get("unpassed", [])
        if not isinstance(unpassed, list) or not isinstance(self._passed, int | None):
            raise damaged(self.stream)
        try:
            for text in self.digests.values():
                b64decode(text + "=", validate=True)
        except ValueError:
            raise damaged(self.stream) from None
        self._unpassed = set(map(str, unpassed))

    @override
    def _dump(self) -> dict[str, Any]:
        unpassed = {"unpassed": sorted(self._unpassed)} if self._unpassed else {}
        passed = {"passed": self._passed} if self._passed is not None else {}
        return {**super()._dump(), "digests": dict(self.digests), **passed, **unpassed}

    @override
    def compared(self, key: str) -> bool:
        """Return whether a partition's whole listing is to be compared in this sync; a new one's always is."""
        if not self.incremental:
            return False
        with self._lock:
            if key in self._unpassed or key not in self.bounds:
                return True
            if self._turn(key):
                self._unpassed.add(key)
                return True
            return False

    def _turn(self, key: str) -> bool:
        now, last = self._now(), self._passed
        period = self.runtime.settings.listing_pass_hours * HOUR
        if now is None or last is None or period == 0 or now - last >= period:
            return now is not None
        place = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") % period
        return (now - place) // period > (last - place) // period

    def _now(self) -> int | None:
        if self._rolled is None:
            self._rolled = self.runtime.clock.bound()
        return self._rolled

    def rolled(self) -> None:
        """Note that every partition was asked about: the next pass goes on from here."""
        with self._lock:
            if self.incremental and self._now() is not None:
                self._passed = self._now()

    def differs(self, key: str, total: int) -> bool:
        """Return whether a known partition's listing is not the one that its digest was made of."""
        return key in self.bounds and self.digests.get(key) != encoded(total)

    def settle(self, key: str, total: int) -> None:
        """Keep the digest of a partition whose records were sent as far as they differ; called under the lock."""
        self.digests[key] = encoded(total)
        self._unpassed.discard(key)

    @override
    def forget_all_but(self, seen: set[str]) -> None:
        super().forget_all_but(seen)
        with self._lock:
            known = self.bounds.keys() | seen
            self.digests = {key: value for key, value in self.digests.items() if key in known}
            self._unpassed &= known
