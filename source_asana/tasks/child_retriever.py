"""Reads stories and attachments: the children of one task, or of a project itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from typing_extensions import override

from source_asana.components.requester import AsanaRequester
from source_asana.components.retriever import EXAMPLES, AsanaRetriever
from source_asana.http.clock import Millis
from source_asana.parents.slices import Slice
from source_asana.tasks.children import TaskChildrenStrategy
from source_asana.tasks.search_walk import SearchRequest
from source_asana.tasks.streams import task_streams
from source_asana.tasks.with_attachments import AttachmentSearch


@dataclass
class ChildRetriever(AsanaRetriever):
    """Reads the children of one task, or of a project itself.

    Attributes:
        attachment_search: path of the search for tasks with attachments, with `{workspace}`.
    """

    attachment_search: str = ""

    @override
    def after_bind(self) -> None:
        strategy = self.cursor.strategy
        assert isinstance(strategy, TaskChildrenStrategy)
        if self.attachment_search:
            strategy.search_attachments(self._search)

    @override
    def examples(self) -> Iterator[tuple[Slice, str | None]]:
        strategy = self.cursor.strategy
        assert isinstance(strategy, TaskChildrenStrategy)
        for slice_ in islice(strategy.known_slices(), EXAMPLES):
            yield slice_, None

    def _search(self, workspace: str) -> AttachmentSearch:
        """Return the search for those tasks of a workspace that have children of this stream."""
        assert isinstance(self.requester, AsanaRequester)
        request = SearchRequest(
            self.runtime.client,
            self.attachment_search.format(workspace=workspace),
            self.counts,
            {"has_attachment": "true", "opt_fields": "created_at"},
            dict(self.requester.get_request_headers()),
        )
        now = self.runtime.clock.instant() or 0
        overlap = task_streams(self.runtime).search.overlap
        return AttachmentSearch(workspace, request, Millis(now - overlap))
