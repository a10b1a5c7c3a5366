"""Holds tasks and subtasks on their way to their children's streams.

    project P ─ listing ─┬─ task A
                         ├─ task B ─ walk ─┬─ subtask B1
                         │                 └─ subtask B2 ─ walk ── subtask B21
                         └─ task C (also in project Q) ─┐
    project Q ─ listing ──── task C ────────────────────┴─ a tree of its own ─ walk ── subtask C1

A listing fills one tree. When the listing and all walks below it are over, the tree closes and goes
to the streams of children. A task that several listings show and that has subtasks gets a tree of
its own, which is walked once and which each of its owners waits for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from source_asana.http.clock import Millis
from source_asana.parents.feeds import Ending, Item


class TaskTree:
    """Holds the tasks of one listing with all their subtasks, or those below one shared task.

    It is not thread-safe; the feed that holds the trees locks.

    Attributes:
        key: the listing's key: a project, `workspace/user`, or a searched workspace.
        began: the server's time before the listing that named the project, None if it may give no
            bound.
        item: the project's (or user's) entry in its feed.
        open: how many listings and walks are still to end.
        ending: the worst ending of them so far.
        owners: the trees that wait for this one; none at the top.
        subtrees: the shared tasks' trees that this one waits for.
    """

    __slots__ = (
        "_gids",
        "_modified",
        "_shared",
        "began",
        "closed",
        "ending",
        "item",
        "key",
        "open",
        "owners",
        "subtrees",
    )

    def __init__(self, key: str, began: Millis | None, item: Item) -> None:
        self.key = key
        self.began = began
        self.item = item
        self.open = 1
        self.closed = False
        self.ending = Ending.COMPLETE
        self.owners: list[TaskTree] = []
        self.subtrees: list[TaskTree] = []
        self._gids = array("q")
        self._modified = array("q")
        self._shared = bytearray()

    @property
    def workspace(self) -> str | None:
        """The gid of the workspace that the listing lies in."""
        gid: str | None = self.item.get("workspace_gid")
        return gid

    def add(self, gid: str, modified: int, *, is_shared: bool) -> None:
        """Remember one task: its gid, its `modified_at`, whether another tree may hold it too."""
        self._gids.append(int(gid))
        self._modified.append(modified)
        self._shared.append(is_shared)

    def adopt(self, tree: TaskTree) -> None:
        """Wait for the tree of a shared task, and begin no later than it did."""
        tree.owners.append(self)
        self.subtrees.append(tree)
        if tree.closed:
            self.inherit(tree)
        else:
            self.open += 1

    def inherit(self, tree: TaskTree) -> None:
        """Take the ending and the beginning of a tree below that has closed.

        What has changed there since is left to the next sync, whoever lists it then.
        """
        self.ending = max(self.ending, tree.ending)
        if self.began is not None and tree.began is not None:
            self.began = min(self.began, tree.began)

    def is_awaited_by(self, tree: TaskTree) -> bool:
        """Return whether `tree` waits for this one, directly or through others."""
        found, stack = {id(self)}, [self]
        while stack:
            current = stack.pop()
            if current is tree:
                return True
            new = [owner for owner in current.owners if id(owner) not in found]
            found.update(map(id, new))
            stack.extend(new)
        return False

    def size(self) -> int:
        """Return the number of tasks here and in the trees below."""
        return sum(len(tree._gids) for tree in self._trees())  # noqa: SLF001  # its own kind

    def entries(self) -> Iterator[tuple[int, int, bool]]:
        """Yield (gid, modified_at, is_shared) of the tasks here and in the trees below."""
        for tree in self._trees():
            below = bool(tree.owners)
            rows = zip(tree._gids, tree._modified, tree._shared, strict=True)  # noqa: SLF001  # as above
            for gid, modified, shared in rows:
                yield gid, modified, bool(shared) or below

    def _trees(self) -> list[TaskTree]:
        found, stack = {id(self): self}, [self]
        while stack:
            for tree in stack.pop().subtrees:
                if id(tree) not in found:
                    found[id(tree)] = tree
                    stack.append(tree)
        return list(found.values())
