"""From an export to records: its job, its file, and what each line of it is.

A line is a task with its stories and attachments. What it holds goes the same way as what listings
show: the same shape, ledger and queue. So a file that is read again sends nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import orjson

from source_asana.components.retriever import AsanaRetriever
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.policies import ELSEWHERE
from source_asana.cursors.stamps import Stamp
from source_asana.http.clock import DATE_GRAIN_MS, Millis, to_millis
from source_asana.http.download import Download
from source_asana.http.errors import AsanaError
from source_asana.http.lines import BrokenFileError, lines
from source_asana.http.parsing import parse
from source_asana.http.tries import Tries
from source_asana.parents.slices import Slice
from source_asana.tasks.children import ChildPolicy
from source_asana.tasks.export_choice import JobChoice
from source_asana.tasks.export_job import ExportFailedError, ExportJobs, Job, Order, fields_of
from source_asana.tasks.export_scope import (
    ChangedScope,
    Deferred,
    ListedScope,
    Raw,
    Scope,
    may_have_subtasks,
    parent_of,
)
from source_asana.tasks.export_targets import ChildTarget, TaskTarget
from source_asana.tasks.exports import Export
from source_asana.tasks.routers import TASK_FIELDS
from source_asana.tasks.slices import ExportSlice, SearchSlice
from source_asana.tasks.streams import task_streams

LOGGER = logging.getLogger("airbyte.source_asana.export")
JOBS, FILES = 2, 3
PAUSE_SECONDS = 5.0


class Readers(NamedTuple):
    """The retrievers of tasks and, where they are read, of subtasks; the headers of a request."""

    tasks: AsanaRetriever
    subtasks: AsanaRetriever | None
    headers: dict[str, str]


def read_whole(readers: Readers, slice_: ExportSlice) -> Iterator[Any]:
    """Yield the records of a workspace's export, and decide it."""
    export, settings = slice_.export, readers.tasks.runtime.settings
    scope = ListedScope(export.workspace, export.listed, settings)
    yield from _tried(readers, slice_, export, scope)
    slice_.is_incomplete = not export.succeeded


def read_changed(readers: Readers, slice_: SearchSlice) -> Iterator[Any]:
    """Yield what a search would find, by an export; decide the search if that works."""
    search, settings = slice_.search, readers.tasks.runtime.settings
    export = Export(search.workspace, search.after)
    scope = ChangedScope(search.workspace, settings)
    yield from _tried(readers, slice_, export, scope)
    if export.succeeded:
        task_streams(readers.tasks.runtime).export.jobs.drop(search.workspace)
        search.finish(succeeded=True)


def _tried(
    readers: Readers, slice_: ExportSlice | SearchSlice, export: Export, scope: Scope
) -> Iterator[Any]:
    """Yield the records and decide the export; say once where it cannot be used."""
    reading = _Reading(readers, slice_, export, scope)
    try:
        bound = yield from reading.records()
    except (ExportFailedError, AsanaError, OSError) as error:
        why = str(error) if isinstance(error, ExportFailedError) else type(error).__name__
        reading.choice.drop()
        readers.tasks.runtime.report.once(
            logging.WARNING,
            f"Workspace {export.workspace}: the bulk export cannot be used, as {why}. Its tasks "
            "are read by listings in this sync.",
        )
        export.finish(succeeded=False)
    else:
        export.bound = slice_.began = bound
        export.finish(succeeded=True)


