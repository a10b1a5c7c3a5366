"""Hints from beyond the lists: what was deleted since the last sync, as the audit log tells.

Only service accounts of some plans may read it (getAuditLogEvents). A list shows the same later:
when it is read completely.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import requests

from source_asana.components.pages import next_offset, pages
from source_asana.core.hints import Hint, Kind
from source_asana.counts import Counts
from source_asana.http.attempts import send
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


class Hints:
    """The hints of a sync about what its lists may not show; the audit log is asked once.

    Args:
        runtime: what all streams share; it keeps whether the audit log can be read.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._noted: list[Hint] = []
        self._found: dict[Millis, tuple[frozenset[Hint], bool]] = {}
        self._is_refused = False

    def note(self, hint: Hint) -> None:
        """Take a hint at a deletion from whoever has read events."""
        with self._lock:
            self._noted.append(hint)

    def noted(self) -> list[Hint]:
        """Return the hints that were noted so far."""
        with self._lock:
            return list(self._noted)

    def since(self, instant: Millis | None, counts: Counts) -> tuple[frozenset[Hint], bool]:
        """Return the audit log's hints since the last sync, and whether no log failed.

        Args:
            instant: where the last sync began, None in a first one, which needs no hints.
            counts: where the requests are counted.
        """
        if instant is None:
            return frozenset(), True
        with self._lock:
            if instant not in self._found:
                self._found[instant] = self._read(instant, counts)
            return self._found[instant]

    def _read(self, since: Millis, counts: Counts) -> tuple[frozenset[Hint], bool]:
        found: set[Hint] = set()
        endings: set[Ending] = set()
        for workspace in sorted(self._runtime.workspaces):
            ending = Ending.COMPLETE
            try:
                for event in EVENTS:
                    found.update(self._deleted(workspace, event, since, counts))
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
        return frozenset(found), Ending.FAILED not in endings

    def _deleted(self, workspace: str, event: str, since: Millis, counts: Counts) -> Iterator[Hint]:
        """Yield what events of one kind say was deleted in a workspace.

        Raises:
            Refused: the token may not read the log.
            AsanaError: it could not be read now.
        """
        params = {"event_type": event, "start_at": from_millis(since), "limit": PAGE}

        def ask(offset: str | None) -> requests.Response:
            path, asked = f"workspaces/{workspace}/audit_log_events", {**params, "offset": offset}
            return send(self._runtime.client, path, counts=counts, params=asked)

        def following(response: requests.Response, size: int, last: str | None) -> str | None:
            # It never becomes null once something matched: an empty page is the end.
            return next_offset(response, size, last) if size else None

        for page in pages(ask, following):
            for record in page:
                if record.get("resource"):
                    at = to_millis(record.get("created_at")) or 0
                    yield Hint(Kind.DELETED, record["resource"]["gid"], at)
