"""Sends one request until it is answered.

The CDK's client sends and repeats it. This module says what an answer means for that: how long a
request is tried, when its pages are halved, and how clock and health take it. All requests share
session, budgets and authenticator. Each has a client of its own, as a client knows one error
handler, and that holds the tries of one request.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from typing import Any

import requests
from airbyte_cdk.sources.streams.http import HttpClient
from airbyte_cdk.sources.streams.http.error_handlers import (
    BackoffStrategy,
    ErrorHandler,
    ErrorResolution,
    ResponseAction,
)
from airbyte_cdk.sources.streams.http.error_handlers.response_models import SUCCESS_RESOLUTION
from airbyte_cdk.sources.streams.http.page_size_reduction_exception import (
    PageSizeReductionRequiredException,
)
from typing_extensions import override

from source_asana.config import config_error
from source_asana.counts import Counts
from source_asana.http.auth import AsanaOAuth
from source_asana.http.client import Client
from source_asana.http.errors import PartitionFailed, Verdict, error_of
from source_asana.http.tries import Streak, outage, pause_after

LOGGER = logging.getLogger("airbyte.source_asana.attempts")
# On level DEBUG, the client would log whole bodies.
CLIENT_LOGGER = logging.getLogger("airbyte.source_asana.http_client")
CLIENT_LOGGER.setLevel(logging.INFO)
# It calls each repeated request a rate limit, and so would the log, thousands of times.
logging.getLogger("airbyte").addFilter(lambda record: record.module != "rate_limiting")

TRIES = 12
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 15.0
# The client adds it to each pause, and sleeps for so long whatever happens.
CLIENTS_PAUSE_SECONDS = 1.0
# Rate limits use up no tries. But a request that is refused this often while others pass has a
# limit of its own.
REFUSALS = 20
LONGEST_REFUSAL_SECONDS = 3600.0
SMALLEST_PAGE = 10
# From this try on, every second time, it is found out whether Asana answers other requests. If so,
# a page that keeps failing is asked for with half as many records.
UNEXAMINED = 4
AGAIN = frozenset({ResponseAction.RATE_LIMITED, ResponseAction.RETRY})
NO_LIMIT = 10**9


def body_of(response: requests.Response) -> dict[str, Any]:
    """Return the parsed body of an answer that `send` returned."""
    body: dict[str, Any] = response.json()  # parsed by the error handler, once
    return body


def limit_of(response: requests.Response) -> int | None:
    """Return the page size of the answer, smaller than asked for where Asana could not give it."""
    limit: int | None = response.limit  # type: ignore[attr-defined]  # set below, once per answer
    return limit


def send(
    client: Client,
    path: str,
    *,
    counts: Counts,
    params: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    json: Mapping[str, Any] | None = None,
) -> requests.Response:
    """Send a GET until an answer decides, and return that answer with its parsed body.

    Args:
        client: what all requests share.
        path: below the API's URL, such as `tasks/12/stories`.
        counts: where each try is counted.
        params: query parameters; those that are None are left out.
        headers: further headers.
        json: makes it a POST of this, which may be sent again where no answer came.

    Raises:
        Refused, OffsetExpired, SyncTokenExpired, PartitionFailed: what the answer means for the
            partition.
        AirbyteTracedException: the error that ends the sync.
    """
    tries = _Tries(client, path, counts, dict(params))
    sender = HttpClient(
        "asana",
        CLIENT_LOGGER,
        error_handler=tries,
        backoff_strategy=tries,
        session=client.api,
        authenticator=client.auth,
        request_timeout=client.timeout,
    )
    while True:
        try:
            _, response = sender.send_request(
                "POST" if json else "GET",
                f"{client.api_url}/{path.lstrip('/')}",
                headers=headers,
                params=tries.params,
                json=json,
                # The token is never sent to another host.
                request_kwargs={"allow_redirects": False},
            )
        except PageSizeReductionRequiredException:
            client.sleep(tries.pause)
        else:
            response.limit = tries.params.get("limit")  # type: ignore[attr-defined]  # see limit_of
            return response


class _Tries(ErrorHandler, BackoffStrategy):
    """Judges the answers to one request, and says how long to wait before the next try.

    The CDK counts tries, for one request alone. This tells a request that alone keeps failing from
    an outage, which ends the sync once for all; has rate limits use up no tries; and wakes who
    waits when the sync is told to stop. `unit_tests/http/test_attempts.py` fails without each.

    Attributes:
        params: the query parameters of the next try.
        pause: how long it waits, in seconds.
    """

    max_retries = NO_LIMIT
    max_time = NO_LIMIT

    def __init__(self, client: Client, path: str, counts: Counts, params: dict[str, Any]) -> None:
        self.params = params
        self.pause = 0.0
        self._client = client
        self._path = path
        self._counts = counts
        self._failures = Streak(TRIES, client.outage_seconds)
        self._refusals = Streak(REFUSALS, LONGEST_REFUSAL_SECONDS)
        self._cost_refusals = 0
        self._renewed = False

    @override
    def interpret_response(self, response: requests.Response | Exception | None) -> ErrorResolution:
        client = self._client
        self._counts.requests += 1
        verdict = client.errors.verdict(response)
        action = verdict.action
        if action is not ResponseAction.REFRESH_TOKEN_THEN_RETRY:
            self._renewed = False
        if action is ResponseAction.RETRY:
            return self._failed(verdict)
        assert isinstance(response, requests.Response)
        client.announce(response)
        if action is ResponseAction.RATE_LIMITED:
            return self._refused(response, verdict)
        client.last_success = client.monotonic()
        if action is ResponseAction.SUCCESS:
            # Only these come from Asana for sure: a proxy's clock may be ahead.
            client.clock.observe(response.headers)
            return SUCCESS_RESOLUTION
        if action is ResponseAction.REFRESH_TOKEN_THEN_RETRY:
            return self._reauthenticated(response, verdict)
        if verdict.is_fatal:
            raise client.stop.abort(
                config_error(f'{verdict.rule.remedy}. Asana said: "{verdict.message}".')
            )
        raise error_of(verdict)

    @override
    def backoff_time(
        self,
        response_or_exception: requests.Response | requests.RequestException | None,
        attempt_count: int,
    ) -> float:
        """Wait here, as the client would sleep on when the sync is told to stop."""
        self._client.sleep(max(0.0, self.pause - CLIENTS_PAUSE_SECONDS))
        self._client.stop.check()
        # For 0 it would take a pause of its own.
        return 1e-9

    def _reauthenticated(self, response: requests.Response, verdict: Verdict) -> ErrorResolution:
        """Have the token renewed once; the client would do it for each thread that was refused."""
        auth, stop = self._client.auth, self._client.stop
        if self._renewed or not isinstance(auth, AsanaOAuth):
            raise stop.abort(
                config_error(
                    f'Asana does not accept the token (HTTP 401, "{verdict.message}"); provide '
                    "a valid one under `credentials`, and make sure that the workspace's admin has "
                    "not disabled the app."
                )
            )
        auth.renew(response.request.headers["Authorization"])
        self._renewed, self.pause = True, 0.0
        return ErrorResolution(ResponseAction.RETRY)

    def _refused(self, response: requests.Response, verdict: Verdict) -> ErrorResolution:
        """Give up on a request that alone is refused again and again, or ask for less."""
        self._note(self._refusals, verdict)
        is_costly = self._client.budgets.of(response.request)[0].is_costly
        self._cost_refusals += is_costly
        # The budget has everybody wait.
        self.pause = 0.0
        return self._again(verdict, is_heavy=is_costly and self._cost_refusals % 2 == 0)

    def _failed(self, verdict: Verdict) -> ErrorResolution:
        """Wait longer and longer, and ask for less where Asana answers other requests."""
        failures = self._failures
        answers = self._note(failures, verdict)
        if failures.last - failures.began > LONGEST_BACKOFF_SECONDS:
            self._client.notice(
                logging.WARNING,
                f"Asana does not answer properly ({verdict.message}); still trying.",
            )
        pause = pause_after(failures.number, FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)
        self.pause = pause * random.uniform(0.75, 1.25)  # noqa: S311  # jitter
        return self._again(verdict, is_heavy=answers)

    def _again(self, verdict: Verdict, *, is_heavy: bool) -> ErrorResolution:
        """Have the request sent again, with a smaller page if it is too heavy and can be."""
        limit = int(self.params.get("limit") or 0)
        if not is_heavy or limit <= SMALLEST_PAGE:
            return ErrorResolution(ResponseAction.RETRY)
        self.params["limit"] = max(SMALLEST_PAGE, limit // 2)
        LOGGER.info(
            "A page of %s failed (%s); asking for %s records a page.",
            self._path,
            verdict.message,
            self.params["limit"],
        )
        return ErrorResolution(ResponseAction.REDUCE_PAGE_SIZE)

    def _note(self, streak: Streak, verdict: Verdict) -> bool:
        """Count one more failure or refusal; return whether Asana is known to answer others.

        Raises:
            PartitionFailed: after many, while Asana answers other requests.
            AirbyteTracedException: after an outage, which ends the sync.
        """
        client = self._client
        before = streak.add(client.monotonic())
        is_long = streak.last - max(streak.began, client.last_success) >= streak.longest
        if not is_long and (streak.count < UNEXAMINED or streak.count % 2):
            return False
        answers = client.last_success > before or self._answers_this_user()
        if answers and (is_long or streak.count >= streak.most):
            raise PartitionFailed(verdict)
        if is_long:
            # For all of them: thousands of slices would each wait for an answer once more.
            text = "Asana could not be reached for too long"
            raise client.stop.abort(outage(text, verdict.message))
        if not answers:
            streak.count = 0
        return answers

    def _answers_this_user(self) -> bool:
        """Return whether Asana answers a small thing, where nothing else was asked for."""
        client = self._client
        self._counts.requests += 1
        try:
            response = client.api.get(
                f"{client.api_url}/users/me",
                params={"opt_fields": "gid"},
                timeout=client.timeout,
                allow_redirects=False,
            )
        except requests.RequestException:
            return False
        if client.errors.verdict(response).action in AGAIN:
            return False
        client.last_success = client.monotonic()
        return True
