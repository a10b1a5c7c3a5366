"""Which messages reach the user: a fatal error once, no secret, and none of mere parents."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping

from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStreamStatus,
    FailureType,
    Type,
)
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from source_asana.config import config_error
from source_asana.http.stop import Stop
from source_asana.parents.feeds import Ending, Feed
from source_asana.report import Incomplete, Report
from source_asana.runtime import Runtime
from source_asana.signals import ESTIMATED, estimate, without

ENDS = frozenset({AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE})


class OwnMessages(threading.local, InMemoryMessageRepository):
    """The messages of each thread, kept apart on their way to the CDK's queue.

    In one list for all threads, each would find the messages of others: the main thread, which
    never waits for room in the queue, would print a reader's state before the records that it
    names.
    """


class Quiet(logging.Filter):
    """Keeps out of the CDK's log what the report says, or says better.

    That is each step of a stream, and each failure of a partition with its traceback. An error that
    the report does not know is logged in its own words.

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
        if isinstance(error, AirbyteTracedException) and error.message:
            record.msg, record.args = "%s", (error.message,)
        return (
            record.levelno >= logging.WARNING
            and not isinstance(error, Incomplete)
            and not self._stop.is_echo(getattr(error, "message", None))
        )


def all_found(runtime: Runtime, stream: str, keep_only: Mapping[str, str]) -> None:
    """Have the sync end if a complete list of parents does not show an id of the configuration.

    Where another setting may leave it out, the log says so instead.

    Args:
        runtime: what all streams share.
        stream: the parent stream.
        keep_only: the settings (lists of ids) that its records are compared with.
    """
    settings = runtime.settings
    # Ids of other kinds were asked for one by one.
    gids = settings.project_ids if "project_ids" in keep_only else []
    wanted = [gid for gid in gids if gid not in settings.exclude_project_ids]
    if not wanted:
        return
    feed = runtime.feeds.of_kind(Feed, stream)

    def check() -> None:
        found = {item["gid"] for item in feed.items()}
        missing = [gid for gid in wanted if gid not in found]
        if not missing or feed.ending is not Ending.COMPLETE:
            return
        if settings.team_ids or not settings.include_archived_projects:
            runtime.report.tell(_left_out(missing))
        else:
            runtime.stop.abort(_unreadable(missing))

    feed.when_closed = check


def _left_out(gids: list[str]) -> str:
    return (
        f"Config key `project_ids` names {', '.join(gids)}, which is not read: `team_ids` or "
        "`include_archived_projects` leaves it out, or the token cannot read it."
    )


def _unreadable(gids: list[str]) -> AirbyteTracedException:
    return config_error(
        f"Config key `project_ids` names {', '.join(gids)}, which the token cannot read in the "
        "selected workspaces; correct the IDs, or share the projects with the token's user."
    )


class Visible:
    """Lets through what the user is to see of a sync.

    That is neither status nor state of the streams that nobody selected. Records say which columns
    the token may not read. Before a stream of tasks ends, its estimate becomes what it has sent.

    Args:
        parent_only: the streams that nobody selected.
        stop: holds the fatal error, if there is one; it is reported once, at the end.
        report: has the counts, and is told how streams end.

    Attributes:
        failed: the streams that failed, with the kind of their last error.
    """

    def __init__(self, parent_only: Collection[str], stop: Stop, report: Report) -> None:
        self.failed: dict[str, FailureType | None] = {}
        self._parent_only = parent_only
        self._stop = stop
        self._report = report

    def of(self, messages: Iterable[AirbyteMessage]) -> Iterator[AirbyteMessage]:
        """Yield the messages to print."""
        for message in messages:
            if message.type is Type.RECORD and message.record:
                if columns := self._report.counts(message.record.stream).unreadable:
                    message.record.meta = without(columns)
            elif message.type is Type.STATE and message.state and message.state.stream:
                if message.state.stream.stream_descriptor.name in self._parent_only:
                    continue
            elif message.type is Type.TRACE and message.trace:
                if message.trace.stream_status:
                    name = message.trace.stream_status.stream_descriptor.name
                    if name in self._parent_only:
                        continue
                    yield from self._ended(name, message.trace.stream_status.status)
                elif message.trace.error and not self._reports(message.trace.error):
                    continue
            yield message

    def _ended(self, stream: str, status: AirbyteStreamStatus) -> Iterator[AirbyteMessage]:
        if status in ENDS:
            if stream in ESTIMATED:
                yield estimate(stream, self._report.counts(stream))
            self._report.ended(stream, status.value)

    def _reports(self, error: AirbyteErrorTraceMessage) -> bool:
        """Make an error fit to be seen, and note it; return whether it is to be seen."""
        if self._stop.is_echo(error.message):
            return False
        _mask(error)
        untraced(error)
        name = error.stream_descriptor.name if error.stream_descriptor else ""
        if self.failed.get(name) is not FailureType.system_error:
            self.failed[name] = error.failure_type
        if name in self._parent_only:
            # The message names it; the platform does not know the stream.
            error.stream_descriptor = None
        return True


def unfinished(
    failed: Mapping[str, FailureType | None], parent_only: Collection[str]
) -> Incomplete:
    """Return the error that ends a sync in which streams failed; it names the selected ones.

    The CDK's own error calls every failure a config error.
    """
    names = sorted(set(failed) - set(parent_only)) or sorted(failed)
    ours = FailureType.system_error in failed.values()
    return Incomplete(
        message=(
            f"These streams are not complete: {', '.join(filter(None, names))}. The errors above "
            "say why; the next sync reads what is missing."
        ),
        internal_message="Concurrent read failure",
        failure_type=FailureType.system_error if ours else FailureType.transient_error,
    )


def untraced(error: AirbyteErrorTraceMessage) -> None:
    """Take the traceback out of an error that is not the connector's."""
    if error.failure_type is not FailureType.system_error:
        error.stack_trace = None


def _mask(error: AirbyteErrorTraceMessage) -> None:
    """Mask the secrets in an error, which the CDK does in the log and not in a stream's trace."""
    error.message = filter_secrets(error.message)
    error.internal_message = error.internal_message and filter_secrets(error.internal_message)
    error.stack_trace = error.stack_trace and filter_secrets(error.stack_trace)
