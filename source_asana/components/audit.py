"""Reads what was deleted since the last sync from the audit log, where the token may read it.

Only service accounts of some plans may (getAuditLogEvents). A list tells the same later: when it is
read whole. An entry is a hint; as with any other departure, a GET decides.
"""

from __future__ import annotations

import threading

import requests

from source_asana.components.pages import pages
from source_asana.http.attempts import Counter, body_of, send
from source_asana.http.clock import Millis, from_millis
from source_asana.http.errors import AsanaError
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


class AuditLog:
    """The deletions that the audit logs of a sync's workspaces tell; read once in a sync.

    Args:
        runtime: what all streams share.

    Attributes:
        until: the server's time before it was read, where the next sync goes on.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._told: dict[Millis, frozenset[str]] = {}
        self.until = runtime.clock.bound()

    def deleted(self, since: Millis | None, counts: Counter) -> frozenset[str]:
        """Return the gids of what was deleted; empty in a first sync and without the right.

        Args:
            since: where the last sync began, None without one.
            counts: where the requests are counted.
        """
        if since is None:
            return frozenset()
        with self._lock:
            if since not in self._told:
                self._told[since] = frozenset(self._read(since, counts))
            return self._told[since]

    def _read(self, since: Millis, counts: Counter) -> set[str]:
        found: set[str] = set()
        for workspace in sorted(self._runtime.workspaces):
            try:
                for event in EVENTS:
                    found |= self._events(workspace, event, since, counts)
            except AsanaError:
                # No service account, no such plan, no organization: lists tell it later.
                continue
        return found

    def _events(self, workspace: str, event: str, since: Millis, counts: Counter) -> set[str]:
        params = {"event_type": event, "start_at": from_millis(since), "limit": PAGE}

        def ask(offset: str | None) -> requests.Response:
            path = f"workspaces/{workspace}/audit_log_events"
            return send(
                self._runtime.client, path, counts=counts, params={**params, "offset": offset}
            )

        def following(response: requests.Response, size: int, last: str | None) -> str | None:
            # It never becomes null once something matched: an empty page is the end.
            del last
            offset: str | None = (body_of(response).get("next_page") or {}).get("offset")
            return offset if size else None

        return {
            record["resource"]["gid"]
            for page in pages(ask, following)
            for record in page
            if record.get("resource")
        }
