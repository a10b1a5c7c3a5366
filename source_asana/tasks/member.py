"""Holds what the policies of tasks, subtasks and their children share: bounds of listings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from source_asana.cursors.parts import Bounds, Part, RollingPass
from source_asana.cursors.policies import Policy
from source_asana.http.clock import Millis
from source_asana.http.errors import Reach
from source_asana.parents.slices import Slice, is_user_key, workspace_of_key
from source_asana.tasks.family import family_of


class MemberPolicy(Policy):
    """Has the listings of tasks as its partitions.

    `bounds` has projects, `workspace/user` for tasks in no project, and workspaces, whose bound is
    where a search begins.
    """

    reads_all = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.family = family_of(self.runtime)
        self.bounds = Bounds()
        settings = self.runtime.settings
        # That a task is deleted shows when no listing shows it: all are read in one sync then.
        self.passes = RollingPass(
            settings.listing_pass_hours,
            self.runtime.clock.bound,
            rolls=not settings.track_deletions,
        )
        if not self.plan.is_hidden:
            self.family.join(self)

    # ── as a member of the family ──────────────────────────────────────────────────────────────

    @property
    def is_tracked(self) -> bool:
        """Whether the stream keeps a state in this sync."""
        return self.plan.is_incremental

    def bound(self, key: str) -> Millis | None:
        """Return the bound of a listing or a workspace, None where it was never read to its end."""
        with self.lock:
            return self.bounds.get(key)

    def keys(self) -> list[str]:
        """Return the keys that have a bound."""
        with self.lock:
            return list(self.bounds)

    def is_passed(self, key: str) -> bool:
        """Return whether a listing is new, or the listing pass has come to it."""
        with self.lock:
            return self.is_tracked and (key not in self.bounds or self._is_due(key))

    def _is_due(self, key: str) -> bool:
        """Return whether a listing's turn has come; one export passes its whole workspace."""
        if self.runtime.settings.bulk_export and not self.owes(self.family.workspace_of(key)):
            return False
        return self.passes.is_due(key)

    def owes(self, workspace: str) -> bool:
        """Return whether the pass over the whole of a workspace is due."""
        with self.lock:
            return self.is_tracked and self.passes.is_due(workspace)

    def claim(self, key: str) -> None:
        """Owe a listing that the pass has come to, until it is read whole."""
        with self.lock:
            if self.is_tracked and self._is_due(key):
                self.passes.claim(key)

    # ── as a policy ────────────────────────────────────────────────────────────────────────────

    @override
    def parts(self) -> Mapping[str, Part]:
        parts: dict[str, Part] = {"bounds": self.bounds, "pass": self.passes}
        if self.runtime.settings.bulk_export and self.family.keeper is self:
            parts["exports"] = self.family.jobs
        return parts

    @override
    def read_again(self) -> None:
        self.bounds.keep_only(lambda _: False)

    @override
    def was_read(self, slice_: Slice, reach: Reach) -> bool:
        del reach
        return slice_.key in self.bounds

    @override
    def workspaces_listed(self) -> None:
        self.family.plan()

    @override
    def listed(self) -> None:
        super().listed()
        self.passes.advance()

    @override
    def settle(self) -> None:
        if not self.is_tracked:
            return
        if self.knows_all:
            self.bounds.keep_only(self._is_listing)
            self.passes.keep_only(self._is_listing)
        if self.family.feed.keys_complete:
            for workspace, keys in self.family.feed.by_workspace.items():
                bounds = {key: self.bounds.get(key) for key in keys}
                whole = self.family.whole_bound(workspace, bounds)
                if whole is not None:
                    last = self.bounds.get(workspace)
                    self.bounds.move(workspace, whole if last is None else max(whole, last))

    def _is_listing(self, key: str) -> bool:
        """Return whether a listing exists; users are not listed in a workspace that is searched."""
        if key in self.family.feed.keys or key in self.runtime.workspaces:
            return True
        return self.is_unlisted_user(key)

    def is_unlisted_user(self, key: str) -> bool:
        """Return whether a key is of a user whose workspace was searched instead of listed."""
        workspace = workspace_of_key(key)
        return (
            self.runtime.settings.reads_tasks_without_project
            and is_user_key(key)
            and workspace in self.family.searched()
            and not any(map(is_user_key, self.family.feed.by_workspace.get(workspace, ())))
        )
