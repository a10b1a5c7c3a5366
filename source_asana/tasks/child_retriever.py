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
from source_asana.tasks.children import ChildPolicy
from source_asana.tasks.family import task_streams
from source_asana.tasks.holders import Holders
from source_asana.tasks.search_walk import SearchRequest


@dataclass
class ChildRetriever(AsanaRetriever):
    """Reads the children of one task, or of a project itself.

    Attributes:
        holders: path of the search that names the tasks with children, with `{workspace}`.
    """

    holders: str = ""

    @override
    def bound(self) -> None:
        policy = self.cursor.policy
        assert isinstance(policy, ChildPolicy)
        if self.holders:
            policy.search_holders(self._search)

    @override
    def examples(self) -> Iterator[tuple[Slice, str | None]]:
        policy = self.cursor.policy
        assert isinstance(policy, ChildPolicy)
        for slice_ in islice(policy.known_slices(), EXAMPLES):
            yield slice_, None

    def _search(self, workspace: str) -> Holders:
        """Return the search for those tasks of a workspace that have children of this stream."""
        assert isinstance(self.requester, AsanaRequester)
        request = SearchRequest(
            self.runtime.client,
            self.holders.format(workspace=workspace),
            self.counts,
            {"has_attachment": "true", "opt_fields": "created_at"},
            dict(self.requester.get_request_headers()),
        )
        bound = self.runtime.clock.bound() or 0
        overlap = task_streams(self.runtime).search.overlap
        return Holders(workspace, request, Millis(bound - overlap))
