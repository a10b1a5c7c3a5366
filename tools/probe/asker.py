"""Sends the questions' GETs as a sync does, and returns refusals as values.

A sync turns an answer into an action. A question wants to see it, so a refusal is not raised.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from source_asana.counts import Counts
from source_asana.http.attempts import body_of, send
from source_asana.http.client import Client
from source_asana.http.clock import to_millis
from source_asana.http.errors import AsanaError

MOST_REQUESTS = 300
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Accept": "application/json",
        # Without it, objects of Asana's own custom types are hidden.
        "Asana-Enable": "include_asana_created_custom_types",
    }
)
Raw = dict[str, Any]


class OutOfRequestsError(Exception):
    """All requests that the probe may send have been sent."""


@dataclass(frozen=True)
class Reply:
    """One answer; `rows` are the records of a list, or the one of a single read."""

    status: int
    reason: str
    body: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the answer has data."""
        return self.reason == "ok"

    @property
    def rows(self) -> list[Raw]:
        """The records; none where Asana refuses."""
        data = self.body.get("data") if self.ok else None
        return data if isinstance(data, list) else [data] if data else []

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
    """Sends GETs, one after the other.

    Args:
        client: of this run.

    Attributes:
        client: the same, for its clock.
        counts: how many requests were sent.
        dates: `Date` of all answers with data, in order.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.counts = Counts()
        self.dates: list[str | None] = []

    def get(self, path: str, **params: Any) -> Reply:
        """Return the answer to one GET.

        Raises:
            OutOfRequestsError: the limit is reached.
            AirbyteTracedException: Asana does not accept the token, or cannot be reached.
        """
        if self.counts.requests >= MOST_REQUESTS:
            raise OutOfRequestsError
        try:
            response = send(
                self.client,
                path,
                counts=self.counts,
                params=params,
                headers=HEADERS,
            )
        except AsanaError as error:
            verdict = error.verdict
            body = verdict.body if isinstance(verdict.body, dict) else {}
            return Reply(verdict.status, verdict.rule.reason, body)
        self.dates.append(response.headers.get("Date"))
        return Reply(response.status_code, "ok", body_of(response))

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


def stamp(task: Raw) -> int:
    """Return a task's `modified_at` in milliseconds, 0 without one."""
    return to_millis(task.get("modified_at")) or 0
