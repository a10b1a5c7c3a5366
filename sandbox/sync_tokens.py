"""Sync tokens: a place in the stream of events of one resource, and when the token was given.

Source: the description's tag Events. A token lives for 24 hours at most, often less, and going back
to an earlier one may be refused, while the same one may be sent again.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import orjson


def write(resource: str, place: int, now: float) -> str:
    """Return the token of a place among the events that have arrived."""
    payload = orjson.dumps([resource, place, now])
    return base64.urlsafe_b64encode(payload).decode().rstrip("=")


@dataclass(slots=True)
class SyncTokens:
    """Reads tokens; `used` holds when the latest one was given that a user sent for a resource."""

    used: dict[tuple[str, str], float] = field(default_factory=dict)

    def read(
        self, text: str, resource: str, user: str, *, after: float, forward: bool
    ) -> int | None:
        """Return the place of a token, or None for one that is foreign or refused.

        Tokens given until `after` are refused, with `forward` also those given before a used one.
        """
        try:
            of, place, given = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, TypeError):
            return None
        latest = self.used.get((user, resource), given)
        if of != resource or given <= after or (forward and given < latest):
            return None
        self.used[user, resource] = max(given, latest)
        return int(place)
