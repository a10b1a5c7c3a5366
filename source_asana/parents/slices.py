"""Defines slices: what one listing of a stream is about, and what is known of it.

The CDK's `StreamSlice` carries anything in dictionaries; here every kind of slice is a class with
named fields. Those of tasks and their children are in `tasks/slices.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from airbyte_cdk.sources.types import StreamSlice

from source_asana.http.clock import Millis
from source_asana.parents.feeds import Item


class Slice(StreamSlice):
    """Is one slice of any stream.

    Args:
        partition: gids and constants that path and parameters name, such as `{"project_gid": …}`.
        key: names the partition in the state: its gid, or several joined by `/`.
        item: the parent's entry in its feed; empty without a parent.
        since: what the manifest's `{{ stream_interval.since }}` becomes, None to leave it out.

    Attributes:
        began: the server's time before its first request, minus its grain; None before that.
        is_filtered: whether Asana is asked for a part of the listing only.
        is_incomplete: whether it was refused or given up, or reads nothing, so that it ends without
            an error but is not complete.
        is_one_of_many: whether it covers one task, of which a sync reads only those that changed:
            that one is refused does not mean that the stream is.
        is_last: whether its router hands out no further slice of the partition.
        found_by: what shows its records, a word for the summary of the sync.
        was_read: whether an earlier sync has read it, so that all of its records are repeated.
        ended: set when the slice is over; None unless others wait for that (`probe_first`).
    """

    is_one_of_many = False
    found_by = "listing"
    was_read = False

    def __init__(
        self,
        partition: Mapping[str, Any],
        *,
        key: str,
        item: Item | None = None,
        since: str | None = None,
    ) -> None:
        interval = {} if since is None else {"since": since}
        super().__init__(partition=partition, cursor_slice=interval)
        self.key = key
        self.item: Item = item or {}
        self.began: Millis | None = None
        self.is_filtered = False
        self.is_incomplete = False
        self.is_last = True
        self.ended: threading.Event | None = None

    @property
    def workspace(self) -> str | None:
        """The gid of the workspace that the slice belongs to, None where that is not known."""
        gid: str | None = self.partition.get("workspace_gid")
        return gid or self.item.get("workspace_gid")

    @property
    def place(self) -> str:
        """The partition in words: `project 12`, `workspace 1, user 2`."""
        words = [
            f"{name.removesuffix('_gid').replace('_', ' ')} {gid}"
            for name, gid in self.partition.items()
            if name != "name"
        ]
        return ", ".join(words) or "the list"


Row = tuple[str, str]
"""A record's key, and the key of the partition that it was shown by."""


class ConfirmSlice(Slice):
    """Missing records that Asana is asked about; handed out after all other slices are over.

    Attributes:
        rows: the records.
    """

    def __init__(self, rows: list[Row]) -> None:
        super().__init__({}, key="")
        self.rows = rows


def is_user_key(key: str) -> bool:
    """Return whether a key names a user's tasks (`workspace/user`) and not a project."""
    return "/" in key


def workspace_of_key(key: str) -> str:
    """Return the workspace in a user's key; any other key comes back as it is."""
    return key.split("/", 1)[0]


def value_at(item: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path of nested objects, None where something is missing."""
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
