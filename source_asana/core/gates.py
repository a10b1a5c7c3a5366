"""Which child of a parent was the newest when its children were last read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from source_asana.core.codec import decode_numbers, encode_numbers


@dataclass(slots=True)
class Gates:
    """Has, per parent, a number that stands for its newest child: a value of the state."""

    by_key: dict[str, int] = field(default_factory=dict)

    def load(self, value: Any) -> None:
        """Take a stored value; see `Instants.load`."""
        self.by_key = decode_numbers(value)

    def dump(self) -> Any:
        """Return the value to store, None for nothing."""
        return encode_numbers(self.by_key) if self.by_key else None

    def size(self) -> int:
        """Return about how many characters the value takes."""
        return 14 * len(self.by_key)

    def __len__(self) -> int:
        """Return how many parents were read."""
        return len(self.by_key)

    def __iter__(self) -> Iterator[str]:
        """Yield the parents of a copy."""
        return iter(list(self.by_key))

    def __contains__(self, key: object) -> bool:
        """Return whether a parent's children have been read."""
        return key in self.by_key

    def shows_another(self, key: str, gid: str | None) -> bool:
        """Return whether the newest child is another one than when the children were read."""
        return self.by_key.get(key) != _number(gid)

    def close(self, key: str, gid: str | None) -> None:
        """Remember the newest child of a parent whose children were read."""
        self.by_key[key] = _number(gid)

    def forget(self) -> None:
        """Have all children be read again."""
        self.by_key.clear()

    def keep_only(self, is_there: Callable[[str], bool]) -> None:
        """Drop the parents that no longer exist."""
        self.by_key = {key: gid for key, gid in self.by_key.items() if is_there(key)}


def _number(gid: str | None) -> int:
    """Return a number that stands for the newest child, 0 where there is none."""
    if not gid:
        return 0
    if gid.isdigit() and len(gid) < 19:
        return int(gid)
    return int.from_bytes(blake2b(gid.encode(), digest_size=7).digest(), "big")
