"""The source.

Builds the streams from the manifest, gives them what they share, and reads parents before children.

Private names of the CDK are used in this module only; a test holds that they exist.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from airbyte_cdk.config_observation import create_connector_config_control_message
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteMessageSerializer,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    FailureType,
    Status,
)
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.cursor import CursorField
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from source_asana import files
from source_asana.components.check import say_what_is_skipped, unlisted, verify_ids, workspaces
from source_asana.components.cursors import AsanaCursor, BoundCursor
from source_asana.components.cursors_children import ChildCursor
from source_asana.components.cursors_family import TaskFamilyCursor
from source_asana.components.cursors_lists import DigestCursor, GateCursor, TokenCursor
from source_asana.components.cursors_walks import ListingCursor, WalkCursor
from source_asana.components.errors import AsanaError
from source_asana.components.messages import (
    OwnMessages,
    Untraced,
    all_found,
    unfinished,
    visible,
)
from source_asana.components.partitions import AsanaRouter
from source_asana.components.plan import Step, plan
from source_asana.components.retriever import AsanaRetriever
from source_asana.components.retriever_portfolios import ItemRetriever, PortfolioRetriever
from source_asana.components.retriever_tasks import SubtaskRetriever, TaskRetriever
from source_asana.components.runtime import CHECK_OUTAGE_SECONDS, Runtime
from source_asana.components.slices import Slices
from source_asana.config import Unusable, config_error, parse_config

SYNC_LOGGER = logging.getLogger("airbyte.source_asana.sync")
SYNC_LOGGER.addFilter(Untraced())

# Records waiting for a slow destination; the CDK's 10,000 hold hundreds of megabytes.
QUEUE_SIZE = 500
# Slices that wait for a worker, and finished ones that are not put away yet, 3 kB each; the CDK's
# limit is 10,000.
SLICES_AHEAD = 2000
KINDS: Mapping[str, type[AsanaCursor]] = {
    "listing": ListingCursor,
    "walk": WalkCursor,
    "parent": ChildCursor,
    "bound": BoundCursor,
    "gate": GateCursor,
    "digest": DigestCursor,
    "token": TokenCursor,
}


class SourceAsana(YamlDeclarativeSource):
    """Asana's streams for Airbyte."""

    # The settings are checked by `parse_config`, whose sentences quote no value; the CDK's quote
    # the config.
    check_config_against_spec = False

    def __init__(
        self,
        catalog: ConfiguredAirbyteCatalog | None = None,
        config: Mapping[str, Any] | None = None,
        state: list[AirbyteStateMessage] | None = None,
    ) -> None:
        """Build the source; every argument may come later, with the command."""
        if config is not None:
            parse_config(config)
        self._running: Runtime | None = None
        self._told_to_stop = False
        super().__init__(
            path_to_yaml=str(Path(__file__).with_name("manifest.yaml")),
            catalog=catalog,
            config=config,
            state=state,
        )

    # ── reading files ──────────────────────────────────────────────────────────────────────────

    @classmethod
    @override
    def read_config(cls, config_path: str) -> dict[str, Any]:
        return files.config(config_path)

    @classmethod
    @override
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        return files.catalog(catalog_path)

    @classmethod
    @override
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        return files.state(state_path)

    @override
    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:
        # A mistake is raised by the command, so that a check can answer with it.
        self._config = config if isinstance(config, Unusable) else files.usable(config)
        return super().configure(self._config, temp_dir)

    # ── commands ───────────────────────────────────────────────────────────────────────────────

    @override
    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        try:
            runtime = self._runtime(config, outage_seconds=CHECK_OUTAGE_SECONDS)
            found = workspaces(runtime)
            verify_ids(runtime, found, projects=True)
            say_what_is_skipped(runtime, found)
        except AirbyteTracedException as error:
            return AirbyteConnectionStatus(status=Status.FAILED, message=error.message)
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    @override
    def streams(self, config: Mapping[str, Any]) -> list[AbstractStream]:
        parse_config(config)
        declared = self._declared(config)
        return [_stream(name, declared[name], _router(declared[name]), None) for name in declared]

    @override
    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        runtime = self._runtime(config)
        self._connector_state_manager = _states(state)
        self._message_repository = ConcurrentMessageRepository(
            self._concurrent_source._queue, OwnMessages()
        )
        declared = self._declared(config)
        for stream in declared.values():
            _router(stream).bind(runtime)
        steps = plan(catalog, {name: _router(stream) for name, stream in declared.items()})
        if not steps:
            return
        streams = self._assembled_all(steps, declared, runtime)
        self._begin(runtime, declared, steps)
        hidden = {step.name for step in steps if step.wanted.hidden}
        failed: dict[str, FailureType | None] = {}
        runtime.report.start()
        try:
            yield from visible(
                self._concurrent(runtime, len(streams)).read(streams), hidden, failed, runtime
            )
        except AirbyteTracedException:
            if runtime.fatal:
                raise runtime.fatal from None
            if failed:
                raise unfinished(failed, hidden) from None
            raise
        finally:
            runtime.report.close()

    # ── assembly ───────────────────────────────────────────────────────────────────────────────

    def _runtime(self, config: Mapping[str, Any], **options: Any) -> Runtime:
        settings = parse_config(config)
        self._config = dict(config)
        self._running = Runtime(settings, on_rotation=self._rotated, **options)
        if self._told_to_stop:
            self.stop()
        return self._running

    def stop(self) -> None:
        """End the running read, or the one that is about to begin.

        Requests under way are answered, the last states are printed, the streams end incomplete.
        """
        self._told_to_stop = True
        if self._running:
            self._running.abort(
                AirbyteTracedException(
                    message=(
                        "The sync was told to stop before its end; the next one goes on from "
                        "the states it printed."
                    ),
                    failure_type=FailureType.transient_error,
                )
            )

    def _rotated(self, refresh_token: str) -> None:
        credentials = {**self._config["credentials"], "refresh_token": refresh_token}
        self._config = {**self._config, "credentials": credentials}
        message = create_connector_config_control_message(dict(self._config))
        # At once, as the old token is worthless from now on; not into a line of another thread.
        with PRINT_BUFFER.lock:
            sys.stdout.write(orjson.dumps(AirbyteMessageSerializer.dump(message)).decode() + "\n")
            sys.stdout.flush()

    def _declared(self, config: Mapping[str, Any]) -> dict[str, DefaultStream]:
        self._config = dict(config)
        return {
            stream.name: stream
            for stream in super().streams(config)
            if isinstance(stream, DefaultStream)
        }

    def _assembled_all(
        self, steps: list[Step], declared: Mapping[str, DefaultStream], runtime: Runtime
    ) -> list[AbstractStream]:
        items = next(
            (_retriever(declared[s.name]) for s in steps if s.name == "portfolio_items"), None
        )
        if isinstance(items, ItemRetriever):
            portfolios = _retriever(declared["portfolios"])
            assert isinstance(portfolios, PortfolioRetriever)
            items.parent_retriever = portfolios
        tasks, subtasks = (
            next((_retriever(declared[s.name]) for s in steps if s.name == name), None)
            for name in ("tasks", "subtasks")
        )
        if isinstance(tasks, TaskRetriever) and isinstance(subtasks, SubtaskRetriever):
            tasks.subtasks = subtasks
        return [self._assembled(step, declared, runtime) for step in steps]

    def _assembled(
        self, step: Step, declared: Mapping[str, DefaultStream], runtime: Runtime
    ) -> DefaultStream:
        stream = declared[step.name]
        retriever, router = _retriever(stream), _router(stream)
        change = retriever.change or {}
        kind = KINDS[change["kind"]] if change else AsanaCursor
        # PyAirbyte asks for this of all streams: those without a cursor are read whole.
        incremental = step.incremental and bool(change)
        cursor = kind(
            step.name,
            router,
            runtime=runtime,
            states=self._connector_state_manager,
            repository=self._message_repository,
            incremental=incremental,
            change=change,
        )
        if isinstance(cursor, ListingCursor):
            cursor.listed_whole = step.wanted.feeds
        runtime.feeds.tasks.walking |= step.name == "subtasks"
        if isinstance(cursor, TaskFamilyCursor) and not step.wanted.hidden:
            runtime.searches.family.append(cursor)
        retriever.bind(runtime, step.wanted, cursor)
        if (
            isinstance(cursor, ChildCursor)
            and change.get("holders")
            and runtime.settings.may_search
        ):
            cursor.ask_search(retriever.holders)
        return _stream(
            step.name, stream, Slices(step, cursor, runtime, scout=retriever.scout), cursor
        )

    def _begin(
        self, runtime: Runtime, declared: Mapping[str, DefaultStream], steps: list[Step]
    ) -> None:
        """List the workspaces, whose answer is the first to show the server's clock.

        And check the configured ids.
        """
        step = next((step for step in steps if step.name == "workspaces"), None)
        if step is None:
            return
        retriever = _retriever(declared["workspaces"])
        piece = next(iter(_router(declared["workspaces"]).stream_slices()))
        try:
            found = [record for record in retriever.preload(piece) if retriever.kept(record)]
        except AsanaError as error:
            raise unlisted(error) from None
        runtime.workspaces = frozenset(record["gid"] for record in found)
        verify_ids(runtime, runtime.workspaces, projects=False)
        settings, searches = runtime.settings, runtime.searches
        searches.enabled = settings.may_search and all(
            cursor.incremental for cursor in searches.family
        )
        searches.plan(
            sorted(runtime.workspaces),
            per_minute=runtime.budget.per_minute,
            forced=settings.change_detection == "search",
        )
        names = {step.name for step in steps}
        if "projects" in names and runtime.settings.project_ids:
            feed = runtime.feeds.of("projects")
            feed.when_closed = lambda: all_found(
                runtime, {item["gid"] for item in feed.items()}, feed.ending
            )

    def _concurrent(self, runtime: Runtime, streams: int) -> ConcurrentSource:
        """Return the CDK's thread pool, with a thread for every stream's generator.

        They come besides the readers' threads.

        A child's generator waits for its parents and holds a thread meanwhile; with a thread each,
        none can starve the readers that it waits for. Requests in flight are limited by the budget,
        not by the threads.
        """
        queue = self._concurrent_source._queue
        queue.maxsize = QUEUE_SIZE
        runtime.room.backlog = lambda: queue.qsize() > QUEUE_SIZE // 2
        source = ConcurrentSource.create(
            num_workers=runtime.settings.num_workers + streams,
            initial_number_of_partitions_to_generate=streams,
            logger=SYNC_LOGGER,
            slice_logger=self._slice_logger,
            queue=queue,
            message_repository=self._message_repository,
        )
        source._threadpool._max_concurrent_tasks = SLICES_AHEAD
        return source


