"""What a sync asked for, sent and remembered, as lines that can be compared.

A line is a name, as `record tasks 12` or `request GET /users`, and a value of JSON: a count, or
what a record holds, one after the other where it was sent more than once. Nothing in it differs
from run to run, such as `synced_at`, ports and the order of records.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import accumulate
from struct import unpack
from typing import Any

from sandbox import Entry

Json = dict[str, Any]
Lines = dict[str, Any]
DELETED = "_ab_cdc_deleted_at"
# Parameters whose values say from when on something is asked for, or how much of it.
VALUED = re.compile(r"since|after|before|start|end|limit")
PACKED = {"numbers", "texts", "rows"}


def lines_of(  # noqa: C901 - one branch per type of message
    messages: Iterable[Json], log: Iterable[Entry], streams: Mapping[str, Json]
) -> Lines:
    """Return the lines of a sync.

    Args:
        messages: what it printed, and `EXIT` with its exit code.
        log: its requests.
        streams: the discovered streams, by name.
    """
    counts = Counter(f"request {asked(entry)}" for entry in log)
    found: dict[str, list[Any]] = defaultdict(list)
    states: dict[str, Json] = {}
    for one in messages:
        match one:
            case {"record": {"stream": stream, "data": data}}:
                paths = streams[stream].get("source_defined_primary_key") or []
                key = "/".join(str(data.get(path[0])) for path in paths)
                kind = "tombstone" if data.get(DELETED) else "record"
                steady = {name: data[name] for name in data.keys() - {"synced_at", DELETED}}
                found[f"{kind} {stream} {key}"].append(steady)
            case {"state": {"stream": state}}:
                states[state["stream_descriptor"]["name"]] = state.get("stream_state") or {}
            case {"log": {"level": "WARN" | "ERROR" | "FATAL" as level, "message": text}}:
                counts[f"log {level} {steady_text(text)}"] += 1
            case {"trace": {"stream_status": {"stream_descriptor": {"name": stream}, **status}}}:
                found[f"status {stream}"].append(status["status"])
            case {"trace": {"error": {"message": text}}}:
                counts[f"error {steady_text(text)}"] += 1
            case {"exit": code}:
                counts["exit code"] = code
    for name, values in found.items():
        if not name.startswith("status "):
            values.sort(key=canonical)
    lines: Lines = {**counts, **found}
    for stream, state in states.items():
        lines |= {f"state {stream} {name}": value for name, value in remembered(state)}
    return lines


def asked(entry: Entry) -> str:
    """Return a request without its ids: method, template, parameters, status if it is no 200."""
    names = []
    for name, value in sorted(entry.params.items()):
        if name == "opt_fields":
            fields = canonical(sorted(value.split(",")))
            names.append(f"{name}#{blake2b(fields.encode(), digest_size=3).hexdigest()}")
        else:
            names.append(f"{name}={value}" if VALUED.search(name) else name)
    query = f"?{'&'.join(names)}" if names else ""
    status = f" -> {entry.status}" if entry.status != 200 else ""
    return f"{entry.method} {entry.path_template}{query}{status}"


def steady_text(text: str) -> str:
    """Return a text without addresses and ids."""
    return re.sub(r"\d{6,}", "ID", re.sub(r"127\.0\.0\.1:\d+", "HOST", text))


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


# ── states, read by docs/design.md and not by the connector's code ───────────────────────────────


def remembered(state: Json) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a state without what differs from run to run, and single rows."""
    for name, value in state.items():
        match name, value:
            case "synced_at", _:
                pass
            case "sent", {"until": _}:
                yield name, {**value, "until": "an instant"}
            case "exports", dict():
                yield name, [{**job, "gid": "a job"} for _, job in sorted(value.items())]
            case "tasks", {"rows": packed}:
                # Which of the listings that show a task has its version is chance.
                for key, row in rows(packed):
                    yield f"{name} {key}", number_and_flag(row)
            case "ledger" | "tombstones", {"rows": packed, "partitions": names}:
                partitions = [key for key, _ in rows(names)]
                for key, row in rows(packed):
                    number = number_and_flag(row) if name == "ledger" else "in a minute"
                    yield f"{name} {key} in {partitions[row >> 35]}", number
            case _, {"numbers": _, "texts": _, "rows": _}:
                yield from ((f"{name} {key}", number) for key, number in rows(value))
            case _:
                yield name, value


def number_and_flag(row: int) -> str:
    """Return fingerprint or version, and whether the row is missing."""
    return f"{row & 0xFFFFFFFF:08x}{' missing' if row >> 32 & 1 else ''}"


def rows(value: Json) -> Iterator[tuple[str, int]]:
    """Yield the rows of a packed part: keys that are numbers first, as the partitions' order is."""
    for key, number in pieces(value["numbers"]):
        yield str(key), number
    texts = [text for piece in value["texts"] for text in json.loads(inflated(piece))]
    for position, number in pieces(value["rows"]):
        yield texts[position], number


def pieces(packed: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the rows of pieces, which are the byte planes of two columns of eight bytes."""
    for piece in packed:
        planes = inflated(piece)
        count = len(planes) // 16
        columns = (
            unpack(
                f"<{count}Q", bytes(planes[b * count + row] for row in range(count) for b in eight)
            )
            for eight in (range(8), range(8, 16))
        )
        gaps, numbers = columns
        yield from zip(accumulate(gaps), numbers, strict=True)


def inflated(text: str) -> bytes:
    return zlib.decompress(b64decode(text))
