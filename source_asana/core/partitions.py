"""The names of partitions in ledgers."""

from __future__ import annotations

ELSEWHERE = "elsewhere"
"""The partition of what exists but lies in no list that is read; every full scan looks it up.

What was in a list before, or hangs on a parent that was, is in `elsewhere/` and that partition, as
the columns of its parent come from there.
"""


def elsewhere(partition: str) -> str:
    """Return where the records of a partition are that are in no list that is read."""
    return partition if partition == ELSEWHERE else f"{ELSEWHERE}/{partition}"


def partition_in(partition: str) -> str:
    """Return the partition that records belong to, be its parent in a list or `elsewhere`."""
    return partition.removeprefix(f"{ELSEWHERE}/")
