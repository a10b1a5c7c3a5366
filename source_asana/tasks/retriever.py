"""Reads task listings, searches and subtasks.

All of them fill the feed of tasks. A search shows tasks and subtasks alike, so its slice
sends records of both streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import requests
from airbyte_cdk.sources.types import Record
from typing_extensions import override

from source_asana.components.pages import answered
from source_asana.core.hints import EVENT_FIELDS
from source_asana.core.partitions import ELSEWHERE
from source_asana.cursors.sending import Raw, Stamp
from source_asana.http.attempts import send
from source_asana.http.clock import Millis
from source_asana.http.errors import AsanaError, Refused
from source_asana.parents.feeds import Ending
from source_asana.parents.slices import Slice
from source_asana.tasks.finders import TOO_MANY, Search, SearchRequest, WorkspaceSlice, changed
from source_asana.tasks.hinted import HintedTasks
from source_asana.tasks.routers import TASK_FIELDS, partitions_of, user_partition
from source_asana.tasks.slices import EventsSlice, HintSlice, ListingSlice, WalkSlice
from source_asana.tasks.streams import TaskReader, stamp_of


@dataclass
class TaskRetriever(TaskReader):
    """Reads the tasks of projects, and those of users that are in no project.

    Attributes:
        search: path of the task search, with `{workspace}`.
        subtasks: the stream of the subtasks.
    """

    search: str = ""
    subtasks: str = ""

    @property
    def below(self) -> SubtaskRetriever | None:
        """What reads the subtasks, None where nobody does."""
        found = self.others.get(self.subtasks)
        return found if isinstance(found, SubtaskRetriever) else None

    @cached_property
    def _hinted(self) -> HintedTasks:
        return HintedTasks(self.streams, self.others, self, self.below)

    @override
    def needs(self) -> frozenset[str]:
        return TASK_FIELDS if self.plan.is_parent else TASK_FIELDS - {"num_subtasks"}

    @override
    def begin(self, slice_: Slice) -> None:
        if self.plan.is_parent:
            # It is open before anything can be refused: others wait for its end.
            self.streams.feed.begin(slice_.key)
        super().begin(slice_)

    @override
    def end(self, slice_: Slice, ending: Ending) -> None:
        # However it ended: who waits for it must not wait for ever.
        if isinstance(slice_, WorkspaceSlice):
            slice_.finish(succeeded=False)
        if isinstance(slice_, HintSlice) and ending is not Ending.COMPLETE:
            self.streams.events.fail(slice_.found)
        if self.plan.is_parent:
            is_listing = isinstance(slice_, ListingSlice)
            # Should a deleted project come back, everything in it is read.
            is_deleted = isinstance(slice_, ListingSlice) and slice_.is_deleted
            self.streams.feed.end(
                slice_.key,
                ending,
                slice_.began if is_listing else None,
                is_covered=not is_deleted,
                is_whole=not slice_.is_filtered,
            )

    @override
    def read(self, slice_: Slice) -> Iterator[Any]:
        if isinstance(slice_, Search):
            yield from self._search(slice_)
            return
        if isinstance(slice_, WorkspaceSlice):
            yield from self.streams.read_workspace(slice_, self)
            return
        if isinstance(slice_, HintSlice):
            yield from self._hinted.read(slice_)
            return
        if isinstance(slice_, EventsSlice):
            self._ask_events(slice_.project, slice_.began)
            return
        assert isinstance(slice_, ListingSlice)
        if slice_.asks_events:
            self._ask_events(slice_.key, slice_.began)
        try:
            for page in self.pages(slice_):
                yield from self._tasks(page, slice_)
        except Refused as refusal:
            slice_.is_deleted = refusal.verdict.rule.deleted
            raise

    def _ask_events(self, project: str, began: Millis | None) -> None:
        """Ask what happened in a project."""
        client = self.runtime.client

        def ask(token: str | None) -> requests.Response:
            params = {"resource": project, "sync": token, "opt_fields": EVENT_FIELDS}
            return send(
                client,
                "events",
                counts=self.counts,
                params=params,
                headers=self.requester.get_request_headers(),
            )

        self.streams.events.ask(project, began, ask)

    def _tasks(self, page: list[Raw], slice_: Slice) -> Iterator[Raw]:
        """Yield the records of a listing's page."""
        stamp = self.cursor.stamp()
        is_by_user = "user_gid" in slice_.partition
        tasks = [t for t in page if not is_by_user or self._belongs_to(slice_.key, t)]
        self.runtime.report.found("listings", len(tasks))
        self.note_shared(tasks)
        if self.plan.is_parent:
            self.hand_on(slice_.key, tasks)
        if not self.plan.parent_only:
            for task in tasks:
                yield from self.sent(task, slice_, stamp)

    @override
    def is_shared(self, record: Raw) -> bool:
        # Listings of several projects, or one and the walk of its parent.
        projects = record.get("projects") or ()
        is_in_several = len(projects) > 1 or bool(projects and record.get("parent"))
        return is_in_several or super().is_shared(record)

    def _belongs_to(self, user: str, task: Raw) -> bool:
        """Return whether no project's listing and no parent's walk shows a task of a user."""
        # Lists of further users are still being named, but all projects are by now.
        listed = self.streams.feed.named
        return partitions_of(task, user, listed, self.runtime.settings) == (user,)

    # ── search ─────────────────────────────────────────────────────────────────────────────────

    def _search(self, search: Search) -> Iterator[Any]:
        """Yield what a workspace's search finds, as records of tasks and of subtasks."""
        try:
            for tasks in self._changed(search):
                self.runtime.report.found("search", len(tasks))
                stamp = self.cursor.stamp()
                for task in tasks:
                    yield from self._found(task, search, stamp)
            search.finish(succeeded=True)
        except AsanaError as error:
            if error.verdict.rule is TOO_MANY:
                yield from self.streams.read_workspace(search, self)
            if search.succeeded:
                return
            self.streams.search.fall_back(search, error)
            search.is_incomplete = True

    def _changed(self, search: Search) -> Iterator[list[Raw]]:
        """Yield the pages of a search, without the fields that the token has no scope for."""
        asked = [self.fields, *([self.below.fields] if self.below else [])]
        room = self.runtime.backpressure

        def begun() -> Iterator[list[Raw]]:
            found = changed(self._request(search), search, room)
            return chain([next(found, [])], found)

        yield from answered(asked, begun)

    def _request(self, search: Search) -> SearchRequest:
        names = {"created_at", *TASK_FIELDS, *self.fields.names, "assignee.gid"}
        names.update(self.below.fields.names if self.below else ())
        return SearchRequest(
            self.runtime.client,
            self.search.format(workspace=search.key),
            self.counts,
            {"opt_fields": ",".join(sorted(names))},
            self.requester.get_request_headers(),
        )

    def _found(self, task: Raw, slice_: Search, stamp: Stamp) -> Iterator[Any]:
        """Yield a found task as what it is: a record of tasks, of subtasks, or of both."""
        parent, subtasks = task.get("parent"), self.below
        user = user_partition(task, slice_.key)
        partitions = partitions_of(task, user, None, self.runtime.settings)
        if self.plan.is_parent:
            listing = partitions[0] if partitions else ELSEWHERE
            with self.streams.feed.adding() as shown:
                shown.add(slice_.key, task["gid"], stamp_of(task), listing=listing)
        if parent and subtasks:
            yield from subtasks.found(task, parent["gid"], slice_, stamp)
        for partition in partitions[:1]:
            yield from self.found(task, partition, slice_, stamp)


