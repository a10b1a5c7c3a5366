"""Small things about slices and their pages.

Records of a body, places in words, errors of a partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airbyte_cdk.models import FailureType, StreamDescriptor
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.components.errors import Verdict
from source_asana.components.feeds import ParentFailedError

Raw = dict[str, Any]


def rows(body: Mapping[str, Any]) -> list[Raw]:
    """Return the records of a body: a list's, or the one of a single read; none of a null."""
    data = body["data"]
    if isinstance(data, list):
        return data
    return [] if data is None else [data]


def new(record: Raw, seen: set[str]) -> bool:
    """Return whether a record's gid was not seen yet, and remember it.

    Records without a gid are always new.
    """
    gid = record.get("gid")
    if gid is None:
        return True
    if gid in seen:
        return False
    seen.add(gid)
    return True


def workspace_of(piece: StreamSlice) -> str | None:
    """Return the gid of the workspace that a slice lies in, None where it is not known."""
    gid: str | None = piece.partition.get("workspace_gid")
    return gid or piece.extra_fields.get("item", {}).get("workspace_gid")


def place(piece: StreamSlice) -> str:
    """Return a slice's partition in words: `project 12`, `workspace 1, user 2`."""
    words = [
        f"{name.removesuffix('_gid').replace('_', ' ')} {gid}"
        for name, gid in piece.partition.items()
        if not name.endswith("_name")
    ]
    return ", ".join(words) or "the list"


def failure(stream: str, piece: StreamSlice, verdict: Verdict) -> AirbyteTracedException:
    """Return the error of a stream one of whose partitions could not be read."""
    advice = (
        f" {verdict.rule.remedy[:1].upper()}{verdict.rule.remedy[1:]}."
        if verdict.rule.remedy
        else ""
    )
    return AirbyteTracedException(
        message=(
            f'Stream {stream}: {place(piece)} could not be read: "{verdict.message}". Everything '
            "else goes on; "
            f"the next sync reads this again.{advice}"
        ),
        internal_message=f"HTTP {verdict.status}, {verdict.rule.reason}",
        failure_type=FailureType.transient_error,
        stream_descriptor=StreamDescriptor(name=stream),
    )


def parent_failure(stream: str, error: ParentFailedError) -> AirbyteTracedException:
    """Return the error of a stream whose parents could not all be listed."""
    return AirbyteTracedException(
        message=f"Stream {stream} is not complete: {error}. The next sync reads what is missing.",
        internal_message=str(error),
        failure_type=FailureType.transient_error,
        stream_descriptor=StreamDescriptor(name=stream),
    )
