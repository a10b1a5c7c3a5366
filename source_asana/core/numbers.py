"""A number for each key: the form of instants, watermarks and gates in a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from source_asana.core.codec import decode_numbers, encode_numbers


@dataclass(slots=True)
class Numbers:
    """Has a number, not negative, for each key: a value of the state.

    Attributes:
        by_key: the numbers.
    """

    by_key: dict[str, int] = field(default_factory=dict)

    def load(self, value: Any) -> None:
        """Take a stored value.

        Raises:
            ValueError: it is not what `dump` returns.
        """
        self.by_key = decode_numbers(value)

    def dump(self) -> Any:
        """Return the value to store, None for nothing."""
        return encode_numbers(self.by_key) if self.by_key else None

    def size(self) -> int:
        """Return about how many characters the value takes."""
        return 14 * len(self.by_key)

    def __iter__(self) -> Iterator[str]:
        """Yield the keys of a copy, as others may come meanwhile."""
        return iter(list(self.by_key))

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(self.by_key)

    def keep_only(self, is_there: Callable[[str], bool]) -> None:
        """Drop the keys that no longer exist."""
        self.by_key = {key: number for key, number in self.by_key.items() if is_there(key)}
