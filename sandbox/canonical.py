"""Reduces records to what means something, so that two answers can be compared."""

from __future__ import annotations

import re
from typing import Any

import orjson

from sandbox.instability import UNORDERED

# URLs on the hosts that sign them, up to the query; they may stand inside HTML.
SIGNED = re.compile(
    r"(https://(?:[\w-]+\.)*(?:asanausercontent\.com|amazonaws\.com|asana\.biz)/[^\s\"'<>?]*)"
    r"\?[^\s\"'<>]*"
)


def canonical(value: Any, name: str = "") -> Any:
    """Return a record, or the value of its field `name`, without what differs by chance.

    Signed URLs lose their query, lists without an order are sorted by gid, and nulls are
    dropped at every depth. The value that was passed in stays as it is.
    """
    if isinstance(value, str):
        return SIGNED.sub(r"\1", value) if "https://" in value else value
    if isinstance(value, dict):
        return {key: canonical(inner, key) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        items = [canonical(item, name) for item in value]
        return sorted(items, key=_rank) if name in UNORDERED else items
    return value


def _rank(item: Any) -> tuple[str, bytes]:
    """Return what a list is sorted by: the gid, and the whole item if it has none."""
    gid = str(item.get("gid", "")) if isinstance(item, dict) else ""
    return gid, orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
