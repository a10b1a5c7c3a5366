"""Hints: what search, audit log, or whoever else says of an object.

A hint decides nothing: the ledger decides what is sent, and a GET what is deleted. So a hint that
is lost or wrong costs time or a request, and the next full scan finds what no hint has told.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import NamedTuple


class Kind(Enum):
    """What may be the case."""

    CHANGED = auto()
    """It was created or edited, or its children were."""
    DELETED = auto()


class Hint(NamedTuple):
    """One hint.

    Attributes:
        kind: what may be the case.
        gid: of the object.
        modified: of a changed task, its `modified_at` in milliseconds.
        listing: of a changed task, the key of a listing that shows it.
    """

    kind: Kind
    gid: str
    modified: int = 0
    listing: str = ""


def deleted(hints: Iterable[Hint]) -> frozenset[str]:
    """Return the gids of what may be deleted."""
    return frozenset(hint.gid for hint in hints if hint.kind is Kind.DELETED)
