"""Holds what all requests of a sync share: session, authenticator, budgets and clock.

`attempts.send` sends a request with it until an answer decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlencode

import requests
from airbyte_cdk.sources.declarative.auth.declarative_authenticator import NoAuth
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from source_asana.config import Settings
from source_asana.http.budget import PAID_PER_MINUTE, SEARCHES_PER_MINUTE, Budget
from source_asana.http.clock import ServerClock
from source_asana.http.errors import error_handler
from source_asana.http.stop import Stop

# The name under which pip knows the connector; a test compares it with pyproject.toml.
DISTRIBUTION = "source-asana-complete"
CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
OUTAGE_SECONDS = 600.0
CHUNK_BYTES = 1 << 20
SEARCH_BURST = 10.0


def connector_version() -> str:
    """Return the installed version, `dev` from a source tree without metadata."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "dev"


class Client:
    """What every request of a process shares; tests give a clock and a sleep of their own.

    Args:
        settings: the configuration: URL, limits.
        notice: logs a line the first time it comes, as `Report.once` does.
        monotonic, sleep: the process's clock in seconds.
        outage_seconds: how long an outage is waited out.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        notice: Callable[[int, str], None] = lambda _level, _text: None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        outage_seconds: float = OUTAGE_SECONDS,
    ) -> None:
        self.api_url = settings.api_url
        self.stop = Stop()
        self.notice = notice
        self.monotonic = monotonic
        self.sleep = sleep = sleep or self.stop.nap
        self.outage_seconds = outage_seconds
        self.errors = error_handler()
        self.clock = ServerClock(monotonic)
        # When Asana last answered a request properly, whoever sent it (monotonic seconds).
        self.last_success = float("-inf")
        waits: dict[str, Any] = {"monotonic": monotonic, "sleep": sleep}
        self.budget = Budget(
            settings.requests_per_minute or PAID_PER_MINUTE,
            in_flight=settings.num_workers,
            given_up=self.stop.is_set,
            **waits,
        )
        self.search_budget = Budget(
            SEARCHES_PER_MINUTE, burst=SEARCH_BURST, given_up=self.stop.is_set, **waits
        )
        # Asana limits events by themselves: a refusal must not slow down what else is asked.
        self.event_budget = Budget(PAID_PER_MINUTE, given_up=self.stop.is_set, **waits)
        self.session = _session()
        self.timeout = (CONNECT_SECONDS, READ_SECONDS)
        # Signs each request; `auth.authenticator` makes the one of the configuration.
        self.auth: AuthBase = NoAuth({})

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one GET through the shared session, signed, and return its answer.

        `Session.get` looks up proxies and CA in the environment each time and encodes the long
        list of fields again and again, which takes half of a request's CPU. Here they are looked
        up once, and the URL is built in one go. A .netrc is ignored, so that it cannot replace the
        token.
        """
        request = requests.PreparedRequest()
        request.prepare_method("GET")
        given = {name: value for name, value in params.items() if value is not None}
        if url.isascii():
            query = urlencode(given, doseq=True, safe=",")
            request.url = f"{url}?{query}" if query else url
        else:
            request.prepare_url(url, given)
        return self._sent(request, headers or {})

    def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Send one POST of a JSON body as `get` sends a GET, and return its answer."""
        request = requests.PreparedRequest()
        request.prepare_method("POST")
        request.prepare_url(url, None)
        request.body = body
        sizes = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return self._sent(request, {**(headers or {}), **sizes})

    def _sent(
        self, request: requests.PreparedRequest, headers: Mapping[str, str]
    ) -> requests.Response:
        request.prepare_headers({**self.session.headers, **headers})
        self.auth(request)
        request.prepare_cookies(self.session.cookies)
        response = self.session.send(
            request, timeout=self.timeout, allow_redirects=False, **self._environment
        )
        # `content` does the same in chunks of ten kilobytes, which are forty for a page.
        response._content = b"".join(response.iter_content(CHUNK_BYTES))  # noqa: SLF001
        return response

    def announce(self, response: requests.Response) -> None:
        """Log the changes of its API that Asana announces in an answer's headers, each once."""
        for change in response.headers.get("Asana-Change", "").split(","):
            if change.strip():
                text = f"Asana announces a change of its API: {change.strip()}"
                self.notice(logging.INFO, text)

    @cached_property
    def _environment(self) -> Any:
        """The proxies, CA bundle and client certificate that the environment names for Asana."""
        return self.session.merge_environment_settings(
            self.api_url, proxies={}, stream=True, verify=None, cert=None
        )


def _session() -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=64)
    session.mount("https://", adapter)
    session.mount("http://", adapter)  # ignore-https-check: only for a loopback address
    session.headers["User-Agent"] = f"{DISTRIBUTION}/{connector_version()}"
    return session
