"""A stream as the CDK reads it, and its slices as the CDK's generator threads ask for them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterable, Iterator

from airbyte_cdk.models import FailureType, StreamDescriptor
from airbyte_cdk.sources.declarative.schema import InlineSchemaLoader
from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    DeclarativePartitionFactory,
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.message import InMemoryMessageRepository, MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, CursorField, FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from source_asana.components.deletions import Deletions
from source_asana.components.retriever import AsanaRetriever
from source_asana.config import Settings, config_error
from source_asana.parents.feeds import Ending, ParentFailedError
from source_asana.parents.slices import Slice
from source_asana.report import Incomplete
from source_asana.runtime import Runtime
from source_asana.wiring import cursor_field_of, router_of, schema_of


def described(retriever: AsanaRetriever, settings: Settings) -> DefaultStream:
    """Return a stream that says what it is, and cannot be read."""
    repository = InMemoryMessageRepository()
    cursor = FinalStateCursor(retriever.name, None, repository)
    return _stream(retriever, settings, router_of(retriever), cursor, repository)


def readable(
    retriever: AsanaRetriever, runtime: Runtime, repository: MessageRepository
) -> DefaultStream:
    """Return the stream that a bound retriever reads."""
    slices = StreamSlices(retriever, runtime)
    return _stream(retriever, runtime.settings, slices, retriever.cursor, repository)


def _stream(
    retriever: AsanaRetriever,
    settings: Settings,
    slicer: StreamSlicer,
    cursor: Cursor,
    repository: MessageRepository,
) -> DefaultStream:
    name, schema = retriever.name, schema_of(retriever, settings)
    loader = InlineSchemaLoader(schema, {})
    factory = DeclarativePartitionFactory(name, loader, retriever, repository)
    return DefaultStream(
        partition_generator=StreamSlicerPartitionGenerator(factory, slicer),
        name=name,
        json_schema=schema,
        primary_key=retriever.primary_key,
        cursor_field=CursorField(cursor_field_of(retriever)),
        logger=logging.getLogger(f"airbyte.{name}"),
        cursor=cursor,
    )


class StreamSlices(StreamSlicer):
    """Yields the slices of a stream's strategy, and tells the stream's feed how many listings come.

    Args:
        retriever: the stream's, bound.
        runtime: what all streams share.
    """

    def __init__(self, retriever: AsanaRetriever, runtime: Runtime) -> None:
        self._retriever = retriever
        self._plan = retriever.plan
        self._cursor = retriever.cursor
        self._runtime = runtime
        self._counts = runtime.report.counts(self._plan.name)

    @override
    def stream_slices(self) -> Iterable[Slice]:
        try:
            failure = yield from self._found()
            if self._cursor.is_incremental:
                self._cursor.open_slices.wait_until_over()
                self._complain_of_withdrawn_access()
                yield from self._settled(is_sound=failure is None)
            if failure:
                # What was found is settled all the same.
                raise parent_failure(self._plan.name, failure) from failure
        finally:
            # However it ended: others wait for it.
            self._cursor.confirmed.set()

    def _found(self) -> Generator[Slice, None, ParentFailedError | None]:
        """Yield the slices that read the stream; return why parents of it are missing."""
        try:
            yield from self._announced()
            if self._plan.is_parent:
                self._runtime.feeds.of(self._plan.name).wait_until_complete()
        except ParentFailedError as error:
            # The parents of an aborted sync have not failed by themselves.
            self._runtime.stop.check()
            return error
        return None

    def _settled(self, *, is_sound: bool) -> Iterator[Slice]:
        """Note what was covered, and yield the slices in which Asana is asked about the missing."""
        cursor, stop = self._cursor, self._runtime.stop
        for parent in cursor.router.parents():
            # What it finds deleted takes along what hangs on it.
            stop.wait_for(self._retriever.others[parent].cursor.confirmed)
        since = cursor.stream_state.audit_watermark if cursor.missing else None
        hinted, is_complete = self._runtime.part(Deletions).since(since, self._counts)
        until = self._runtime.clock.began() if is_complete else None
        cursor.settle(hinted, until, is_sound=is_sound)
        yield from cursor.to_confirm()

    def _announced(self) -> Iterator[Slice]:
        """Yield the slices; tell the feed of each, and at the end that there are no more."""
        feed = self._runtime.feeds.of(self._plan.name) if self._plan.is_parent else None
        ending = Ending.FAILED
        try:
            for slice_ in self._probed(self._cursor.stream_slices()):
                if self._is_skippable(slice_):
                    continue
                self._counts.known += 1
                if feed is not None:
                    feed.expect()
                yield slice_
            ending = min(self._cursor.router.ending(), Ending.REFUSED)
            self._report_missing_parents()
        finally:
            if feed is not None:
                feed.announced(ending)
            if ending is Ending.FAILED:
                self._retriever.given_up()

    def _probed(self, slices: Iterable[Slice]) -> Iterator[Slice]:
        """Yield the slices; with `probe_first`, a workspace's first one ends before the others."""
        known: set[str | None] = set()
        for slice_ in slices:
            workspace = slice_.workspace
            if not self._retriever.probe_first or workspace in known:
                yield slice_
                continue
            known.add(workspace)
            slice_.ended = threading.Event()
            yield slice_
            self._runtime.stop.wait_for(slice_.ended)

    def _is_skippable(self, slice_: Slice) -> bool:
        """Return whether none of the readers of this parent needs the slice."""
        if not self._plan.parent_only:
            return False
        readers = [self._retriever.others[name].cursor for name in self._plan.readers]
        return bool(readers) and all(
            self._plan.name in reader.router.skippable_parents()
            and reader.strategy.can_skip(slice_)
            for reader in readers
        )

    def _complain_of_withdrawn_access(self) -> None:
        """Fail a stream that may no longer read columns, or any partition, of an earlier sync.

        What a plan does not include is no such loss.
        """
        counts, columns = self._counts, self._cursor.columns
        if not columns.were_read:
            return
        if columns.withdrawn:
            names = ", ".join(sorted(columns.withdrawn))
            raise config_error(
                f"Stream {self._plan.name}: the token may no longer read {names}; grant the scope "
                "that the warning names, or deselect the columns. The stream sends nothing until "
                "then, as nulls would replace values that were sent before."
            )
        if counts.withdrawn and counts.refused == counts.known:
            raise AirbyteTracedException(
                message=(
                    f"Stream {self._plan.name}: Asana refuses everything that earlier syncs could "
                    "read. Give the token's user access again, or deselect the stream; the "
                    "warnings above say what was refused."
                ),
                failure_type=FailureType.config_error,
            )

    def _report_missing_parents(self) -> None:
        """Report that the children of refused parents are missing.

        The refusals themselves are reported where they occurred.
        """
        if self._plan.parent_only:
            return
        feeds, refusals = self._runtime.feeds, (Ending.UNAVAILABLE, Ending.REFUSED)
        refused = {p for p in self._cursor.router.parents() if feeds.of(p).ending in refusals}
        if refused:
            self._runtime.report.parents_missing(self._plan.name, refused)


def parent_failure(stream: str, error: ParentFailedError) -> Incomplete:
    """Return the error of a stream whose parents could not all be listed."""
    return Incomplete(
        message=f"Stream {stream} is not complete: {error}. The next sync reads what is missing.",
        internal_message=str(error),
        failure_type=FailureType.transient_error,
        stream_descriptor=StreamDescriptor(name=stream),
    )
