"""Whether an object exists that no list shows any more: Asana is asked for it by its gid.

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
from source_asana.http.errors import AsanaError, Reach, Refused, Verdict
from source_asana.runtime import Runtime


class Existence(Enum):
    """What a GET by gid tells."""

    DELETED = auto()
    FORBIDDEN = auto()
    EXISTS = auto()
    UNKNOWN = auto()


class Existences:
    """Asks for objects by their paths; whether one exists is asked once in a sync.

    Args:
        runtime: what all streams share.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._known: dict[str, Existence] = {}

    def of(
        self,
        path: str,
        counts: Counter,
        params: Mapping[str, Any],
        headers: Mapping[str, Any],
        *,
        is_record_wanted: bool,
    ) -> tuple[Existence, Raw]:
        """Return whether the object at a path exists, and its record if it does and was asked for.

        Args:
            path: below the API's address, `tasks/12`.
            counts: where the request is counted.
            params: query parameters, such as `opt_fields`.
            headers: request headers.
            is_record_wanted: whether that it exists is not enough.
        """
        with self._lock:
            known = self._known.get(path)
        if known is not None and not (is_record_wanted and known is Existence.EXISTS):
            return known, {}
        existence, record = self._ask(path, counts, params, headers)
        with self._lock:
            if existence is not Existence.UNKNOWN:
                self._known[path] = existence
        return existence, record

    def _ask(
        self, path: str, counts: Counter, params: Mapping[str, Any], headers: Mapping[str, Any]
    ) -> tuple[Existence, Raw]:
        client = self._runtime.client
        try:
            response = send(client, path, counts=counts, params=params, headers=headers)
            found = rows(body_of(response))
        except Refused as refusal:
            return _refused(refusal.verdict), {}
        except AsanaError:
            return Existence.UNKNOWN, {}
        return (Existence.EXISTS, found[0]) if found and found[0] else (Existence.UNKNOWN, {})


def _refused(verdict: Verdict) -> Existence:
    """Return what a refusal says of the object itself; plan, scope and routes say nothing."""
    if verdict.rule.gone:
        return Existence.DELETED
    is_forbidden = verdict.rule.reach is Reach.PARTITION and verdict.status == 403
    return Existence.FORBIDDEN if is_forbidden else Existence.UNKNOWN
