"""From the lines of an export's file to records, each line a task with its stories and attachments.

The records of a line go the same way as those of listings: the same shape, ledger and queue. So a
file that is read again sends nothing twice. An export knows no projects, and its lines are in no
order: a subtask may come before its parent.
"""

from __future__ import annotations

import gzip
import logging
import tempfile
from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import orjson
from airbyte_cdk.sources.types import Record

from source_asana.components.retriever import AsanaRetriever
from source_asana.config import Settings
from source_asana.core.listings import number_of
from source_asana.core.partitions import ELSEWHERE
from source_asana.core.versions import version_of
from source_asana.cursors.sending import Raw, Stamp
from source_asana.exports.file import BrokenFileError, Download, lines
from source_asana.exports.job import ExportFailedError, ExportJobs, Job, Order
from source_asana.http.clock import Millis
from source_asana.http.parsing import parse
from source_asana.http.tries import Tries
from source_asana.parents.slices import Slice
from source_asana.tasks.children import TaskChildrenStrategy
from source_asana.tasks.finders import WorkspaceSlice
from source_asana.tasks.retriever import TaskRetriever
from source_asana.tasks.routers import TASK_FIELDS, TaskRouter, partitions_of, user_partition
from source_asana.tasks.streams import stamp_of

LOGGER = logging.getLogger("airbyte.source_asana.export")
JOBS, FILES = 2, 3
PAUSE_SECONDS = 5.0
# What embedded children may not have, as it is the task itself.
TASK_COLUMNS = ("parent", "target")
COMPACT = frozenset({"gid", "resource_type", "resource_subtype"})


@dataclass(slots=True, eq=False)
class Scope:
    """Which tasks of a workspace are read: what its listings and the walks below them would show.

    Attributes:
        workspace: its gid.
        listed: the keys of its listings; None for what a search would find. Where one may be made,
            no choice of projects leaves any out.
        settings: the configuration.
        parents: the tasks that are read and may have subtasks, as numbers that stand for their
            gids; none is noted for a search.
    """

    workspace: str
    listed: frozenset[str] | None
    settings: Settings
    parents: set[int] = field(default_factory=set)

    def partitions(self, task: Raw) -> Sequence[str]:
        """Return the keys of the listings that show a task."""
        user = user_partition(task, self.workspace)
        found = partitions_of(task, user, self.listed, self.settings)
        return found[:1] if self.listed is None else found

    def holds(self, parent: str) -> bool:
        """Return whether the subtasks of a task are read, as far as is known."""
        return self.listed is None or number_of(parent) in self.parents

    def add(self, task: Raw) -> None:
        """Note a task that is read."""
        if self.listed is not None and may_have_subtasks(task):
            self.parents.add(number_of(task["gid"]))


