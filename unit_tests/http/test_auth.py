"""OAuth tokens: renewed ahead of time, once for all threads, and again when they are refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.http.auth import AsanaOAuth, hand_over
from source_asana.http.stop import TOLD_TO_STOP
from unit_tests import given

URL = "https://app.asana.com/-/oauth_token"
CREDENTIALS = {"client_id": "12", "client_secret": "client-secret", "refresh_token": "refresh-1"}


class Clock:
    """Time that passes in waits only."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now += seconds


class Tokens:
    """An authenticator on a clock, the token endpoint's answers and its requests."""

    def __init__(self, mock: requests_mock.Mocker) -> None:
        """Build it."""
        self.mock = mock
        self.clock = Clock()
        self.handed_over: list[Any] = []
        self.client = given.client(
            further={"credentials": CREDENTIALS, "num_workers": "3"},
            monotonic=lambda: self.clock.now,
            sleep=self.clock.sleep,
        )
        auth = self.client.auth
        assert isinstance(auth, AsanaOAuth)
        auth.on_rotation = lambda config: self.handed_over.append(deepcopy(config))
        self.auth = auth

    def current(self) -> str:
        """Return the token that a request is sent with."""
        kind, token = self.auth.get_auth_header()["Authorization"].split()
        assert kind == "Bearer"
        return str(token)

    def answers(self, *answers: dict[str, Any]) -> None:
        """Set what the endpoint says, the last one for ever."""
        self.mock.post(URL, list(answers))

    @property
    def forms(self) -> list[dict[str, str]]:
        """Return the forms sent so far."""
        return [
            {name: values[0] for name, values in parse_qs(request.text).items()}
            for request in self.mock.request_history
        ]


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with requests_mock.Mocker() as mock:
        yield Tokens(mock)


def ok(token: str, life: float | None = 3600, **extra: Any) -> dict[str, Any]:
    """Return an answer of the token endpoint."""
    body = {"access_token": token, "token_type": "bearer", **extra}
    return {"json": body if life is None else {**body, "expires_in": life}}


def slow(token: str) -> dict[str, Any]:
    """Return an answer that takes a while."""

    def body(*_: Any) -> dict[str, Any]:
        time.sleep(0.2)
        return {"access_token": token, "expires_in": 3600}

    return {"json": body}


@pytest.mark.parametrize("title", [{}, {"option_title": "PAT Credentials"}])
def test_a_fixed_token_is_sent_as_it_is(title: dict[str, str]) -> None:
    credentials = {"personal_access_token": "2/1/2:fixed", **title}
    auth = given.client(further={"credentials": credentials}).auth
    assert auth(requests.Request("GET", URL).prepare()).headers["Authorization"] == (
        "Bearer 2/1/2:fixed"
    )
    assert not isinstance(auth, AsanaOAuth)


def test_the_first_token_is_fetched_when_it_is_needed(tokens: Tokens) -> None:
    tokens.answers(ok("a"))
    assert tokens.forms == []
    assert tokens.current() == "a"
    assert tokens.current() == "a"
    assert tokens.forms == [
        {
            "grant_type": "refresh_token",
            "client_id": "12",
            "client_secret": "client-secret",
            "refresh_token": "refresh-1",
        }
    ]
    assert "Authorization" not in tokens.mock.request_history[0].headers


@pytest.mark.parametrize(
    ("life", "still", "renewed"),
    [
        pytest.param(3600, 3299, 3301, id="five minutes ahead"),
        pytest.param(20, 17.4, 17.6, id="an eighth of a short life ahead"),
        pytest.param(None, 3299, 3301, id="an hour unless it is said"),
        pytest.param("3600", 3299, 3301, id="a life in digits"),
    ],
)
def test_it_is_renewed_ahead_of_its_end(
    tokens: Tokens, life: float | None, still: float, renewed: float
) -> None:
    tokens.answers(ok("a", life), ok("b", life))
    assert tokens.current() == "a"
    tokens.clock.now = still
    assert tokens.current() == "a"
    tokens.clock.now = renewed
    assert tokens.current() == "b"
    assert len(tokens.forms) == 2


def test_forty_threads_get_their_first_token_by_one_request(tokens: Tokens) -> None:
    tokens.answers(slow("a"), ok("b"))
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(tokens.current())) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["a"] * 40
    assert len(tokens.forms) == 1


