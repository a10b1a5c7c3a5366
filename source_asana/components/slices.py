"""A stream's slices as the CDK's generator threads ask for them.

The stream's feed is told how many listings to expect.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator

from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from typing_extensions import override

from source_asana.components.cursors import AsanaCursor
from source_asana.components.feeds import WAKE_SECONDS, Ending, ParentFailedError
from source_asana.components.pieces import parent_failure, workspace_of
from source_asana.components.plan import Step
from source_asana.components.report import Report
from source_asana.components.runtime import Runtime

LOOK_AGAIN_SECONDS = 0.1


class Slices(StreamSlicer):
    """A cursor's slices; the stream's feed is told how many listings there will be."""

    def __init__(self, step: Step, cursor: AsanaCursor, runtime: Runtime, *, scout: bool) -> None:
        self._step = step
        self._cursor = cursor
        self._runtime = runtime
        self._scout = scout
        self._for_tasks_only = (
            step.name == "users" and step.wanted.hidden and step.wanted.readers == {"tasks"}
        )

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        report: Report = self._runtime.report
        counts, ending = report.counts(self._step.name), Ending.FAILED
        try:
            pieces = self._cursor.stream_slices()
            for piece in self._scouted(pieces) if self._scout else pieces:
                if self._superfluous(piece):
                    continue
                counts.known += 1
                self._expect()
                yield piece
            ending = Ending.COMPLETE if self._cursor.parents_complete() else Ending.REFUSED
            self._say_what_is_missing()
        except ParentFailedError as error:
            raise parent_failure(self._step.name, error) from error
        finally:
            self._announce(ending)
        if self._step.name == "portfolios" and self._step.wanted.feeds:
            # Further portfolios come from the items of those listed: the stream is not over before
            # they are walked.
            feed = self._runtime.feeds.of("portfolios")
            feed.wait_until_closed()
            if feed.ending is Ending.FAILED:
                missing = ParentFailedError("portfolios inside others were not all found")
                raise parent_failure(self._step.name, missing)
        self._complain_of_lost_access()

    def _complain_of_lost_access(self) -> None:
        """Fail a stream none of whose partitions can be read any more, though some could be.

        A plan's limit is no such loss.
        """
        counts = self._runtime.report.counts(self._step.name)
        if not (self._cursor.incremental and self._cursor.has_read_before):
            return
        while counts.done <= counts.refused and counts.done < counts.known:
            stop = self._runtime.stopped()
            if stop:
                raise stop
            self._runtime.sleep(LOOK_AGAIN_SECONDS)
        if counts.lost and counts.refused == counts.known:
            raise AirbyteTracedException(
                message=(
                    f"Stream {self._step.name}: Asana refuses everything that it could be read "
                    "from in an earlier sync: "
                    "give the token's user access again, or deselect the stream. The warnings "
                    "say what was refused."
                ),
                failure_type=FailureType.config_error,
            )

    def _scouted(self, pieces: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        """Yield the slices; a workspace's first one is over before the next one comes."""
        known: set[str | None] = set()
        for piece in pieces:
            workspace = workspace_of(piece)
            if workspace in known:
                yield piece
                continue
            known.add(workspace)
            ended = threading.Event()
            extra = {**piece.extra_fields, "ended": ended}
            yield StreamSlice(
                partition=piece.partition, cursor_slice=piece.cursor_slice, extra_fields=extra
            )
            while not ended.wait(WAKE_SECONDS):
                stop = self._runtime.stopped()
                if stop:
                    raise stop

    def _say_what_is_missing(self) -> None:
        """Warn that the children of refused parents are missing.

        The refusals themselves are said where they came.
        """
        feeds = self._runtime.feeds
        parents = self._cursor.router.parents()
        feed_of = {
            name: feeds.tasks if name in ("tasks", "subtasks") else feeds.of(name)
            for name in parents
        }
        refused = sorted(name for name, feed in feed_of.items() if feed.ending is Ending.REFUSED)
        if refused and not self._step.wanted.hidden:
            what = " and ".join(refused)
            self._runtime.report.once(
                logging.WARNING,
                f"Stream {self._step.name}: what belongs to refused parts of {what} is not read.",
            )

    def _superfluous(self, piece: StreamSlice) -> bool:
        """Return whether a hidden listing of users is not wanted.

        Search finds the changed tasks in no project.
        """
        if not self._for_tasks_only:
            return False
        workspace = piece.partition["workspace_gid"]
        search = self._runtime.searches.by_workspace.get(workspace)
        return (
            search is not None
            and search.wait(self._runtime.feeds.stopped)
            and not self._runtime.searches.users_needed(workspace)
        )

    def _expect(self) -> None:
        feeds = self._runtime.feeds
        if self._step.name == "tasks":
            feeds.tasks.expect_listing()
        elif self._step.wanted.feeds and self._step.name != "subtasks":
            feeds.of(self._step.name).expect()

    def _announce(self, ending: Ending) -> None:
        feeds = self._runtime.feeds
        if self._step.name == "tasks":
            feeds.tasks.announced(ending)
        elif self._step.wanted.feeds and self._step.name != "subtasks":
            feeds.of(self._step.name).announced(ending)
