"""Finds fields in Asana's answers that the schemas do not have, so that new ones are noticed.

With `opt_fields` Asana sends what it was asked for. A field beyond that is one that it sends
unasked, that it has added to an object that is sent whole, or that has moved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from source_asana.fields.schemas import load_schema

Tree = dict[str, Any]
"""Name -> what may lie below it; None where that is not looked at."""

# Asana puts these into compact objects, whether or not they were asked for.
UNASKED = frozenset({"gid", "resource_type", "resource_subtype"})
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
UNNAMEABLE = "(not a field name)"


@cache
def tree_of(stream: str) -> Tree:
    """Return the fields of a stream's schema; the same object for every caller: read-only."""
    return _tree(load_schema(stream)) or {}


def _tree(schema: Mapping[str, Any]) -> Tree | None:
    properties = schema.get("items", schema).get("properties")
    return properties and {name: _tree(node) for name, node in properties.items()}


def with_paths(tree: Tree, paths: Iterable[str]) -> Tree:
    """Return a copy of a tree that has these dotted paths, too."""
    grown: Tree = dict(tree)
    for path in paths:
        name, _, rest = path.partition(".")
        if not rest:
            grown.setdefault(name, None)
        elif grown.get(name, {}) is not None:
            grown[name] = with_paths(grown.get(name, {}), [rest])
    return grown


def unknown(record: Mapping[str, Any], tree: Tree, above: str = "") -> Iterator[str]:
    """Yield the dotted names in a record that a tree does not have; never a value.

    What is no field's name, and might be somebody's text, is called `UNNAMEABLE`.
    """
    for name, value in record.items():
        if name not in tree:
            if name not in UNASKED:
                yield above + (name if FIELD_NAME.fullmatch(name) else UNNAMEABLE)
        elif (below := tree[name]) is not None and value:
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, dict):
                    yield from unknown(item, below, f"{above}{name}.")


class Watch:
    """Looks for unknown fields in a stream's records: in the first, in some, and in odd ones.

    A record is odd if no earlier one had as many fields. Several threads look without a lock: what
    gets lost is a count, so that a record more or less is looked at.

    Args:
        stream: stream name.
        asked: dotted opt_fields; the schema need not have them.
        tell: called with the stream and the unknown names, if there are some.
    """

    FIRST = 20
    EVERY = 500

    def __init__(
        self, stream: str, asked: Iterable[str], tell: Callable[[str, Iterable[str]], None]
    ) -> None:
        self._stream = stream
        self._tree = with_paths(tree_of(stream), asked)
        self._tell = tell
        self._sizes: set[int] = set()
        self._first = self.FIRST
        self._wait = 0

    def look(self, record: Mapping[str, Any]) -> None:
        """Look at a record as Asana sent it, if its turn has come."""
        self._wait -= 1
        if self._wait < 0 or len(record) not in self._sizes:
            self._examine(record)

    def _examine(self, record: Mapping[str, Any]) -> None:
        self._first -= 1
        self._wait = 0 if self._first > 0 else self.EVERY - 1
        self._sizes.add(len(record))
        names = set(unknown(record, self._tree))
        if names:
            self._tell(self._stream, names)
