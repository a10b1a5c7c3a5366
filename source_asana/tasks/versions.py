"""Knows whose children were read: the version of each task, and whether it is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from source_asana.cursors.absent import Absent
from source_asana.cursors.ledger import Ledger

# 31 bits of a task's `modified_at`; the bit below them says that the task is due.
VERSIONS = (1 << 31) - 1


def version_of(modified: int) -> int:
    """Return the version of a task from its `modified_at` in milliseconds, never 0."""
    return modified % VERSIONS + 1


class Versions:
    """Keeps a ledger of tasks, by workspace, with the version whose children were read.

    A task is entered as due when it is listed in a version that was not read yet; a read takes the
    due bit away. So what is due is in the state, whatever interrupts a sync. A row counts as shown
    once this sync has handed the task to a worker, or found that its children were read.

    Attributes:
        is_coarse: whether only due tasks are kept, as all others no longer fit into the state.
        absent: tasks that the last sync did not find, a part of the state of its own.
    """

    def __init__(self) -> None:
        self._rows = Ledger()
        self.is_coarse = False
        self.absent = Absent()

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        self._rows = Ledger.load(value)

    def dump(self) -> Any:
        """Return the packed rows; see `Part`."""
        return self._rows.dump() if len(self._rows) else None

    def size(self) -> int:
        """Return about how many characters the rows take."""
        return self._rows.size_estimate() if len(self._rows) else 0

    def __len__(self) -> int:
        """Return how many tasks are known."""
        return len(self._rows)

    def is_known(self, gid: str) -> bool:
        """Return whether children of any version were read, or are due."""
        return self._rows.tag_of(gid, "") is not None

    def was_read(self, gid: str) -> bool:
        """Return whether the children of the version that is known were read."""
        tag = self._rows.tag_of(gid, "")
        return tag is not None and not tag & 1

    def was_shown(self, gid: str) -> bool:
        """Return whether a listing or search of this sync has shown a task."""
        return self._rows.was_shown(gid)

    def is_to_read(self, gid: str, version: int) -> bool:
        """Return whether this version's children were neither read nor handed to a worker."""
        tag = self._rows.tag_of(gid, "")
        if tag is None or tag >> 1 != version:
            return True
        return bool(tag & 1) and not self._rows.was_shown(gid)

    def enter_due(self, gid: str, workspace: str, version: int) -> None:
        """Note that a version's children are due, and about to be handed to a worker."""
        self._rows.enter(gid, workspace, version << 1 | 1)

    def enter_read(self, gid: str, workspace: str, version: int) -> None:
        """Take note that a version has no children worth a request."""
        if not self.is_coarse:
            self._rows.enter(gid, workspace, version << 1)

    def show(self, gid: str, workspace: str) -> None:
        """Note that a listing shows a task whose children were read."""
        if self.is_known(gid):
            self._rows.show(gid, workspace)

    def read(self, gid: str, workspace: str, version: int) -> None:
        """Take the due bit away, unless a newer version became due meanwhile."""
        if self._rows.tag_of(gid, "") != version << 1 | 1:
            return
        if self.is_coarse:
            self._rows.remove(gid)
        else:
            self._rows.enter(gid, workspace, version << 1)

    def forget(self, gid: str) -> None:
        """Drop a task, which is due again when a listing shows it again."""
        self._rows.remove(gid)

    def due(self) -> Iterator[tuple[str, str, int]]:
        """Yield (gid, workspace, version) of due tasks that no worker has been handed yet."""
        for gid, workspace in self._rows.rows_where(lambda tag: tag & 1 == 1):
            tag = self._rows.tag_of(gid, workspace)
            if tag is not None and tag & 1 and not self._rows.was_shown(gid):
                yield gid, workspace, tag >> 1

    def tasks(self) -> Iterator[tuple[str, str]]:
        """Yield (gid, workspace) of all tasks."""
        yield from self._rows.rows_where(lambda _: True)

    def clear(self) -> None:
        """Forget all tasks, so that the children of each are read."""
        self._rows = Ledger()

    def drop_read(self) -> None:
        """Keep due tasks only, from now on."""
        self._rows.keep_only(lambda tag: tag & 1 == 1)
        self.is_coarse = True

    def sweep(self, is_whole: Callable[[str], bool], *, at_once: bool) -> None:
        """Drop the tasks that no listing of a whole workspace shows any more.

        Args:
            is_whole: whether all listings of a workspace were read.
            at_once: whether they go the first time they are missed, not the second.
        """
        departed = self._rows.sweep(is_whole)
        if at_once:
            for gid, _ in departed:
                self._rows.remove(gid)
            self.absent = Absent()
        else:
            self.absent.settle(self._rows, departed)
