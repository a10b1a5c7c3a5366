"""The feed of tasks: trees that listings fill, and the walks that find subtasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from typing_extensions import override

from source_asana.http.clock import Millis
from source_asana.http.stop import Stop
from source_asana.parents.feeds import Ending, GrowingList, Passage
from source_asana.tasks.tree import TaskTree


class Walk(NamedTuple):
    """Names a task whose subtasks are to be read, and the tree that they go to."""

    gid: str
    tree: TaskTree


class TaskFeed(GrowingList[TaskTree]):
    """Hands tasks and subtasks to the child streams, tree by tree, when a tree is whole.

    Attributes:
        walks: the tasks with subtasks, for the stream of the subtasks.
        keys: the keys of all listings that exist, whether or not this sync reads them.
        by_workspace: the same keys by workspace.
        whole: the keys of the listings that this sync has read with all walks below them.
        keys_complete: whether no further listing can exist.
    """

    def __init__(self, name: str, stop: Stop) -> None:
        super().__init__(name, stop)
        self.walks = Passage[Walk]("subtasks", stop)
        self.keys: set[str] = set()
        self.by_workspace: dict[str, set[str]] = {}
        self.keys_complete = False
        self.whole: set[str] = set()
        self._is_walked = False
        self._shared: dict[str, TaskTree] = {}
        self._listeners: list[Callable[[TaskTree], None]] = []
        self._childless: Callable[[str], None] = lambda _: None

    # ── who reads the feed ─────────────────────────────────────────────────────────────────────

    def walk(self, childless: Callable[[str], None]) -> None:
        """Have tasks with subtasks walked, and `childless` called with the gid of each other."""
        self._is_walked, self._childless = True, childless

    def listen(self, listener: Callable[[TaskTree], None]) -> None:
        """Have `listener` called with each tree at the top, by the thread that closes it."""
        self._listeners.append(listener)

    # ── listings ───────────────────────────────────────────────────────────────────────────────

    @override
    def expect(self) -> None:
        super().expect()
        self.walks.expect()

    @override
    def announced(self, ending: Ending) -> None:
        super().announced(ending)
        self.walks.announced(ending)

    def note(self, key: str, workspace: str) -> None:
        """Remember that a listing with this key exists, whether or not this sync reads it."""
        with self._condition:
            self.keys.add(key)
            self.by_workspace.setdefault(workspace, set()).add(key)

    def noted_all(self, *, is_complete: bool) -> None:
        """Take note that no further listing will be noted, and whether none can exist."""
        self.keys_complete = is_complete

    def listed(self, tree: TaskTree, ending: Ending) -> None:
        """Count the listing of a tree as over."""
        self._over(tree, ending)
        self.walks.ended(ending)

    # A walk ends as a listing does.
    walked = listed

    # ── tasks ──────────────────────────────────────────────────────────────────────────────────

    def add(
        self, tree: TaskTree, gid: str, modified: Millis, *, is_shared: bool, has_subtasks: bool
    ) -> None:
        """Put a task into a tree and, where it has subtasks, have them walked once.

        Called by the workers that read listings and walks; several of them fill one tree at a time.
        """
        if self._is_walked and not has_subtasks:
            self._childless(gid)
        if not (has_subtasks and self._is_walked):
            with self._condition:
                tree.add(gid, modified, is_shared=is_shared)
        elif is_shared:
            self._add_shared(tree, gid, modified)
        else:
            with self._condition:
                tree.add(gid, modified, is_shared=False)
                tree.open += 1
            self._walk(gid, tree)

    def _add_shared(self, tree: TaskTree, gid: str, modified: Millis) -> None:
        with self._condition:
            own = self._shared.get(gid)
            is_new = own is None
            if own is None:
                own = self._shared[gid] = TaskTree(tree.key, tree.began, tree.item)
                own.add(gid, modified, is_shared=True)
            elif tree.is_awaited_by(own):
                # Tasks changed places meanwhile, and whoever waits for this tree already waits for
                # that walk.
                return
            else:
                # The version that this listing shows may be another one.
                tree.add(gid, modified, is_shared=True)
            tree.adopt(own)
        if is_new:
            self._walk(gid, own)

    def _walk(self, gid: str, tree: TaskTree) -> None:
        self.walks.expect()
        self.walks.put([Walk(gid, tree)])

    def _over(self, tree: TaskTree, ending: Ending) -> None:
        for closed in self._close(tree, ending):
            how = Ending.FAILED
            if closed.ending is Ending.COMPLETE:
                self.whole.add(closed.key)
            try:
                for listener in self._listeners:
                    listener(closed)
                if closed.ending is not Ending.FAILED:
                    self.put([closed])
                how = closed.ending
            finally:
                # Whatever went wrong there, readers must not wait for ever.
                self.ended(how)

    def _close(self, tree: TaskTree, ending: Ending) -> list[TaskTree]:
        """Count one ending and return the trees at the top that closed with it."""
        closed: list[TaskTree] = []
        with self._condition:
            pending = [(tree, ending)]
            while pending:
                current, how = pending.pop()
                current.ending = max(current.ending, how)
                current.open -= 1
                if current.open or current.closed:
                    continue
                current.closed = True
                for owner in current.owners:
                    owner.inherit(current)
                pending.extend((owner, current.ending) for owner in current.owners)
                if not current.owners:
                    closed.append(current)
        return closed


class SubtaskFeed:
    """Shows the same feed to streams whose parents are subtasks, which are over when tasks are."""

    def __init__(self, tasks: TaskFeed) -> None:
        self._tasks = tasks

    @property
    def ending(self) -> Ending:
        """How listings and walks ended so far."""
        return self._tasks.ending

    def expect(self) -> None:
        """Do nothing: a walk is expected when its task is listed."""

    def announced(self, ending: Ending) -> None:
        """Do nothing: walks are announced with the listings."""

    def ended(self, ending: Ending) -> None:
        """Do nothing: a walk's end is told to its tree."""

    def settle(self) -> None:
        """Do nothing: nobody adds to it later."""
