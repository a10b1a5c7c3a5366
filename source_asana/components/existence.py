"""Whether an object exists that no list shows any more: Asana is asked for it by its gid.

Asana answers 404 for what is deleted and 403 for what the token may not see; see "Deletions" in
docs/design.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any

import requests

from source_asana.components.pages import rows
from source_asana.components.shape import AskedFields, Raw, answered
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
        params: Callable[[], Mapping[str, Any]],
        headers: Mapping[str, Any],
        *,
        asked: Sequence[AskedFields] = (),
        is_record_wanted: bool,
    ) -> tuple[Existence, Raw]:
        """Return whether the object at a path exists, and its record if it does and was asked for.

        Args:
            path: below the API's URL, `tasks/12`.
            counts: where the request is counted.
            params: returns the query parameters, such as `opt_fields`.
            headers: request headers.
            asked: the fields that the parameters ask for; the scope of some may be missing.
            is_record_wanted: whether that it exists is not enough.
        """
        with self._lock:
            known = self._known.get(path)
        if known is not None and not (is_record_wanted and known is Existence.EXISTS):
            return known, {}

        def ask() -> requests.Response:
            client = self._runtime.client
            return send(client, path, counts=counts, params=params(), headers=headers)

        existence, record = _answer(asked, ask)
        with self._lock:
            if existence is not Existence.UNKNOWN:
                self._known[path] = existence
        return existence, record


def _answer(
    asked: Sequence[AskedFields], ask: Callable[[], requests.Response]
) -> tuple[Existence, Raw]:
    try:
        found = rows(body_of(answered(asked, ask)))
    except Refused as refusal:
        return _refused(refusal.verdict), {}
    except AsanaError:
        return Existence.UNKNOWN, {}
    return (Existence.EXISTS, found[0]) if found and found[0] else (Existence.UNKNOWN, {})


def _refused(verdict: Verdict) -> Existence:
    """Return what a refusal says of the object itself; plan, scope and routes say nothing."""
    if verdict.rule.deleted:
        return Existence.DELETED
    is_forbidden = verdict.rule.reach is Reach.PARTITION and verdict.status == 403
    return Existence.FORBIDDEN if is_forbidden else Existence.UNKNOWN
