"""Sends the questions' GETs: once each, within a limit, and with every answer as a value.

A sync turns an answer into an action. A question wants to see it, whatever it is, so nothing is
raised for a refusal, and a refusal is not tried again. Client, budget and authenticator are those
of a sync.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import requests

from source_asana.http.client import Client
from source_asana.http.clock import Millis
from source_asana.http.errors import Action, Verdict, classify, message_of, retry_after

MOST_REQUESTS = 300
# Without it, objects of Asana's own custom types are hidden.
ENABLED: Mapping[str, str] = {
    "Accept": "application/json",
    "Asana-Enable": "include_asana_created_custom_types",
}
TRIES = 4
FIRST_WAIT_SECONDS = 1.0
Raw = dict[str, Any]


class OutOfRequestsError(Exception):
    """All requests that the probe may send have been sent."""


class UnansweredError(Exception):
    """Asana does not answer properly, or does not accept the token."""


@dataclass(frozen=True)
class Moment:
    """One answer in time: its `Date`, and when it was asked for and came, by our own clock.

    Attributes:
        date: the header's text, None without one.
        asked, came: seconds since 1970.
    """

    date: str | None
    asked: float
    came: float


@dataclass(frozen=True)
class Reply:
    """One answer; `rows` are the records of a list, or the one of a single read."""

    status: int
    reason: str
    rows: list[Raw]
    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether the answer has data."""
        return self.reason == "ok"

    @property
    def told(self) -> str:
        """Status and reason in the connector's words; never Asana's, which may hold names."""
        return f"HTTP {self.status}" + ("" if self.ok else f" ({self.reason})")

    @property
    def offset(self) -> str | None:
        """The offset of the page after this one."""
        offset: str | None = (self.body.get("next_page") or {}).get("offset")
        return offset


class Asker:
    """Sends GETs, no more than `MOST_REQUESTS`, tries included; one thread uses it.

    Args:
        client: of this run.
        secret: what the aliases of gids are made with.

    Attributes:
        sent: how many requests were sent.
        moments: of all answers, in order.
        waits: for each 429, the seconds that Asana asked to wait; None where it named none.
        longest: length of the longest address that was answered with data.
    """

    def __init__(self, client: Client, secret: str) -> None:
        self._client = client
        self._key = blake2b(secret.encode(), digest_size=32).digest()
        self.sent = 0
        self.moments: list[Moment] = []
        self.waits: list[float | None] = []
        self.longest = 0

    def alias(self, gid: str) -> str:
        """Return what stands for a gid in the report: the same for it in each run with a token."""
        return "#" + blake2b(gid.encode(), key=self._key, digest_size=4).hexdigest()

    def now(self) -> Millis:
        """Return the present by Asana's clock, by our own before it has said."""
        return self._client.clock.now()

    def get(
        self,
        path: str,
        *,
        headers: Mapping[str, str] = ENABLED,
        search: bool = False,
        **params: Any,
    ) -> Reply:
        """Return the answer to one GET.

        Raises:
            OutOfRequestsError: the limit is reached.
            UnansweredError: no answer that means anything after some tries.
        """
        for number in range(TRIES):
            verdict, response = self._once(path, params, headers, search=search)
            again = verdict is None or verdict.rule.action in (Action.RETRY, Action.WAIT)
            # An answer to an address that is too long may be a page of HTML.
            if verdict and response is not None and (not again or 400 <= verdict.status < 424):
                return _reply(verdict, response)
            if number + 1 < TRIES and not (verdict and verdict.rule.action is Action.WAIT):
                self._client.sleep(FIRST_WAIT_SECONDS * 2.0**number)
        text = f"HTTP {verdict.status}" if verdict else "no answer"
        raise UnansweredError(f"Asana does not answer properly ({text})")

    def _once(
        self, path: str, params: Mapping[str, Any], headers: Mapping[str, str], *, search: bool
    ) -> tuple[Verdict | None, requests.Response | None]:
        if self.sent >= MOST_REQUESTS:
            raise OutOfRequestsError
        client = self._client
        budgets = [client.search_budget, client.budget] if search else [client.budget]
        turn = [budget.acquire() for budget in budgets][-1]
        self.sent += 1
        url, token = f"{client.api_url}/{path.lstrip('/')}", client.auth.current()
        asked = time.time()
        try:
            response = client.get(url, params=params, token=token, headers=headers)
        except requests.RequestException:
            return None, None
        self.moments.append(Moment(response.headers.get("Date"), asked, time.time()))
        verdict = classify(response)
        action = verdict.rule.action
        if action is Action.REAUTHENTICATE and not client.auth.renew(token):
            raise UnansweredError("Asana does not accept the token (HTTP 401)")
        if action is Action.REAUTHENTICATE:
            return None, response
        if action is Action.WAIT:
            self.waits.append(retry_after(response))
            budgets[0].rejected(turn, retry_after(response))
        elif verdict.rule.reason == "ok":
            client.clock.observe(response.headers)
            self.longest = max(self.longest, len(response.request.url or ""))
        for budget in budgets if action is not Action.WAIT else ():
            budget.accepted(turn)
        return verdict, response

    def pages(self, path: str, most: int, **params: Any) -> list[Raw]:
        """Return the records of at most `most` pages of 100; of what is refused, those before."""
        found: list[Raw] = []
        offset: str | None = None
        for _ in range(most):
            reply = self.get(path, limit=100, offset=offset, **params)
            found += reply.rows
            offset = reply.offset
            if not offset:
                break
        return found


def _reply(verdict: Verdict, response: requests.Response) -> Reply:
    body = verdict.body if isinstance(verdict.body, dict) else {}
    data = None if message_of(body) else body.get("data")
    rows = data if isinstance(data, list) else [data] if data else []
    return Reply(verdict.status, verdict.rule.reason, rows, body, response.headers)
