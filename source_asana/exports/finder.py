"""Decides which workspaces are exported, and what follows from how that ended."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from source_asana.components.retriever import AsanaRetriever
from source_asana.core.listings import Listings
from source_asana.cursors.strategies import Part
from source_asana.exports.job import ExportFailedError, ExportJobs, LeftJobs
from source_asana.exports.reading import Reading, Scope
from source_asana.http.clock import Millis
from source_asana.http.errors import AsanaError
from source_asana.parents.feeds import Item
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from source_asana.tasks.finders import Finder, Search, WorkspaceSlice
from source_asana.tasks.retriever import TaskRetriever


class Export(WorkspaceSlice):
    """One workspace's export.

    Attributes:
        listed: the keys of the workspace's listings.
        until: the server's time before the export began, once it has succeeded.
    """

    found_by = "export"

    def __init__(self, workspace: str) -> None:
        super().__init__(workspace, "export_of_workspace")
        self.listed = frozenset[str]()
        self.until: Millis | None = None


class ExportFinder(Finder[Export]):
    """Has a workspace exported at first reads and full scans, if the settings say so.

    An export takes the place of a search that has too many pages, too.
    """

    def __init__(self, runtime: Runtime, selected: Sequence[Listings]) -> None:
        super().__init__(runtime, selected)
        self._is_on = runtime.settings.bulk_export
        self._left = LeftJobs()

    @override
    def parts(self) -> Mapping[str, Part]:
        return {"exports": self._left} if self._is_on else {}

    @override
    def plan(self, workspaces: Collection[str]) -> Collection[str]:
        selected = self._selected
        if self._is_on and selected:
            for gid in sorted(workspaces):
                is_first = any(not m.is_tracked or m.watermarks.get(gid) is None for m in selected)
                if is_first or any(stream.full_scan.is_due() for stream in selected):
                    self.by_workspace[gid] = Export(gid)
            left = self._left.by_workspace.items()
            # Where listings are read instead, a complete file is older than they are.
            self._left.by_workspace = {
                gid: job for gid, job in left if gid in self.by_workspace or job.after is not None
            }
        return self.by_workspace

    @property
    @override
    def needs_listed(self) -> bool:
        return bool(self.by_workspace)

    @override
    def slices(self, listed: Mapping[str, Mapping[str, Item]] | None) -> Iterator[Slice]:
        if listed is None:
            self.give_up()
            return
        for export in self.by_workspace.values():
            export.listed = frozenset(listed.get(export.key, ()))
            yield export

    @override
    def read(self, slice_: WorkspaceSlice, tasks: AsanaRetriever) -> Iterator[Any]:
        assert isinstance(tasks, TaskRetriever)
        workspace = slice_.key
        listed: frozenset[str] | None = None
        after: Millis | None = None
        match slice_:
            case Export():
                # A start date is no `after`: old tasks may have new subtasks.
                listed = slice_.listed
            case Search() if self._is_on:
                # A search of too many pages: one file has all that it was to find.
                after = slice_.after
            case _:
                return
        scope = Scope(workspace, listed, self._runtime.settings)
        jobs = ExportJobs(tasks, workspace, listed or (), self._left)
        try:
            job = yield from Reading(tasks, slice_, scope, after).records(jobs)
        except (ExportFailedError, AsanaError, OSError) as error:
            slice_.is_incomplete = True
            jobs.drop()
            self._warn(workspace, error)
            return
        slice_.began = job.until
        if isinstance(slice_, Export):
            slice_.until = slice_.began
        else:
            self._left.by_workspace.pop(workspace, None)
        slice_.finish(succeeded=True)

    def _warn(self, workspace: str, error: Exception) -> None:
        why = str(error) if isinstance(error, ExportFailedError) else type(error).__name__
        self._runtime.report.once(
            logging.WARNING,
            f"Workspace {workspace}: the bulk export cannot be used, as {why}. Its tasks "
            "are read by listings in this sync.",
        )

    @override
    def end(self) -> None:
        super().end()
        # Without a state a stream wants a new file each time.
        if not all(stream.is_tracked for stream in self._selected):
            for gid in filter(self.covered, self.by_workspace):
                self._left.by_workspace.pop(gid, None)

    @override
    def shown_until(self, listing: str, workspace: str) -> Millis | None:
        export = self.by_workspace.get(workspace)
        is_shown = export is not None and export.succeeded and listing in export.listed
        return export.until if export is not None and is_shown else None
