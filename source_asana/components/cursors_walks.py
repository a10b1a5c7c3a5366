"""The cursors of tasks and subtasks.

Task listings, and the walk of every task that has subtasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airbyte_cdk.sources.types import StreamSlice
from typing_extensions import override

from source_asana.components.cursors_pass import PassCursor, Watch
from source_asana.components.feeds import Ending
from source_asana.components.feeds_tasks import Group
from source_asana.components.search import Search


class ListingCursor(PassCursor):
    """Task listings, by project and by user; see `PassCursor` for the state.

    `modified_since` is only sent when nothing but the stream itself reads the listing: a subtask's
    change does not touch its parent, so with child streams the listing is read whole and filtered
    here. A pass reads it whole as well.
    """

    listed_whole = False

    @override
    def stream_slices(self) -> Iterator[StreamSlice]:
        searches = self.runtime.searches
        for search in searches.by_workspace.values():
            yield self._search(search)
        for search in searches.by_workspace.values():
            search.wait(self.runtime.feeds.stopped)
        searched = searches.succeeded()
        for piece in super().stream_slices():
            key, workspace = piece.extra_fields["key"], piece.extra_fields["item"]["workspace_gid"]
            self.runtime.feeds.tasks.note(key, workspace)
            compared = self.compared(key)
            if workspace in searched and searches.known(key) and not searches.compared(key):
                continue
            whole = self.listed_whole or (compared and key in self.bounds)
            yield StreamSlice(
                partition=piece.partition,
                cursor_slice={} if whole else piece.cursor_slice,
                extra_fields={**piece.extra_fields, "watch": Watch() if compared else None},
            )
        self.rolled()

    def _search(self, search: Search) -> StreamSlice:
        return StreamSlice(
            partition={"search_in_workspace": search.workspace},
            cursor_slice={},
            extra_fields={
                "key": search.workspace,
                "begun": None,
                "item": {"workspace_gid": search.workspace},
                "search": search,
                "watch": None,
            },
        )

    @override
    def complete(self, piece: StreamSlice) -> None:
        super().complete(piece)
        watch: Watch | None = piece.extra_fields["watch"]
        if watch:
            self.settle(piece.extra_fields["key"], watch.total)


class WalkCursor(PassCursor):
    """Subtasks, found by walking every task that has some; see `PassCursor` for the state.

    The bound of a listing moves when the listing and every walk below it are complete. Where a pass
    shows that the subtasks of a listing are not those of its digest, every task that has some is
    walked once more, to send them whole.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._again: dict[str, int] = {}
        self.runtime.feeds.tasks.listen(self._closed)
        self.runtime.feeds.tasks.floor = self.floor_in

    @override
    def stream_slices(self) -> Iterator[StreamSlice]:
        yield from self.router.stream_slices()
        self.forget_all_but(self.runtime.feeds.tasks.keys)
        self.rolled()

    @override
    def parents_complete(self) -> bool:
        return self.runtime.feeds.tasks.keys_complete

    def watches(self, group: Group) -> bool:
        """Return whether the subtasks of a group count for a digest.

        A shared one's owners are not all known yet.
        """
        return self.incremental and (bool(group.owners) or self.compared(group.key))

    def _closed(self, group: Group) -> None:
        begun = group.begun if group.ending is Ending.COMPLETE else None
        if group.key in self.runtime.workspaces:
            if begun is not None:
                with self._lock:
                    self.bounds[group.key] = begun
            return
        # Asked in any case: where the listing was not read, its turn stays.
        compared = self.compared(group.key)
        if begun is None:
            return
        if compared and self.differs(group.key, group.total()):
            parents = list(group.walked())
            with self._lock:
                self._again[group.key] = len(parents)
            for gid, place in parents:
                self.runtime.feeds.tasks.walk_again(gid, place, group)
            if parents:
                return
        with self._lock:
            self._settle(group)
        self._progressed()

    def _settle(self, group: Group) -> None:
        assert group.begun is not None
        if self.compared(group.key):
            self.settle(group.key, group.total())
        self.bounds[group.key] = group.begun

    @override
    def begin(self, piece: StreamSlice) -> None:
        """Do nothing: the group knows when its listing began."""

    @override
    def complete(self, piece: StreamSlice) -> None:
        top: Group | None = piece.extra_fields["again"]
        if top is not None:
            self._again[top.key] -= 1
            if not self._again[top.key]:
                self._settle(top)

    @override
    def floor_of(self, piece: StreamSlice) -> int | None:
        group: Group | None = piece.extra_fields.get("group")
        return super().floor_of(piece) if group is None else group.floor

    @override
    def wanted(self, record: Mapping[str, Any], piece: StreamSlice) -> bool:
        if piece.extra_fields["again"] is None:
            return super().wanted(record, piece)
        # The second walk sends what the first one left out.
        return self.counts(record) and not super().wanted(record, piece)