@dataclass
class SubtaskRetriever(TaskReader):
    """Reads the direct subtasks of one task.

    Those that have subtasks themselves are walked in slices of their own.
    """

    @override
    def needs(self) -> frozenset[str]:
        return TASK_FIELDS

    @override
    def end(self, slice_: Slice, ending: Ending) -> None:
        assert isinstance(slice_, WalkSlice)
        strategy = self.cursor.strategy
        is_refused = self.runtime.report.closed(self.name, slice_.workspace) is not None
        # What is refused everywhere is not tried again one by one; one walk shows when it no
        # longer is.
        is_retried = not (is_refused and strategy.is_refused)
        strategy.is_refused |= is_refused
        self.streams.feed.walked(slice_.walk, ending, is_retried=is_retried)

    @override
    def read(self, slice_: Slice) -> Iterator[Any]:
        assert isinstance(slice_, WalkSlice)
        for page in self.pages(slice_):
            stamp = self.cursor.stamp()
            self.runtime.report.found("listings", len(page))
            self.note_shared(page)
            self.hand_on(slice_.walk.listing, page)
            if not self.plan.parent_only:
                for task in page:
                    yield from self.sent(task, slice_, stamp)

    @override
    def found(
        self, task: Raw, partition: str, slice_: Slice, stamp: Stamp, *, is_shared: bool = True
    ) -> Iterator[Record]:
        for sent in super().found(task, partition, slice_, stamp, is_shared=is_shared):
            yield Record(data=sent, stream_name=self.name)
