"""What reaches the user of the CDK's messages."""

from __future__ import annotations

from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteTraceMessage,
    TraceType,
    Type,
)
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from source_asana.components.messages import visible
from source_asana.components.runtime import Runtime
from source_asana.config import parse_config

SECRET = "1/4711:hush-hush"  # made up


def test_no_error_shows_a_secret() -> None:
    runtime = Runtime(parse_config({"credentials": {"personal_access_token": SECRET}}))
    words = f"It said {SECRET}."
    error = AirbyteErrorTraceMessage(message=words, internal_message=words, stack_trace=words)
    message = AirbyteMessage(
        type=Type.TRACE,
        trace=AirbyteTraceMessage(type=TraceType.ERROR, emitted_at=1.0, error=error),
    )
    try:
        [shown] = visible([message], set(), {}, runtime)
    finally:
        update_secrets([])
    assert shown.trace
    assert SECRET not in str(shown.trace.error)
