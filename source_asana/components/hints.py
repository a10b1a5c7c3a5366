"""Hints from beyond the lists: what was deleted since the last sync, as the audit log tells.

Only service accounts of some plans may read it (getAuditLogEvents). A list shows the same later:
when it is read completely.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

import requests

from source_asana.components.pages import pages
from source_asana.core.hints import Hint, Kind
from source_asana.http.attempts import Counter, body_of, send
from source_asana.http.clock import Millis, from_millis, to_millis
from source_asana.http.errors import AsanaError, Refused
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


class HintSource(Protocol):
    """Tells what happened in a workspace."""

    def hints(self, workspace: str, since: Millis, counts: Counter) -> Iterator[Hint]:
        """Yield the hints since an instant.

        Raises:
            Refused: the token may not read them.
            AsanaError: they could not be read now.
        """


class AuditLog:
    """The audit log of an organization.

    Args:
        runtime: what all streams share.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._client = runtime.client

    def hints(self, workspace: str, since: Millis, counts: Counter) -> Iterator[Hint]:
        """Yield what was deleted; see `HintSource`."""
        for event in EVENTS:
            yield from self._events(workspace, event, since, counts)

    def _events(self, workspace: str, event: str, since: Millis, counts: Counter) -> Iterator[Hint]:
        params = {"event_type": event, "start_at": from_millis(since), "limit": PAGE}

        def ask(offset: str | None) -> requests.Response:
            path = f"workspaces/{workspace}/audit_log_events"
            return send(self._client, path, counts=counts, params={**params, "offset": offset})

        def following(response: requests.Response, size: int, last: str | None) -> str | None:
            # It never becomes null once something matched: an empty page is the end.
            del last
            offset: str | None = (body_of(response).get("next_page") or {}).get("offset")
            return offset if size else None

        for page in pages(ask, following):
            for record in page:
                if record.get("resource"):
                    at = to_millis(record.get("created_at")) or 0
                    yield Hint(Kind.DELETED, record["resource"]["gid"], at)


class Hints:
    """The hints of a sync about what its lists may not show; each source is asked once.

    Args:
        runtime: what all streams share; it keeps whether the audit log can be read.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sources: tuple[HintSource, ...] = (AuditLog(runtime),)
        self._lock = threading.Lock()
        self._noted: list[Hint] = []
        self._found: dict[Millis, tuple[frozenset[Hint], bool]] = {}

    def note(self, hint: Hint) -> None:
        """Take a hint at a deletion from whoever has read events."""
        with self._lock:
            self._noted.append(hint)

    def noted(self) -> list[Hint]:
        """Return the hints that were noted so far."""
        with self._lock:
            return list(self._noted)

    def since(self, instant: Millis | None, counts: Counter) -> tuple[frozenset[Hint], bool]:
        """Return the audit log's hints since the last sync, and whether no source failed.

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

    def _read(self, since: Millis, counts: Counter) -> tuple[frozenset[Hint], bool]:
        found: set[Hint] = set()
        is_complete = True
        for source in self._sources:
            for workspace in sorted(self._runtime.workspaces):
                try:
                    found.update(source.hints(workspace, since, counts))
                    self._runtime.reads_audit_log = True
                except Refused:
                    # No service account, no such plan, no organization: lists tell it later.
                    continue
                except AsanaError:
                    is_complete = False
        return frozenset(found), is_complete
