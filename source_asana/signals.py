"""Airbyte's own signals: how many rows to expect, a pause for a rate limit, a column left out."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from functools import cache

from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteStreamStatus,
    AirbyteStreamStatusReason,
    AirbyteStreamStatusReasonType,
    AirbyteStreamStatusTraceMessage,
    AirbyteTraceMessage,
    EstimateType,
    StreamDescriptor,
    TraceType,
    Type,
)
from airbyte_cdk.sources.message import MessageRepository
from airbyte_protocol_dataclasses.models import (  # type: ignore[import-untyped]  # Airbyte's
    AirbyteRecordMessageMeta,
    AirbyteRecordMessageMetaChange,
    AirbyteStreamStatusRateLimitedReason,
    Change,
    Reason,
)

from source_asana.counts import Counts
from source_asana.runtime import Runtime

ESTIMATED = ("tasks", "subtasks", "stories", "attachments")
LONG_PAUSE_SECONDS = 30.0


class Signals:
    """Sends what the progress thread has to say to Airbyte, see `Report.on_look`.

    Args:
        runtime: what all streams share.
        repository: takes messages on their way to the output.
        selected: the streams that the user selected.
    """

    def __init__(
        self, runtime: Runtime, repository: MessageRepository, selected: Collection[str]
    ) -> None:
        self._runtime = runtime
        self._repository = repository
        self._selected = selected
        self._is_estimated = False
        self._pause_said = 0.0

    def look(self, is_due: bool) -> None:  # noqa: FBT001  # a callback
        """Send estimates as soon as there are any and then when they are due, and long pauses."""
        for message in self._paused():
            self._repository.emit_message(message)
        if is_due or not self._is_estimated:
            for name in ESTIMATED:
                counts = self._runtime.report.counts(name)
                if self._is_open(name) and counts.done:
                    self._is_estimated = True
                    self._repository.emit_message(estimate(name, counts))

    def _is_open(self, stream: str) -> bool:
        statuses = self._runtime.report.statuses
        return stream in self._selected and stream not in statuses

    def _paused(self) -> Iterator[AirbyteMessage]:
        """Yield a status of each open stream, once for each long pause that is on."""
        began, until = self._runtime.client.budget.pause
        now = self._runtime.client.monotonic()
        if until - began > LONG_PAUSE_SECONDS and now < until and self._pause_said < until:
            self._pause_said = until
            reset = int((time.time() + until - now) * 1000)
            for name in filter(self._is_open, sorted(self._selected)):
                yield _rate_limited(name, reset)


def estimate(stream: str, counts: Counts) -> AirbyteMessage:
    """Return how many rows a stream will have sent, from its partitions that are over so far."""
    known = max(counts.known + counts.ahead, counts.done)
    rows = counts.records * known // counts.done if counts.done else counts.records
    trace = AirbyteEstimateTraceMessage(name=stream, type=EstimateType.STREAM, row_estimate=rows)
    return _trace(AirbyteTraceMessage(type=TraceType.ESTIMATE, emitted_at=_now(), estimate=trace))


def _rate_limited(stream: str, reset: int) -> AirbyteMessage:
    reason = AirbyteStreamStatusReason(
        type=AirbyteStreamStatusReasonType.RATE_LIMITED,
        rate_limited=AirbyteStreamStatusRateLimitedReason(quota_reset=reset),
    )
    status = AirbyteStreamStatusTraceMessage(
        stream_descriptor=StreamDescriptor(name=stream),
        status=AirbyteStreamStatus.RUNNING,
        reasons=[reason],
    )
    return _trace(
        AirbyteTraceMessage(type=TraceType.STREAM_STATUS, emitted_at=_now(), stream_status=status)
    )


@cache
def without(columns: tuple[str, ...]) -> AirbyteRecordMessageMeta:
    """Return what a record says of the columns that the token may not read."""
    return AirbyteRecordMessageMeta(
        changes=[
            AirbyteRecordMessageMetaChange(
                field=name, change=Change.NULLED, reason=Reason.SOURCE_RETRIEVAL_ERROR
            )
            for name in columns
        ]
    )


def _trace(trace: AirbyteTraceMessage) -> AirbyteMessage:
    return AirbyteMessage(type=Type.TRACE, trace=trace)


def _now() -> float:
    return time.time() * 1000
