"""What a sync would read with, before it begins."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any

from source_asana import files
from source_asana.components.pages import rows
from source_asana.components.retriever import AsanaRetriever
from source_asana.config import config_error
from source_asana.core.hints import EVENT_FIELDS, Kind, hints_of
from source_asana.core.listings import HOUR, oldest
from source_asana.core.partitions import ELSEWHERE, partition_in
from source_asana.cursors.partial import NewestChildStrategy, WindowStrategy
from source_asana.cursors.sending import Raw
from source_asana.http.attempts import body_of, send
from source_asana.http.budget import FREE_PER_MINUTE
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import AsanaError, Refused, SyncTokenExpired
from source_asana.parents.routers import ParentRouter
from source_asana.parents.slices import Slice, is_user_key
from source_asana.runtime import Runtime
from source_asana.source import SourceAsana
from source_asana.tasks.events import events_in, is_worth_replacing
from source_asana.tasks.strategies import TaskStreamStrategy
from source_asana.wiring import foreign


@dataclass
class Prepared:
    """The parts of a sync that nobody has begun.

    Attributes:
        runtime: what all streams share.
        retrievers: of the selected streams and of those that they need, with states loaded.
        most: how many requests may be sent, before questions that only make an answer more exact.
    """

    runtime: Runtime
    retrievers: Mapping[str, AsanaRetriever]
    most: float = inf
    _parents: dict[tuple[str, str], Raw] = field(default_factory=dict)
    _named: dict[str, frozenset[str] | None] = field(default_factory=dict)

    @property
    def selected(self) -> dict[str, AsanaRetriever]:
        """The retrievers of the selected streams."""
        return {n: one for n, one in self.retrievers.items() if not one.plan.parent_only}

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return sum(one.requests for one in self.runtime.report.all_counts().values())

    @property
    def _task_streams(self) -> list[TaskStreamStrategy]:
        found = [one.cursor.strategy for one in self.selected.values()]
        return [one for one in found if isinstance(one, TaskStreamStrategy)]

    def since(self, stream: str) -> Millis:
        """Return up to when the last sync has the changes of a stream, 0 before the first."""
        strategy = self.retrievers[stream].cursor.strategy
        if isinstance(strategy, TaskStreamStrategy):
            watermarks = strategy.listings.watermarks
            if known := list(watermarks):
                return Millis(min(watermarks.get(gid) or 0 for gid in known))
        sender = self.retrievers[stream].cursor.sender
        return Millis(sender.since if sender else 0)

    def partition_fields(self, retriever: AsanaRetriever, partition: str) -> dict[str, Any]:
        """Return the partition fields that a key names, those of the parent's record included."""
        router = retriever.cursor.router
        fields: dict[str, Any] = dict(router.partition_of(partition_in(partition)))
        if isinstance(router, ParentRouter) and not router.fields.keys() <= fields.keys():
            fields = router.fields_in(self._parent(router, partition)) | fields
        return fields

    def _parent(self, router: ParentRouter, partition: str) -> Raw:
        """Return the record of the parent that a partition names."""
        own = partition_in(partition)
        stream, gid = router.parent_of(own) or (router.stream, own)
        if (stream, gid) not in self._parents:
            parent = self.retrievers[stream]
            answer = parent.requester.ask(None, parent.fields.params, f"{stream}/{gid}")
            self._parents[stream, gid] = rows(body_of(answer))[0]
        return self._parents[stream, gid]

    def was_sent(self, retriever: AsanaRetriever, record: Raw, partition: str) -> bool:
        """Return whether the version of a record that Asana shows was sent."""
        sender = retriever.cursor.sender
        finished = retriever.shape.finished(
            dict(record), self.partition_fields(retriever, partition)
        )
        return sender is not None and sender.was_sent(finished, partition)

    def compares_all(self, stream: str) -> bool:
        """Return whether the next sync compares every record, whatever its timestamp says."""
        strategy = self.retrievers[stream].cursor.strategy
        scan = strategy.full_scan
        if strategy.reads_all or not strategy.scans:
            return strategy.reads_all
        if scan.scanned is None:
            return True
        if self.runtime.clock.now() >= scan.scanned + scan.hours() * HOUR:
            return True
        if not isinstance(strategy, TaskStreamStrategy):
            return False
        has_children = "tasks" in self.retrievers and self.retrievers["tasks"].plan.is_parent
        if self.is_searched or not has_children:
            return False
        settings, per_minute = self.runtime.settings, self.runtime.client.budget.per_minute
        # A plan without search has the smaller quota.
        quota = min(per_minute, FREE_PER_MINUTE) if settings.may_search else per_minute
        is_replaced = is_worth_replacing(strategy.listings.cost.requests, quota)
        return not (settings.may_ask_events and is_replaced)

    @cached_property
    def is_searched(self) -> bool:
        """Whether a search finds what changed, unless Asana refuses it in every workspace."""
        if not self.runtime.settings.may_search:
            return False
        now = from_millis(self.runtime.clock.now())
        asked = {"modified_at.after": now, "limit": 1, "opt_fields": "gid"}
        for gid in {gid for one in self._task_streams for gid in one.listings.watermarks}:
            try:
                if self.requests < self.most:
                    self.ask(f"workspaces/{gid}/tasks/search", **asked)
            except Refused:
                continue
            except AsanaError:
                # It may work in the next sync.
                return True
            return True
        return False

    def brings(self, stream: str, record: Raw, partition: str) -> bool:
        """Return whether the next sync shows a record of which another version was sent.

        That is so if it compares all, or if its search, its window, its parent's newest child or an
        event tells of the record.
        """
        strategy = self.retrievers[stream].cursor.strategy
        if self.compares_all(stream):
            return True
        if isinstance(strategy, WindowStrategy):
            since = strategy.since(partition_in(partition))
            return (
                since is None or str(record.get(strategy.incremental_sync["cursor_field"])) >= since
            )
        if isinstance(strategy, NewestChildStrategy):
            router = strategy.router
            assert isinstance(router, ParentRouter)
            slice_ = Slice({}, key=partition, item=self._parent(router, partition))
            return strategy.shows_another(slice_)
        modified = to_millis(record.get("modified_at"))
        since_search = self.since(stream) - self.runtime.settings.search_overlap_minutes * 60_000
        is_fresh = modified is None or modified >= since_search
        return is_fresh or self.is_named(stream, record["gid"], partition)

    def is_named(self, stream: str, gid: str, partition: str) -> bool:
        """Return whether the events since the last sync name a task."""
        project = self._project(stream, partition)
        if project not in self._named:
            self._named[project] = self._events(project) if project else frozenset()
        named = self._named[project]
        return named is None or not named.isdisjoint((gid, f"{partition_in(partition)}/"))

    def _project(self, stream: str, partition: str) -> str:
        """Return the project whose events tell of a task, "" for none."""
        ledgers = [self.retrievers[n].cursor for n in ("tasks", "subtasks") if n in self.retrievers]
        found: str | None = partition_in(partition)
        while stream == "subtasks" and found:
            above = [cursor.partition_of(found) for cursor in ledgers]
            stream = "subtasks" if not above[0] else "tasks"
            found = next(filter(None, above), None)
        return "" if not found or found == ELSEWHERE or is_user_key(found) else found

    def _events(self, project: str) -> frozenset[str] | None:
        """Return what a project's events name since the last sync, None if there are too many.

        The next sync asks again with the same token, which is safe as no later one is used.
        """
        kept = [one.listings for one in self._task_streams]
        token = oldest([one.tokens.by_key.get(project) for one in kept], self.runtime.clock.now())
        is_asked = self.runtime.settings.may_ask_events and all(one.is_tracked for one in kept)
        if not token or not is_asked or self.requests >= self.most:
            return frozenset()
        try:
            body = self.ask("events", resource=project, sync=token.text, opt_fields=EVENT_FIELDS)
        except SyncTokenExpired:
            # Its listing is read then.
            return None
        except AsanaError:
            return frozenset()
        hints = [hint for one in events_in(body) for hint in hints_of(one, project)]
        if body.get("has_more") or any(hint.kind is Kind.LISTING for hint in hints):
            return None
        # With its name, those of its subtasks change; with a deleted subtask, its parent does.
        below = {f"{hint.gid}/" for hint in hints if hint.kind is Kind.SUBTREE}
        parents = {self._above(hint.gid) for hint in hints if hint.kind is Kind.DELETED}
        return frozenset({hint.gid for hint in hints} | below | parents)

    def _above(self, gid: str) -> str:
        """Return the parent of a subtask that was sent, "" for none."""
        known = self.retrievers.get("subtasks")
        return partition_in(known.cursor.partition_of(gid) or "") if known else ""

    def ask(self, path: str, **params: object) -> Mapping[str, Any]:
        """Return the body of an answer.

        Raises:
            AsanaError: what the answer means.
        """
        counts = self.runtime.report.counts("prepared")
        return body_of(send(self.runtime.client, path, counts=counts, params=params))

    def next_scan(self, stream: str) -> str:
        """Return when the next full scan of a stream is due."""
        scan = self.retrievers[stream].cursor.strategy.full_scan
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
    if not retrievers:
        raise config_error("The catalog selects no stream; provide one that does.")
    if told := foreign(retrievers):
        sys.stderr.write(told + "\n")
    return Prepared(runtime, retrievers)
