"""What reaches the user of the CDK's messages."""

from __future__ import annotations

import logging
import threading
from queue import Queue
from typing import Any

import pytest
from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteLogMessage,
    AirbyteMessage,
    AirbyteTraceMessage,
    Level,
    TraceType,
    Type,
)
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sandbox import Sandbox, World
from source_asana.config import parse_config
from source_asana.http.stop import Stop
from source_asana.messages import OwnMessages, Quiet, Visible
from source_asana.report import Report
from unit_tests.sync import read

SECRET = "1/4711:hush-hush"  # made up


def test_no_error_shows_a_secret() -> None:
    parse_config({"credentials": {"personal_access_token": SECRET}})
    words = f"It said {SECRET}."
    error = AirbyteErrorTraceMessage(message=words, internal_message=words, stack_trace=words)
    message = AirbyteMessage(
        type=Type.TRACE,
        trace=AirbyteTraceMessage(type=TraceType.ERROR, emitted_at=1.0, error=error),
    )
    try:
        [shown] = Visible(set(), Stop(), Report()).of([message])
    finally:
        update_secrets([])
    assert shown.trace
    assert SECRET not in str(shown.trace.error)


def traced(text: str) -> AirbyteMessage:
    error = AirbyteErrorTraceMessage(message=text)
    trace = AirbyteTraceMessage(type=TraceType.ERROR, emitted_at=1.0, error=error)
    return AirbyteMessage(type=Type.TRACE, trace=trace)


def test_an_aborted_sync_reports_its_end_once_and_what_failed_before_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop = Stop()
    stop.abort(AirbyteTracedException(message="over"))
    shown = Visible(set(), stop, Report()).of([traced("over"), traced("broken")])
    assert list(shown) == [traced("broken")]
    logger = logging.getLogger("test_an_aborted_sync")
    logger.setLevel(logging.INFO)
    logger.addFilter(Quiet(stop))
    logger.info("Marking stream tags as STOPPED")
    for error in (stop.error(), AirbyteTracedException(message="broken")):
        logger.error("Exception while syncing stream tags", exc_info=error)
    [line] = caplog.records
    assert line.levelno == logging.ERROR
    assert line.exc_info is None


def log(text: str) -> AirbyteMessage:
    return AirbyteMessage(type=Type.LOG, log=AirbyteLogMessage(level=Level.INFO, message=text))


def test_what_a_reader_is_about_to_queue_is_not_printed_at_once_by_the_main_thread() -> None:
    queue: Queue[Any] = Queue(1)
    queue.put("a record before it")
    messages = OwnMessages()
    main = ConcurrentMessageRepository(queue, messages)
    reader = threading.Thread(target=messages.emit_message, args=(log("a reader's"),))
    reader.start()
    reader.join()
    main.emit_message(log("the main thread's"))
    assert list(main.consume_queue()) == [log("the main thread's")]


def test_a_read_takes_the_messages_of_its_threads_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = []

    class Noted(OwnMessages):
        def emit_message(self, message: AirbyteMessage) -> None:
            kinds.append(message.type)
            super().emit_message(message)

    monkeypatch.setattr("source_asana.source.OwnMessages", Noted)
    with Sandbox(World.empty()) as asana:
        sync = read(asana, ["projects"], incremental=True)
    assert sync.complete("projects")
    assert set(kinds) == {Type.STATE}
