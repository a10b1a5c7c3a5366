"""The rolling listing pass.

What moves no timestamp is found by comparing whole listings with a digest.

Moves between projects, likes, tags and the like leave `modified_at` alone (Asana's description of
TaskBase), so no filter shows them. Each sync passes the projects whose place in the period
`listing_pass_hours` has gone by since the last one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from source_asana.components.clock import to_millis
from source_asana.components.cursors import damaged
from source_asana.components.cursors_family import TaskFamilyCursor
from source_asana.components.cursors_lists import DIGEST_BYTES, digest

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

    def add(self, digest: int) -> None:
        """Count a finished record's digest in."""
        self.total += digest


def encoded(total: int) -> str:
    """Return a digest as it stands in the state, eleven characters."""
    return b64encode((total % WIDTH).to_bytes(DIGEST_BYTES, "big")).decode().rstrip("=")


class PassCursor(TaskFamilyCursor):
    """Bounds with a digest per partition.

    State: `{"bounds": {key: [instant, digest]}}`, the rest as in `TaskFamilyCursor`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.digests: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    @override
    def _load(self, stored: Mapping[str, Any]) -> None:
        pairs = self._checked(stored, "bounds", (int, list))
        super()._load(
            {
                **stored,
                "bounds": {k: v[0] if isinstance(v, list) and v else v for k, v in pairs.items()},
            }
        )
        for key, value in pairs.items():
            if isinstance(value, list):
                if len(value) != 2 or not isinstance(value[1], str):
                    raise damaged(self.stream)
                self.digests[key] = value[1]

    @override
    def _dump(self) -> dict[str, Any]:
        digests = self.digests
        bounds = {
            key: [bound, digests[key]] if key in digests else bound
            for key, bound in self.bounds.items()
        }
        return {**super()._dump(), "bounds": bounds}

    @override
    def compared(self, key: str) -> bool:
        """Return whether a partition's whole listing is to be compared in this sync.

        A new one's always is.
        """
        return self.incremental and (key not in self.bounds or self.turn(key))

    def counts(self, record: Mapping[str, Any]) -> bool:
        """Return whether a pass is about a record: what is older than the start date never is."""
        stamp = to_millis(record.get(self.change["field"]))
        return self.start is None or stamp is None or stamp >= self.start

    def differs(self, key: str, total: int) -> bool:
        """Return whether a known partition's listing is not the one that its digest was made of."""
        return key in self.bounds and self.digests.get(key) != encoded(total)

    def settle(self, key: str, total: int) -> None:
        """Keep the digest of a partition whose records were sent as far as they differ.

        Called under the lock.
        """
        self.digests[key] = encoded(total)
        self.passed(key)

    @override
    def forget_all_but(self, seen: set[str]) -> None:
        super().forget_all_but(seen)
        with self._lock:
            known = self.bounds.keys() | seen
            self.digests = {key: value for key, value in self.digests.items() if key in known}
