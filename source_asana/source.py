"""The source, which builds the streams from the manifest and runs the commands.

Private names of the CDK are used here and in `parents/slices.py`; a test lists them all, and holds
that the CDK has them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
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
from source_asana.check import log_what_is_skipped, verify_choice, verify_export, workspaces
from source_asana.components.retriever import AsanaRetriever
from source_asana.config import Settings, Unusable, parse_config, plain, unknown_keys
from source_asana.cursors.cursor import AsanaCursor
from source_asana.discovery import add_custom_columns
from source_asana.http.auth import authenticator
from source_asana.http.stop import TOLD_TO_STOP
from source_asana.messages import OwnMessages, Quiet, Visible, unfinished
from source_asana.parents.plan import StreamPlan, plan, readers_of
from source_asana.report import Incomplete
from source_asana.runtime import CHECK_OUTAGE_SECONDS, Runtime
from source_asana.signals import Signals
from source_asana.stream import StreamSlices
from source_asana.summary import summary
from source_asana.wiring import Wiring, begin, cursor_field_of, router_of, schema_of

SYNC_LOGGER = logging.getLogger("airbyte.source_asana.sync")

# Messages that wait for a slow destination; the CDK's 10,000 would take hundreds of megabytes.
QUEUE_SIZE = 500
# Slices that wait for a worker, and finished ones that are not put away yet, take 3 kB each; the
# CDK's limit is 10,000.
SLICES_AHEAD = 2000


class SourceAsana(YamlDeclarativeSource):
    """Asana's streams for Airbyte."""

    # `parse_config` checks the settings, in sentences that quote no value; the CDK's quote them.
    check_config_against_spec = False

    def __init__(
        self,
        catalog: ConfiguredAirbyteCatalog | None = None,
        config: Mapping[str, Any] | None = None,
        state: list[AirbyteStateMessage] | None = None,
    ) -> None:
        """Build the source; every argument may come later, with a command."""
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

    @override
    def _validate_source(self) -> None:
        """Do nothing: a test validates the manifest, which takes a tenth of a second."""

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
            _tell_unknown_keys(runtime, config)
            found = workspaces(runtime)
            verify_choice(runtime, found, projects=True)
            verify_export(runtime, found)
            skipped = log_what_is_skipped(runtime, found)
        except AirbyteTracedException as error:
            return AirbyteConnectionStatus(status=Status.FAILED, message=error.message)
        return AirbyteConnectionStatus(status=Status.SUCCEEDED, message=skipped)

    @override
    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        catalog = super().discover(logger, config)
        if parse_config(config).custom_field_columns:
            add_custom_columns(catalog, self._runtime(config, outage_seconds=CHECK_OUTAGE_SECONDS))
        return catalog

    @override
    def streams(self, config: Mapping[str, Any]) -> list[AbstractStream]:
        settings = parse_config(config)
        declared = self._declared(config)
        return [_stream(stream, settings) for stream in declared.values()]

    @override
    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        queue = self._concurrent_source._queue
        queue.maxsize = QUEUE_SIZE
        runtime = self._runtime(config, is_behind=lambda: queue.qsize() > QUEUE_SIZE // 2)
        self._connector_state_manager = ConnectorStateManager(files.per_stream(state))
        self._message_repository = ConcurrentMessageRepository(queue, OwnMessages())
        declared = self._declared(config)
        plans = self._plans(runtime, catalog, declared)
        if not plans:
            return
        retrievers: dict[str, AsanaRetriever] = {}
        with _told(runtime, retrievers):
            retrievers |= self._wired(runtime, plans, declared)
            _tell_unknown_keys(runtime, config)
            begin(runtime, retrievers)
            streams: list[AbstractStream] = [
                _stream(declared[one.name], runtime.settings, retrievers[one.name], runtime)
                for one in plans
            ]
            yield from self._messages(runtime, plans, streams)

    def prepare(
        self,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage],
    ) -> tuple[Runtime, dict[str, AsanaRetriever]]:
        """Return what a sync would read with, the states loaded; nothing has been asked yet.

        Raises:
            AirbyteTracedException: a mistake in config, catalog or state.
        """
        runtime = self._runtime(config)
        self._connector_state_manager = ConnectorStateManager(files.per_stream(state))
        declared = self._declared(config)
        plans = self._plans(runtime, catalog, declared)
        return runtime, self._wired(runtime, plans, declared)

    def _messages(
        self, runtime: Runtime, plans: list[StreamPlan], streams: list[AbstractStream]
    ) -> Iterator[AirbyteMessage]:
        """Yield the messages of a sync, as far as somebody wants to see them."""
        parent_only = {one.name for one in plans if one.parent_only}
        selected = {one.name for one in plans} - parent_only
        report = runtime.report
        visible = Visible(parent_only, runtime.stop, report)
        report.readers = readers_of(plans)
        report.on_look = Signals(runtime, self._message_repository, selected).look
        report.start()
        try:
            messages = self._concurrent(runtime, len(streams)).read(streams)
            yield from visible.of(messages)
        except AirbyteTracedException:
            if runtime.stop.fatal:
                raise runtime.stop.fatal from None
            if visible.failed:
                raise unfinished(visible.failed, parent_only) from None
            raise

    # ── assembly ───────────────────────────────────────────────────────────────────────────────

    def _runtime(self, config: Mapping[str, Any], **options: Any) -> Runtime:
        self._config = plain(config)
        self._running = Runtime(parse_config(self._config), **options)
        client = self._running.client
        client.auth = authenticator(self.resolved_manifest, self._config, client)
        if self._told_to_stop:
            self.stop()
        return self._running

    def stop(self) -> None:
        """End the running read, or the one that is about to begin; any thread may call it.

        Requests under way are answered, the last states are printed, the streams end incomplete.
        """
        self._told_to_stop = True
        if self._running:
            self._running.stop.abort(
                AirbyteTracedException(
                    message=TOLD_TO_STOP, failure_type=FailureType.transient_error
                )
            )

    def _declared(self, config: Mapping[str, Any]) -> dict[str, DefaultStream]:
        self._config = plain(config)
        return {
            stream.name: stream
            for stream in super().streams(self._config)
            if isinstance(stream, DefaultStream)
        }

    def _plans(
        self,
        runtime: Runtime,
        catalog: ConfiguredAirbyteCatalog,
        declared: Mapping[str, DefaultStream],
    ) -> list[StreamPlan]:
        """Return the plans of all streams that are read, parents before children."""
        retrievers = {name: _retriever(stream) for name, stream in declared.items()}
        routers = {name: router_of(retriever) for name, retriever in retrievers.items()}
        for router in routers.values():
            router.bind(runtime.settings, runtime.feeds)
        further = {
            name: frozenset({retriever.incremental["newest_child"]})
            for name, retriever in retrievers.items()
            if "newest_child" in retriever.incremental
        }
        return plan(catalog, routers, further)

    def _wired(
        self,
        runtime: Runtime,
        plans: list[StreamPlan],
        declared: Mapping[str, DefaultStream],
    ) -> dict[str, AsanaRetriever]:
        """Return the retrievers of the planned streams, each with its cursor."""
        keys = {name: list(stream._primary_key) for name, stream in declared.items()}
        wiring = Wiring(runtime, self._connector_state_manager, self._message_repository, keys)
        return wiring.bind(plans, {name: _retriever(stream) for name, stream in declared.items()})

    def _concurrent(self, runtime: Runtime, streams: int) -> ConcurrentSource:
        """Return the CDK's thread pool, with one more thread for every stream's generator.

        A child's generator holds its thread while it waits for its parents; with a thread each,
        none can starve the readers that it waits for. The budget limits the requests in flight, not
        the number of threads.
        """
        source = ConcurrentSource.create(
            num_workers=runtime.settings.num_workers + streams,
            initial_number_of_partitions_to_generate=streams,
            logger=SYNC_LOGGER,
            slice_logger=self._slice_logger,
            queue=self._concurrent_source._queue,
            message_repository=self._message_repository,
        )
        source._threadpool._max_concurrent_tasks = SLICES_AHEAD
        return source