def test_a_refused_token_is_replaced_once_for_all_threads(tokens: Tokens) -> None:
    tokens.answers(ok("a"))
    assert tokens.current() == "a"
    tokens.answers(slow("b"), ok("c"))
    threads = [threading.Thread(target=tokens.auth.renew, args=("Bearer a",)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.current() == "b"
    assert len(tokens.forms) == 2


def test_a_rotated_refresh_token_is_used_from_then_on(tokens: Tokens) -> None:
    tokens.answers(ok("a", refresh_token="refresh-2"), ok("b", refresh_token="refresh-2"), ok("c"))
    for expected in ("a", "b", "c"):
        assert tokens.current() == expected
        if expected != "c":
            tokens.auth.renew(f"Bearer {expected}")
    assert [form["refresh_token"] for form in tokens.forms] == [
        "refresh-1",
        "refresh-2",
        "refresh-2",
    ]
    # Nothing but what the spec declares, each value of its type.
    assert tokens.handed_over == [
        {
            "credentials": {
                "option_title": "OAuth Credentials",
                **CREDENTIALS,
                "refresh_token": "refresh-2",
            },
            "num_workers": 3,
        }
    ]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"error": "invalid_client"}, "correct `credentials.client_id` and "),
        (400, {"error": "invalid_client"}, "correct `credentials.client_id` and "),
        (401, {}, "correct `credentials.client_id` and "),
        (400, {"error": "invalid_grant"}, "no longer accepts the refresh token, as it was "),
        (400, {"error": "forbidden_scopes"}, "refused to renew the OAuth token (forbidden_scopes)"),
        (403, {"error": "access_denied"}, "refused to renew the OAuth token (access_denied)"),
        (404, {}, "refused to renew the OAuth token (it gave no reason)"),
    ],
)
def test_refusals_are_explained(
    tokens: Tokens, status: int, body: dict[str, str], said: str
) -> None:
    tokens.answers({"status_code": status, "json": body})
    with pytest.raises(AirbyteTracedException) as raised:
        tokens.current()
    assert raised.value.failure_type is FailureType.config_error
    assert said in str(raised.value.message)
    assert tokens.client.stop.is_set()
    assert "client-secret" not in str(raised.value.message)
    assert len(tokens.forms) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        {"status_code": 500, "json": {}},
        {"status_code": 503, "text": "<html>"},
        {"status_code": 408, "text": ""},
        {"status_code": 429, "json": {"error": "slow_down"}},
        {"status_code": 200, "json": {}},
        {"status_code": 200, "text": '{"access_to'},
        {"status_code": 500, "json": {"error": "server_error"}},
        {"status_code": 200, "json": []},
        {"status_code": 403, "text": "<html>", "headers": {"Content-Type": "text/html"}},
        {"exc": requests.ConnectionError},
        {"exc": requests.ReadTimeout},
    ],
)
def test_trouble_is_waited_out(tokens: Tokens, trouble: dict[str, Any]) -> None:
    tokens.answers(*[trouble] * 7, ok("a"))
    assert tokens.current() == "a"
    assert tokens.clock.waits == [0.5, 1, 2, 4, 8, 15, 15]


def test_trouble_for_ten_minutes_is_no_mistake_of_the_user(tokens: Tokens) -> None:
    tokens.answers({"status_code": 502, "text": "Bad Gateway"})
    with pytest.raises(AirbyteTracedException) as raised:
        tokens.current()
    assert raised.value.failure_type is FailureType.transient_error
    assert 600 <= tokens.clock.now < 620


def test_an_aborted_sync_waits_for_no_token(tokens: Tokens) -> None:
    tokens.answers({"status_code": 502, "text": "Bad Gateway"})
    tokens.client.stop.abort(AirbyteTracedException(message=TOLD_TO_STOP))
    with pytest.raises(AirbyteTracedException, match=TOLD_TO_STOP):
        tokens.current()
    assert (tokens.clock.waits, tokens.forms) == ([], [])


def test_a_stop_ends_the_wait_for_a_token(tokens: Tokens) -> None:
    tokens.client.sleep = tokens.client.stop.nap
    tokens.answers({"status_code": 502, "text": "Bad Gateway"})
    error = AirbyteTracedException(message=TOLD_TO_STOP)
    threading.Timer(0.7, tokens.client.stop.abort, [error]).start()
    began = time.monotonic()
    with pytest.raises(AirbyteTracedException, match=TOLD_TO_STOP):
        tokens.current()
    assert time.monotonic() - began < 2


def test_a_hanging_endpoint_ends_in_a_sentence(tokens: Tokens) -> None:
    tokens.answers({"exc": requests.ReadTimeout})
    with pytest.raises(AirbyteTracedException) as raised:
        tokens.current()
    assert raised.value.message == (
        "Asana's token endpoint could not be reached for too long (ReadTimeout); check this "
        "machine's network, proxy and firewall, or try again later."
    )
    timeouts: list[Any] = [request.timeout for request in tokens.mock.request_history]
    assert set(timeouts) == {(10.0, 120.0)}
    assert tokens.client.stop.is_set()


def test_a_netrc_adds_no_password(
    tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine app.asana.com login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    tokens.answers(ok("a"))
    assert tokens.current() == "a"
    assert "Authorization" not in tokens.mock.request_history[0].headers


def test_new_tokens_are_masked(tokens: Tokens) -> None:
    tokens.answers(ok("access-token-1", refresh_token="refresh-token-2"))
    assert tokens.current() == "access-token-1"
    assert filter_secrets("access-token-1 refresh-token-2") == "**** ****"


def test_a_new_refresh_token_is_one_line_for_the_platform(
    tokens: Tokens, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens.auth.on_rotation = hand_over
    tokens.answers(ok("a", refresh_token="refresh-2"))
    tokens.current()
    [line] = capsys.readouterr().out.splitlines()
    stored = json.loads(line)["control"]["connectorConfig"]["config"]
    assert stored["credentials"]["refresh_token"] == "refresh-2"


def test_redirects_are_not_followed(tokens: Tokens) -> None:
    tokens.answers(
        {"status_code": 302, "headers": {"Location": "https://evil.example.com"}}, ok("a")
    )
    assert tokens.current() == "a"
    assert {request.hostname for request in tokens.mock.request_history} == {"app.asana.com"}


@pytest.mark.parametrize(
    ("api_url", "url"),
    [
        (None, URL),
        ("http://127.0.0.1:8700/api/1.0", "http://127.0.0.1:8700/-/oauth_token"),
    ],
)
def test_the_token_endpoint_is_on_the_host_of_the_api(api_url: str | None, url: str) -> None:
    client = given.client(further={"credentials": CREDENTIALS, "api_url": api_url})
    assert isinstance(client.auth, AsanaOAuth)
    assert client.auth.get_token_refresh_endpoint() == url
