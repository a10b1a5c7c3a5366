"""Puts together the streams of one sync: plan, strategy, ledger, cursor and retriever of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airbyte_cdk.models import AirbyteStateMessage, ConfiguredAirbyteCatalog
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository

from source_asana import files
from source_asana.check import unlisted, verify_choice
from source_asana.components.deletions import Deletions
from source_asana.components.retriever import AsanaRetriever
from source_asana.config import Settings
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.partial import (
    AppendOnlyStrategy,
    NewestChildStrategy,
    SyncTokenStrategy,
    WindowStrategy,
)
from source_asana.cursors.sending import Sender, Stamps, fingerprinter
from source_asana.cursors.states import States
from source_asana.cursors.strategies import Strategy
from source_asana.exports.finder import ExportFinder
from source_asana.fields.schemas import DELETED_AT, load_schema, with_columns
from source_asana.http.errors import AsanaError
from source_asana.messages import all_found
from source_asana.parents.plan import StreamPlan, plan
from source_asana.parents.routers import AsanaRouter
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime
from source_asana.tasks.children import TaskChildrenStrategy
from source_asana.tasks.strategies import SubtasksStrategy, TasksStrategy
from source_asana.tasks.streams import task_streams

LOGGER = logging.getLogger("airbyte.source_asana.wiring")
# The manifest's `incremental_sync.strategy` -> its class.
STRATEGIES: Mapping[str, type[Strategy]] = {
    "everything": Strategy,
    "newest_child": NewestChildStrategy,
    "lookback_window": WindowStrategy,
    "append_only": AppendOnlyStrategy,
    "sync_token": SyncTokenStrategy,
    "tasks": TasksStrategy,
    "subtasks": SubtasksStrategy,
    "task_children": TaskChildrenStrategy,
}
# Strategies without a ledger, as nothing that they show comes twice.
WITHOUT_LEDGER = frozenset({"sync_token"})
# Strategies whose cursor field is Asana's own stamp; all others have `synced_at`.
LOGS = frozenset({"sync_token", "append_only"})


def router_of(retriever: AsanaRetriever) -> AsanaRouter:
    """Return the router that the manifest gives a stream."""
    router = retriever.partition_router
    assert isinstance(router, AsanaRouter)
    return router


def strategy_name(retriever: AsanaRetriever) -> str:
    """Return the name of the stream's strategy in the manifest."""
    name: str = retriever.incremental_sync.get("strategy", "everything")
    return name


def cursor_field_of(retriever: AsanaRetriever) -> str:
    """Return the cursor field of a stream."""
    if strategy_name(retriever) not in LOGS:
        return "synced_at"
    column: str = retriever.incremental_sync.get("cursor_field") or "created_at"
    return column


def tracks_deletions(retriever: AsanaRetriever, settings: Settings) -> bool:
    """Return whether the deletions of a stream are tracked, if its catalog entry allows that."""
    is_told = strategy_name(retriever) not in LOGS and retriever.object_path != ""
    return settings.track_deletions and is_told


def schema_of(retriever: AsanaRetriever, settings: Settings) -> dict[str, Any]:
    """Return the JSON schema of a stream."""
    schema = load_schema(retriever.name)
    if not tracks_deletions(retriever, settings):
        return schema
    return with_columns(schema, {"_ab_cdc_deleted_at": DELETED_AT})


