"""When all slices of a stream are over."""

from __future__ import annotations

import threading

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.cursors.strategies import OpenSlices
from source_asana.http.stop import Stop


def waiting(slices: OpenSlices) -> tuple[threading.Thread, list[Exception]]:
    """Return a thread that waits until all slices are over, and its errors."""
    errors: list[Exception] = []

    def wait() -> None:
        try:
            slices.wait_until_over()
        except AirbyteTracedException as error:
            errors.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread, errors


def test_whoever_waits_goes_on_when_the_last_slice_is_over() -> None:
    slices = OpenSlices(Stop())
    slices.wait_until_over()
    for _ in range(2):
        slices.handed_out()
    thread, errors = waiting(slices)
    slices.closed()
    thread.join(0.02)
    assert thread.is_alive()
    slices.closed()
    thread.join(5)
    assert not thread.is_alive()
    assert errors == []


def test_whoever_waits_hears_of_the_end_of_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.http.stop.WAKE_SECONDS", 0.01)
    stop = Stop()
    slices = OpenSlices(stop)
    slices.handed_out()
    thread, errors = waiting(slices)
    stop.abort(AirbyteTracedException(message="over"))
    thread.join(5)
    assert not thread.is_alive()
    assert len(errors) == 1
