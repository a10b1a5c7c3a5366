"""What was deleted since the last sync, as the audit log and events tell.

Only service accounts of some plans may read it (getAuditLogEvents). A list shows the same later:
when it is read completely.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping

import requests

from source_asana.components.pages import next_offset, pages, rows
from source_asana.counts import Counts
from source_asana.http.attempts import body_of, send
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import AsanaError, Refused
from source_asana.parents.feeds import Ending
from source_asana.runtime import Runtime

# What no list of this sync may show: the partitions that it is in are not read at each sync.
EVENTS = (
    "task_deleted",
    "status_update_deleted",
    "attachment_deleted",
    "story_deleted",
    "comment_deleted",
)
PAGE = 100


class Deletions:
    """What may be deleted, whatever the lists of this sync show; the audit log is asked once.

    Args:
        runtime: what all streams share; it keeps whether the audit log can be read.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._noted: dict[str, int] = {}
        self._found: dict[Millis, tuple[Mapping[str, int], bool]] = {}
        self._is_refused = False

    def note(self, gid: str, at: int = 0) -> None:
        """Take a gid that events name as deleted, and when that happened."""
        with self._lock:
            _add(self._noted, [(gid, at)])

    def since(self, instant: Millis | None, counts: Counts) -> tuple[Mapping[str, int], bool]:
        """Return gids that may be deleted -> when that happened, and whether no log failed.

        Args:
            instant: where the last sync began, None where the log is not needed.
            counts: where the requests are counted.
        """
        with self._lock:
            if instant is None:
                return dict(self._noted), True
            if instant not in self._found:
                self._found[instant] = self._read(instant, counts)
            logged, is_complete = self._found[instant]
            found = dict(logged)
            _add(found, self._noted.items())
            return found, is_complete

    def _read(self, since: Millis, counts: Counts) -> tuple[Mapping[str, int], bool]:
        found: dict[str, int] = {}
        endings: set[Ending] = set()
        for workspace in sorted(self._runtime.workspaces):
            ending = Ending.COMPLETE
            try:
                for event in EVENTS:
                    _add(found, self._deleted(workspace, event, since, counts))
            except Refused:
                # No service account, no such plan, no organization: lists tell it later.
                ending = Ending.REFUSED
            except AsanaError:
                ending = Ending.FAILED
            endings.add(ending)
        # What one workspace's log tells says nothing of the others: full scans find that. A log
        # that failed is read from the same instant by the next sync.
        self._is_refused |= Ending.REFUSED in endings
        self._runtime.reads_audit_log = not self._is_refused
        return found, Ending.FAILED not in endings

    def _deleted(
        self, workspace: str, event: str, since: Millis, counts: Counts
    ) -> Iterator[tuple[str, int]]:
        """Yield what events of one kind say was deleted in a workspace, and when.

        Raises:
            Refused: the token may not read the log.
            AsanaError: it could not be read now.
        """
        params = {"event_type": event, "start_at": from_millis(since), "limit": PAGE}

        def ask(offset: str | None) -> requests.Response:
            path, asked = f"workspaces/{workspace}/audit_log_events", {**params, "offset": offset}
            return send(self._runtime.client, path, counts=counts, params=asked)

        def following(response: requests.Response) -> str | None:
            # It never becomes null once something matched: an empty page is the end.
            return next_offset(response) if rows(body_of(response)) else None

        for page in pages(ask, following):
            for record in page:
                if record.get("resource"):
                    yield record["resource"]["gid"], to_millis(record.get("created_at")) or 0


def _add(found: dict[str, int], deleted: Iterable[tuple[str, int]]) -> None:
    """Keep the newest instant of each gid, also of those that are read before the log fails."""
    for gid, at in deleted:
        found[gid] = max(at, found.get(gid, 0))