class Wiring:
    """Makes the parts of a sync's streams and joins them.

    Args:
        runtime: what all streams share.
        retrievers: those of all streams by name, as the manifest declares them.
        catalog: what the user selected.
        state: the states of earlier syncs.
        repository: takes the states to print.

    Attributes:
        plans: what is read, parents before children; empty if the catalog selects nothing.

    Raises:
        AirbyteTracedException: a config error for a catalog or a state that is not one of ours.
    """

    def __init__(
        self,
        runtime: Runtime,
        retrievers: Mapping[str, AsanaRetriever],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None,
        repository: MessageRepository,
    ) -> None:
        self._runtime = runtime
        self._retrievers = retrievers
        manager = ConnectorStateManager(files.per_stream(state))
        self._states = States(manager, repository, runtime.report.tell)
        self._stamps = Stamps(runtime.clock.now)
        self.plans = planned(runtime, retrievers, catalog)
        # An export takes a workspace before a search does.
        streams = task_streams(runtime)
        streams.finders.insert(0, ExportFinder(runtime, streams.selected))

    def bind(self) -> dict[str, AsanaRetriever]:
        """Give every planned stream its cursor, bind its retriever, and return these by name."""
        bound = {one.name: self._retrievers[one.name] for one in self.plans}
        for one in self.plans:
            retriever = bound[one.name]
            retriever.bind(self._runtime, one, self._cursor(one, retriever), bound)
            if self._runtime.settings.track_deletions and not one.parent_only:
                self._say_untracked(one, retriever)
        if told := foreign(bound):
            LOGGER.warning("%s", told)
        return bound

    def _say_untracked(self, plan: StreamPlan, retriever: AsanaRetriever) -> None:
        """Log why the deletions of a stream are not tracked, if they are not."""
        if retriever.cursor.missing:
            return
        if not tracks_deletions(retriever, self._runtime.settings):
            why = "no deletions are tracked in this stream"
        elif not plan.is_incremental:
            why = "a full refresh shows what is there"
        elif not plan.takes_tombstones:
            why = (
                "the catalog has no `synced_at` or no `_ab_cdc_deleted_at`, or orders by another "
                "cursor; refresh the schema"
            )
        else:
            why = "its state has no room for the keys"
        LOGGER.info("Stream %s: deletions are not tracked: %s.", plan.name, why)

    def _cursor(self, plan: StreamPlan, retriever: AsanaRetriever) -> AsanaCursor:
        name = strategy_name(retriever)
        router = router_of(retriever)
        strategy = STRATEGIES[name](plan, router, self._runtime, retriever.incremental_sync)
        sender = None if name in WITHOUT_LEDGER else self._sender(strategy, retriever)
        return AsanaCursor(
            plan,
            strategy,
            sender,
            self._runtime,
            states=self._states,
            stamps=self._stamps,
            tracks_deletions=plan.takes_tombstones
            and tracks_deletions(retriever, self._runtime.settings),
        )

    def _sender(self, strategy: Strategy, retriever: AsanaRetriever) -> Sender:
        fingerprint = fingerprinter(frozenset(retriever.volatile))
        key, stop = retriever.primary_key, self._runtime.stop
        return Sender(strategy.lock, key, fingerprint, self._stamps, stop)


def planned(
    runtime: Runtime, retrievers: Mapping[str, AsanaRetriever], catalog: ConfiguredAirbyteCatalog
) -> list[StreamPlan]:
    """Return the plans of all streams that are read, parents before children."""
    routers = {name: router_of(retriever) for name, retriever in retrievers.items()}
    for router in routers.values():
        router.bind(runtime.settings, runtime.feeds)
    further = {
        name: frozenset({retriever.incremental_sync["newest_child"]})
        for name, retriever in retrievers.items()
        if "newest_child" in retriever.incremental_sync
    }
    return plan(catalog, routers, further)


def foreign(retrievers: Mapping[str, AsanaRetriever]) -> str | None:
    """Return the sentence about the streams whose state is of another connector, if there are."""
    names = [name for name, one in retrievers.items() if one.cursor.stream_state.is_foreign]
    if not names:
        return None
    return (
        "These streams have a state of another connector, which counts as none, so a sync reads "
        f"them completely: {', '.join(sorted(names))}."
    )


def begin(runtime: Runtime, retrievers: Mapping[str, AsanaRetriever]) -> None:
    """List the workspaces, and check the ids in the configuration against them.

    Their answer is the first to show the server's clock.
    """
    first = next((r for r in retrievers.values() if r.lists_workspaces), None)
    if first is None:
        return
    slice_ = next(iter(router_of(first).stream_slices()))
    assert isinstance(slice_, Slice)
    try:
        found = [record for record in first.preload(slice_) if first.filter.keeps(record)]
    except AsanaError as error:
        raise unlisted(error) from None
    runtime.workspaces = frozenset(record["gid"] for record in found)
    tracked = [one for one in retrievers.values() if one.cursor.missing]
    if tracked:
        runtime.user = first.lookup.token_user()
    verify_choice(runtime, runtime.workspaces, projects=False)
    now = runtime.clock.latest
    if now is not None:
        for retriever in retrievers.values():
            retriever.cursor.stream_state.drop_after(now)
    deletions = runtime.part(Deletions)
    for retriever in tracked:
        # Before anything is planned: where the log can be read, full scans can be rare.
        deletions.since(retriever.cursor.stream_state.audit_watermark, retriever.counts)
    for retriever in retrievers.values():
        retriever.cursor.stream_state.notice_scope()
        retriever.notice_columns()
    task_streams(runtime).plan()
    for retriever in retrievers.values():
        all_found(runtime, retriever.name, retriever.keep_only)
