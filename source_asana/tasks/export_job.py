"""An export job at Asana: requested, waited for, and its file's address (getJob)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from source_asana.http.attempts import Counter, body_of, send
from source_asana.http.client import Client
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import AsanaError, Refused
from source_asana.http.tries import Tries

LOGGER = logging.getLogger("airbyte.source_asana.export")
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
PROGRESS_SECONDS = 60.0
# A job that is said to be older than its own request is another one.
CLOCK_GRAIN = 120_000
RUNNING = re.compile(
    r"in progress|in_progress|already (running|exporting)|another export", re.IGNORECASE
)
# What these refusals are for does not pass by waiting.
LASTING = frozenset({"plan", "scope", "service account", "no such endpoint"})
JOB_FIELDS = "status,new_resource_export.(created_at|download_url)"


class ExportFailedError(Exception):
    """An export cannot be used; the message says why.

    Attributes:
        may_pass: whether another export may work.
    """

    def __init__(self, why: str, *, may_pass: bool = False) -> None:
        super().__init__(why)
        self.may_pass = may_pass


@dataclass(frozen=True)
class Order:
    """What is exported.

    Attributes:
        workspace: its gid.
        fields: dotted names, as in `opt_fields`.
        after: tasks that changed after this instant, None for all.
    """

    workspace: str
    fields: tuple[str, ...]
    after: Millis | None

    @property
    def asks(self) -> str:
        """What tells requests for other fields from this one."""
        return blake2b(",".join(self.fields).encode(), digest_size=8).hexdigest()

    def body(self) -> bytes:
        """Return the request's body."""
        tasks: dict[str, Any] = {"resource_type": "task", "fields": self.fields}
        if self.after is not None:
            tasks["filters"] = {"modified_at.after": from_millis(self.after)}
        data = {"workspace": self.workspace, "export_request_parameters": [tasks]}
        return orjson.dumps({"data": data})


class Job(NamedTuple):
    """A job that has succeeded: its gid, when the export began, and one address of its file."""

    gid: str
    created: Millis
    address: str | None


class ExportJobs:
    """Makes and follows the jobs of one workspace in one sync.

    Args:
        client: what all requests share.
        counts: where the requests are counted.
        workspace: its gid.
        headers: of the request.
        minutes: how long everything together may take.
    """

    def __init__(
        self,
        client: Client,
        counts: Counter,
        workspace: str,
        headers: dict[str, str],
        minutes: float,
    ) -> None:
        self._client = client
        self._counts = counts
        self._workspace = workspace
        self._headers = headers
        self._minutes = minutes
        self._began = self._said = client.monotonic()

    def create(self, order: Order) -> str:
        """Return the gid of a new job, once no other export runs in the workspace."""
        made = self._until(lambda: self._create(order.body()), "another export to end")
        gid: str = made["gid"]
        LOGGER.info("Workspace %s: job %s exports its tasks.", self._workspace, gid)
        return gid

    def _create(self, body: bytes) -> dict[str, Any] | None:
        try:
            response = send(
                self._client,
                "exports/resource",
                counts=self._counts,
                params={},
                headers=self._headers,
                body=body,
            )
        except Refused as refusal:
            if self._is_busy(refusal):
                return None
            raise ExportFailedError(f'Asana refuses it: "{refusal}"') from None
        except AsanaError as error:
            raise ExportFailedError(f'it could not be requested: "{error}"') from None
        found: dict[str, Any] = body_of(response)["data"]
        return found

    def _is_busy(self, refusal: Refused) -> bool:
        """Return whether a refusal means that another export runs in the workspace.

        The words for that, and for a token without the right, are not documented. The audit log is
        open to the same tokens.
        """
        verdict = refusal.verdict
        if verdict.status != 403:
            return False
        if RUNNING.search(verdict.message):
            return True
        return verdict.rule.reason not in LASTING and may_export(
            self._client, self._counts, self._workspace
        )

    def finished(self, gid: str) -> Job:
        """Return a job once it has succeeded."""
        data = self._until(lambda: self._finished(gid), f"job {gid}")
        export = data.get("new_resource_export") or {}
        created = to_millis(export.get("created_at"))
        if created is None:
            raise ExportFailedError("its job does not say when it began")
        return Job(gid, created, export.get("download_url"))

    def _finished(self, gid: str) -> dict[str, Any] | None:
        data = self._job(gid)
        if data.get("status") == "failed":
            raise ExportFailedError("its job failed", may_pass=True)
        return data if data.get("status") == "succeeded" else None

    def addresses(self, job: Job) -> Callable[[], str]:
        """Return what gives a fresh address of a job's file: first the one that came with it."""
        first = iter([job.address] if job.address else [])
        return lambda: next(first, None) or self._address(job.gid)

    def _address(self, gid: str) -> str:
        address = (self._job(gid).get("new_resource_export") or {}).get("download_url")
        if not address:
            raise ExportFailedError("its job names no file", may_pass=True)
        return str(address)

    def _job(self, gid: str) -> dict[str, Any]:
        params = {"opt_fields": JOB_FIELDS}
        try:
            response = send(self._client, f"jobs/{gid}", counts=self._counts, params=params)
        except AsanaError as error:
            raise ExportFailedError(f'its job cannot be read: "{error}"', may_pass=True) from None
        found: dict[str, Any] = body_of(response)["data"]
        return found

    def _until(self, ask: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
        """Return the answer of `ask`, which is called with growing pauses until there is one."""
        for _ in Tries(self._pause, FIRST_PAUSE_SECONDS * 1.5, LONGEST_PAUSE_SECONDS, factor=1.5):
            self._client.stop.check()
            if (found := ask()) is not None:
                return found
            if self._left() <= 0:
                break
            self._say(what)
        raise ExportFailedError(f"it waited {self._minutes:g} minutes for {what}")

    def _left(self) -> float:
        """Return for how many seconds the jobs may still be waited for."""
        return self._minutes * 60 - (self._client.monotonic() - self._began)

    def _pause(self, seconds: float) -> None:
        self._client.sleep(min(seconds, self._left()))

    def _say(self, what: str) -> None:
        now = self._client.monotonic()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            text = "Workspace %s: its export has been waiting for %s for %.0f minutes."
            LOGGER.info(text, self._workspace, what, (now - self._began) / 60)


def may_export(client: Client, counts: Counter, workspace: str) -> bool:
    """Return whether the token may read the audit log, as those that may export can.

    Raises:
        AsanaError: it was not found out.
    """
    path = f"workspaces/{workspace}/audit_log_events"
    try:
        send(client, path, counts=counts, params={"limit": 1})
    except Refused:
        return False
    return True


def fields_of(*lists: Iterable[str]) -> tuple[str, ...]:
    """Return the union of dotted fields, sorted, without those that others go below."""
    fields = {name for names in lists for name in names}
    above = {name[:end] for name in fields for end, char in enumerate(name) if char == "."}
    return tuple(sorted(fields - above))