class Reading:
    """One export, from its job to its last record.

    Args:
        tasks: the retriever of the tasks.
        slice_: what the records belong to.
        scope: which tasks are read.
        after: tasks that changed after this instant are exported, None for all.
    """

    def __init__(
        self,
        tasks: TaskRetriever,
        slice_: WorkspaceSlice,
        scope: Scope,
        after: Millis | None,
    ) -> None:
        self._tasks = tasks
        self._runtime = tasks.runtime
        self._slice = slice_
        self._scope = scope
        self._after = after
        self._subtasks = tasks.below
        self._children = [
            ChildTarget(one, one.cursor.strategy)
            for one in tasks.others.values()
            if isinstance(one.cursor.strategy, TaskChildrenStrategy)
        ]
        streams = (tasks, self._subtasks, *self._children)
        self._cursors = [stream.cursor for stream in streams if stream is not None]
        # The tasks whose subtasks are all shown; a dict keeps their order.
        self._walked: dict[str, None] = {}
        self._missing: set[str] = set()

    def records(self, jobs: ExportJobs) -> Generator[Any, None, Job]:
        """Yield all records; return the job that brought them."""
        for number in Tries(self._pause, 0, 0, most=JOBS):
            try:
                job = jobs.succeeded(self._order())
                yield from self._file(job, jobs.urls(job))
                break
            except ExportFailedError as error:
                if not error.may_pass or number == JOBS:
                    raise
                LOGGER.info("Workspace %s: once more, as %s.", self._scope.workspace, error)
                jobs.drop()
        self._warn_of_missing_children()
        self._close_walks()
        return job

    def _order(self) -> Order:
        fields = {"assignee.gid", *TASK_FIELDS, *self._tasks.fields.names}
        fields.update(self._subtasks.fields.names if self._subtasks else ())
        fields.update(*(child.fields for child in self._children))
        # A field that others go below is asked for by them.
        above = {name[:end] for name in fields for end, char in enumerate(name) if char == "."}
        after = None if self._after is None else Millis(self._after - 1)
        return Order(tuple(sorted(fields - above)), after)

    # ── the file ───────────────────────────────────────────────────────────────────────────────

    def _file(self, job: Job, url: Callable[[], str]) -> Iterator[Any]:
        """Yield the records of the file; fetch it again where it is broken."""
        why = ""
        for _ in Tries(self._pause, PAUSE_SECONDS, PAUSE_SECONDS, most=FILES):
            file = Download(self._runtime.client, url, job.created)
            try:
                with closing(Deferred()) as deferred:
                    for batch in lines(file.chunks()):
                        stamp = self._tasks.cursor.stamp()
                        self._runtime.report.found("exports", len(batch))
                        for line in batch:
                            yield from self._line(line, deferred, stamp)
                        self._progressed()
                    yield from self._late(deferred)
            except BrokenFileError as error:
                why = str(error)
                LOGGER.info("Workspace %s: the export's file: %s.", self._scope.workspace, why)
            else:
                return
        raise ExportFailedError(f"its file cannot be used: {why}", may_pass=True)

    def _pause(self, seconds: float) -> None:
        self._runtime.client.sleep(seconds)
        self._runtime.stop.check()

    def _line(self, line: bytes, deferred: Deferred, stamp: Stamp) -> Iterator[Any]:
        """Yield the records of one line, as far as it is known that they are read."""
        task = _parsed(line)
        parent, partitions = parent_of(task), self._scope.partitions(task)
        yield from self._own(task, partitions, stamp)
        if self._subtasks is None:
            return
        is_held = parent is not None and self._scope.holds(parent)
        if parent is not None and is_held:
            shared = self._is_shared(self._subtasks)
            yield from self._subtasks.found(task, parent, self._slice, stamp, is_shared=shared)
        if partitions or is_held:
            yield from self._embedded(task, partitions, stamp)
        if parent is not None and not is_held:
            # What is read through a project's listing has sent its children above.
            left = orjson.dumps(self._without_children(task)) if partitions else line
            deferred.add(task, parent, left)

    def _late(self, deferred: Deferred) -> Iterator[Any]:
        """Yield the records of subtasks that came before their parents."""
        if self._subtasks is None:
            return
        deferred.resolve(self._scope.parents)
        stamp = self._tasks.cursor.stamp()
        for number, task in enumerate(deferred.tasks()):
            parent = parent_of(task) or ""
            if self._scope.holds(parent):
                shared = self._is_shared(self._subtasks)
                yield from self._subtasks.found(task, parent, self._slice, stamp, is_shared=shared)
                # Else its line has sent its children.
                if not self._scope.partitions(task):
                    yield from self._embedded(task, (), stamp)
            if number % 200 == 0:
                stamp = self._tasks.cursor.stamp()
                self._progressed()

    def _own(self, task: Raw, partitions: Sequence[str], stamp: Stamp) -> Iterator[Raw]:
        """Yield a task as a record of tasks, where listings would show it."""
        for number, partition in enumerate(partitions):
            if number:
                self._tasks.cursor.seen(task, Slice({}, key=partition))
            else:
                shared = self._is_shared(self._tasks)
                yield from self._tasks.found(task, partition, self._slice, stamp, is_shared=shared)

    def _is_shared(self, stream: AsanaRetriever) -> bool:
        """Return whether a task may come again and the ledger would not tell."""
        sender = stream.cursor.sender
        is_told = sender is not None and not sender.is_ledger_dropped
        return self._scope.listed is None or not (stream.cursor.is_incremental and is_told)

    def _embedded(self, task: Raw, partitions: Sequence[str], stamp: Stamp) -> Iterator[Any]:
        """Yield the children of a task that is read."""
        self._scope.add(task)
        if self._tasks.streams.search.by_workspace:
            self._walk(task)
        listing = (*partitions, ELSEWHERE)[0]
        modified = stamp_of(task)
        if not modified:
            raise ExportFailedError("its tasks have no `modified_at`")
        is_cut = False
        for child in self._children:
            if not child.has_all(task):
                is_cut = True
                self._missing.add(child.column)
            elif child.wants(task, modified, listing):
                yield from child.sent(task, modified, self._scope.workspace, stamp)
        if is_cut:
            # They are asked for, as those of a listed task are.
            with self._tasks.streams.feed.adding() as shown:
                shown.add(self._slice.key, task["gid"], modified, listing=listing)

    def _without_children(self, task: Raw) -> Raw:
        columns = {child.column for child in self._children}
        return {name: value for name, value in task.items() if name not in columns}

    def _warn_of_missing_children(self) -> None:
        if self._missing:
            self._runtime.report.once(
                logging.WARNING,
                f"Workspace {self._scope.workspace}: the export's file does not hold the "
                f"{' and '.join(sorted(self._missing))} of every task. The connector reads those "
                "that are missing with one request per task.",
            )

    # ── what is complete ───────────────────────────────────────────────────────────────────────

    def _walk(self, task: Raw) -> None:
        """Remember a task whose subtasks are all shown; needed where others are searched only."""
        sender = self._subtasks.cursor.sender if self._subtasks else None
        held = sender is not None and sender.ledger.has_partition(task["gid"])
        if may_have_subtasks(task) or held:
            self._walked[task["gid"]] = None

    def _close_walks(self) -> None:
        if self._scope.listed is not None and self._subtasks:
            for gid in self._walked:
                self._subtasks.cursor.expect(gid)
                self._subtasks.cursor.completed(gid)

    def _progressed(self) -> None:
        for cursor in self._cursors:
            cursor.progressed()


