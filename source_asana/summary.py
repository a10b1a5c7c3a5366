"""The summary of a sync: one line of JSON, for whoever watches many of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from source_asana.components.retriever import AsanaRetriever
from source_asana.core.listings import HOUR, FullScan, Instants
from source_asana.counts import Counts
from source_asana.cursors.states import MOST_CHARACTERS
from source_asana.http.budget import WINDOW_SECONDS
from source_asana.http.client import connector_version
from source_asana.http.clock import from_millis
from source_asana.report import PLACES_SHOWN, Failure, Report, Skip
from source_asana.runtime import Runtime

SHOWN = 50

Json = dict[str, Any]


def summary(runtime: Runtime, retrievers: Mapping[str, AsanaRetriever], status: str) -> Json:
    """Return what happened in a sync.

    Args:
        runtime: what all streams share.
        retrievers: of the streams that were read.
        status: `complete`, `incomplete`, `failed` or `stopped`.
    """
    report = runtime.report
    streams = {
        name: _stream(runtime, name, counts, retrievers.get(name))
        for name, counts in report.all_counts().items()
    }
    requests = sum(one["requests"] for one in streams.values())
    budget, size = runtime.client.budget, sum(one.get("state", 0) for one in streams.values())
    skips = report.skips
    found: Json = {
        "status": status,
        "version": connector_version(),
        "seconds": round(report.seconds, 1),
        "records": sum(one["records"] for one in streams.values()),
        "requests": requests,
        "quota": {
            "per_minute": round(budget.per_minute),
            "share": _share(
                requests, budget.per_minute * max(report.seconds, WINDOW_SECONDS) / WINDOW_SECONDS
            ),
            "rate_limited": budget.refusals,
            "paused_seconds": round(budget.paused_seconds, 1),
        },
        "state": {"characters": size, "share": _share(size, MOST_CHARACTERS)},
        "checked": dict(report.checked),
        "late_seconds": _largest(one.get("late_seconds") for one in streams.values()),
        "next_full_scan": min(
            (one["next_full_scan"] for one in streams.values() if "next_full_scan" in one),
            default=None,
        ),
        "failures": [_failure(one) for one in report.failures],
        "skipped": [_skip(one) for one in skips[:SHOWN]],
        "skipped_more": max(0, len(skips) - SHOWN),
        "streams": streams,
    }
    return found


def _share(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def _largest(values: Iterator[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def _stream(runtime: Runtime, name: str, counts: Counts, retriever: AsanaRetriever | None) -> Json:
    numbers = {
        "new": counts.new,
        "changed": counts.changed,
        "changed_silently": counts.changed_silently,
        "repeated": counts.repeated,
        "deleted": counts.deleted,
        "waiting": counts.waiting,
        "failed": counts.failed,
        "skipped": _skipped(runtime.report, name),
        "outdated": sum(one.is_outdated for one in runtime.report.skips if one.stream == name),
        "found": dict(counts.found),
        "unreadable": list(counts.unreadable),
    }
    further = _kept(runtime, retriever) if retriever else {}
    return {
        "status": runtime.report.statuses.get(name, "PARENT").lower(),
        "records": counts.records,
        "requests": counts.requests,
        **{key: value for key, value in {**numbers, **further}.items() if value},
    }


def _skipped(report: Report, stream: str) -> dict[str, int]:
    """Return how many places of a stream were skipped, by reason."""
    found: dict[str, int] = {}
    for skip in report.skips:
        if skip.stream == stream:
            found[skip.reason] = found.get(skip.reason, 0) + 1
    return found


def _kept(runtime: Runtime, retriever: AsanaRetriever) -> Json:
    """Return what a stream's state says: its size, how old it is, and its next full scan."""
    cursor, found, now = retriever.cursor, Json(), runtime.clock.now()
    if not cursor.is_incremental or retriever.plan.parent_only:
        return found
    found["state"] = cursor.state_size
    with cursor.lock:
        for part in cursor.strategy.parts().values():
            if isinstance(part, FullScan) and part.scanned is not None:
                found["next_full_scan"] = from_millis(part.scanned + part.hours() * HOUR)
            elif isinstance(part, Instants):
                read = [at for at in map(part.get, part) if at is not None]
                late = (now - min(read)) // 1000 if read else 0
                found["late_seconds"] = max(late, found.get("late_seconds", 0))
    return found


def _failure(one: Failure) -> Json:
    return {
        "reason": one.verdict.rule.reason,
        "status": one.verdict.status,
        "message": one.verdict.message,
        "partitions": one.times,
        "places": {name: list(found)[:PLACES_SHOWN] for name, found in one.places.items()},
    }


def _skip(one: Skip) -> Json:
    return {
        "stream": one.stream,
        "place": one.place,
        "reason": one.reason,
        "status": one.verdict.status,
        "message": one.verdict.message,
        "new": one.is_new,
        "outdated": one.is_outdated,
        "times": one.times,
    }