def _stream(
    name: str, built: DefaultStream, slicer: StreamSlicer, cursor: AsanaCursor | None
) -> DefaultStream:
    """Return the CDK's stream of that name around our slices and cursor."""
    field = (_retriever(built).change or {}).get("cursor_field")
    factory = built._stream_partition_generator._partition_factory  # type: ignore[attr-defined]  # the declarative one
    return DefaultStream(
        partition_generator=StreamSlicerPartitionGenerator(factory, slicer),
        name=name,
        json_schema=built.get_json_schema,
        primary_key=built._primary_key,
        cursor_field=CursorField(field) if field else None,
        logger=built._logger,
        cursor=cursor or built.cursor,
    )


def _retriever(stream: DefaultStream) -> AsanaRetriever:
    retriever = stream._stream_partition_generator._partition_factory._retriever  # type: ignore[attr-defined]  # as above
    assert isinstance(retriever, AsanaRetriever)
    return retriever


def _router(stream: DefaultStream) -> AsanaRouter:
    router = _retriever(stream).partition_router
    assert isinstance(router, AsanaRouter)
    return router


def _states(state: list[AirbyteStateMessage] | None) -> ConnectorStateManager:
    try:
        return ConnectorStateManager(state=state)
    except Exception as error:  # noqa: BLE001  # the manager raises whatever a value provokes
        raise config_error(
            "The state is no list of Airbyte states per stream: give the states that an earlier "
            "sync printed, or none.",
            internal=type(error).__name__,
        ) from None


__all__ = ["SourceAsana"]
