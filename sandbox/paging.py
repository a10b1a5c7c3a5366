"""Offsets: opaque, signed, bound to one listing, and of a limited life.

Source: Asana's page "Pagination"; the life of 15 minutes and the error texts were reported from
decoded tokens. An offset holds the position of the last record shown (keyset), so insertions and
deletions elsewhere shift nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from sandbox.refusals import EXPIRED_OFFSET, INVALID_OFFSET, ApiError

if TYPE_CHECKING:
    from sandbox.server_time import Clock
    from sandbox.store import Position

LARGEST_PAGE = 100
_KEY = b"sandbox"
_HEADER = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"HS256"}').decode().rstrip("=")


def _sign(text: str) -> str:
    return hmac.new(_KEY, text.encode(), hashlib.sha256).hexdigest()[:32]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(slots=True)
class Offsets:
    """Makes and reads offsets; `life_seconds` may be changed while the server runs."""

    clock: Clock
    life_seconds: float = 900.0

    def write(self, listing: str, position: Position) -> str:
        """Return the offset behind `position` in `listing`, which is a path with filters."""
        payload = orjson.dumps({"l": listing, "p": position, "iat": self.clock.now()})
        text = f"{_HEADER}.{_encode(payload)}"
        return f"{text}.{_sign(text)}"

    def read(self, listing: str, offset: str) -> Position:
        """Return the position in `offset`; a foreign, altered or old one is a 400."""
        text, _, signature = offset.rpartition(".")
        if not hmac.compare_digest(_sign(text), signature):
            raise ApiError(400, INVALID_OFFSET)
        encoded = text.rpartition(".")[2]
        payload = orjson.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        if payload["l"] != listing:
            raise ApiError(400, INVALID_OFFSET)
        if self.clock.now() - payload["iat"] > self.life_seconds:
            raise ApiError(400, EXPIRED_OFFSET)
        rank, gid = payload["p"]
        return (rank, gid)


def page_limit(value: str | None) -> int | None:
    """Return the page size asked for, or None if none was; outside 1..100 it is a 400."""
    if value is None:
        return None
    try:
        limit = int(value)
    except ValueError:
        limit = 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise ApiError(400, f"limit: Must be between 1 and {LARGEST_PAGE}, got {value}")
    return limit
