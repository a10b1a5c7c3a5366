"""What all requests share: how one is sent, and what the settings make of it."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
import requests_mock

from source_asana.counts import Counts
from source_asana.http.attempts import send
from source_asana.http.client import Client, connector_version
from unit_tests import given
from unit_tests.given import settings

URL = "https://app.asana.com/api/1.0/tasks"


def client(**further: Any) -> Client:
    return given.client(further=further)


def ask(params: dict[str, Any], headers: dict[str, str] | None = None, path: str = "tasks") -> None:
    send(client(), path, counts=Counts(), params=params, headers=headers)


# ── how a request is sent ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ({}, URL),
        ({"a": None}, URL),
        (
            {"limit": 100, "opt_fields": "gid,name", "a": None},
            f"{URL}?limit=100&opt_fields=gid%2Cname",
        ),
        ({"text": "a b&c=ü", "many": ["1", "2"]}, f"{URL}?text=a+b%26c%3D%C3%BC&many=1&many=2"),
    ],
)
def test_parameters_without_a_value_are_left_out(params: dict[str, Any], url: str) -> None:
    with requests_mock.Mocker() as mock:
        mock.get(URL, json={"data": []})
        ask(params)
        assert mock.request_history[0].url == url


def test_headers_are_those_of_the_session_then_the_streams_then_the_authenticators() -> None:
    with requests_mock.Mocker() as mock:
        mock.get(URL, json={"data": []})
        ask({}, {"Accept": "a/b", "Authorization": "none"})
        [request] = mock.request_history
    assert request.headers["Authorization"] == "Bearer the-token"
    assert request.headers["Accept"] == "a/b"
    assert request.headers["User-Agent"] == f"source-asana-complete/{connector_version()}"


def test_an_address_with_other_letters_is_encoded() -> None:
    with requests_mock.Mocker() as mock:
        mock.get(requests_mock.ANY, json={"data": []})
        ask({"a": 1}, path="tasks/größe")
        assert mock.request_history[0].url == f"{URL}/gr%C3%B6%C3%9Fe?a=1"


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    with requests_mock.Mocker() as mock:
        mock.get(URL, json={"data": []})
        ask({})
        assert mock.request_history[0].proxies["https"] == "http://proxy.example.com:3128"


# ── what the settings make of it ───────────────────────────────────────────────────────────────


def test_the_configured_limits_are_kept() -> None:
    assert client().budget.per_minute == 1500
    assert client(requests_per_minute=150).budget.per_minute == 150
    assert client().search_budget.per_minute == 60


def test_a_notice_goes_to_whoever_asked_for_it() -> None:
    said: list[tuple[int, str]] = []
    made = Client(settings(), notice=lambda level, text: said.append((level, text)))
    made.notice(logging.INFO, "Hear, hear")
    assert said == [(logging.INFO, "Hear, hear")]


def test_without_another_sleep_the_end_of_the_sync_wakes_who_sleeps() -> None:
    made = client()
    sleeper = threading.Thread(target=made.sleep, args=(60.0,))
    sleeper.start()
    made.stop.abort(RuntimeError("over"))  # type: ignore[arg-type]  # any error will do
    sleeper.join(5)
    assert not sleeper.is_alive()
