"""Reads events by sync token, which the state keeps; a token lives a day."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from source_asana.cursors.strategies import Part, Strategy
from source_asana.http.errors import Reach
from source_asana.parents.slices import Slice


@dataclass(slots=True)
class Tokens:
    """Has the sync token of each project."""

    by_key: dict[str, str] = field(default_factory=dict)

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise ValueError("the tokens are not texts by key")
        self.by_key = dict(value)

    def dump(self) -> Any:
        """Return the tokens by key; see `Part`."""
        return dict(self.by_key)

    def size(self) -> int:
        """Return about how many characters the tokens take."""
        return sum(len(key) + len(token) + 6 for key, token in self.by_key.items())


class SyncTokenStrategy(Strategy):
    """Reads what happened since a sync token; the first read of a project only gets one."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._tokens = Tokens()
        self._next: dict[str, str] = {}

    @override
    def parts(self) -> Mapping[str, Part]:
        return {"tokens": self._tokens}

    @override
    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        del reach
        return slice_.key in self._tokens.by_key

    @override
    def slices(self) -> Iterator[Slice]:
        if self.plan.is_incremental:
            yield from super().slices()
            return
        self.runtime.report.once(
            logging.WARNING,
            f"Stream {self.plan.name} has no history: a full refresh of it is empty; sync it "
            "incrementally.",
        )

    def token(self, slice_: Slice) -> str | None:
        """Return the token to continue from, None at the first read of a project."""
        with self.lock:
            return self._tokens.by_key.get(slice_.key)

    def advance(self, slice_: Slice, token: str) -> None:
        """Keep the token that follows what was read; it counts once the slice is complete."""
        with self.lock:
            self._next[slice_.key] = token

    @override
    def complete(self, slice_: Slice) -> None:
        if slice_.key in self._next:
            self._tokens.by_key[slice_.key] = self._next.pop(slice_.key)

    @override
    def settle(self) -> None:
        if self.knows_all:
            there = self._tokens.by_key.items()
            self._tokens.by_key = {key: token for key, token in there if key in self._there}
