"""The slices of tasks, subtasks and their children."""

from __future__ import annotations

from collections.abc import Sequence

from source_asana.core.hints import Hint
from source_asana.core.task_list import OpenWalk
from source_asana.http.clock import Millis
from source_asana.parents.feeds import Item
from source_asana.parents.slices import Slice

HINTS = "hints"
"""The key of all slices of events and hints, which are no partition."""


class ListingSlice(Slice):
    """Covers the tasks of one project, or those of one user that are in no project.

    Attributes:
        asks_events: whether the events of the project are asked for, before its tasks.
        is_deleted: whether Asana says that the project does not exist, so that nothing was read.
    """

    asks_events = False
    is_deleted = False


class EventsSlice(Slice):
    """Asks what happened in a project, whose tasks are not read meanwhile.

    Attributes:
        project: its key.
    """

    def __init__(self, found: Slice) -> None:
        super().__init__(found.partition, key=HINTS, item=found.item)
        self.project = found.key
        self.is_filtered = True
        # Nothing of it is in the state before the sync has come to its end.
        self.is_incomplete = True


class HintSlice(Slice):
    """Covers tasks that may have changed; they belong to many partitions.

    Attributes:
        found: gids of tasks, and hints at children whose tasks are not known.
    """

    found_by = "hint"

    def __init__(self, found: Sequence[str | Hint]) -> None:
        first = found[0]
        super().__init__({"hints_from": first.gid if isinstance(first, Hint) else first}, key=HINTS)
        self.found = found
        self.is_filtered = True


class WalkSlice(Slice):
    """Covers the direct subtasks of one task.

    Attributes:
        walk: the task, and the listing that its subtasks belong to.
    """

    is_one_of_many = True

    def __init__(self, walk: OpenWalk, item: Item) -> None:
        super().__init__({"task_gid": walk.gid}, key=walk.gid, item=item)
        self.walk = walk


class ChildSlice(Slice):
    """Covers the stories or attachments of one task.

    Attributes:
        gid: the task's.
        version: the task's version that is being read, see `versions.version_of`.
        is_shown: whether a listing or search of this sync has shown the task.
        was_read: whether an earlier sync has read children of the task.
    """

    is_one_of_many = True
    found_by = "task"

    def __init__(
        self, partition: dict[str, str], gid: str, version: int, item: Item, *, is_shown: bool
    ) -> None:
        super().__init__(partition, key=gid, item=item)
        self.gid = gid
        self.version = version
        self.is_shown = is_shown


class OwnSlice(Slice):
    """Covers the attachments of a project itself, or of its brief.

    Attributes:
        project: the key of the project.
        covers: up to when the tasks of the project were read, None if they were refused.
    """

    covers: Millis | None = None

    def __init__(self, partition: dict[str, str], gid: str, project: str, item: Item) -> None:
        # Told from the keys of tasks by its form.
        super().__init__(partition, key=f"{project}/{gid}", item=item)
        self.project = project
