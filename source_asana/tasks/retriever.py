"""Reads task listings, subtasks and children.

Listings and walks fill the feed of tasks. A search shows tasks and subtasks alike, so its slice
sends records of both streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from airbyte_cdk.sources.types import Record
from typing_extensions import override

from source_asana.components.requester import AsanaRequester
from source_asana.components.retriever import AsanaRetriever
from source_asana.components.shape import Raw, answered
from source_asana.cursors.stamps import Stamp
from source_asana.http.clock import Millis, to_millis
from source_asana.http.errors import AsanaError, Refused
from source_asana.parents.feeds import Ending
from source_asana.parents.slices import Slice
from source_asana.tasks.export_reading import Readers, read_changed, read_whole
from source_asana.tasks.family import TaskFamily, family_of
from source_asana.tasks.partitions import partitions_of, user_partition
from source_asana.tasks.routers import TASK_FIELDS
from source_asana.tasks.search_walk import TOO_MANY, SearchRequest, changed
from source_asana.tasks.slices import ExportSlice, ListingSlice, SearchSlice, WalkSlice
from source_asana.tasks.tree import TaskTree


@dataclass
class _TaskRetriever(AsanaRetriever):
    """Does what tasks and subtasks have in common."""

    @override
    def bound(self) -> None:
        self.family: TaskFamily = family_of(self.runtime)

    def headers(self) -> dict[str, str]:
        """Return the headers of a search."""
        assert isinstance(self.requester, AsanaRequester)
        return dict(self.requester.get_request_headers())

    def feed(self, tree: TaskTree, tasks: list[Raw]) -> None:
        """Put a page of tasks into their tree and have those with subtasks walked."""
        for task in tasks:
            self.family.feed.add(
                tree,
                task["gid"],
                stamp_of(task),
                is_shared=is_shared(task),
                has_subtasks=bool(task.get("num_subtasks")),
            )

    def of_search(
        self, task: Raw, partition: Mapping[str, Any], home: str, slice_: Slice, stamp: Stamp
    ) -> Iterator[Raw]:
        """Yield a task that a search found, as this stream's record.

        Args:
            task: as Asana sent it, with the fields of both streams.
            partition: what the listing that shows it would have.
            home: the partition of the ledger that it belongs to.
            slice_: the search's.
            stamp: of the page.
        """
        if self.plan.is_hidden or not self.cursor.is_in_scope(task, slice_):
            return
        names = {"gid", *(path.split(".")[0] for path in self.fields.names)}
        own = {name: value for name, value in task.items() if name in names}
        record = self.shape.finished(own, partition)
        yield from self.cursor.sent(record, slice_, stamp, is_shared=True, home=home)


@dataclass
class TaskRetriever(_TaskRetriever):
    """Reads the tasks of projects, and those of users that are in no project.

    A listing by assignee shows all their tasks. Of these, tasks in a project belong to the project,
    and subtasks to their parent.

    Attributes:
        search: path of the task search, with `{workspace}`.
        subtasks: the stream of the subtasks.
    """

    search: str = ""
    subtasks: str = ""

    @override
    def bound(self) -> None:
        super().bound()
        self._projects: frozenset[str] | None = None

    @override
    def needs(self) -> frozenset[str]:
        return TASK_FIELDS if self.plan.is_parent else TASK_FIELDS - {"num_subtasks"}

    @override
    def begin(self, slice_: Slice) -> None:
        assert isinstance(slice_, ListingSlice)
        # The tree exists before anything can be refused: the feed waits for its end.
        slice_.tree = TaskTree(slice_.key, self.runtime.clock.bound(), slice_.item)
        super().begin(slice_)

    @override
    def end(self, slice_: Slice, ending: Ending) -> None:
        assert isinstance(slice_, ListingSlice)
        if slice_.shortcut:
            # However it ended: whoever waits for it must not wait for ever.
            slice_.shortcut.decide(succeeded=False)
        assert slice_.tree is not None
        self.family.feed.listed(slice_.tree, ending)

    @override
    def read(self, slice_: Slice) -> Iterator[Any]:
        assert isinstance(slice_, ListingSlice)
        if isinstance(slice_, SearchSlice):
            yield from self._search(slice_)
            return
        if isinstance(slice_, ExportSlice):
            yield from read_whole(self._readers(), slice_)
            return
        for tasks, stamp in self._tasks(slice_):
            if self.plan.is_parent and slice_.tree:
                self.feed(slice_.tree, tasks)
            if not self.plan.is_hidden:
                for task in tasks:
                    if self.cursor.is_in_scope(task, slice_):
                        yield from self.sent(task, slice_, stamp)

    @override
    def sent(self, record: Raw, slice_: Slice, stamp: Stamp) -> Iterator[Raw]:
        shared = is_shared(record) or self.family.may_show_twice
        record = self.shape.finished(record, slice_.partition)
        return self.cursor.sent(record, slice_, stamp, is_shared=shared)

    def _tasks(self, slice_: ListingSlice) -> Iterator[tuple[list[Raw], Stamp]]:
        try:
            for page in self.pages(slice_):
                stamp = self.cursor.stamp()
                is_by_user = "user_gid" in slice_.partition
                yield [t for t in page if not is_by_user or self._belongs_to(slice_.key, t)], stamp
        except Refused:
            # Even what is gone was not read. Should it come back, subtasks and children resume from
            # their bounds.
            if slice_.tree:
                slice_.tree.began = None
            raise

    def _belongs_to(self, user: str, task: Raw) -> bool:
        """Return whether no project's listing and no parent's walk shows a task of a user."""
        return partitions_of(task, user, self._listed(), self.runtime.settings) == (user,)

    def _listed(self) -> frozenset[str]:
        """Return the keys of all listings; those of projects are over when those of users come."""
        if self._projects is None:
            self._projects = frozenset(self.family.feed.keys)
        return self._projects

    # ── search ─────────────────────────────────────────────────────────────────────────────────

    def _search(self, slice_: SearchSlice) -> Iterator[Any]:
        """Yield what a workspace's search finds, as records of tasks and of subtasks."""
        search, tree = slice_.search, slice_.tree
        assert tree is not None
        try:
            for tasks in self._changed(slice_):
                stamp = self.cursor.stamp()
                for task in tasks:
                    if self.plan.is_parent:
                        tree.add(task["gid"], stamp_of(task), is_shared=True)
                    yield from self._found(task, slice_, stamp)
            search.decide(succeeded=True)
        except AsanaError as error:
            if self.runtime.settings.bulk_export and error.verdict.rule is TOO_MANY:
                yield from read_changed(self._readers(), slice_)
            if search.succeeded:
                return
            self.family.fall_back(search, error)
            slice_.is_incomplete = True
            # Its children may be read, but they give no bound, as the listings follow.
            tree.began = None

    def _changed(self, slice_: SearchSlice) -> Iterator[list[Raw]]:
        """Yield the pages of a search, without the fields that the token has no scope for."""
        subtasks = self.others.get(self.subtasks)
        asked = [self.fields, *([subtasks.fields] if subtasks else [])]
        room = self.runtime.backpressure

        def begun() -> Iterator[list[Raw]]:
            found = changed(self._request(slice_), slice_.search, room)
            return chain([next(found, [])], found)

        yield from answered(asked, begun)

    def _readers(self) -> Readers:
        return Readers(self, self.others.get(self.subtasks), self.headers())

    def _request(self, slice_: SearchSlice) -> SearchRequest:
        subtasks = self.others.get(self.subtasks)
        names = {"created_at", *TASK_FIELDS, *self.fields.names, "assignee.gid"}
        names.update(subtasks.fields.names if subtasks else ())
        return SearchRequest(
            self.runtime.client,
            self.search.format(workspace=slice_.search.workspace),
            self.counts,
            {"opt_fields": ",".join(sorted(names))},
            self.headers(),
        )

    def _found(self, task: Raw, slice_: SearchSlice, stamp: Stamp) -> Iterator[Any]:
        """Yield a found task as what it is: a record of tasks, of subtasks, or of both."""
        parent, subtasks = task.get("parent"), self.others.get(self.subtasks)
        if parent and isinstance(subtasks, SubtaskRetriever):
            yield from subtasks.found(task, parent["gid"], slice_, stamp)
        user = user_partition(task, slice_.key)
        for home in partitions_of(task, user, None, self.runtime.settings)[:1]:
            yield from self.of_search(task, slice_.partition, home, slice_, stamp)


