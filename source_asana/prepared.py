"""What a sync would read with, before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from source_asana import files
from source_asana.components.pages import rows
from source_asana.components.retriever import AsanaRetriever
from source_asana.components.shape import Raw
from source_asana.core.listings import HOUR
from source_asana.cursors.strategies import partition_in
from source_asana.http.attempts import body_of
from source_asana.http.clock import Millis, from_millis
from source_asana.parents.routers import ParentRouter
from source_asana.parents.slices import value_at
from source_asana.runtime import Runtime
from source_asana.source import SourceAsana
from source_asana.tasks.strategy import TaskStreamStrategy


@dataclass
class Prepared:
    """The parts of a sync that nobody has begun.

    Attributes:
        runtime: what all streams share.
        retrievers: of the selected streams and of those that they need, with states loaded.
    """

    runtime: Runtime
    retrievers: Mapping[str, AsanaRetriever]
    _parents: dict[tuple[str, str], Raw] = field(default_factory=dict)

    @property
    def selected(self) -> dict[str, AsanaRetriever]:
        """The retrievers of the selected streams."""
        return {n: one for n, one in self.retrievers.items() if not one.plan.parent_only}

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return sum(one.requests for one in self.runtime.report.all_counts().values())

    def since(self, stream: str) -> Millis:
        """Return up to when the last sync has the changes of a stream, 0 before the first."""
        strategy = self.retrievers[stream].cursor.strategy
        if isinstance(strategy, TaskStreamStrategy):
            watermarks = strategy.listings.watermarks
            if known := list(watermarks):
                return Millis(min(watermarks.get(gid) or 0 for gid in known))
        sender = self.retrievers[stream].cursor.sender
        return Millis(sender.since if sender else 0)

    def place(self, retriever: AsanaRetriever, partition: str) -> dict[str, Any]:
        """Return the partition fields that a key names, those of the parent's record included."""
        router, own = retriever.cursor.router, partition_in(partition)
        place: dict[str, Any] = dict(router.partition_of(own))
        if isinstance(router, ParentRouter) and not router.partition.keys() <= place.keys():
            gid = next((place[n] for n, path in router.partition.items() if path == "gid"), own)
            if (router.parent, gid) not in self._parents:
                self._parents[router.parent, gid] = self._parent(router.parent, gid)
            parent = self._parents[router.parent, gid]
            place = {n: value_at(parent, path) for n, path in router.partition.items()} | place
        return place

    def _parent(self, stream: str, gid: str) -> Raw:
        parent = self.retrievers[stream]
        answer = parent.paged.ask(None, params=parent.fields.params, path=f"{stream}/{gid}")
        return rows(body_of(answer))[0]

    def was_sent(self, retriever: AsanaRetriever, record: Raw, partition: str) -> bool:
        """Return whether the version of a record that Asana shows was sent."""
        sender = retriever.cursor.sender
        finished = retriever.shape.finished(dict(record), self.place(retriever, partition))
        return sender is not None and sender.was_sent(finished, partition)

    def compares_all(self, stream: str) -> bool:
        """Return whether the next sync compares every record, whatever its timestamp says."""
        retriever = self.retrievers[stream]
        strategy = retriever.cursor.strategy
        if strategy.reads_all or strategy.scan.scanned is None:
            return True
        if self.runtime.clock.now() >= strategy.scan.scanned + strategy.scan.hours() * HOUR:
            return True
        has_children = "tasks" in self.retrievers and self.retrievers["tasks"].plan.is_parent
        is_listed = not self.runtime.settings.may_search and has_children
        return isinstance(strategy, TaskStreamStrategy) and is_listed

    def next_scan(self, stream: str) -> str:
        """Return when the next full scan of a stream is due."""
        scan = self.retrievers[stream].cursor.strategy.scan
        return from_millis((scan.scanned or 0) + scan.hours() * HOUR)


def prepared(config: str, catalog: str, state: str) -> Prepared:
    """Return the parts of the sync that these files describe.

    Raises:
        AirbyteTracedException: a mistake in one of them.
    """
    source = SourceAsana()
    runtime, retrievers = source.prepare(
        files.config(config), files.catalog(catalog), files.state(state)
    )
    return Prepared(runtime, retrievers)
