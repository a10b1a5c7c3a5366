"""Task listings and subtask walks.

They feed the task feed, and send a task that several listings name once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.types import Record, StreamSlice
from typing_extensions import override

from source_asana.components.clock import to_millis
from source_asana.components.cursors import AsanaCursor
from source_asana.components.cursors_family import TaskFamilyCursor
from source_asana.components.cursors_pass import PassCursor, Watch, number
from source_asana.components.cursors_walks import ListingCursor, WalkCursor
from source_asana.components.errors import AsanaError, Refused
from source_asana.components.feeds import Ending
from source_asana.components.feeds_tasks import Group
from source_asana.components.partitions import TASK_FIELDS
from source_asana.components.pieces import Raw
from source_asana.components.requester import AsanaRequester
from source_asana.components.retriever import AsanaRetriever
from source_asana.components.retriever_search import fall_back, found
from source_asana.components.search import Search


@dataclass
class _Family(AsanaRetriever):
    """What tasks and subtasks have in common.

    Versions that another listing, or a search, has sent, with the digests of what a search sent.
    """

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Start with no task sent."""
        super().__post_init__(parameters)
        self._versions: dict[int, int] = {}
        self._searched: dict[int, int] = {}

    def asked(self) -> list[str]:
        """Return the opt_fields of this stream."""
        fields: str = self.params.get("opt_fields", "")
        return fields.split(",") if fields else []

    def own(self, task: Raw) -> Raw:
        """Return a task without what only the other stream asked for."""
        names = {"gid", *(path.split(".")[0] for path in self.asked())}
        return {name: value for name, value in task.items() if name in names}

    def _sent_by_search(self, task: Raw, stamp: int, digest: int) -> None:
        gid = int(task["gid"])
        with self._lock:
            self._versions[gid], self._searched[gid] = stamp, digest

    def _differs_from_search(self, gid: str, digest: int) -> bool:
        """Return whether a task is no longer what a search sent in this sync.

        What moved no stamp counts for the digest of a listing, so it must be sent: nothing would
        show it later.
        """
        with self._lock:
            if self._searched.get(int(gid), digest) == digest:
                return False
            del self._searched[int(gid)], self._versions[int(gid)]
            return True

    def _counts(self, task: Raw) -> bool:
        return not isinstance(self.cursor, PassCursor) or self.cursor.counts(task)

    @staticmethod
    def _dealt(cursor: AsanaCursor, piece: StreamSlice, gid: str, stamp: int) -> None:
        if cursor.incremental and isinstance(cursor, TaskFamilyCursor):
            cursor.dealt(piece.extra_fields["item"].get("workspace_gid"), int(gid), stamp)


