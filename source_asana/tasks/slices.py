"""The slices of tasks, subtasks and their children."""

from __future__ import annotations

from typing import NewType

from source_asana.http.clock import Millis
from source_asana.parents.feeds import Item
from source_asana.parents.slices import Slice
from source_asana.tasks.exports import Export
from source_asana.tasks.search import Search, Shortcut
from source_asana.tasks.tree import TaskTree

# The gid of a task as a number, as arrays hold it.
GidNumber = NewType("GidNumber", int)


class ListingSlice(Slice):
    """Covers the tasks of one project, or those of one user that are in no project.

    Attributes:
        tree: filled by the listing for other streams, None before it begins.
        shortcut: what is decided when the slice ends, if anything.
    """

    tree: TaskTree | None = None
    shortcut: Shortcut | None = None


class SearchSlice(ListingSlice):
    """Covers what a search finds in one workspace; its results belong to many partitions.

    Attributes:
        search: the search, which is decided when the slice ends.
    """

    def __init__(self, search: Search) -> None:
        gid = search.workspace
        super().__init__({"search_in_workspace": gid}, key=gid, item={"workspace_gid": gid})
        self.search = self.shortcut = search
        self.is_filtered = True


class ExportSlice(ListingSlice):
    """The tasks of one workspace, by export; they belong to many partitions.

    Attributes:
        export: the export; it is decided when the slice ends.
    """

    def __init__(self, export: Export) -> None:
        gid = export.workspace
        super().__init__({"export_of_workspace": gid}, key=gid, item={"workspace_gid": gid})
        self.export = self.shortcut = export
        # Tasks that no listing shows are not in it, so it says nothing about those.
        self.is_filtered = True


class WalkSlice(Slice):
    """Covers the direct subtasks of one task.

    Attributes:
        tree: the tree of the task, which its subtasks go to.
    """

    def __init__(self, gid: str, tree: TaskTree) -> None:
        super().__init__({"task_gid": gid}, key=gid, item=tree.item, began=tree.began)
        self.tree = tree


class ChildSlice(Slice):
    """Covers the stories or attachments of one task.

    Attributes:
        gid: the task's.
        version: the task's version that is being read, see `versions.version_of`.
        is_shown: whether a listing or search of this sync has shown the task.
        was_read: whether an earlier sync has read children of the task.
    """

    was_read = False

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
    """

    def __init__(
        self, partition: dict[str, str], gid: str, project: str, item: Item, began: Millis | None
    ) -> None:
        # Told from the keys of tasks by its form.
        super().__init__(partition, key=f"{project}/{gid}", item=item, began=began)
        self.project = project
