"""Which of a workspace's tasks are read: what its listings, and the walks below them, would show.

An export knows no projects, and its lines are in no order: a subtask may come before its parent.
"""

from __future__ import annotations

import gzip
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from source_asana.config import Settings
from source_asana.http.parsing import parse
from source_asana.tasks.partitions import partitions_of, user_partition

Raw = dict[str, Any]


def parent_of(task: Mapping[str, Any]) -> str | None:
    """Return the gid of a task's parent."""
    gid: str | None = (task.get("parent") or {}).get("gid")
    return gid


def may_have_subtasks(task: Mapping[str, Any]) -> bool:
    """Return whether a task has subtasks, as far as it says so."""
    return task.get("num_subtasks") != 0


class Scope(Protocol):
    """What a sync reads of a workspace."""

    def partitions(self, task: Raw) -> Sequence[str]:
        """Return the keys of the listings that show a task."""

    def holds(self, parent: str) -> bool:
        """Return whether the subtasks of a task are read, as far as is known."""

    def add(self, task: Raw) -> None:
        """Note a task that is read."""


class ListedScope:
    """What the listings of a workspace show, and what hangs below it.

    Args:
        workspace: its gid.
        listed: the keys of its listings.
        settings: the configuration.

    Attributes:
        parents: the tasks that are read and may have subtasks.
    """

    def __init__(self, workspace: str, listed: frozenset[str], settings: Settings) -> None:
        self._workspace = workspace
        self._listed = listed
        self._settings = settings
        self.parents: set[int] = set()

    def partitions(self, task: Raw) -> Sequence[str]:
        """Return the keys of the listings that show a task."""
        user = user_partition(task, self._workspace)
        return partitions_of(task, user, self._listed, self._settings)

    def holds(self, parent: str) -> bool:
        """Return whether a parent was read already; another may still come."""
        return int(parent) in self.parents

    def add(self, task: Raw) -> None:
        """Note a task that is read."""
        if may_have_subtasks(task):
            self.parents.add(int(task["gid"]))


class ChangedScope:
    """What a search would find; where one may be made, no choice of projects leaves any out."""

    def __init__(self, workspace: str, settings: Settings) -> None:
        self._workspace = workspace
        self._settings = settings

    def partitions(self, task: Raw) -> Sequence[str]:
        """Return the key of a listing that shows a task."""
        user = user_partition(task, self._workspace)
        return partitions_of(task, user, None, self._settings)[:1]

    def holds(self, parent: str) -> bool:
        """Return whether the subtasks of a task are read: always."""
        del parent
        return True

    def add(self, task: Raw) -> None:
        """Do nothing: no parent is needed."""


class Deferred:
    """Subtasks that came before their parents: on disk, compressed, until all parents are known.

    A context manager; in memory a subtask takes 17 bytes.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._packed = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=1)
        self._gids, self._parents = array("q"), array("q")
        self._may_be_parents = bytearray()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Delete the file."""
        try:
            self._packed.close()
        finally:
            self._file.close()

    def add(self, task: Raw, parent: str, line: bytes) -> None:
        """Put a subtask aside; what is needed of it later is in `line`."""
        self._gids.append(int(task["gid"]))
        self._parents.append(int(parent))
        self._may_be_parents.append(may_have_subtasks(task))
        self._packed.write(line + b"\n")

    def resolve(self, parents: set[int]) -> None:
        """Add those subtasks to `parents` that are below them, at every depth."""
        known = -1
        while known < len(parents):
            known = len(parents)
            rows = zip(self._gids, self._parents, self._may_be_parents, strict=True)
            for gid, parent, may_be_parent in rows:
                if may_be_parent and parent in parents:
                    parents.add(gid)

    def tasks(self) -> Iterator[Raw]:
        """Yield the subtasks again."""
        self._packed.close()
        self._file.seek(0)
        with gzip.GzipFile(fileobj=self._file) as packed:
            for line in packed:
                yield parse(line)
