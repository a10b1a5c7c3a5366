"""Whose children were read: the version of each task, and whether it is due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from source_asana.core.ledger import Ledger

# 31 bits of a task's `modified_at`; the bit below them says that the task is due.
VERSIONS = (1 << 31) - 1
MOST_DUE = 50_000


def version_of(modified: int) -> int:
    """Return the version of a task from its `modified_at` in milliseconds, never 0."""
    return modified % VERSIONS + 1


class Versions:
    """Keeps a ledger of tasks, by listing, with the version whose children were read.

    A task is entered as due when it is handed out in a version that was not read yet; a read takes
    the due bit away. So what is due is in the state, whatever interrupts a sync. A row counts as
    shown once this sync has handed the task to a worker, or found that its children were read.

    Attributes:
        rows: task -> listing, version and due bit.
        only_due: whether only due tasks are kept, as all others no longer fit into the state.
        due_rows: how many tasks are due.
    """

    def __init__(self) -> None:
        self.rows = Ledger()
        self.only_due = False
        self.due_rows = 0
        self._missing: set[str] = set()

    def load(self, value: Any) -> None:
        """Take a stored value; see `Numbers.load`."""
        self.rows = Ledger.load(value)
        self.due_rows = len(self.rows.rows(_is_due))

    def dump(self) -> Any:
        """Return what makes the value to store, without the lock; None for nothing."""
        return self.rows.snapshot() if len(self.rows) else None

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.rows)

    def is_known(self, gid: str) -> bool:
        """Return whether children of any version were read, or are due."""
        return self.rows.fingerprint(gid, "") is not None

    def was_read(self, gid: str) -> bool:
        """Return whether the children of the version that is known were read."""
        known = self.rows.fingerprint(gid, "")
        return known is not None and not _is_due(known)

    def was_shown(self, gid: str) -> bool:
        """Return whether this sync has shown a task."""
        return self.rows.was_shown(gid)

    def is_to_read(self, gid: str, version: int, *, rereads_missing: bool = False) -> bool:
        """Return whether this version's children were neither read nor handed to a worker.

        Args:
            gid: the task's.
            version: the one that is shown.
            rereads_missing: whether a task that was missing is read again, as its children's
                tombstones may have been sent.
        """
        known = self.rows.fingerprint(gid, "")
        if known is None or known >> 1 != version:
            return True
        if rereads_missing and self.rows.is_missing(gid, ""):
            return True
        return _is_due(known) and not self.rows.was_shown(gid)

    def has_room(self, further: int) -> bool:
        """Return whether so many further tasks may be due at once."""
        return self.due_rows + further <= MOST_DUE

    def enter_due(self, gid: str, listing: str, version: int) -> None:
        """Note that a version's children are due, and about to be handed to a worker."""
        self._enter(gid, listing, version << 1 | 1)

    def enter_read(self, gid: str, listing: str, version: int) -> None:
        """Note that a version has no children worth a request."""
        if not self.only_due:
            self._enter(gid, listing, version << 1)

    def _enter(self, gid: str, listing: str, row: int) -> None:
        known = self.rows.fingerprint(gid, "")
        self.due_rows += (row & 1) - (known is not None and _is_due(known))
        self.rows.enter(gid, listing, row)

    def show(self, gid: str, listing: str) -> None:
        """Note that a listing shows a task."""
        if self.is_known(gid):
            self.rows.show(gid, listing)

    def read(self, gid: str, version: int) -> None:
        """Take the due bit away, unless a newer version became due meanwhile."""
        if self.rows.fingerprint(gid, "") != version << 1 | 1:
            return
        if self.only_due:
            self.remove(gid)
        else:
            self._enter(gid, self.rows.partition_of(gid) or "", version << 1)

    def remove(self, gid: str) -> None:
        """Drop a task, which is due again when it is shown again."""
        known = self.rows.fingerprint(gid, "")
        self.due_rows -= known is not None and _is_due(known)
        self.rows.remove(gid)

    def due(self) -> Iterator[tuple[str, str, int]]:
        """Yield (gid, listing, version) of the due tasks that no worker has been handed yet."""
        for gid, listing in self.rows.rows(_is_due):
            known = self.rows.fingerprint(gid, "")
            if known is not None and _is_due(known) and not self.rows.was_shown(gid):
                yield gid, listing, known >> 1

    def tasks(self) -> list[tuple[str, str]]:
        """Return (gid, listing) of all tasks."""
        return self.rows.rows()

    def clear(self) -> None:
        """Remove all tasks, so that the children of each are read."""
        self.rows, self.due_rows = Ledger(), 0

    def drop_read(self) -> None:
        """Keep due tasks only, from now on."""
        self.rows.keep_only(_is_due)
        self.only_due = True

    def is_missing(self, gid: str) -> bool:
        """Return whether no listing shows a task any more, as the last sweep found."""
        return gid in self._missing

    def sweep(
        self,
        is_over: Callable[[str], bool],
        deleted: Collection[str],
        has_children: Callable[[str], bool],
    ) -> None:
        """Flag the tasks that none of their listings shows any more; see `Ledger.sweep`.

        Those that are missing for the second time are dropped, unless they are due, or children of
        theirs are still to be asked about.

        Args:
            is_over: whether a listing has shown all that it has, or is removed itself.
            deleted: gids that Asana says are deleted.
            has_children: whether a stream's ledger has rows of a task.
        """
        self.rows.sweep(is_over)
        for gid in list(deleted):
            self.rows.miss(gid, "")
        new, old = self.rows.missing()
        for gid, _ in old:
            is_read = self.was_read(gid) and not has_children(gid)
            if is_read and all(map(is_over, self.rows.partitions_of(gid))):
                self.remove(gid)
        self._missing = {gid for gid, _ in (*new, *old)}


def _is_due(row: int) -> bool:
    return row & 1 == 1
