"""What became of an object that no list shows any more: Asana is asked for it by its gid.

Asana answers 404 for what is deleted and 403 for what the token may not see; see "Deletions" in
docs/design.md.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from source_asana.components.pages import rows
from source_asana.components.shape import Raw
from source_asana.http.attempts import Counter, body_of, send
from source_asana.http.client import Client
from source_asana.http.errors import AsanaError, Reach, Refused, Verdict
from source_asana.runtime import Runtime


class Fate(Enum):
    """What a GET by gid tells."""

    GONE = auto()
    HIDDEN = auto()
    THERE = auto()
    UNKNOWN = auto()


class Fates:
    """Asks for objects by their paths; what is gone or hidden is asked for once in a sync.

    Args:
        runtime: what all streams share.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._client: Client = runtime.client
        self._lock = threading.Lock()
        self._known: dict[str, Fate] = {}

    def of(
        self, path: str, counts: Counter, params: Mapping[str, Any], headers: Mapping[str, Any]
    ) -> tuple[Fate, Raw]:
        """Return the fate of the object at a path, and its record if it is there.

        Args:
            path: below the API's address, `tasks/12`.
            counts: where the request is counted.
            params: query parameters, such as `opt_fields`.
            headers: request headers.
        """
        with self._lock:
            known = self._known.get(path)
        if known is not None:
            return known, {}
        fate, record = self._ask(path, counts, params, headers)
        if fate in {Fate.GONE, Fate.HIDDEN}:
            with self._lock:
                self._known[path] = fate
        return fate, record

    def _ask(
        self, path: str, counts: Counter, params: Mapping[str, Any], headers: Mapping[str, Any]
    ) -> tuple[Fate, Raw]:
        try:
            response = send(self._client, path, counts=counts, params=params, headers=headers)
            found = rows(body_of(response))
        except Refused as refusal:
            return _refused(refusal.verdict), {}
        except AsanaError:
            return Fate.UNKNOWN, {}
        return (Fate.THERE, found[0]) if found and found[0] else (Fate.UNKNOWN, {})


def _refused(verdict: Verdict) -> Fate:
    """Return what a refusal says of the object itself; plan, scope and routes say nothing."""
    if verdict.rule.gone:
        return Fate.GONE
    is_hidden = verdict.rule.reach is Reach.PARTITION and verdict.status == 403
    return Fate.HIDDEN if is_hidden else Fate.UNKNOWN