class ChildTarget:
    """A stream of children, which lie in the task's column of the same name."""

    def __init__(self, retriever: AsanaRetriever, strategy: TaskChildrenStrategy) -> None:
        router = retriever.partition_router
        assert isinstance(router, TaskRouter)
        volatile = set(retriever.volatile)
        names = [n for n in retriever.fields.names if n.split(".")[0] not in volatile]
        self.column = retriever.name
        self.cursor = retriever.cursor
        self._strategy = strategy
        self._shape = retriever.shape
        self._router = router
        self._names = retriever.fields.columns - volatile
        self._telling = self._names - COMPACT
        # Column -> the names in it that are asked for.
        self._compact = {
            column: [n.partition(".")[2] for n in names if n.startswith(f"{column}.")]
            for column in TASK_COLUMNS
            if column in self._names
        }
        of_task = {leaf for leaves in self._compact.values() for leaf in leaves if "." not in leaf}
        self.fields = [*(f"{self.column}.{name}" for name in names), *of_task]
        # Without versions in the state, a file that is read again must not send them again.
        self._taken: set[str] = set()

    def wants(self, task: Raw, modified: int, listing: str) -> bool:
        """Return whether the children of this version of a task are to be sent."""
        gid = task["gid"]
        if self._strategy.is_ledger_dropped and gid in self._taken:
            return False
        has_any = bool(task[self.column])
        return self._strategy.wants(gid, modified, listing, has_any=has_any)

    def has_all(self, task: Raw) -> bool:
        """Return whether a task's children are in its line, with more than their gids."""
        children = task.get(self.column)
        if not isinstance(children, list):
            return False
        return not (self._telling and children and self._telling.isdisjoint(children[0]))

    def sent(self, task: Raw, modified: int, workspace: str, stamp: Stamp) -> Iterator[Record]:
        """Yield a task's children as this stream's records, as a slice of the task would."""
        gid, cursor = task["gid"], self.cursor
        item = {"workspace_gid": workspace}
        slice_ = self._router.child(gid, version_of(modified), item)
        if not self._strategy.sends_all(slice_):
            cursor.expect(slice_.key)
        for child in task[self.column]:
            record = self._shape.finished(self._own(child, task), slice_.partition)
            for sent in cursor.sent(record, slice_, stamp):
                yield Record(data=sent, stream_name=self.column)
        cursor.complete(slice_)
        if self._strategy.is_ledger_dropped:
            self._taken.add(gid)

    def _own(self, child: Raw, task: Raw) -> Raw:
        names = self._names
        own = child
        if not child.keys() <= names:
            own = {name: value for name, value in child.items() if name in names}
        for column, leaves in self._compact.items():
            if column not in own:
                own[column] = {"gid": task["gid"], **{leaf: task.get(leaf) for leaf in leaves}}
        return own


class Deferred:
    """Subtasks that came before their parents: on disk, compressed, until all parents are known.

    In memory a subtask takes 17 bytes.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self._packed = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=1)
        self._gids, self._parents = array("q"), array("q")
        self._may_be_parents = bytearray()

    def close(self) -> None:
        """Delete the file."""
        try:
            self._packed.close()
        finally:
            self._file.close()

    def add(self, task: Raw, parent: str, line: bytes) -> None:
        """Put a subtask aside; what is needed of it later is in `line`."""
        self._gids.append(number_of(task["gid"]))
        self._parents.append(number_of(parent))
        self._may_be_parents.append(may_have_subtasks(task))
        self._packed.write(line.rstrip() + b"\n")

    def resolve(self, parents: set[int]) -> None:
        """Add those subtasks to `parents` that are below them, at every depth."""
        known = -1
        while known < len(parents):
            known = len(parents)
            rows = zip(self._gids, self._parents, self._may_be_parents, strict=True)
            for gid, parent, may_be_parent in rows:
                if may_be_parent and parent in parents:
                    parents.add(gid)

    def tasks(self) -> Iterator[Raw]:
        """Yield the subtasks again."""
        self._packed.close()
        self._file.seek(0)
        with gzip.GzipFile(fileobj=self._file) as packed:
            for line in packed:
                yield parse(line)


def parent_of(task: Mapping[str, Any]) -> str | None:
    """Return the gid of a task's parent."""
    gid: str | None = (task.get("parent") or {}).get("gid")
    return gid


def may_have_subtasks(task: Mapping[str, Any]) -> bool:
    """Return whether a task has subtasks, as far as it says so."""
    return task.get("num_subtasks") != 0


def _parsed(line: bytes) -> Raw:
    try:
        task = parse(line)
    except ValueError:
        task = None
    if not isinstance(task, dict) or not isinstance(task.get("gid"), str):
        raise BrokenFileError("a line of it is no task")
    return task
