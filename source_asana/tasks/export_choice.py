"""Chooses the job whose file is read: the one that an earlier sync left, or a new one."""

from __future__ import annotations

import logging

from source_asana.components.retriever import AsanaRetriever
from source_asana.http.clock import DATE_GRAIN_MS, Millis
from source_asana.tasks.export_job import (
    CLOCK_GRAIN,
    FIRST_PAUSE_SECONDS,
    ExportFailedError,
    ExportJobs,
    Job,
    Order,
)
from source_asana.tasks.exports import Export, LeftJob
from source_asana.tasks.streams import task_streams

LOGGER = logging.getLogger("airbyte.source_asana.export")


class JobChoice:
    """The job of one export.

    Args:
        tasks: the retriever of the tasks.
        export: what is read.
        jobs: makes and follows jobs.
    """

    def __init__(self, tasks: AsanaRetriever, export: Export, jobs: ExportJobs) -> None:
        self._runtime, self._others = tasks.runtime, tasks.others
        self._streams = task_streams(tasks.runtime)
        self._scan = self._streams.export
        self._export = export
        self._jobs = jobs

    def job(self, order: Order) -> Job:
        """Return a job that has succeeded; a new one is in the state before it is waited for."""
        left = self._scan.jobs.get(order.workspace)
        job = self._left(left) if left and left.serves(order.asks, order.after) else None
        return job or self._new(order)

    def _new(self, order: Order) -> Job:
        requested = self._runtime.clock.instant() or 0
        gid = self._jobs.create(order)
        self._scan.jobs.put(order.workspace, LeftJob(gid, order.asks, order.after))
        self._save()
        # None is over at once.
        self._runtime.client.sleep(FIRST_PAUSE_SECONDS)
        job = self._jobs.finished(gid)
        if job.created < requested - CLOCK_GRAIN:
            raise ExportFailedError("its job is older than its request", may_pass=True)
        return job

    def _left(self, left: LeftJob) -> Job | None:
        """Return the job of an earlier sync, None where it is of no use any more."""
        workspace, scan = self._export.workspace, self._scan
        LOGGER.info("Workspace %s: resuming export job %s.", workspace, left.gid)
        try:
            job = self._jobs.finished(left.gid)
        except ExportFailedError as error:
            if not error.may_pass:
                raise
            return None
        # What was listed since then is newer than the file.
        listed, bound = self._export.listed, Millis(job.created - DATE_GRAIN_MS)
        is_old = job.created < scan.newest(workspace, listed)
        is_done = scan.has_caught_up(workspace, listed, bound)
        return None if is_old or is_done else job

    def drop(self) -> None:
        """Forget the job before listings show newer versions than its file has."""
        if self._scan.jobs.get(self._export.workspace):
            self._scan.jobs.drop(self._export.workspace)
            self._save()

    def _save(self) -> None:
        """Print the state that holds the jobs."""
        for retriever in self._others.values():
            if retriever.cursor.policy is self._streams.keeps_exports:
                retriever.cursor.save()
