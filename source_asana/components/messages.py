"""What of the CDK's messages reaches the user.

Nothing of hidden streams, a fatal error once, no secret.
"""

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

from source_asana.components.feeds import Ending
from source_asana.components.runtime import Runtime
from source_asana.config import config_error


class OwnMessages(threading.local, InMemoryMessageRepository):
    """The messages of each thread apart, on their way to the CDK's queue.

    In one list for all, a thread finds the messages of others: the main thread, which never waits
    for room in the queue, would print a reader's state before the records that it is about.
    """


class Untraced(logging.Filter):
    """Leaves a failure's traceback to the trace message: the CDK puts it into the log as well."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


def all_found(runtime: Runtime, found: set[str], ending: Ending) -> None:
    """Abort the sync when a complete list of projects lacks one that the configuration names."""
    missing = [gid for gid in runtime.settings.project_ids if gid not in found]
    if missing and ending is Ending.COMPLETE:
        runtime.abort(
            config_error(
                f"Config key `project_ids` names {', '.join(missing)}, which the token cannot "
                "read in the selected "
                "workspaces: correct the ids or share the projects with the token's user."
            )
        )


def visible(
    messages: Iterable[AirbyteMessage],
    hidden: set[str],
    failed: dict[str, FailureType | None],
    runtime: Runtime,
) -> Iterator[AirbyteMessage]:
    """Yield the messages without status and state of streams that nobody selected.

    Note in `failed` which ones failed.

    A fatal error is said once, at the end.
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
                if runtime.fatal:
                    continue
                _mask(message.trace.error)
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
    """Return the error that ends a sync some streams of which failed; it names the selected ones.

    The CDK's own calls every one a config error.
    """
    names = sorted(set(failed) - set(hidden)) or sorted(failed)
    ours = FailureType.system_error in failed.values()
    return AirbyteTracedException(
        message=(
            f"Not complete: {', '.join(filter(None, names))}. The errors before this one "
            "say why; the next sync reads what is missing."
        ),
        internal_message="Concurrent read failure",
        failure_type=FailureType.system_error if ours else FailureType.transient_error,
    )


def _mask(error: AirbyteErrorTraceMessage) -> None:
    """Mask the secrets in an error: the CDK does so for logs only."""
    error.message = filter_secrets(error.message)
    error.internal_message = error.internal_message and filter_secrets(error.internal_message)
    error.stack_trace = error.stack_trace and filter_secrets(error.stack_trace)
