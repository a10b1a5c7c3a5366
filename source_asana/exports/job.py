"""An export job at Asana: a new one, or one that an earlier sync left; waited for (getJob)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from source_asana.counts import Counts
from source_asana.http.attempts import body_of, send
from source_asana.http.client import Client
from source_asana.http.clock import DATE_GRAIN_MS, Millis, from_millis, to_millis
from source_asana.http.errors import AsanaError, Refused
from source_asana.http.tries import Tries
from source_asana.tasks.retriever import TaskRetriever

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
JOB_FIELDS = {"opt_fields": "status,new_resource_export.(created_at|download_url)"}


class ExportFailedError(Exception):
    """An export cannot be used; the message says why.

    Attributes:
        may_pass: whether another export may work.
    """

    def __init__(self, why: str, *, may_pass: bool = False) -> None:
        super().__init__(why)
        self.may_pass = may_pass


@dataclass(frozen=True, slots=True)
class Order:
    """What is exported.

    Attributes:
        fields: dotted names, as in `opt_fields`.
        after: tasks that changed after this instant, None for all.
    """

    fields: tuple[str, ...]
    after: Millis | None

    @property
    def asks(self) -> str:
        """What tells requests for other fields from this one."""
        return blake2b(",".join(self.fields).encode(), digest_size=8).hexdigest()

    def body(self, workspace: str) -> dict[str, Any]:
        """Return the body of the request in a workspace."""
        tasks: dict[str, Any] = {"resource_type": "task", "fields": self.fields}
        if self.after is not None:
            tasks["filters"] = {"modified_at.after": from_millis(self.after)}
        data = {"workspace": workspace, "export_request_parameters": [tasks]}
        return {"data": data}


class Job(NamedTuple):
    """A job that has succeeded: its gid, when the export began, and one URL of its file."""

    gid: str
    created: Millis
    url: str | None

    @property
    def until(self) -> Millis:
        """The instant up to which the file has all changes for certain."""
        return Millis(self.created - DATE_GRAIN_MS)


@dataclass(frozen=True, slots=True)
class LeftJob:
    """A job whose file not all streams have read to its end yet; see `Order`.

    Attributes:
        began: when the sync began that made it, by the server's clock.
    """

    gid: str
    asks: str
    after: int | None = None
    began: int = 0

    def serves(self, order: Order) -> bool:
        """Return whether the file has all that is asked for now."""
        covers = self.after is None or (order.after is not None and self.after <= order.after)
        return self.asks == order.asks and covers


@dataclass(slots=True)
class LeftJobs:
    """The unfinished jobs; a part of the state of one task stream, as a cache.

    Attributes:
        by_workspace: those that were not read to their end, and can be used.
    """

    by_workspace: dict[str, LeftJob] = field(default_factory=dict)

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        if not isinstance(value, dict):
            raise ValueError("the exports are not an object")  # noqa: TRY004  # as others do
        self.by_workspace = {workspace: LeftJob(**job) for workspace, job in value.items()}

    def dump(self) -> Any:
        """Return the jobs to store; see `Part`."""
        jobs = self.by_workspace.copy()
        return {workspace: asdict(job) for workspace, job in jobs.items()} or None


class ExportJobs:
    """Chooses, makes and follows the jobs of one workspace in one sync.

    Args:
        tasks: the retriever of the tasks.
        workspace: its gid.
        listed: the listings whose tasks are exported; empty for what a search would find.
        left: the jobs in the state.
    """

    def __init__(
        self, tasks: TaskRetriever, workspace: str, listed: Collection[str], left: LeftJobs
    ) -> None:
        self._runtime = tasks.runtime
        self._client = tasks.runtime.client
        self._counts = tasks.counts
        self._headers = tasks.requester.get_request_headers()
        self._retrievers = tasks.others
        self._selected = tasks.streams.selected
        self._overlap = tasks.streams.search.overlap
        self._workspace = workspace
        self._listed = listed
        self._left = left
        self._minutes = tasks.runtime.settings.bulk_export_timeout_minutes
        self._began = self._said = self._client.monotonic()

    # ── which job ──────────────────────────────────────────────────────────────────────────────

    def succeeded(self, order: Order) -> Job:
        """Return a job that has succeeded; a new one is in the state before it is waited for."""
        left = self._left.by_workspace.get(self._workspace)
        if left and left.serves(order) and not self._is_read(left):
            job = self._resumed(left.gid)
            if job and self._is_usable(job):
                self._runtime.oldest_file = min(job.until, self._runtime.certain_until)
                return job
        return self._new(order)

    def _is_read(self, left: LeftJob) -> bool:
        """Return whether the syncs of all streams have ended since a job was made."""
        marks = (stream.watermarks.get(self._workspace) or 0 for stream in self._selected)
        return min(marks) >= left.began

    def _is_usable(self, job: Job) -> bool:
        """Return whether the file of an earlier sync's job still has something to tell.

        What was listed since then is newer than the file. What changed after the file is found by
        listings, but not by the next search, which steps back from this sync.
        """
        if not self._listed and job.until < (self._client.clock.began() or 0) - self._overlap:
            return False
        found = [stream.watermarks.get(self._workspace) for stream in self._selected]
        found += [stream.instants.get(one) for stream in self._selected for one in self._listed]
        return all(one is None or one <= job.created for one in found)

    def _resumed(self, gid: str) -> Job | None:
        """Return the job of an earlier sync, None where it does not succeed any more."""
        LOGGER.info("Workspace %s: resuming export job %s.", self._workspace, gid)
        try:
            return self._finished(gid)
        except ExportFailedError as error:
            if not error.may_pass:
                raise
            return None

    def _new(self, order: Order) -> Job:
        clock = self._client.clock
        requested = clock.instant() or 0
        made = self._until(
            lambda: self._create(order.body(self._workspace)), "another export to end"
        )
        gid: str = made["gid"]
        LOGGER.info("Workspace %s: job %s exports its tasks.", self._workspace, gid)
        self._left.by_workspace[self._workspace] = LeftJob(
            gid, order.asks, order.after, clock.began() or 0
        )
        self._save()
        # None is over immediately.
        self._client.sleep(FIRST_PAUSE_SECONDS)
        job = self._finished(gid)
        if job.created < requested - CLOCK_GRAIN:
            raise ExportFailedError("its job is older than its request", may_pass=True)
        return job

    def drop(self) -> None:
        """Drop the job before listings show newer versions than its file has."""
        if self._left.by_workspace.pop(self._workspace, None):
            self._save()

    def _save(self) -> None:
        """Print the state that holds the jobs."""
        for retriever in self._retrievers.values():
            if retriever.cursor.strategy.parts().get("exports") is self._left:
                retriever.cursor.save()

    # ── requests ───────────────────────────────────────────────────────────────────────────────

    def _create(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Return a new job, None while another export runs in the workspace."""
        try:
            return self._data("exports/resource", headers=self._headers, json=body)
        except Refused as refusal:
            if self._is_busy(refusal):
                return None
            raise ExportFailedError(f'Asana refuses it: "{refusal}"') from None
        except AsanaError as error:
            raise ExportFailedError(f'it could not be requested: "{error}"') from None

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

    def _finished(self, gid: str) -> Job:
        """Return a job once it has succeeded."""
        data = self._until(lambda: self._result(gid), f"job {gid}")
        export = data.get("new_resource_export") or {}
        created = to_millis(export.get("created_at"))
        if created is None:
            raise ExportFailedError("its job does not say when it began")
        return Job(gid, created, export.get("download_url"))

    def _result(self, gid: str) -> dict[str, Any] | None:
        data = self._job(gid)
        if data.get("status") == "failed":
            raise ExportFailedError("its job failed", may_pass=True)
        return data if data.get("status") == "succeeded" else None

    def urls(self, job: Job) -> Callable[[], str]:
        """Return what gives a fresh URL of a job's file: first the one that came with it."""
        first = iter([job.url] if job.url else [])
        return lambda: next(first, None) or self._url(job.gid)

    def _url(self, gid: str) -> str:
        url = (self._job(gid).get("new_resource_export") or {}).get("download_url")
        if not url:
            raise ExportFailedError("its job names no file", may_pass=True)
        return str(url)

    def _job(self, gid: str) -> dict[str, Any]:
        try:
            return self._data(f"jobs/{gid}", params=JOB_FIELDS) or {}
        except AsanaError as error:
            raise ExportFailedError(f'its job cannot be read: "{error}"', may_pass=True) from None

    def _data(self, path: str, **request: Any) -> dict[str, Any] | None:
        """Return the job of an answer, None where it has none, so that it is asked for again."""
        response = send(self._client, path, counts=self._counts, **{"params": {}, **request})
        found = body_of(response)["data"]
        return found if isinstance(found, dict) and found.get("gid") else None

    # ── waiting ────────────────────────────────────────────────────────────────────────────────

    def _until(self, ask: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
        """Return the answer of `ask`, which is called with growing pauses until there is one."""
        for _ in Tries(self._pause, FIRST_PAUSE_SECONDS * 1.5, LONGEST_PAUSE_SECONDS, factor=1.5):
            self._client.stop.check()
            if (found := ask()) is not None:
                return found
            if self._seconds_left() <= 0:
                break
            self._say(what)
        raise ExportFailedError(f"it waited {self._minutes:g} minutes for {what}")

    def _seconds_left(self) -> float:
        """Return for how many seconds the jobs may still be waited for."""
        return self._minutes * 60 - (self._client.monotonic() - self._began)

    def _pause(self, seconds: float) -> None:
        self._client.sleep(min(seconds, self._seconds_left()))

    def _say(self, what: str) -> None:
        now = self._client.monotonic()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            text = "Workspace %s: its export has been waiting for %s for %.0f minutes."
            LOGGER.info(text, self._workspace, what, (now - self._began) / 60)


def may_export(client: Client, counts: Counts, workspace: str) -> bool:
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
