"""Which messages reach the user: none of hidden streams, a fatal error once, and no secret."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping

from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    FailureType,
    TraceType,
    Type,
)
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from source_asana.config import config_error
from source_asana.http.stop import Stop
from source_asana.parents.feeds import Ending, Feed
from source_asana.runtime import Runtime


class OwnMessages(threading.local, InMemoryMessageRepository):
    """The messages of each thread, kept apart on their way to the CDK's queue.

    In one list for all threads, each would find the messages of others: the main thread, which
    never waits for room in the queue, would print a reader's state before the records that it
    names.
    """


class Quiet(logging.Filter):
    """Keeps tracebacks, and the ends of an aborted sync's streams, out of the CDK's log.

    Args:
        stop: holds the error that ends the sync; it is reported once, not once for each stream.
    """

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._stop = stop

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        # The trace message has the traceback as well.
        record.exc_info = None
        if not self._stop.is_set():
            return True
        return record.levelno >= logging.WARNING and not self._stop.is_echo(
            getattr(error, "message", None)
        )


def all_found(runtime: Runtime, stream: str, keep_only: Mapping[str, str]) -> None:
    """Have the sync end if a complete list of parents lacks an id that the configuration names.

    Args:
        runtime: what all streams share.
        stream: the parent stream.
        keep_only: the settings (lists of ids) that its records are compared with.
    """
    # Ids of other kinds were asked for one by one.
    gids = runtime.settings.project_ids if "project_ids" in keep_only else []
    if not gids:
        return
    feed = runtime.feeds.of_kind(Feed, stream)

    def check() -> None:
        found = {item["gid"] for item in feed.items()}
        missing = [gid for gid in gids if gid not in found]
        if missing and feed.ending is Ending.COMPLETE:
            runtime.stop.abort(_unreadable(missing))

    feed.when_closed = check


def _unreadable(gids: list[str]) -> AirbyteTracedException:
    return config_error(
        f"Config key `project_ids` names {', '.join(gids)}, which the token cannot read in the "
        "selected workspaces; correct the ids, or share the projects with the token's user."
    )


def visible(
    messages: Iterable[AirbyteMessage],
    hidden: set[str],
    failed: dict[str, FailureType | None],
    stop: Stop,
) -> Iterator[AirbyteMessage]:
    """Yield the messages, without status and state of the streams that nobody selected.

    Args:
        messages: the CDK's.
        hidden: the streams that nobody selected.
        failed: filled with the streams that failed, and with the kind of their last error.
        stop: holds the fatal error, if there is one; it is reported once, at the end.
    """
    for message in messages:
        if message.type is Type.STATE and message.state and message.state.stream:
            if message.state.stream.stream_descriptor.name in hidden:
                continue
        elif message.type is Type.TRACE and message.trace:
            if message.trace.type is TraceType.STREAM_STATUS and message.trace.stream_status:
                if message.trace.stream_status.stream_descriptor.name in hidden:
                    continue
            elif message.trace.type is TraceType.ERROR and message.trace.error:
                if stop.is_echo(message.trace.error.message):
                    continue
                _mask(message.trace.error)
                untraced(message.trace.error)
                _note(message.trace.error, hidden, failed)
        yield message


def _note(
    error: AirbyteErrorTraceMessage, hidden: set[str], failed: dict[str, FailureType | None]
) -> None:
    name = error.stream_descriptor.name if error.stream_descriptor else ""
    if failed.get(name) is not FailureType.system_error:
        failed[name] = error.failure_type
    if name in hidden:
        # The message names it; the platform does not know the stream.
        error.stream_descriptor = None


def unfinished(
    failed: Mapping[str, FailureType | None], hidden: Collection[str]
) -> AirbyteTracedException:
    """Return the error that ends a sync in which streams failed; it names the selected ones.

    The CDK's own error calls every failure a config error.
    """
    names = sorted(set(failed) - set(hidden)) or sorted(failed)
    ours = FailureType.system_error in failed.values()
    return AirbyteTracedException(
        message=(
            f"These streams are not complete: {', '.join(filter(None, names))}. The errors above "
            "say why; the next sync reads what is missing."
        ),
        internal_message="Concurrent read failure",
        failure_type=FailureType.system_error if ours else FailureType.transient_error,
    )


def untraced(error: AirbyteErrorTraceMessage) -> None:
    """Take the traceback out of an error that only the user can fix."""
    if error.failure_type is FailureType.config_error:
        error.stack_trace = None


def _mask(error: AirbyteErrorTraceMessage) -> None:
    """Mask the secrets in an error, which the CDK does for logs only."""
    error.message = filter_secrets(error.message)
    error.internal_message = error.internal_message and filter_secrets(error.internal_message)
    error.stack_trace = error.stack_trace and filter_secrets(error.stack_trace)
