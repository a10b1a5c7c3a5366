"""Reads the tasks that hints name, one GET each, and files each of them by its own answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from source_asana.components.confirm import Existence, Existences
from source_asana.components.deletions import Deletions
from source_asana.components.retriever import AsanaRetriever
from source_asana.core.hints import Hint, Kind, TaskHint
from source_asana.core.named import NEVER, SUBTASK, TASK
from source_asana.core.partitions import ELSEWHERE, elsewhere, partition_in
from source_asana.cursors.sending import Raw
from source_asana.tasks.children import TaskChildrenStrategy
from source_asana.tasks.routers import partitions_of, user_partition
from source_asana.tasks.slices import HINTS, HintSlice
from source_asana.tasks.streams import TaskReader, TaskStreams, stamp_of

FIELDS = frozenset({"workspace.gid", "assignee.gid"})
# Where a child is asked for by its gid, and which of its fields names the task.
PATHS: Mapping[str, tuple[str, str]] = {
    "story": ("stories", "target"),
    "attachment": ("attachments", "parent"),
}


class HintedTasks:
    """Follows the hints of a sync.

    What a hint says is not relied on: the answer decides what is sent, and where a task belongs.

    Args:
        shared: what the task streams share.
        others: the retrievers of all streams by name.
        tasks: reads the tasks; it may be there for its children only.
        subtasks: None where nobody reads them.
    """

    def __init__(
        self,
        shared: TaskStreams,
        others: Mapping[str, AsanaRetriever],
        tasks: TaskReader,
        subtasks: TaskReader | None,
    ) -> None:
        self._shared = shared
        self._runtime = shared.runtime
        self._events = shared.events
        self._feed = shared.feed
        self._tasks = tasks
        self._subtasks = subtasks
        self._readers = [one for one in (tasks, subtasks) if one]
        self._deletions = self._runtime.part(Deletions)
        self._existences = self._runtime.part(Existences)
        cursors = [one.cursor for one in others.values()]
        self._children = {
            c.strategy.resource: c for c in cursors if isinstance(c.strategy, TaskChildrenStrategy)
        }

    def read(self, slice_: HintSlice) -> Iterator[Any]:
        """Yield what has changed of the tasks of a slice, as records of tasks and of subtasks."""
        for found in slice_.found:
            if not isinstance(found, Hint):
                yield from self._followed(found, self._events.of(found), slice_)
            elif task := self._task_of(found):
                self._events.hint(Hint(Kind.CHILD, task, found.at, found.child))

    def _followed(self, gid: str, hint: TaskHint, slice_: HintSlice) -> Iterator[Any]:
        if hint.is_deleted:
            self._deleted(gid, hint.at)
            self._hint_parent(gid, hint.at)
            return
        with self._events.named() as named:
            was_added = named.may_be(TASK, gid)
        if was_added:
            # It may be a new subtask, though the event names only its project.
            self._hint_parent(gid, hint.at)
        if self._shared.is_answered(gid):
            if (hint.due or hint.is_subtree) and self._feed.shown.has_shown(gid):
                with self._feed.adding() as shown:
                    shown.repeat(slice_.key, gid)
        else:
            yield from self._read(gid, hint, slice_)

    def _read(self, gid: str, hint: TaskHint, slice_: HintSlice) -> Iterator[Any]:
        existence, task = self._asked(gid)
        self._runtime.report.found("events", 1)
        match existence:
            case Existence.EXISTS:
                yield from self._found(task, hint, slice_)
            case Existence.UNKNOWN:
                self._events.fail([gid])
            case Existence.DELETED:
                self._deleted(gid, self._runtime.clock.now())
            case Existence.FORBIDDEN:
                self._note_deleted(gid)

    def _asked(self, gid: str) -> tuple[Existence, Raw]:
        """Return whether a task exists, and it with the fields of both streams."""
        tasks, asked = self._tasks, [one.fields for one in self._readers]

        def params() -> Mapping[str, Any]:
            names = {name for fields in asked for name in fields.names}
            return {"opt_fields": ",".join(sorted(names | FIELDS | tasks.needs()))}

        return self._existences.of(
            f"tasks/{gid}",
            tasks.counts,
            params,
            tasks.requester.get_request_headers(),
            asked=asked,
            is_record_wanted=True,
        )

    def _deleted(self, gid: str, at: int) -> None:
        """Have a deleted task looked up, and all that events show below it.

        A sync whose state Airbyte did not keep may have sent them, so no stream need know them. A
        task that was added to something may have been a record of both streams.
        """
        is_known = any(one.cursor.last_partition_of(gid) for one in self._readers)
        with self._events.named() as named:
            if named.may_be(TASK, gid) or named.may_be(SUBTASK, gid) or not is_known:
                named.suppose(TASK, gid)
                named.suppose(SUBTASK, gid)
            below = list(named.below(gid))
        for one in (gid, *below):
            self._note_deleted(one, at)

    def _hint_parent(self, gid: str, at: int) -> None:
        """Have the parent of a subtask read, as its `num_subtasks` may be another one."""
        if parent := self._parent_of(gid):
            self._events.hint(Hint(Kind.CHANGED, parent, at))

    def _parent_of(self, gid: str) -> str | None:
        """Return the parent of a subtask, as far as it is known."""
        if self._subtasks is None:
            return None
        if known := self._subtasks.cursor.last_partition_of(gid):
            return partition_in(known)
        with self._events.named() as named:
            return named.parent_of(SUBTASK, gid)

    def _note_deleted(self, gid: str, at: int = 0) -> None:
        """Have the streams that have an object look it up, unless they were shown it after `at`."""
        self._deletions.note(gid, at)

    # ── a task that exists ─────────────────────────────────────────────────────────────────────

    def _found(self, task: Raw, hint: TaskHint, slice_: HintSlice) -> Iterator[Any]:
        """Yield a task as what it is now; a stream that it has left looks it up."""
        gid, parent = task["gid"], (task.get("parent") or {}).get("gid")
        if parent and self._waits_for(parent, gid, hint):
            return
        was_task, was_subtask = self._has(self._tasks, gid), self._has(self._subtasks, gid)
        partition = self._partition(task)
        if not parent and was_task:
            partition = partition or ELSEWHERE
        below = parent and (parent if self._is_known(parent) else elsewhere(parent))
        if not (partition or was_task or was_subtask or (parent and below == parent)):
            return
        is_new = not (was_task or was_subtask)
        self._show(task, hint, partition or ELSEWHERE, is_new=is_new)
        stamp = self._tasks.cursor.stamp()
        if partition:
            yield from self._tasks.found(task, partition, slice_, stamp)
        if parent and below and self._subtasks:
            yield from self._subtasks.found(task, below, slice_, stamp)
        with self._events.named() as named:
            # A sync whose state Airbyte did not keep may have sent it to the other stream.
            was_task = was_task or named.may_be(TASK, gid)
            was_subtask = was_subtask or named.may_be(SUBTASK, gid)
        if (was_task and not partition) or (was_subtask and not parent):
            self._note_deleted(gid)

    def _waits_for(self, parent: str, gid: str, hint: TaskHint) -> bool:
        """Return whether a subtask is read after its parent, as that decides if it belongs here."""
        is_known = self._is_known(parent)
        with self._events.named() as named:
            came_back = named.restored_at(gid) == hint.at
        if came_back or not (is_known and self._has(self._subtasks, gid)):
            # Where the subtask is new, the parent's `num_subtasks` is another one.
            self._events.hint(Hint(Kind.CHANGED, parent, hint.at))
        if is_known or hint.waits:
            return False
        self._events.again(gid)
        return True

    @staticmethod
    def _has(reader: TaskReader | None, gid: str) -> bool:
        return reader is not None and reader.cursor.partition_of(gid) is not None

    def _is_known(self, gid: str) -> bool:
        """Return whether a task is in a list that is read, as far as any stream knows."""
        return (
            self._feed.shown.has_shown(gid)
            or any(self._has(reader, gid) for reader in self._readers)
            or any(stream.has_task(gid) for stream in self._shared.selected)
        )

    def _partition(self, task: Raw) -> str | None:
        """Return the partition of `tasks` that a task belongs to, None for none that is read."""
        settings = self._runtime.settings
        is_all = settings.reads_all_projects and settings.reads_tasks_without_project
        user = user_partition(task, (task.get("workspace") or {}).get("gid") or "")
        listed = None if is_all else frozenset(self._feed.named)
        return next(iter(partitions_of(task, user, listed, settings)), None)

    def _show(self, task: Raw, hint: TaskHint, listing: str, *, is_new: bool) -> None:
        """Hand a task to those who walk and read it; what it had below it before is known."""
        self._shared.note_restored(listing, task)
        if self._tasks.plan.is_parent:
            has_subtasks = bool(task.get("num_subtasks"))
            with self._events.named() as named:
                came_back = named.restored_at(task["gid"]) != NEVER
            is_whole = is_new or hint.is_subtree or came_back
            with self._feed.adding() as shown:
                shown.add(
                    HINTS,
                    task["gid"],
                    stamp_of(task),
                    listing=listing,
                    has_subtasks=has_subtasks if is_whole else None,
                    is_first=bool(hint.due),
                )

    # ── stories and attachments whose task is not named ────────────────────────────────────────

    def _task_of(self, hint: Hint) -> str | None:
        """Return the task of a child: the ledger knows it, or a GET tells."""
        cursor = self._children.get(hint.child)
        if cursor is None:
            return None
        partition = cursor.last_partition_of(hint.gid)
        if partition is None:
            return self._task_by_get(hint)
        task = partition_in(partition)
        if "/" in task:
            # Of a project or its brief, whose list this sync need not read: it is looked up.
            self._note_deleted(hint.gid, hint.at)
            return None
        return task

    def _task_by_get(self, hint: Hint) -> str | None:
        path, name = PATHS[hint.child]
        fields = {"opt_fields": f"{name}.gid,{name}.resource_type"}
        existence, child = self._existences.of(
            f"{path}/{hint.gid}",
            self._tasks.counts,
            lambda: fields,
            self._tasks.requester.get_request_headers(),
            is_record_wanted=True,
        )
        if existence is Existence.UNKNOWN:
            self._events.fail([hint])
        task = child.get(name) or {}
        return task.get("gid") if task.get("resource_type") == "task" else None
