"""What must hold in the demo: records, tombstones and requests against what the sandbox knows."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.connector import Json, Output
from tools.sandbox_process import SandboxProcess

DELETED = "_ab_cdc_deleted_at"
# Served afresh with each answer.
VOLATILE = frozenset({"download_url", "view_url", "synced_at"})
SCALARS = (str, int, float, bool)

Keys = set[tuple[str, ...]]


@dataclass
class Edits:
    """What was changed between the syncs: stream -> gids that the second sync must bring."""

    gids: dict[str, set[str]] = field(default_factory=dict)

    def add(self, stream: str, *gids: str) -> None:
        """Expect these records."""
        self.gids.setdefault(stream, set()).update(gids)

    def keep_what_is_there(self, asana: SandboxProcess) -> None:
        """Expect nothing that was deleted after it was edited."""
        for stream, gids in self.gids.items():
            gids &= {record["gid"] for record in asana.truth(stream)}


def check_requests(name: str, asana: SandboxProcess, output: Output) -> Iterator[str]:
    """Yield what differs between the connector's count of requests and the sandbox's."""
    log = asana.get("log-summary")
    counted = sum(output.requests.values())
    if counted != log["total"]:
        yield f"{name}: the connector counts {counted} requests, the sandbox {log['total']}"
    for key in ("unknown_params", "unknown_fields"):
        if log[key]:
            yield f"{name}: the API does not have {', '.join(log[key])}"


class Destination:
    """What a destination holds after the syncs: replaced or merged by primary key.

    Attributes:
        tombstones: how many came by stream, in all syncs.
    """

    def __init__(self, catalog: Mapping[str, Any]) -> None:
        self.tombstones: Counter[str] = Counter()
        self._streams = {entry["stream"]["name"]: entry for entry in catalog["streams"]}
        self._rows: dict[str, dict[tuple[str, ...], Json]] = {}

    def load(self, output: Output) -> Iterator[str]:
        """Take the records of a sync; yield what came twice in it."""
        for stream, entry in self._streams.items():
            rows = {self._key(stream, record): record for record in output.records[stream]}
            if len(rows) != len(output.records[stream]) and self._keys(stream):
                yield f"{stream}: {len(output.records[stream]) - len(rows)} records came twice"
            if entry["sync_mode"] == "full_refresh":
                self._rows[stream] = rows
            else:
                self._rows.setdefault(stream, {}).update(rows)
            self.tombstones[stream] += sum(DELETED in row for row in rows.values())

    def _keys(self, stream: str) -> list[str]:
        entry = self._streams[stream]["stream"]
        return [path[0] for path in entry.get("source_defined_primary_key") or ()]

    def _key(self, stream: str, record: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(record[name]) for name in self._keys(stream)) or (json.dumps(record),)

    def _tracks_deletions(self, stream: str) -> bool:
        return DELETED in self._streams[stream]["stream"]["json_schema"]["properties"]

    def compare(self, name: str, asana: SandboxProcess) -> Iterator[str]:
        """Yield what differs from the sandbox's world; of events there is no history to compare.

        Rows with a tombstone do not count; where deletions are not tracked, rows may be left over.
        """
        for stream in self._streams:
            if stream == "events":
                continue
            rows = {key: row for key, row in self._rows[stream].items() if DELETED not in row}
            truth = {self._key(stream, record): record for record in asana.truth(stream)}
            if missing := truth.keys() - rows.keys():
                yield f"{name}: {stream} lacks {len(missing)} records, such as {min(missing)}"
            if (invented := rows.keys() - truth.keys()) and self._tracks_deletions(stream):
                yield f"{name}: {stream} has {len(invented)} too many, such as {min(invented)}"
            for key in truth.keys() & rows.keys():
                if wrong := list(_stale(rows[key], truth[key])):
                    yield f"{name}: {stream} {key} is not current in {', '.join(wrong)}"

    def gone(self, asana: SandboxProcess) -> dict[str, Keys]:
        """Return the keys of rows that the workspace no longer has, by stream with deletions."""
        gone = {
            stream: self._rows[stream].keys()
            - {self._key(stream, record) for record in asana.truth(stream)}
            for stream in self._streams
            if self._tracks_deletions(stream)
        }
        return {stream: keys for stream, keys in gone.items() if keys}

    def check_tombstones(self, sync: Output, gone: Mapping[str, Keys]) -> Iterator[str]:
        """Yield what is gone and got no tombstone in a sync, and tombstones of what is there."""
        for stream in self._streams:
            sent = {self._key(stream, row) for row in sync.records[stream] if DELETED in row}
            expected = gone.get(stream, set())
            if missing := expected - sent:
                yield f"{stream} lacks {len(missing)} tombstones, such as {min(missing)}"
            if false := sent - expected:
                yield f"{stream} has {len(false)} false tombstones, such as {min(false)}"


def _stale(row: Mapping[str, Any], truth: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns with plain values that differ."""
    for column, value in truth.items():
        if isinstance(value, SCALARS) and column not in VOLATILE and row.get(column) != value:
            yield column


def check_edits(first: Output, second: Output, edits: Edits) -> Iterator[str]:
    """Yield edits that the second sync missed, and records that it sent as the first one had.

    Args:
        first: the first sync.
        second: the second sync.
        edits: what was changed.
    """
    for stream, gids in edits.gids.items():
        if missing := gids - {record["gid"] for record in second.records[stream]}:
            yield f"second: {stream} misses the edited {', '.join(sorted(missing))}"
    for stream in second.records:
        known = set(map(_version, first.records[stream]))
        if again := [one for one in second.records[stream] if _version(one) in known]:
            yield f"second: {len(again)} {stream} were sent again though unchanged"


def _version(record: Mapping[str, Any]) -> str:
    """Return what makes up the version of a record, lists in any order."""
    return json.dumps({n: v for n, v in record.items() if n not in VOLATILE}, sort_keys=True)
