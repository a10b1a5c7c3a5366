"""Sends one request until it is answered.

This module knows how long a request is tried, and what its answers mean for budget, clock and
health. The CDK's client takes any rule for what an answer means and for how long it is tried, but
knows one request only, so it cannot tell one that alone keeps failing from an outage. It lets 429s
use up tries, adds a second to each wait that a rule computes, and sleeps on when told to stop.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import requests
from airbyte_cdk.sources.streams.http.error_handlers import ResponseAction

from source_asana.config import config_error
from source_asana.counts import Counts
from source_asana.http.auth import AsanaOAuth
from source_asana.http.budget import Budget
from source_asana.http.client import Client
from source_asana.http.errors import (
    PartitionFailed,
    Verdict,
    error_of,
    retry_after,
)
from source_asana.http.tries import Streak, outage, pause_after

LOGGER = logging.getLogger("airbyte.source_asana.attempts")

TRIES = 12
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 15.0
# Rate limits use up no tries. But a request that is refused this often while others pass has a
# limit of its own.
REFUSALS = 20
LONGEST_REFUSAL_SECONDS = 3600.0
SMALLEST_PAGE = 10
# After these tries, a page that keeps failing is asked for with half as many records.
HALVED_AFTER = (4, 6, 8, 10)


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
    limited_by: Budget | None = None,
    body: bytes | None = None,
) -> requests.Response:
    """Send a GET until an answer decides, and return that answer with its parsed body.

    Args:
        client: what all requests share.
        path: below the API's URL, such as `tasks/12/stories`.
        counts: where each try is counted.
        params: query parameters; those that are None are left out.
        headers: further headers.
        limited_by: the further quota that the request counts against: that of searches, of events.
        body: makes it a POST of this JSON, which may be sent again where no answer came.

    Raises:
        Refused, OffsetExpired, SyncTokenExpired, PartitionFailed: what the answer means for the
            partition.
        AirbyteTracedException: the error that ends the sync.
    """
    return _Attempts(
        client,
        path,
        counts,
        dict(params),
        headers or {},
        limited_by=limited_by,
        body=body,
    ).run()


class _Attempts:
    """Makes the tries of one request."""

    def __init__(
        self,
        client: Client,
        path: str,
        counts: Counts,
        params: dict[str, Any],
        headers: Mapping[str, str],
        *,
        limited_by: Budget | None,
        body: bytes | None,
    ) -> None:
        self._client = client
        self._budgets = [limited_by, client.budget] if limited_by else [client.budget]
        self._path = path
        url = f"{client.api_url}/{path.lstrip('/')}"
        what = partial(client.post, body=body) if body else partial(client.get, params=params)
        self._ask = partial(what, url, headers=headers)
        self._counts = counts
        self._params = params
        self._failures = Streak(TRIES, client.outage_seconds)
        self._refusals = Streak(REFUSALS, LONGEST_REFUSAL_SECONDS)
        self._cost_refusals = 0
        self._renewed = False

    def run(self) -> requests.Response:
        client = self._client
        while True:
            for budget in self._budgets[:-1]:
                budget.acquire()
            try:
                with client.budget.in_flight:
                    # Not before there is a place: a pause may begin while the request waits for it.
                    sent = client.budget.acquire()
                    client.stop.check()
                    self._counts.requests += 1
                    response = self._ask()
                    verdict = self._client.errors.verdict(response)
                    # Before the place is free for another request.
                    is_costly = self._pause(response, verdict, sent)
            except requests.RequestException as error:
                self._again(self._client.errors.verdict(error))
                continue
            done = self._decide(response, verdict, is_costly=is_costly)
            if done is not None:
                return done

    def _decide(
        self, response: requests.Response, verdict: Verdict, *, is_costly: bool
    ) -> requests.Response | None:
        client, action = self._client, verdict.action
        client.announce(response)
        if action is not ResponseAction.REFRESH_TOKEN_THEN_RETRY:
            self._renewed = False
        if action is ResponseAction.RATE_LIMITED:
            self._wait(verdict, is_costly=is_costly)
            return None
        for budget in self._budgets:
            budget.accepted()
        if action is ResponseAction.RETRY:
            self._again(verdict)
            return None
        client.last_success = client.monotonic()
        if action is ResponseAction.SUCCESS:
            # Only these come from Asana for sure: a proxy's clock may be ahead.
            client.clock.observe(response.headers)
            response.limit = self._params.get("limit")  # type: ignore[attr-defined]  # see limit_of
            return response
        if action is ResponseAction.REFRESH_TOKEN_THEN_RETRY:
            self._reauthenticate(verdict, response)
            return None
        if verdict.is_fatal:
            raise client.stop.abort(
                config_error(f'{verdict.rule.remedy}. Asana said: "{verdict.message}".')
            )
        raise error_of(verdict)

    def _reauthenticate(self, verdict: Verdict, response: requests.Response) -> None:
        auth = self._client.auth
        if self._renewed or not isinstance(auth, AsanaOAuth):
            raise self._client.stop.abort(
                config_error(
                    f'Asana does not accept the token (HTTP 401, "{verdict.message}"); provide '
                    "a valid one under `credentials`, and make sure that the workspace's admin has "
                    "not disabled the app."
                )
            )
        auth.renew(response.request.headers["Authorization"])
        self._renewed = True

    def _pause(self, response: requests.Response, verdict: Verdict, sent: float) -> bool:
        """Have everyone pause after a 429; return whether it looks like the cost limit."""
        is_refused = verdict.action is ResponseAction.RATE_LIMITED
        return is_refused and self._budgets[0].rejected(sent, retry_after(response))

    def _wait(self, verdict: Verdict, *, is_costly: bool) -> None:
        """Give up on a request that alone is refused again and again, or ask for less."""
        self._note(self._refusals, verdict)
        if is_costly:
            self._cost_refusals += 1
            if self._cost_refusals % 2 == 0:
                self._halve(verdict)

    def _again(self, verdict: Verdict) -> None:
        """Wait before the next try."""
        client, failures = self._client, self._failures
        if self._note(failures, verdict) and failures.count in HALVED_AFTER:
            self._halve(verdict)
        if failures.lasts > LONGEST_BACKOFF_SECONDS:
            client.notice(
                logging.WARNING,
                f"Asana does not answer properly ({verdict.message}); still trying.",
            )
        pause = pause_after(failures.count, FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)
        client.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  # jitter

    def _note(self, streak: Streak, verdict: Verdict) -> bool:
        """Count one more failure or refusal; return whether Asana answers others, where it matters.

        Raises:
            PartitionFailed: after many, while Asana answers other requests.
            AirbyteTracedException: after an outage, which ends the sync.
        """
        streak.add(self._client.monotonic())
        is_long = streak.lasts >= streak.longest
        if not (is_long or streak.is_to_examine):
            return False
        answers = self._asana_answers(streak.before)
        if streak.is_alone(answers=answers) or (is_long and answers):
            raise PartitionFailed(verdict)
        if is_long:
            # For all of them: thousands of slices would each wait for an answer once more.
            raise self._client.stop.abort(
                outage("Asana could not be reached for too long", verdict.message)
            )
        return answers

    def _asana_answers(self, since: float) -> bool:
        """Return whether Asana answers other requests; where none was, ask for a small thing.

        Args:
            since: when this one failed last but one (monotonic seconds).
        """
        return self._client.last_success > since or self._answers_this_user()

    def _answers_this_user(self) -> bool:
        """Ask for the token's user, and return whether that was answered."""
        client = self._client
        try:
            with client.budget.in_flight:
                sent = client.budget.acquire()
                self._counts.requests += 1
                response = client.get(
                    f"{client.api_url}/users/me",
                    params={"opt_fields": "gid"},
                )
                action = self._client.errors.verdict(response).action
        except requests.RequestException:
            return False
        if action is ResponseAction.RATE_LIMITED:
            client.budget.rejected(sent, retry_after(response))
        if action in (ResponseAction.RATE_LIMITED, ResponseAction.RETRY):
            return False
        client.budget.accepted()
        client.last_success = client.monotonic()
        return True

    def _halve(self, verdict: Verdict) -> None:
        limit = self._params.get("limit")
        if isinstance(limit, int | str) and int(limit) > SMALLEST_PAGE:
            self._params["limit"] = max(SMALLEST_PAGE, int(limit) // 2)
            LOGGER.info(
                "A page of %s failed (%s); asking for %s records a page.",
                self._path,
                verdict.message,
                self._params["limit"],
            )
