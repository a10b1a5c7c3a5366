"""OAuth tokens: renewed ahead of time, once for all threads, and again when they are refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.config import OAuth, parse_config
from source_asana.http.auth import OAuthAuth, TokenAuth, authenticator

URL = "https://app.asana.com/-/oauth_token"
CREDENTIALS = OAuth(client_id="12", client_secret="client-secret", refresh_token="refresh-1")


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
        self.rotated: list[str] = []
        self.auth = OAuthAuth(
            CREDENTIALS,
            url=URL,
            session=requests.Session(),
            timeout=(1.0, 1.0),
            on_rotation=self.rotated.append,
            monotonic=lambda: self.clock.now,
            sleep=self.clock.sleep,
        )

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


def test_a_fixed_token_never_changes() -> None:
    auth = TokenAuth("fixed")
    assert auth.current() == "fixed"
    assert auth.renew("fixed") is False


def test_the_first_token_is_fetched_when_it_is_needed(tokens: Tokens) -> None:
    tokens.answers(ok("a"))
    assert tokens.forms == []
    assert tokens.auth.current() == "a"
    assert tokens.auth.current() == "a"
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
    assert tokens.auth.current() == "a"
    tokens.clock.now = still
    assert tokens.auth.current() == "a"
    tokens.clock.now = renewed
    assert tokens.auth.current() == "b"
    assert len(tokens.forms) == 2


def test_a_refused_token_is_replaced_once_for_all_threads(tokens: Tokens) -> None:
    tokens.answers(ok("a"), ok("b"), ok("c"))
    assert tokens.auth.current() == "a"
    threads = [threading.Thread(target=tokens.auth.renew, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.auth.current() == "b"
    assert len(tokens.forms) == 2


def test_a_rotated_refresh_token_is_used_from_then_on(tokens: Tokens) -> None:
    tokens.answers(ok("a", refresh_token="refresh-2"), ok("b", refresh_token="refresh-2"), ok("c"))
    for expected in ("a", "b", "c"):
        assert tokens.auth.current() == expected
        tokens.auth.renew(expected) if expected != "c" else None
    assert [form["refresh_token"] for form in tokens.forms] == [
        "refresh-1",
        "refresh-2",
        "refresh-2",
    ]
    assert tokens.rotated == ["refresh-2"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"error": "invalid_client"}, "correct `credentials.client_id` and "),
        (400, {"error": "invalid_client"}, "correct `credentials.client_id` and "),
        (401, {}, "correct `credentials.client_id` and "),
        (400, {"error": "invalid_grant"}, "no longer accepts the refresh token, as it was "),
        (400, {"error": "forbidden_scopes"}, "refused to renew the OAuth token (forbidden_scopes)"),
        (404, {}, "refused to renew the OAuth token (HTTP 404)"),
    ],
)
def test_refusals_are_explained(
    tokens: Tokens, status: int, body: dict[str, str], said: str
) -> None:
    tokens.answers({"status_code": status, "json": body})
    with pytest.raises(AirbyteTracedException) as raised:
        tokens.auth.current()
    assert raised.value.failure_type is FailureType.config_error
    assert said in str(raised.value.message)
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
        {"status_code": 403, "text": "<html>a proxy</html>"},
        {"exc": requests.ConnectionError},
        {"exc": requests.ReadTimeout},
    ],
)
def test_trouble_is_waited_out(tokens: Tokens, trouble: dict[str, Any]) -> None:
    tokens.answers(*[trouble] * 7, ok("a"))
    assert tokens.auth.current() == "a"
    assert tokens.clock.waits == [0.5, 1, 2, 4, 8, 15, 15]


def test_trouble_for_ten_minutes_is_no_mistake_of_the_user(tokens: Tokens) -> None:
    tokens.answers({"status_code": 502, "text": "Bad Gateway"})
    with pytest.raises(AirbyteTracedException) as raised:
        tokens.auth.current()
    assert raised.value.failure_type is FailureType.transient_error
    assert 600 <= tokens.clock.now < 620


def test_an_aborted_sync_waits_for_no_token(tokens: Tokens) -> None:
    tokens.answers({"status_code": 502, "text": "Bad Gateway"})
    tokens.auth.given_up = lambda: True
    with pytest.raises(AirbyteTracedException):
        tokens.auth.current()
    assert tokens.clock.waits == []


def test_redirects_are_not_followed(tokens: Tokens) -> None:
    tokens.answers(
        {"status_code": 302, "headers": {"Location": "https://evil.example.com"}}, ok("a")
    )
    assert tokens.auth.current() == "a"
    assert {request.hostname for request in tokens.mock.request_history} == {"app.asana.com"}


@pytest.mark.parametrize(
    ("api_url", "url"),
    [
        (None, URL),
        ("http://127.0.0.1:8700/api/1.0", "http://127.0.0.1:8700/-/oauth_token"),
    ],
)
def test_the_token_endpoint_is_on_the_host_of_the_api(api_url: str | None, url: str) -> None:
    oauth = {"client_id": "12", "client_secret": "client-secret", "refresh_token": "refresh-1"}
    settings = parse_config({"credentials": oauth, "api_url": api_url})
    auth = authenticator(
        settings, session=requests.Session(), timeout=(1.0, 1.0), on_rotation=lambda _: None
    )
    assert isinstance(auth, OAuthAuth)
    assert auth.url == url
