"""The end of a sync before its end: one reason, for everybody, at once."""

from __future__ import annotations

import threading
import time

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.http.stop import Stop


def error(text: str) -> AirbyteTracedException:
    return AirbyteTracedException(
        message=text, internal_message=f"({text})", failure_type=FailureType.config_error
    )


def test_a_sync_that_runs_goes_on() -> None:
    stop = Stop()
    assert not stop.is_set()
    assert stop.error() is None
    stop.check()


def test_the_first_reason_counts() -> None:
    stop, first = Stop(), error("first")
    assert stop.abort(first) is first
    assert stop.abort(error("second")) is first
    assert stop.fatal is first
    assert stop.is_set()


def test_every_thread_gets_an_error_of_its_own() -> None:
    stop = Stop()
    stop.abort(error("over"))
    raised = []
    for _ in range(2):
        with pytest.raises(AirbyteTracedException) as caught:
            stop.check()
        raised.append(caught.value)
    assert raised[0] is not raised[1] is not stop.fatal
    for one in raised:
        assert (one.message, one.internal_message) == ("over", "(over)")
        assert one.failure_type is FailureType.config_error


def test_who_naps_is_woken() -> None:
    stop = Stop()
    sleeper = threading.Thread(target=stop.nap, args=(60.0,))
    sleeper.start()
    stop.abort(error("over"))
    sleeper.join(5)
    assert not sleeper.is_alive()


def test_a_nap_ends_by_itself() -> None:
    before = time.monotonic()
    Stop().nap(0.01)
    assert time.monotonic() - before >= 0.009


def test_a_signal_may_abort_in_the_thread_that_aborts() -> None:
    stop = Stop()
    with stop._lock:
        assert stop.abort(error("over")) is stop.fatal
