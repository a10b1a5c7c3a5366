"""Which child of a parent was the newest when its children were last read."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from source_asana.core.numbers import Numbers


@dataclass(slots=True)
class Gates(Numbers):
    """Has, per parent, a number that stands for its newest child."""

    def __contains__(self, key: object) -> bool:
        """Return whether a parent's children have been read."""
        return key in self.by_key

    def shows_another(self, key: str, gid: str | None) -> bool:
        """Return whether the newest child is another one than when the children were read."""
        return self.by_key.get(key) != _number(gid)

    def close(self, key: str, gid: str | None) -> None:
        """Remember the newest child of a parent whose children were read."""
        self.by_key[key] = _number(gid)


def _number(gid: str | None) -> int:
    """Return a number that stands for the newest child, 0 where there is none."""
    if not gid:
        return 0
    if gid.isdigit() and len(gid) < 19:
        return int(gid)
    return int.from_bytes(blake2b(gid.encode(), digest_size=7).digest(), "big")
