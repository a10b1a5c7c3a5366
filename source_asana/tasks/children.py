"""Chooses the tasks that are asked for their children: those of a version not read yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from typing_extensions import override

from source_asana.cursors.ledger import Ledger
from source_asana.cursors.parts import Part
from source_asana.http.clock import Millis
from source_asana.http.errors import Reach, Verdict
from source_asana.parents.feeds import Ending
from source_asana.parents.slices import Slice
from source_asana.tasks.first_read import FirstRead
from source_asana.tasks.holders import Holders
from source_asana.tasks.member import MemberPolicy
from source_asana.tasks.routers import TaskRouter
from source_asana.tasks.slices import ChildSlice, OwnSlice
from source_asana.tasks.tree import TaskTree
from source_asana.tasks.versions import Versions, version_of


class ChildPolicy(MemberPolicy):
    """Reads the children of tasks and subtasks, once per version of their task.

    When a tree closes, those of its tasks whose version was not read are entered as due in one
    step, and only then does the listing get a bound. From that moment on the state alone makes sure
    that they are read, in every mode and after every interruption. All children of a changed task
    are sent again, as an edited comment shows in no other way.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        assert isinstance(self.router, TaskRouter)
        self._routes: TaskRouter = self.router
        self._versions = Versions()
        # The newest `modified_at` of tasks that several listings show.
        self._newest: dict[int, int] = {}
        settings = self.runtime.settings
        self.keeps_keys = settings.track_deletions and self.plan.takes_tombstones
        self.first_read = FirstRead(self)

    def search_holders(self, search: Callable[[str], Holders]) -> None:
        """At first reads, have a search in each workspace name the tasks that have children."""
        if self.runtime.settings.may_search:
            self.first_read.use(search)
            self.family.feed.listen(self.first_read.count)

    # ── state ──────────────────────────────────────────────────────────────────────────────────

    @override
    def parts(self) -> Mapping[str, Part]:
        return {**super().parts(), "tasks": self._versions, "absent_tasks": self._versions.absent}

    @override
    def read_again(self) -> None:
        super().read_again()
        self._versions.clear()

    @property
    @override
    def rank(self) -> int:
        return 0 if self.keeps_keys else 1

    @override
    def give_up(self, ledger: Ledger) -> int | None:
        if self.keeps_keys:
            self.keeps_keys, self.is_keyless = False, True
            ledger.forget_homes(self.is_stale)
            return self.rank
        self._versions.drop_read()
        return super().give_up(ledger)

    @override
    def sends_all(self, slice_: Slice) -> bool:
        # Without the keys of children, all of a task's are sent again when it changed.
        return isinstance(slice_, ChildSlice) and not self.keeps_keys

    @override
    def is_stale(self, home: str) -> bool:
        # What is sent without an entry would leave the row of an older version behind.
        return not self.keeps_keys and "/" not in home

    # ── slices ─────────────────────────────────────────────────────────────────────────────────

    @override
    def slices(self) -> Iterator[Slice]:
        for tree in self.family.feed:
            yield from self._children(tree)
        yield from self._left_over()

    def _children(self, tree: TaskTree) -> Iterator[Slice]:
        """Yield the slices of a closed tree's tasks, and of its project itself."""
        own = self._routes.own(tree.key, tree.item)
        with self.lock:
            entries = self._to_read(tree)
        # Without the lock: a search may follow.
        due = self.first_read.worth_reading(tree, entries)
        with self.lock:
            was_read = {gid for gid, _ in due if self._versions.was_read(str(gid))}
            self._enter(tree, entries, due)
        yield from own
        counts = self.runtime.report.counts(self.plan.name)
        counts.ahead += len(due)
        for gid, modified in due:
            counts.ahead -= 1
            slice_ = self._routes.child(str(gid), version_of(modified), tree.item)
            slice_.was_read = gid in was_read
            yield slice_

    def _to_read(self, tree: TaskTree) -> list[tuple[int, int]]:
        """Return (gid, modified_at) of the tasks whose children are to be read."""
        found, workspace = [], tree.workspace or ""
        bound = self.bounds.get(tree.key)
        if bound is not None and tree.key == workspace:
            # The search may have missed what its index did not show yet.
            bound = Millis(bound - self.family.overlap)
        for gid, modified, is_shared in tree.entries():
            if is_shared and not self._is_newest(gid, modified):
                continue
            if self._is_to_read(str(gid), modified, bound):
                found.append((gid, modified))
            else:
                self._versions.show(str(gid), workspace)
        return found

    def known(self) -> Iterator[Slice]:
        """Yield slices of tasks whose children earlier syncs have read, or have to read."""
        for gid, workspace in self._versions.tasks():
            yield self._routes.child(gid, 0, {"workspace_gid": workspace}, is_shown=False)

    def _is_newest(self, gid: int, modified: int) -> bool:
        """Return whether no listing of this sync has shown this or a newer version of a task."""
        if self._newest.get(gid, -1) >= modified:
            return False
        self._newest[gid] = modified
        return True

    def _is_to_read(self, gid: str, modified: int, bound: Millis | None) -> bool:
        is_old = self.start is not None and modified < self.start
        if (is_old or (self.is_coarse and bound)) and not self._versions.is_known(gid):
            return not is_old and bound is not None and modified >= bound
        # Without a state these are the tasks whose children an export showed in this sync.
        return self._versions.is_to_read(gid, version_of(modified))

    # ── exports ────────────────────────────────────────────────────────────────────────────────

    def wants(self, gid: str, modified: int, workspace: str, *, has_any: bool) -> bool:
        """Return whether the children of a task that an export shows are to be sent.

        They are due then, until the task's slice is complete.

        Args:
            gid: the task's.
            modified: its `modified_at`.
            workspace: its workspace.
            has_any: whether it has any; without, there is nothing to send and nothing to wait for.
        """
        with self.lock:
            bound = self.bounds.get(workspace)
            if bound is not None:
                bound = Millis(bound - self.family.overlap)
            if not self._is_to_read(gid, modified, bound):
                self._versions.show(gid, workspace)
                return False
            version = version_of(modified)
            if not (has_any or self.keeps_keys):
                self._versions.enter_read(gid, workspace, version)
                return False
            self._versions.enter_due(gid, workspace, version)
            return True

    def _enter(
        self, tree: TaskTree, entries: list[tuple[int, int]], due: list[tuple[int, int]]
    ) -> None:
        """Enter what is due, then give the listing its bound."""
        if not self.is_tracked:
            return
        is_due = {gid for gid, _ in due}
        workspace = tree.workspace or ""
        for gid, modified in entries:
            enter = self._versions.enter_due if gid in is_due else self._versions.enter_read
            enter(str(gid), workspace, version_of(modified))
        if tree.ending is Ending.COMPLETE:
            self.bounds.move(tree.key, tree.began)
            if not self._routes.own(tree.key, tree.item):
                self.passes.done(tree.key)

    def _left_over(self) -> Iterator[Slice]:
        """Yield due tasks that this sync has not shown: their listing was searched, or failed."""
        if not self.is_tracked:
            return
        with self.lock:
            left = list(self._versions.due())
        for gid, workspace, version in left:
            with self.lock:
                self._versions.show(gid, workspace)
            item = {"workspace_gid": workspace}
            yield self._routes.child(gid, version, item, is_shown=False)

    # ── how a slice ends ───────────────────────────────────────────────────────────────────────

    @override
    def complete(self, slice_: Slice) -> None:
        if isinstance(slice_, ChildSlice):
            if self.keeps_keys and self.walks.has_several(slice_.home):
                # What only the first walk showed would pass for shown: the next sync tells.
                return
            self._versions.read(slice_.gid, slice_.workspace or "", slice_.version)
        elif isinstance(slice_, OwnSlice):
            self.passes.done(slice_.project)

    @override
    def refused(self, slice_: Slice, verdict: Verdict) -> None:
        # What is refused for other reasons than the task itself stays due. A task that was shown
        # stays due as well, until the next sync, as the refusal may pass.
        if isinstance(slice_, ChildSlice):
            is_hidden = verdict.rule.reach is Reach.PARTITION and not slice_.is_shown
            if verdict.rule.gone or is_hidden:
                self._versions.forget(slice_.gid)

    @override
    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        if isinstance(slice_, OwnSlice):
            return slice_.project in self.bounds
        is_wide = reach is not Reach.PARTITION
        return isinstance(slice_, ChildSlice) and (slice_.was_read or is_wide)

    @override
    def is_there(self, home: str) -> bool:
        project, _, own = home.partition("/")
        if own:
            feed = self.family.feed
            return project in feed.keys and project not in feed.whole
        return not self.family.shows_all() or self._versions.was_shown(home)

    @override
    def parent_of(self, home: str) -> tuple[str, str] | None:
        project, _, own = home.partition("/")
        return ("projects", project) if own else ("tasks", home)

    @override
    def settle(self) -> None:
        super().settle()
        if self.is_tracked and self.family.shows_all():
            # Where tombstones are sent, the children of a task that is missed may be gone by now:
            # should it come back, in the same version too, they are read again.
            at_once = self.runtime.settings.track_deletions
            workspaces = self.runtime.workspaces
            self._versions.sweep(lambda workspace: workspace in workspaces, at_once=at_once)
