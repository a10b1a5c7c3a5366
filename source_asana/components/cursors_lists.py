"""Cursors of single listings without a change filter of their own: gates, digests and sync tokens.

See `cursors` for what they have in common and for the form of the state.
"""

from __future__ import annotations

import binascii
import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import orjson
from airbyte_cdk.sources.types import StreamSlice
from typing_extensions import override

from source_asana.components.clock import from_millis, to_millis
from source_asana.components.cursors import AsanaCursor, damaged, with_since
from source_asana.components.partitions import value_at

DIGEST_BYTES = 8


class GateCursor(AsanaCursor):
    """Children whose parent shows whether there is a new one.

    State: `{"bounds": {key: [instant, gid at the gate]}}`.

    `change`: `field` is the record's stamp, `gate` the dotted path in the parent's item. A parent
    whose gate shows the gid kept in the state is not asked; one that is not known yet is, whatever
    its gate shows.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.bounds: dict[str, list[Any]] = {}
        super().__init__(*args, **kwargs)

    @override
    def _load(self, stored: Mapping[str, Any]) -> None:
        self.bounds = self._checked(stored, "bounds", list)
        if any(len(value) != 2 or not isinstance(value[0], int) for value in self.bounds.values()):
            raise damaged(self.stream)

    @override
    def _dump(self) -> dict[str, Any]:
        return {"bounds": dict(self.bounds)}

    @override
    def _size(self) -> int:
        return len(self.bounds)

    def _gate(self, piece: StreamSlice) -> str | None:
        gid: str | None = value_at(piece.extra_fields["item"], self.change["gate"])
        return gid

    @override
    def stream_slices(self) -> Iterator[StreamSlice]:
        seen = set()
        for piece in self.router.stream_slices():
            key, gate = piece.extra_fields["key"], self._gate(piece)
            seen.add(key)
            known = self.bounds.get(key)
            if known and (gate is None or gate == known[1]):
                with self._lock:
                    self.complete(piece)
                continue
            since = known[0] if known else self.start
            yield with_since(piece, None if since is None else from_millis(since))
        if self.parents_complete():
            with self._lock:
                self.bounds = {key: value for key, value in self.bounds.items() if key in seen}

    @override
    def complete(self, piece: StreamSlice) -> None:
        begun = piece.extra_fields["begun"]
        if begun is not None:
            self.bounds[piece.extra_fields["key"]] = [begun, self._gate(piece)]

    @override
    def wanted(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        since = to_millis(piece.cursor_slice.get("since"))
        stamp = to_millis(record.get(self.change["field"]))
        return since is None or stamp is None or stamp >= since


def digest(record: Mapping[str, Any]) -> bytes:
    """Return 8 bytes that stand for a record: equal records, equal digests."""
    return blake2b(
        orjson.dumps(record, option=orjson.OPT_SORT_KEYS), digest_size=DIGEST_BYTES
    ).digest()


class DigestCursor(AsanaCursor):
    """Lists without a change filter: what was sent before is not sent again.

    State: `{"bounds": {key: instant}, "seen": {key: digests}, "passes": {key: instant}}`.

    `digests` are 8 bytes a record, joined, base64. `change`:
      `field`: the stamp or date by which Asana filters; without it the whole list is read each
      time. `overlap`: name of a setting in days, or a number of minutes, read again before the
      bound. `days`: true when the parameter is a date. `period`: true when the whole range is read
      again once per listing-pass period.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.bounds: dict[str, int] = {}
        self._passes: dict[str, int] = {}
        self._old: dict[str, frozenset[bytes]] = {}
        self._new: dict[str, list[tuple[bytes, str | None]]] = {}
        self._begun: dict[str, int | None] = {}
        self._passing: set[str] = set()
        super().__init__(*args, **kwargs)

    @override
    def _load(self, stored: Mapping[str, Any]) -> None:
        self.bounds = self._checked(stored, "bounds", int)
        self._passes = self._checked(stored, "passes", int)
        try:
            for key, text in self._checked(stored, "seen", str).items():
                raw = b64decode(text, validate=True)
                self._old[key] = frozenset(
                    raw[start : start + DIGEST_BYTES] for start in range(0, len(raw), DIGEST_BYTES)
                )
        except (binascii.Error, ValueError):
            raise damaged(self.stream) from None

    @override
    def _dump(self) -> dict[str, Any]:
        seen = {
            key: b64encode(b"".join(sorted(values))).decode() for key, values in self._old.items()
        }
        passes = {"passes": dict(self._passes)} if self._passes else {}
        return {"bounds": dict(self.bounds), "seen": seen, **passes}

    @override
    def _size(self) -> int:
        return sum(map(len, self._old.values()))

    def _overlap(self) -> timedelta:
        overlap = self.change.get("overlap", 0)
        if isinstance(overlap, str):
            return timedelta(days=getattr(self.runtime.settings, overlap))
        return timedelta(minutes=overlap)

    def _parameter(self, instant: int) -> str:
        text = from_millis(instant)
        return text[:10] if self.change.get("days") else text

    def _since(self, key: str) -> str | None:
        if not self.change.get("field"):
            return None
        bound = self.bounds.get(key)
        if bound is None or self._pass_is_due(key):
            first = self.change.get("first")
            return self._parameter(self.start) if self.start is not None else first
        return self._parameter(bound - self._overlap() // timedelta(milliseconds=1))

    def _pass_is_due(self, key: str) -> bool:
        if not self.change.get("period"):
            return False
        now, last = self.runtime.clock.bound(), self._passes.get(key)
        period = self.runtime.settings.listing_pass_hours * 3_600_000
        return now is None or last is None or now - last >= period

    @override
    def stream_slices(self) -> Iterator[StreamSlice]:
        seen = set()
        for piece in self.router.stream_slices():
            key = piece.extra_fields["key"]
            seen.add(key)
            if self._pass_is_due(key):
                self._passing.add(key)
            yield with_since(piece, self._since(key))
        if self.parents_complete():
            with self._lock:
                for values in (self.bounds, self._passes, self._old):
                    for key in [key for key in values if key not in seen]:
                        del values[key]

    @override
    def begin(self, piece: StreamSlice) -> None:
        key = piece.extra_fields["key"]
        self._begun[key] = self.runtime.clock.bound()
        self._new[key] = []

    @override
    def changed(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        key, value = piece.extra_fields["key"], digest(record)
        if self.incremental:
            self._new[key].append((value, record.get(self.change.get("field") or "")))
        return value not in self._old.get(key, ())

    @override
    def complete(self, piece: StreamSlice) -> None:
        key = piece.extra_fields["key"]
        begun, found = self._begun.pop(key, None), self._new.pop(key, [])
        if begun is None:
            return
        # Not what is due by now counts, but what the request asked for.
        if key in self._passing:
            self._passes[key] = begun
        self.bounds[key] = begun
        # Only what the next sync will read again needs to be known.
        since = self._since(key) if self.change.get("field") else None
        self._old[key] = frozenset(
            value for value, stamp in found if since is None or stamp is None or stamp >= since
        )


class TokenCursor(AsanaCursor):
    """Events by sync token. State: `{"tokens": {key: token}}`; a token lives a day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.tokens: dict[str, str] = {}
        self._next: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    @override
    def _load(self, stored: Mapping[str, Any]) -> None:
        self.tokens = self._checked(stored, "tokens", str)

    @override
    def _dump(self) -> dict[str, Any]:
        return {"tokens": dict(self.tokens)}

    @override
    def _size(self) -> int:
        return len(self.tokens)

    @override
    def stream_slices(self) -> Iterator[StreamSlice]:
        if not self.incremental:
            self.runtime.report.once(
                logging.WARNING,
                f"Stream {self.stream} has no history: a full refresh of it is empty; sync it "
                "incrementally.",
            )
            return
        seen = set()
        for piece in self.router.stream_slices():
            seen.add(piece.extra_fields["key"])
            yield piece
        if self.parents_complete():
            with self._lock:
                self.tokens = {key: token for key, token in self.tokens.items() if key in seen}

    @override
    def was_readable(self, piece: StreamSlice) -> bool:
        return piece.extra_fields["key"] in self.tokens

    def token(self, piece: StreamSlice) -> str | None:
        """Return the token to go on from, None at the first read of a resource."""
        return self.tokens.get(piece.extra_fields["key"])

    def advance(self, piece: StreamSlice, token: str) -> None:
        """Keep the token that follows what was read; it counts when the slice is complete."""
        self._next[piece.extra_fields["key"]] = token

    @override
    def complete(self, piece: StreamSlice) -> None:
        key = piece.extra_fields["key"]
        if key in self._next:
            self.tokens[key] = self._next.pop(key)