@dataclass
class TaskRetriever(_Family):
    """Tasks of projects, and those of users that are in no project.

    A listing by assignee names all their tasks: those in a project are the project's, subtasks are
    their parent's.

    Attributes:
        search: path of the task search, with `{workspace}`.
        subtasks: the retriever of subtasks, where this sync reads them.
    """

    search: str = ""
    subtasks: SubtaskRetriever | None = None

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Start with no listing under way."""
        super().__post_init__(parameters)
        self._groups: dict[int, Group] = {}
        self._projects: frozenset[str] | None = None

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
        search: Search | None = piece.extra_fields.get("search")
        if search:
            # However the search ended: whoever waits for it must not wait for ever.
            search.decide(succeeded=False)
        if self.wanted.feeds:
            self.runtime.feeds.tasks.listed(self._groups.pop(id(piece)), ending)

    @override
    def read(self, piece: StreamSlice) -> Iterator[Any]:
        if "search" in piece.extra_fields:
            yield from self._search(piece, piece.extra_fields["search"])
            return
        group = self._groups.get(id(piece))
        watch: Watch | None = piece.extra_fields.get("watch")
        everything = not self.cursor.incremental and self.cursor.start is None
        for tasks in self._tasks(piece):
            if group is not None:
                feed_tasks(self, group, tasks)
            if self.wanted.hidden:
                continue
            if everything:
                yield from (self.finished(task, piece) for task in tasks if self._claim(task))
            else:
                yield from self._changed(tasks, piece, watch)
        cursor, key = self.cursor, piece.extra_fields["key"]
        if watch and isinstance(cursor, ListingCursor) and cursor.differs(key, watch.total):
            yield from self._rest(piece, watch)

    def _changed(self, tasks: list[Raw], piece: StreamSlice, watch: Watch | None) -> Iterator[Raw]:
        """Yield the records of those tasks of a page that this sync is about."""
        for task in tasks:
            wanted = self.cursor.wanted(task, piece)
            if watch:
                wanted = self._watched(task, piece, watch, wanted=wanted)
            stamp = to_millis(task.get("modified_at")) or 0
            # Where another listing sends it, that one says so when it did: a state before that
            # must not.
            if wanted and self._claim(task, stamp):
                yield self.finished(task, piece)
                self._dealt(self.cursor, piece, task["gid"], stamp)

    def _tasks(self, piece: StreamSlice) -> Iterator[list[Raw]]:
        try:
            for page in self.pages(piece):
                if "user_gid" in piece.partition:
                    yield [task for task in page if self._is_elsewhere(task)]
                else:
                    yield page
        except Refused:
            group = self._groups.get(id(piece))
            if group is not None:
                # Even what is gone was not read: should it come back, subtasks and children go on
                # from their bounds.
                group.begun = None
            raise

    def _is_elsewhere(self, task: Raw) -> bool:
        """Return whether no project's listing and no parent's walk shows a task of a user.

        A task may name projects that the token cannot see; where a choice of projects leaves some
        out, a named one may be among those.
        """
        if task.get("parent"):
            return False
        projects = task.get("projects") or ()
        return not projects or (
            self.runtime.settings.reads_all_projects
            and self._listed().isdisjoint(project["gid"] for project in projects)
        )

    def _listed(self) -> frozenset[str]:
        """Return the gids of all projects; by the time that users come, their list is over."""
        feed = self.runtime.feeds.of("projects")
        if self._projects is None:
            self._projects = frozenset(item["gid"] for item in feed.items())
        return self._projects

    def _watched(self, task: Raw, piece: StreamSlice, watch: Watch, *, wanted: bool) -> bool:
        """Count a task into the digest of its listing and remember whether it is sent now."""
        if not self._counts(task):
            return wanted
        digest = number(self.finished(dict(task), piece))
        watch.add(digest)
        wanted = self._differs_from_search(task["gid"], digest) or wanted
        if wanted:
            watch.sent.add(task["gid"])
        return wanted

    def _rest(self, piece: StreamSlice, watch: Watch) -> Iterator[Raw]:
        """Yield, from a second walk, what the first one took for unchanged."""
        for tasks in self._tasks(piece):
            for task in tasks:
                stamp = to_millis(task.get("modified_at")) or 0
                missing = task["gid"] not in watch.sent and self._counts(task)
                if missing and self._claim(task, stamp):
                    yield self.finished(task, piece)

    def _claim(self, task: Raw, modified: int | None = None) -> bool:
        """Return whether this version of the task was not sent yet; asked right before it is."""
        shared = is_shared(task)
        if not shared and not self._versions:
            return True
        if modified is None:
            modified = to_millis(task.get("modified_at")) or 0
        number = int(task["gid"])
        with self._lock:
            if self._versions.get(number, -1) >= modified:
                return False
            if shared:
                self._versions[number] = modified
            return True

    def _search(self, piece: StreamSlice, search: Search) -> Iterator[Any]:
        """Yield what a workspace's search finds, as records of tasks and of subtasks."""
        group = self._groups.get(id(piece))
        try:
            for tasks in self._found(search):
                for task in tasks:
                    if group is not None:
                        stamp = to_millis(task.get("modified_at")) or 0
                        group.add(task["gid"], stamp, shared=True)
                    yield from self._records(task, piece, search)
            search.decide(succeeded=True)
        except AsanaError as error:
            fall_back(self.runtime, search, error)
            self.cursor.refused(piece, error.verdict)
            if group is not None:
                # Its children may be read, but no bound comes of them: the listings follow.
                group.begun = None

    def _found(self, search: Search) -> Iterator[list[Raw]]:
        fields = {
            "created_at",
            *TASK_FIELDS,
            *self.asked(),
            *(self.subtasks.asked() if self.subtasks else ()),
        }
        assert isinstance(self.requester, AsanaRequester)
        return found(
            self.runtime,
            search,
            stream=self.name,
            path=self.search,
            params={"opt_fields": ",".join(sorted(fields))},
            headers=dict(self.requester.get_request_headers()),
        )

    def _records(self, task: Raw, piece: StreamSlice, search: Search) -> Iterator[Any]:
        parent, projects = task.get("parent"), task.get("projects")
        stamp = to_millis(task.get("modified_at")) or 0
        if parent and self.subtasks:
            yield from self.subtasks.found(task, parent["gid"], search)
        free = not parent and not projects and self.runtime.settings.reads_tasks_without_project
        if self.wanted.hidden or not (projects or free):
            return
        if self.cursor.wanted(task, piece) and self._claim(task, stamp):
            record = self.finished(self.own(task), piece)
            digest = number(record)
            yield record
            self._sent_by_search(task, stamp, digest)
            self._dealt(self.cursor, piece, task["gid"], stamp)


@dataclass
class SubtaskRetriever(_Family):
    """The direct subtasks of one task.

    Those that have subtasks themselves are walked in slices of their own.
    """

    def found(self, task: Raw, parent: str, search: Search) -> Iterator[Record]:
        """Yield a subtask that a search found, as this stream's record."""
        if self.wanted.hidden:
            return
        item = {"workspace_gid": search.workspace}
        piece = StreamSlice(
            partition={"task_gid": parent},
            cursor_slice={},
            extra_fields={"key": search.workspace, "item": item, "again": None},
        )
        stamp = to_millis(task.get("modified_at")) or 0
        if self.cursor.wanted(task, piece):
            record = self.finished(self.own(task), piece)
            digest = number(record)
            self.runtime.report.counts(self.name).records += 1
            yield Record(data=record, stream_name=self.name)
            self._sent_by_search(task, stamp, digest)
            self._dealt(self.cursor, piece, task["gid"], stamp)

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
        cursor = self.cursor
        watched = not again and isinstance(cursor, WalkCursor) and cursor.watches(group)
        # A second walk may follow, which must know what the first one sent.
        known = watched and isinstance(cursor, WalkCursor) and group.key in cursor.bounds
        for page in self.pages(piece):
            if again is None:
                feed_tasks(self, group, page)
            if self.wanted.hidden:
                continue
            for task in page:
                wanted = self.cursor.wanted(task, piece)
                if not (wanted or watched):
                    continue
                stamp = to_millis(task.get("modified_at")) or 0
                counts = watched and self._counts(task)
                record = self.finished(task, piece)
                if counts:
                    digest = number(record)
                    self.runtime.feeds.tasks.count(group, digest)
                    wanted = self._differs_from_search(task["gid"], digest) or wanted
                if wanted and self._versions.get(int(record["gid"]), -1) < stamp:
                    yield record
                    if known:
                        with self._lock:
                            self._versions[int(record["gid"])] = stamp
                    self._dealt(self.cursor, piece, record["gid"], stamp)


def is_shared(task: Mapping[str, Any]) -> bool:
    """Return whether a task may be named by several listings.

    In several projects, or a subtask in a project.
    """
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
