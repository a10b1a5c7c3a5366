"""Task listings and subtask walks: they feed the task feed, and send a task that several listings name once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.types import StreamSlice
from typing_extensions import override

from source_asana.components.clock import to_millis
from source_asana.components.cursors_pass import Watch, number
from source_asana.components.cursors_tasks import ListingCursor, WalkCursor
from source_asana.components.feeds import Ending, Group
from source_asana.components.partitions import TASK_FIELDS
from source_asana.components.retriever import AsanaRetriever, Raw


@dataclass
class TaskRetriever(AsanaRetriever):
    """Tasks of projects, and those of users that are in no project.

    A listing by assignee names all their tasks: those in a project are the project's, subtasks are their parent's.
    """

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Start with no task sent."""
        super().__post_init__(parameters)
        self._versions: dict[int, int] = {}
        self._groups: dict[int, Group] = {}

    @override
    def needs(self) -> frozenset[str]:
        return TASK_FIELDS if self.wanted.feeds else TASK_FIELDS - {"num_subtasks"}

    @override
    def begin(self, piece: StreamSlice) -> None:
        extra = piece.extra_fields
        # The group exists before anything can be refused: the feed waits for its end.
        if self.wanted.feeds:
            self._groups[id(piece)] = self.runtime.feeds.tasks.begin(
                extra["key"], self.runtime.clock.bound(), extra["item"]
            )
        super().begin(piece)

    @override
    def end(self, piece: StreamSlice, ending: Ending) -> None:
        if self.wanted.feeds:
            self.runtime.feeds.tasks.listed(self._groups.pop(id(piece)), ending)

    @override
    def read(self, piece: StreamSlice) -> Iterator[Any]:
        group = self._groups.get(id(piece))
        watch: Watch | None = piece.extra_fields.get("watch")
        for tasks in self._tasks(piece):
            if group is not None:
                feed_tasks(self, group, tasks)
            if self.wanted.hidden:
                continue
            for task in tasks:
                wanted = self.cursor.wanted(task, piece)
                if watch:
                    wanted = self._watched(task, piece, watch, wanted=wanted)
                if wanted and self._claim(task):
                    yield self.finished(task, piece)
        if watch and isinstance(self.cursor, ListingCursor):
            if self.cursor.differs(piece.extra_fields["key"], watch.total):
                yield from self._rest(piece, watch)

    def _tasks(self, piece: StreamSlice) -> Iterator[list[Raw]]:
        for page in self.pages(piece):
            if "user_gid" in piece.partition:
                yield [task for task in page if not task.get("projects") and not task.get("parent")]
            else:
                yield page

    def _watched(self, task: Raw, piece: StreamSlice, watch: Watch, *, wanted: bool) -> bool:
        """Count a task into the digest of its listing and remember whether it is sent now."""
        watch.add(self.finished(dict(task), piece))
        if wanted:
            watch.sent.add(task["gid"])
        return wanted

    def _rest(self, piece: StreamSlice, watch: Watch) -> Iterator[Raw]:
        """Yield, from a second walk, what the first one took for unchanged."""
        for tasks in self._tasks(piece):
            for task in tasks:
                if task["gid"] not in watch.sent and self._claim(task):
                    yield self.finished(task, piece)

    def _claim(self, task: Raw) -> bool:
        """Return whether this version of the task was not sent yet; asked right before it is."""
        if not is_shared(task):
            return True
        number, modified = int(task["gid"]), to_millis(task.get("modified_at")) or 0
        with self._lock:
            known = self._versions.get(number)
            if known is not None and known >= modified:
                return False
            self._versions[number] = modified
            return True


@dataclass
class SubtaskRetriever(AsanaRetriever):
    """The direct subtasks of one task; those that have subtasks themselves are walked in slices of their own."""

    @override
    def needs(self) -> frozenset[str]:
        return TASK_FIELDS

    @override
    def end(self, piece: StreamSlice, ending: Ending) -> None:
        feed = self.runtime.feeds.tasks
        if piece.extra_fields["again"] is None:
            feed.walked(piece.extra_fields["group"], ending)
        else:
            feed.walks.ended(ending)

    @override
    def read(self, piece: StreamSlice) -> Iterator[Any]:
        group, again = piece.extra_fields["group"], piece.extra_fields["again"]
        watched = not again and isinstance(self.cursor, WalkCursor) and self.cursor.watches(group)
        for page in self.pages(piece):
            if again is None:
                feed_tasks(self, group, page)
            if self.wanted.hidden:
                continue
            for task in page:
                wanted = self.cursor.wanted(task, piece)
                if not (wanted or watched):
                    continue
                record = self.finished(task, piece)
                if watched:
                    self.runtime.feeds.tasks.count(group, number(record))
                if wanted:
                    yield record


def is_shared(task: Mapping[str, Any]) -> bool:
    """Return whether a task may be named by several listings: in several projects, or a subtask in a project."""
    projects = task.get("projects") or ()
    return len(projects) > 1 or bool(projects and task.get("parent"))


def feed_tasks(retriever: AsanaRetriever, group: Group, tasks: list[Raw]) -> None:
    """Put a page of tasks into their group and have those with subtasks walked."""
    feed = retriever.runtime.feeds.tasks
    for task in tasks:
        feed.add(
            group,
            task["gid"],
            to_millis(task.get("modified_at")) or 0,
            shared=is_shared(task),
            subtasks=bool(task.get("num_subtasks")),
        )