class _Reading:
    """One export, from its job to its last record."""

    def __init__(
        self, readers: Readers, slice_: ExportSlice | SearchSlice, export: Export, scope: Scope
    ) -> None:
        tasks, below, headers = readers
        self._runtime, self._others = tasks.runtime, tasks.others
        self._streams = task_streams(tasks.runtime)
        self._slice = slice_
        self._export = export
        self._scope = scope
        self._whole = scope if isinstance(scope, ListedScope) else None
        self._jobs = ExportJobs(
            tasks.runtime.client,
            tasks.counts,
            export.workspace,
            headers,
            tasks.runtime.settings.bulk_export_timeout_minutes,
        )
        self.choice = JobChoice(tasks, export, self._jobs)
        is_whole = self._whole is not None
        self._own = TaskTarget(tasks, is_whole=is_whole)
        self._below = TaskTarget(below, is_whole=is_whole) if below else None
        self._children = [
            ChildTarget(one, one.cursor.policy)
            for one in self._others.values()
            if isinstance(one.cursor.policy, ChildPolicy)
        ]
        self._walked: list[str] = []
        self._missing: set[str] = set()

    def records(self) -> Generator[Any, None, Millis]:
        """Yield all records; return the bound that comes of them."""
        for number in Tries(self._pause, 0, 0, most=JOBS):
            try:
                job = self.choice.job(self._order())
                yield from self._file(job)
                break
            except ExportFailedError as error:
                if not error.may_pass or number == JOBS:
                    raise
                LOGGER.info("Workspace %s: once more, as %s.", self._export.workspace, error)
                self.choice.drop()
        self._warn_of_missing_children()
        self._close_walks()
        return Millis(job.created - DATE_GRAIN_MS)

    # ── the job ────────────────────────────────────────────────────────────────────────────────

    def _order(self) -> Order:
        below = self._below.fields if self._below else ()
        children = [child.fields for child in self._children]
        fields = fields_of(TASK_FIELDS, {"assignee.gid"}, self._own.fields, below, *children)
        after = self._export.after
        return Order(self._export.workspace, fields, None if after is None else Millis(after - 1))

    # ── the file ───────────────────────────────────────────────────────────────────────────────

    def _file(self, job: Job) -> Iterator[Any]:
        """Yield the records of the file; fetch it again where it is broken."""
        why = ""
        address = self._jobs.addresses(job)
        for _ in Tries(self._pause, PAUSE_SECONDS, PAUSE_SECONDS, most=FILES):
            file = Download(self._runtime.client, address, job.created)
            try:
                with Deferred() as deferred:
                    for batch in lines(file.chunks()):
                        stamp = self._own.cursor.stamp()
                        for line in batch:
                            yield from self._line(line, deferred, stamp)
                        self._progressed()
                    yield from self._late(deferred)
            except BrokenFileError as error:
                why = str(error)
                LOGGER.info("Workspace %s: the export's file: %s.", self._export.workspace, why)
            else:
                return
        raise ExportFailedError(f"its file is of no use: {why}", may_pass=True)

    def _pause(self, seconds: float) -> None:
        self._runtime.client.sleep(seconds)
        self._runtime.stop.check()

    def _line(self, line: bytes, deferred: Deferred, stamp: Stamp) -> Iterator[Any]:
        """Yield the records of one line, as far as it is known that they are read."""
        task = _parsed(line)
        parent = parent_of(task)
        partitions = self._scope.partitions(task)
        if partitions:
            place, first = self._slice.partition, partitions[0]
            yield from self._own.sent(task, place, first, self._slice, stamp)
            for partition in partitions[1:]:
                self._own.cursor.seen(task, Slice({}, key=partition))
        if self._below is None:
            return
        is_held = parent is not None and self._scope.holds(parent)
        if parent is not None and is_held:
            yield from self._below.below(task, parent, self._slice, stamp)
        if partitions or is_held:
            yield from self._held(task, stamp)
        if parent is not None and not is_held:
            # What is read through a project's listing has sent its children above.
            left = orjson.dumps(self._without_children(task)) if partitions else line
            deferred.add(task, parent, left)

    def _late(self, deferred: Deferred) -> Iterator[Any]:
        """Yield the records of subtasks that came before their parents."""
        if self._whole is None or self._below is None:
            return
        deferred.resolve(self._whole.parents)
        stamp = self._own.cursor.stamp()
        for number, task in enumerate(deferred.tasks()):
            parent = parent_of(task) or ""
            if self._scope.holds(parent):
                yield from self._below.below(task, parent, self._slice, stamp)
                # Else its line has sent its children.
                if not self._scope.partitions(task):
                    yield from self._held(task, stamp)
            if number % 200 == 0:
                stamp = self._own.cursor.stamp()
                self._progressed()

    def _held(self, task: Raw, stamp: Stamp) -> Iterator[Any]:
        """Yield the children of a task that is read."""
        self._scope.add(task)
        if self._streams.search.searches:
            self._walk(task)
        listing = (*self._scope.partitions(task), ELSEWHERE)[0]
        modified = to_millis(task.get("modified_at"))
        if modified is None:
            raise ExportFailedError("its tasks have no `modified_at`")
        lacks_some = False
        for child in self._children:
            if not child.has_all(task):
                lacks_some = True
                self._missing.add(child.column)
            elif child.wants(task, modified, listing):
                yield from child.sent(task, modified, self._export.workspace, stamp)
        if lacks_some:
            # They are asked for, as those of a listed task are.
            self._streams.feed.found(self._slice.key, task["gid"], modified, listing)

    def _without_children(self, task: Raw) -> Raw:
        columns = {child.column for child in self._children}
        return {name: value for name, value in task.items() if name not in columns}

    def _warn_of_missing_children(self) -> None:
        if self._missing:
            self._runtime.report.once(
                logging.WARNING,
                f"Workspace {self._export.workspace}: the export's file does not hold the "
                f"{' and '.join(sorted(self._missing))} of every task. The connector reads those "
                "that are missing with one request per task.",
            )

    # ── what is whole ──────────────────────────────────────────────────────────────────────────

    def _walk(self, task: Raw) -> None:
        """Remember a task whose subtasks are all shown; needed where others are searched only."""
        sender = self._below.cursor.sender if self._below else None
        held = sender is not None and sender.ledger.has_partition(task["gid"])
        if may_have_subtasks(task) or held:
            self._walked.append(task["gid"])

    def _close_walks(self) -> None:
        if self._whole and self._below:
            for gid in dict.fromkeys(self._walked):
                self._below.cursor.expect(gid)
                self._below.cursor.completed(gid)

    def _progressed(self) -> None:
        for cursor in self._cursors():
            cursor.progressed()

    def _cursors(self) -> Iterator[AsanaCursor]:
        yield self._own.cursor
        if self._below:
            yield self._below.cursor
        for child in self._children:
            yield child.cursor


def _parsed(line: bytes) -> Raw:
    try:
        task = parse(line)
        gid = task["gid"]
    except (ValueError, TypeError, KeyError):
        raise BrokenFileError("a line of it is no task") from None
    if not isinstance(gid, str):
        raise BrokenFileError("a line of it is no task")
    found: Raw = task
    return found