@dataclass
class SubtaskRetriever(_TaskRetriever):
    """Reads the direct subtasks of one task.

    Those that have subtasks themselves are walked in slices of their own.
    """

    @override
    def needs(self) -> frozenset[str]:
        return TASK_FIELDS

    @override
    def end(self, slice_: Slice, ending: Ending) -> None:
        assert isinstance(slice_, WalkSlice)
        self.family.feed.walked(slice_.tree, ending)

    @override
    def read(self, slice_: Slice) -> Iterator[Any]:
        assert isinstance(slice_, WalkSlice)
        shared = self.family.may_show_twice
        for page in self.pages(slice_):
            stamp = self.cursor.stamp()
            self.feed(slice_.tree, page)
            if self.plan.is_hidden:
                continue
            for task in page:
                if self.cursor.is_in_scope(task, slice_):
                    record = self.shape.finished(task, slice_.partition)
                    yield from self.cursor.sent(record, slice_, stamp, is_shared=shared)

    def found(self, task: Raw, parent: str, slice_: SearchSlice, stamp: Stamp) -> Iterator[Record]:
        """Yield a subtask that a search found, as this stream's record."""
        for sent in self.of_search(task, {"task_gid": parent}, parent, slice_, stamp):
            self.counts.records += 1
            yield Record(data=sent, stream_name=self.name)


def stamp_of(task: Mapping[str, Any]) -> Millis:
    """Return a task's `modified_at`, 0 where it has none."""
    return to_millis(task.get("modified_at")) or Millis(0)


def is_shared(task: Mapping[str, Any]) -> bool:
    """Return whether several listings may show a task: those of projects, or of its parent."""
    projects = task.get("projects") or ()
    return len(projects) > 1 or bool(projects and task.get("parent"))
