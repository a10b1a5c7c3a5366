"""One object by its gid, and one partition listed once more: to tell what is deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from source_asana.components.existence import Existence, Existences
from source_asana.components.shape import AskedFields, Raw
from source_asana.http.attempts import Counter
from source_asana.parents.slices import Slice
from source_asana.runtime import Runtime

GID = {"opt_fields": "gid"}
TEMPLATE = re.compile(r"{{.*?}}")


def object_path_of(path: str, declared: str | None) -> str:
    """Return the path below which Asana has a stream's objects by gid, "" where it has none.

    Args:
        path: of the stream's list: `/tags`, `/projects/{{ … }}/sections`.
        declared: the manifest's `object_path`; without it the last plain part of the path.
    """
    if declared is not None:
        return declared.strip("/")
    parts = [part for part in TEMPLATE.sub("", path).split("/") if part]
    return parts[-1] if parts else ""


class Lookup:
    """Asks for what a stream's lists no longer show.

    Args:
        runtime: what all streams share.
        object_path: see `object_path_of`; of records of several kinds several, between spaces.
        counts: where the stream's requests are counted.
        fields: what the stream asks for.
        headers: returns the headers of its requests.
        pages: yields the pages of a slice.
        partition_of: returns the partition fields that a partition's key names.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        object_path: str,
        counts: Counter,
        fields: AskedFields,
        headers: Callable[[], Mapping[str, Any]],
        pages: Callable[[Slice], Iterable[list[Raw]]],
        partition_of: Callable[[str], dict[str, str]],
    ) -> None:
        self.has_object_path = bool(object_path)
        self._runtime = runtime
        self._existences = runtime.part(Existences)
        self._object_paths = object_path.split()
        self._counts = counts
        self._fields = fields
        self._headers = headers
        self._pages = pages
        self._partition_of = partition_of
        self._again: dict[str, frozenset[str]] = {}

    def path_of(self, gid: str) -> str:
        """Return the path of an object, of the first kind that the stream has."""
        return f"{self._object_paths[0]}/{gid}"

    def existence(self, gid: str) -> Existence:
        """Return whether an object exists."""
        return self._of(gid, lambda: GID, is_record_wanted=False)[0]

    def record(self, gid: str) -> tuple[Existence, Raw]:
        """Return whether an object exists, and its record with the stream's fields if it does."""
        fields = self._fields
        return self._of(gid, lambda: fields.params, (fields,), is_record_wanted=True)

    def _of(
        self,
        gid: str,
        params: Callable[[], Mapping[str, Any]],
        asked: Sequence[AskedFields] = (),
        *,
        is_record_wanted: bool,
    ) -> tuple[Existence, Raw]:
        existence, record = Existence.UNKNOWN, Raw()
        for path in self._object_paths:
            existence, record = self._existences.of(
                f"{path}/{gid}",
                self._counts,
                params,
                self._headers(),
                asked=asked,
                is_record_wanted=is_record_wanted,
            )
            if existence is not Existence.DELETED:
                return existence, record
        if existence is Existence.DELETED:
            self._runtime.deleted.add(gid)
        return existence, record

    def token_user(self) -> str | None:
        """Return the gid of the token's user, None where it cannot be read."""
        _, record = self._existences.of(
            "users/me", self._counts, lambda: GID, self._headers(), is_record_wanted=True
        )
        return record.get("gid")

    def listed_again(self, partition: str) -> frozenset[str]:
        """Return the gids that a partition lists when it is asked once more, once in a sync.

        Raises:
            AsanaError: it cannot be listed.
        """
        if partition not in self._again:
            pages = self._pages(Slice(self._partition_of(partition), key=partition))
            self._again[partition] = frozenset(record["gid"] for page in pages for record in page)
        return self._again[partition]
