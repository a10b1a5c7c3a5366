"""One workspace's export in this sync, and the export jobs that a sync leaves to the next one.

Stories cost a request a task, so a first read of a million tasks takes eleven hours of the quota.
An export (createResourceExport) is one file with all tasks, their stories and attachments. It takes
Asana minutes to hours, so it is used where much is due: at first reads, in full scans, and for more
changes than a search is good for.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import asdict, dataclass
from typing import Any

from source_asana.http.clock import Millis
from source_asana.tasks.search import Scan


class Export(Scan):
    """One workspace's export.

    Attributes:
        after: tasks that changed after this instant are exported, None for all. A start date is
            no such instant: old tasks may have new subtasks.
        listed: the keys of the workspace's listings.
        bound: the server's time before the export began, once it has succeeded.
    """

    def __init__(self, workspace: str, after: Millis | None = None) -> None:
        super().__init__(workspace)
        self.after = after
        self.listed = frozenset[str]()
        self.bound: Millis | None = None


@dataclass(frozen=True)
class LeftJob:
    """A job that was made and whose file was not read to its end yet.

    Attributes:
        gid: the job's.
        asks: what tells requests for other fields from this one.
        after: as in `Export`.
    """

    gid: str
    asks: str
    after: int | None = None

    def serves(self, asks: str, after: Millis | None) -> bool:
        """Return whether the file has all that is asked for now."""
        covers = self.after is None or (after is not None and self.after <= after)
        return self.asks == asks and covers


class Jobs:
    """The unfinished jobs by workspace; in the state of the first task stream, as a cache."""

    def __init__(self) -> None:
        self._jobs: dict[str, LeftJob] = {}

    def load(self, value: Any) -> None:
        """Take a stored value; see `Part`."""
        if not isinstance(value, dict):
            raise ValueError("the exports are not an object")  # noqa: TRY004  # as others do
        self._jobs = {workspace: LeftJob(**job) for workspace, job in value.items()}

    def dump(self) -> Any:
        """Return the jobs to store; see `Part`."""
        return {workspace: asdict(job) for workspace, job in self._jobs.copy().items()} or None

    def size(self) -> int:
        """Return about how many characters the jobs take."""
        return 100 * len(self._jobs)

    def get(self, workspace: str) -> LeftJob | None:
        """Return the job that was left in a workspace."""
        return self._jobs.get(workspace)

    def put(self, workspace: str, job: LeftJob) -> None:
        """Remember a job."""
        self._jobs[workspace] = job

    def keep_wanted(self, workspaces: Container[str]) -> None:
        """Forget the exports of whole workspaces but for those that are to be exported."""
        left = self._jobs.items()
        self._jobs = {gid: job for gid, job in left if gid in workspaces or job.after is not None}

    def drop(self, workspace: str) -> None:
        """Forget a job that was read, or cannot be used."""
        self._jobs.pop(workspace, None)
