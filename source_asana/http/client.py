"""Holds what all requests of a sync share: session, authenticator, budgets and clock.

`attempts.send` sends a request with it until an answer decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import requests
from airbyte_cdk.sources.declarative.auth.declarative_authenticator import NoAuth
from airbyte_cdk.sources.streams.call_rate import LimiterMixin
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from typing_extensions import override

from source_asana.config import Settings
from source_asana.http.budget import PAID_PER_MINUTE, SEARCHES_PER_MINUTE, Budget, Budgets
from source_asana.http.clock import ServerClock
from source_asana.http.errors import error_handler
from source_asana.http.stop import Stop

# The name under which pip knows the connector; a test compares it with pyproject.toml.
DISTRIBUTION = "source-asana-complete"
CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
OUTAGE_SECONDS = 600.0
SEARCH_BURST = 10.0
Session = TypeVar("Session", bound=requests.Session)


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
        self.event_budget = Budget(PAID_PER_MINUTE, given_up=self.stop.is_set, **waits)
        self.budgets = Budgets(
            self.budget,
            {"/tasks/search": self.search_budget, "/events": self.event_budget},
            self.errors,
            self.stop,
        )
        # Signs what it sends, so that it asks only the API; the other one gets tokens and files.
        self.api = _prepared(ApiSession(self.budgets))
        self.session = _prepared(requests.Session())
        self.timeout = (CONNECT_SECONDS, READ_SECONDS)
        # Signs each request; `auth.authenticator` makes the one of the configuration.
        self.auth: AuthBase = NoAuth({})

    def announce(self, response: requests.Response) -> None:
        """Log the changes of its API that Asana announces in an answer's headers, each once."""
        for change in response.headers.get("Asana-Change", "").split(","):
            if change.strip():
                text = f"Asana announces a change of its API: {change.strip()}"
                self.notice(logging.INFO, text)


class _SigningSession(requests.Session):
    """Signs a request when its turn has come, as its token may end while it waits for that."""

    @override
    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        assert isinstance(self.auth, AuthBase)
        return super().send(self.auth(request), **options)


class ApiSession(LimiterMixin, _SigningSession):
    """The CDK's session with a budget, and with a limit of the requests under way."""

    def __init__(self, budgets: Budgets) -> None:
        super().__init__(api_budget=budgets)
        self._budgets = budgets

    @override
    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        *narrow, general = self._budgets.of(request)
        for budget in narrow:
            budget.acquire()
        # A pause may begin while the request waits for a place, so the general one comes after it.
        with general.in_flight:
            return super().send(request, **options)


def _prepared(session: Session) -> Session:
    """Return a session with a pool for all workers that says who asks."""
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=64)
    session.mount("https://", adapter)
    session.mount("http://", adapter)  # ignore-https-check: only for a loopback address
    session.headers["User-Agent"] = f"{DISTRIBUTION}/{connector_version()}"
    return session
