"""The source, which builds the streams from the manifest and runs the commands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
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
from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.sources.declarative.models import CustomRetriever
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import (
    ModelToComponentFactory,
)
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource
from airbyte_cdk.sources.message import InMemoryMessageRepository, MessageRepository
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from source_asana import files
from source_asana.check import log_what_is_skipped, verify_choice, verify_export, workspaces
from source_asana.components.retriever import AsanaRetriever
from source_asana.config import Unusable, parse_config, plain, unknown_keys
from source_asana.discovery import add_custom_columns
from source_asana.http.auth import authenticator
from source_asana.http.stop import TOLD_TO_STOP
from source_asana.messages import OwnMessages, Quiet, Visible, unfinished
from source_asana.parents.plan import StreamPlan, readers_of
from source_asana.report import Incomplete
from source_asana.runtime import CHECK_OUTAGE_SECONDS, Runtime
from source_asana.signals import Signals
from source_asana.stream import described, readable
from source_asana.summary import summary
from source_asana.wiring import Wiring, begin

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
        """Load the manifest. Callers of Airbyte's sources give all three: they come by command."""
        del catalog, config, state
        self._running: Runtime | None = None
        self._told_to_stop = False
        super().__init__(path_to_yaml=str(Path(__file__).with_name("manifest.yaml")))

    # ── reading files ──────────────────────────────────────────────────────────────────────────

    @classmethod
    @override
    def read_config(cls, config_path: str) -> dict[str, Any]:
        return _usable(lambda: files.config(config_path))

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
        return _usable(lambda: plain(config))

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
        streams = [stream.as_airbyte_stream() for stream in self.streams(config)]
        catalog = AirbyteCatalog(streams=streams)
        if parse_config(config).custom_field_columns:
            add_custom_columns(catalog, self._runtime(config, outage_seconds=CHECK_OUTAGE_SECONDS))
        return catalog

    @override
    def streams(self, config: Mapping[str, Any]) -> list[AbstractStream]:
        settings = parse_config(config)
        return [described(one, settings) for one in self._retrievers(config).values()]

    @override
    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        queue: Queue[QueueItem] = Queue(QUEUE_SIZE)
        repository = ConcurrentMessageRepository(queue, OwnMessages())
        runtime = self._runtime(config, is_behind=lambda: queue.qsize() > QUEUE_SIZE // 2)
        wiring = Wiring(runtime, self._retrievers(config), catalog, state, repository)
        if not wiring.plans:
            return
        retrievers: dict[str, AsanaRetriever] = {}
        with _told(runtime, retrievers):
            retrievers |= wiring.bind()
            _tell_unknown_keys(runtime, config)
            begin(runtime, retrievers)
            streams: list[AbstractStream] = [
                readable(one, runtime, repository) for one in retrievers.values()
            ]
            messages = _pool(runtime, queue, repository, len(streams)).read(streams)
            yield from _reported(messages, runtime, wiring.plans, repository)

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
        runtime, repository = self._runtime(config), InMemoryMessageRepository()
        wiring = Wiring(runtime, self._retrievers(config), catalog, state, repository)
        return runtime, wiring.bind()

    # ── assembly ───────────────────────────────────────────────────────────────────────────────

    def _runtime(self, config: Mapping[str, Any], **options: Any) -> Runtime:
        self._running = Runtime(parse_config(config), **options)
        client = self._running.client
        client.auth = authenticator(self.resolved_manifest, plain(config), client)
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

    def _retrievers(self, config: Mapping[str, Any]) -> dict[str, AsanaRetriever]:
        """Return the retriever of each stream by name, as the manifest declares it."""
        factory, config = ModelToComponentFactory(), plain(config)
        return {
            stream["name"]: factory.create_component(
                CustomRetriever,
                stream["retriever"],
                config,
                # As the CDK passes them on to every retriever.
                name=stream["name"],
                primary_key=stream["primary_key"],
            )
            for stream in self.resolved_manifest["streams"]
        }


def _usable(made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Have the command raise a mistake in the configuration, so that a check can answer with it."""
    try:
        return made()
    except AirbyteTracedException as mistake:
        return Unusable(mistake)


def _pool(
    runtime: Runtime, queue: Queue[QueueItem], repository: MessageRepository, streams: int
) -> ConcurrentSource:
    """Return the CDK's thread pool, with one more thread for every stream's generator.

    A child's generator holds its thread while it waits for its parents; with a thread each, none
    can starve the readers that it waits for. The budget limits the requests in flight, not the
    number of threads.
    """
    threads = ThreadPoolExecutor(runtime.settings.num_workers + streams, "workerpool")
    return ConcurrentSource(
        ThreadPoolManager(threads, SYNC_LOGGER, max_concurrent_tasks=SLICES_AHEAD),
        SYNC_LOGGER,
        queue=queue,
        message_repository=repository,
        initial_number_partitions_to_generate=streams,
    )


def _reported(
    messages: Iterator[AirbyteMessage],
    runtime: Runtime,
    plans: list[StreamPlan],
    repository: MessageRepository,
) -> Iterator[AirbyteMessage]:
    """Yield the messages of a sync, as far as somebody wants to see them."""
    parent_only = {one.name for one in plans if one.parent_only}
    selected = {one.name for one in plans} - parent_only
    report = runtime.report
    visible = Visible(parent_only, runtime.stop, report)
    report.readers = readers_of(plans)
    report.on_look = Signals(runtime, repository, selected).look
    report.start()
    try:
        yield from visible.of(messages)
    except AirbyteTracedException:
        if runtime.stop.fatal:
            raise runtime.stop.fatal from None
        if visible.failed:
            raise unfinished(visible.failed, parent_only) from None
        raise


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
