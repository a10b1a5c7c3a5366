"""What all streams of one process share.

Settings, session, budget, clock, authenticator, report, feeds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlencode

import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from requests.adapters import HTTPAdapter

from source_asana.components.auth import TokenAuth, authenticator
from source_asana.components.budget import PAID_PER_MINUTE, Budget
from source_asana.components.clock import ServerClock
from source_asana.components.feeds_tasks import Feeds
from source_asana.components.report import Report
from source_asana.components.search import SEARCHES_PER_MINUTE, Searches
from source_asana.config import Settings

CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
OUTAGE_SECONDS = 600.0
PIECE_BYTES = 1 << 20
SEARCH_BURST = 10.0
CHECK_OUTAGE_SECONDS = 20.0


def connector_version() -> str:
    """Return the installed version, `dev` from a source tree without metadata."""
    try:
        return version("airbyte-source-asana")
    except PackageNotFoundError:
        return "dev"


class Health:
    """When Asana last answered anything sensible: tells one failing partition from an outage."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.last_success = float("-inf")
        self._failing_since: float | None = None

    def succeeded(self) -> None:
        """Count an answer that no fault produced."""
        self.last_success = self._monotonic()
        self._failing_since = None

    def alive(self) -> None:
        """Count a refusal for a rate limit: it is no success, but no outage either."""
        self._failing_since = None

    def failed(self) -> float:
        """Count a try without such an answer; returns for how many seconds there has been none."""
        now = self._monotonic()
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since


class Room:
    """Keeps workers from fetching further pages while the destination is slower than Asana.

    Every worker may hold one page whose records wait for a place in the queue; with a slow
    destination all of them would. While the queue is more than half full, only a few may fetch.
    """

    FEW = 2
    LOOK_AGAIN_SECONDS = 0.05

    def __init__(self, sleep: Callable[[float], None], given_up: Callable[[], bool]) -> None:
        self._given_up = given_up
        self.backlog: Callable[[], bool] = lambda: False
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._held = 0

    def __enter__(self) -> None:
        """Wait for room and take it; one looks out for it while the others wait for that one."""
        with self._turn:
            while True:
                with self._lock:
                    if self._held < self.FEW or not self.backlog() or self._given_up():
                        self._held += 1
                        return
                self._sleep(self.LOOK_AGAIN_SECONDS)

    def __exit__(self, *_: object) -> None:
        """Give the room back."""
        with self._lock:
            self._held -= 1


class Runtime:
    """One object for the process; tests give a clock and a sleep of their own.

    Attributes:
        workspaces: gids of the selected workspaces, once they are listed.
        fatal: the config error that ends the sync; once set, no further request is sent.
        outage_seconds: how long a time without any success is sat out.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_rotation: Callable[[str], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        outage_seconds: float = OUTAGE_SECONDS,
    ) -> None:
        self.settings = settings
        self.monotonic = monotonic
        self._stopped = threading.Event()
        sleep = sleep or self._nap
        self.sleep = sleep
        self.outage_seconds = outage_seconds
        self.clock = ServerClock()
        self.report = Report(monotonic=monotonic)
        self.feeds = Feeds(self.stopped)
        self.room = Room(sleep, self._stopped.is_set)
        self.health = Health(monotonic)
        self.budget = Budget(
            settings.requests_per_minute or PAID_PER_MINUTE,
            in_flight=settings.num_workers,
            monotonic=monotonic,
            sleep=sleep,
        )
        self.searches_budget = Budget(
            SEARCHES_PER_MINUTE, burst=SEARCH_BURST, monotonic=monotonic, sleep=sleep
        )
        for budget in (self.budget, self.searches_budget):
            budget.given_up = self._stopped.is_set
        self.searches = Searches(settings.search_overlap_minutes)
        self.workspaces: frozenset[str] = frozenset()
        self.session = _session()
        self.timeout = (CONNECT_SECONDS, READ_SECONDS)
        self.auth: TokenAuth = authenticator(
            settings,
            session=self.session,
            timeout=self.timeout,
            on_rotation=on_rotation,
            monotonic=monotonic,
            sleep=sleep,
            outage_seconds=outage_seconds,
            given_up=self._stopped.is_set,
        )
        self.fatal: AirbyteTracedException | None = None
        # A signal handler may abort while its thread does.
        self._lock = threading.RLock()

    def _nap(self, seconds: float) -> None:
        """Sleep, or until the sync is aborted."""
        self._stopped.wait(seconds)

    def stopped(self) -> AirbyteTracedException | None:
        """Return the error to raise in a thread of an aborted sync, None while it runs.

        A new one each time: an exception that is raised in many threads collects the tracebacks of
        all of them.
        """
        fatal = self.fatal
        if fatal is None:
            return None
        return AirbyteTracedException(
            message=fatal.message,
            internal_message=fatal.internal_message,
            failure_type=fatal.failure_type,
        )

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any],
        token: str,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one GET through the shared session, signed with `token`.

        `Session.get` looks proxies and CA up in the environment each time and encodes the long
        list of fields again and again: half of a request's CPU. Here the look-up is made once, and
        the URL is made in one go. A .netrc is not asked, so that it cannot replace the token.
        """
        request = requests.PreparedRequest()
        request.prepare_method("GET")
        given = {name: value for name, value in params.items() if value is not None}
        if url.isascii():
            query = urlencode(given, doseq=True, safe=",")
            request.url = f"{url}?{query}" if query else url
        else:
            request.prepare_url(url, given)
        signed = {"Authorization": f"Bearer {token}"}
        request.prepare_headers({**self.session.headers, **(headers or {}), **signed})
        request.prepare_cookies(self.session.cookies)
        response = self.session.send(
            request, timeout=self.timeout, allow_redirects=False, **self._environment
        )
        # The same that `content` does, which takes pieces of ten kilobytes: forty for a page.
        response._content = b"".join(response.iter_content(PIECE_BYTES))  # noqa: SLF001
        return response

    @cached_property
    def _environment(self) -> Any:
        """Proxies, CA bundle and client certificate as the environment has them for Asana."""
        return self.session.merge_environment_settings(
            self.settings.api_url, proxies={}, stream=True, verify=None, cert=None
        )

    def abort(self, error: AirbyteTracedException) -> AirbyteTracedException:
        """Make `error` the reason why this sync ends; the first one stays.

        Returns the one that counts.
        """
        with self._lock:
            if self.fatal is None:
                self.fatal = error
                self._stopped.set()
            return self.fatal


def _session() -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=64)
    session.mount("https://", adapter)
    session.mount("http://", adapter)  # ignore-https-check: only for the sandbox
    session.headers["User-Agent"] = f"airbyte-source-asana/{connector_version()}"
    return session
