"""What the retrievers of tasks and of subtasks have in common: a task becomes their record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from source_asana.components.retriever import AsanaRetriever
from source_asana.cursors.sending import Raw, Stamp
from source_asana.cursors.strategies import partition_in
from source_asana.http.clock import Millis, to_millis
from source_asana.parents.slices import Slice
from source_asana.tasks.streams import TaskStreams, task_streams


@dataclass
class TaskReader(AsanaRetriever):
    """Sends tasks as records of its stream: of `tasks`, or of `subtasks`."""

    @override
    def after_bind(self) -> None:
        self.streams: TaskStreams = task_streams(self.runtime)
        self.streams.cursors.append(self.cursor)
        if not self.plan.parent_only:
            self.streams.sending.append(self.cursor)

    @override
    def is_shared(self, record: Raw) -> bool:
        return self.streams.may_show_twice

    def note_shared(self, tasks: list[Raw]) -> None:
        """Note which tasks of a page are in both streams, for hints that only one was shown."""
        if self.streams.events.are_usable:
            shared = (t["gid"] for t in tasks if t.get("parent") and t.get("projects"))
            self.streams.in_both.update(shared)

    def hand_on(self, listing: str, tasks: list[Raw]) -> None:
        """Hand a page's tasks on to those who walk and read them."""
        is_first = self.streams.is_first(listing)
        with self.streams.feed.adding() as shown:
            for task in tasks:
                shown.add(
                    listing,
                    task["gid"],
                    stamp_of(task),
                    has_subtasks=bool(task.get("num_subtasks")),
                    is_first=is_first,
                )

    def found(
        self, task: Raw, partition: str, slice_: Slice, stamp: Stamp, *, is_shared: bool = True
    ) -> Iterator[Any]:
        """Yield a task that a scan or a hint found as this stream's record, if it is to be sent.

        Args:
            task: as Asana sent it, with the fields of both streams.
            partition: the one of the ledger that it belongs to.
            slice_: of the scan, or of the hints.
            stamp: of the page.
            is_shared: whether it may come again and the ledger would not tell.
        """
        if self.plan.parent_only or not self.cursor.is_in_scope(task, slice_):
            return
        names = self.fields.columns
        own = {name: value for name, value in task.items() if name in names}
        place = self.cursor.router.partition_of(partition_in(partition))
        record = self.shape.finished(own, place)
        yield from self.cursor.sent(record, slice_, stamp, is_shared=is_shared, partition=partition)


def stamp_of(task: Mapping[str, Any]) -> Millis:
    """Return a task's `modified_at`, 0 where it has none."""
    return to_millis(task.get("modified_at")) or Millis(0)
