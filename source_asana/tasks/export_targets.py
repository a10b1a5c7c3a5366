"""Who takes what an exported task holds: the streams of tasks, subtasks, and their children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airbyte_cdk.sources.types import Record

from source_asana.components.retriever import AsanaRetriever
from source_asana.core.versions import version_of
from source_asana.cursors.stamps import Stamp
from source_asana.parents.slices import Slice
from source_asana.tasks.children import ChildPolicy
from source_asana.tasks.routers import TaskRouter

Raw = dict[str, Any]
# What embedded children may lack, as it is the task itself.
TASK_COLUMNS = ("parent", "target")
COMPACT = frozenset({"gid", "resource_type", "resource_subtype"})


def _names(retriever: AsanaRetriever) -> frozenset[str]:
    return frozenset({"gid", *(path.split(".")[0] for path in retriever.fields.names)})


class TaskTarget:
    """The stream of tasks, or that of subtasks."""

    def __init__(self, retriever: AsanaRetriever, *, is_whole: bool) -> None:
        self.fields = retriever.fields.names
        self.cursor = retriever.cursor
        self._stream, self._counts = retriever.name, retriever.counts
        self._shape = retriever.shape
        self._parent_only = retriever.plan.parent_only
        self._names = _names(retriever)
        self._is_whole = is_whole

    def sent(
        self, task: Raw, place: Mapping[str, Any], partition: str, slice_: Slice, stamp: Stamp
    ) -> Iterator[Raw]:
        """Yield a task as this stream's record, if its cursor sends it; see `as_own`."""
        cursor = self.cursor
        if self._parent_only or not cursor.is_in_scope(task, slice_):
            return
        names = self._names
        own = {name: value for name, value in task.items() if name in names}
        record = self._shape.finished(own, place)
        is_shared = self._is_shared()
        yield from cursor.sent(record, slice_, stamp, is_shared=is_shared, partition=partition)

    def below(self, task: Raw, parent: str, slice_: Slice, stamp: Stamp) -> Iterator[Record]:
        """Yield a subtask as this stream's record."""
        for sent in self.sent(task, {"task_gid": parent}, parent, slice_, stamp):
            self._counts.records += 1
            yield Record(data=sent, stream_name=self._stream)

    def _is_shared(self) -> bool:
        """Return whether a task may come again and the ledger would not tell."""
        sender = self.cursor.sender
        is_exact = (
            self.cursor.is_incremental and sender is not None and not sender.is_ledger_dropped
        )
        return not (is_exact and self._is_whole)


class ChildTarget:
    """A stream of children, which lie in the task's column of the same name."""

    def __init__(self, retriever: AsanaRetriever, policy: ChildPolicy) -> None:
        router = retriever.partition_router
        assert isinstance(router, TaskRouter)
        volatile = set(retriever.volatile)
        names = [n for n in retriever.fields.names if n.split(".")[0] not in volatile]
        self.column = retriever.name
        self.cursor = retriever.cursor
        self._policy = policy
        self._shape = retriever.shape
        self._counts = retriever.counts
        self._router = router
        self._names = _names(retriever) - volatile
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
        if self._policy.is_ledger_dropped and gid in self._taken:
            return False
        has_any = bool(task[self.column])
        return self._policy.wants(gid, modified, listing, has_any=has_any)

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
        if not self._policy.sends_all(slice_):
            cursor.expect(slice_.key)
        for child in task[self.column]:
            record = self._shape.finished(self._own(child, task), slice_.partition)
            for sent in cursor.sent(record, slice_, stamp):
                self._counts.records += 1
                yield Record(data=sent, stream_name=self.column)
        cursor.complete(slice_)
        if self._policy.is_ledger_dropped:
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