def _tell_unknown_keys(runtime: Runtime, config: Mapping[str, Any]) -> None:
    if unknown := unknown_keys(config):
        runtime.report.tell(
            f"Unknown config keys are ignored: {', '.join(unknown)}. Correct their spelling, or "
            "remove them."
        )


@contextmanager
def _told(runtime: Runtime, retrievers: Mapping[str, AsanaRetriever]) -> Iterator[None]:
    """Have the log say what a sync did: why it failed, if it did, and at the end its summary."""
    status, quiet = "stopped", Quiet(runtime.stop)
    SYNC_LOGGER.addFilter(quiet)
    try:
        yield
        status = "complete"
    except Incomplete:
        status = "incomplete"
        raise
    except AirbyteTracedException as error:
        if error.message != TOLD_TO_STOP:
            status = "failed"
            SYNC_LOGGER.error("%s", error.message)  # noqa: TRY400  # the trace has the traceback
        raise
    finally:
        SYNC_LOGGER.removeFilter(quiet)
        runtime.report.close()
        found = summary(runtime, retrievers, status)
        SYNC_LOGGER.info("Sync summary %s", orjson.dumps(found).decode())


def _stream(
    built: DefaultStream,
    settings: Settings,
    retriever: AsanaRetriever | None = None,
    runtime: Runtime | None = None,
) -> DefaultStream:
    """Return the CDK's stream around our slices and cursor; without a sync it is only described."""
    described = retriever or _retriever(built)
    factory = built._stream_partition_generator._partition_factory  # type: ignore[attr-defined]  # the declarative one
    slicer: StreamSlicer = router_of(described)
    cursor: AsanaCursor | None = None
    if retriever and runtime:
        slicer, cursor = StreamSlices(retriever, runtime), retriever.cursor
    return DefaultStream(
        partition_generator=StreamSlicerPartitionGenerator(factory, slicer),
        name=built.name,
        json_schema=lambda: schema_of(described, settings),
        primary_key=built._primary_key,
        cursor_field=CursorField(cursor_field_of(described)),
        logger=built._logger,
        cursor=cursor or built.cursor,
    )


def _retriever(stream: DefaultStream) -> AsanaRetriever:
    retriever = stream._stream_partition_generator._partition_factory._retriever  # type: ignore[attr-defined]  # as above
    assert isinstance(retriever, AsanaRetriever)
    return retriever
