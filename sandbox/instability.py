"""What differs from answer to answer although nothing changed: signatures, orders, nulls.

The real service is reported to sign the URLs of files and pictures again each time, and to
order some lists by chance. Records are kept as bytes between answers, so they are kept in pieces:
fixed bytes, and between them the parts that can be arranged differently. A steady server arranges
these in the order in which they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import orjson

FILES = "https://asana-user-private-us-east-1.s3.amazonaws.com/assets"
PICTURES = "https://asanausercontent.com/us1/assets"
# Stands for a signature: nothing else contains this character, and JSON leaves it as it is.
MARK = "\x7f"
SIGNATURE = f"{MARK}a"
# The same inside HTML, where an ampersand is escaped.
HTML_SIGNATURE = f"{MARK}h"
UNORDERED = frozenset(
    {
        "categories",
        "dependencies",
        "dependents",
        "followers",
        "hearts",
        "likes",
        "members",
        "memberships",
        "people_value",
        "projects",
        "tags",
        "workspaces",
    }
)
# A control character, which JSON always escapes.
HOLE = orjson.Fragment(b"\x00")
STEADY = "e=1767225600&v=0&t=steady"
SIGNED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Shuffled:
    """A list whose order means nothing."""

    items: tuple[bytes, ...]

    def arranged(self, chance: int) -> bytes:
        """Return the list as JSON, turned by `chance`; 0 keeps the order."""
        start = chance % len(self.items)
        items = self.items[start:] + self.items[:start]
        return b"[" + b",".join(items[:: -1 if chance & 1024 else 1]) + b"]"


@dataclass(frozen=True, slots=True)
class Optional:
    """An embedded object with nulls that may be left out."""

    whole: bytes
    short: bytes

    def arranged(self, chance: int) -> bytes:
        """Return the object as JSON. One `chance` in four leaves out its nulls; 0 keeps them."""
        return self.short if chance % 4 == 3 else self.whole


Slots = list[Shuffled | Optional]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A record's fixed bytes, and what stands between them."""

    fixed: list[bytes]
    slots: Slots


def in_pieces(encoded: bytes, slots: Slots) -> bytes | Pieces:
    """Return a record's JSON as it is, or cut at its holes if it has any."""
    return Pieces(encoded.split(b"\x00"), slots) if slots else encoded


@dataclass(slots=True)
class Variation:
    """Puts records together; if `unsteady`, each answer differs from the last."""

    unsteady: bool = False
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - not for secrets
    signatures: int = 0

    def record(self, pieces: bytes | Pieces) -> bytes:
        """Return one record as JSON; its signatures are still missing."""
        if isinstance(pieces, bytes):
            return pieces
        made = [pieces.fixed[0]]
        for slot, following in zip(pieces.slots, pieces.fixed[1:], strict=True):
            made.append(slot.arranged(self.random.getrandbits(16) if self.unsteady else 0))
            made.append(following)
        return b"".join(made)

    def signed(self, body: bytes, now: float) -> bytes:
        """Return a body with its addresses signed; `now` is in seconds since 1970."""
        first, *others = body.split(MARK.encode())
        if not others:
            return body
        query = STEADY
        if self.unsteady:
            self.signatures += 1
            query = f"e={int(now) + SIGNED_SECONDS}&v=0&t={self.signatures:08x}"
        plain, html = query.encode(), query.replace("&", "&amp;").encode()
        made = [first]
        for part in others:
            made.append(html if part.startswith(b"h") else plain)
            made.append(part[1:])
        return b"".join(made)
