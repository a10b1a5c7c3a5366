"""Tells the user of a sync every skip with its remedy, the progress, and a summary at the end."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from source_asana.counts import Counts
from source_asana.http.errors import FIELDS, Reach, Verdict

LOGGER = logging.getLogger("airbyte.source_asana")
PROGRESS_SECONDS = 30.0
ROWS_SHOWN = 50
PLACES_SHOWN = 10


@dataclass
class Skip:
    """Is one thing that was skipped, with the number of times.

    Attributes:
        was_read: whether an earlier sync has read it, or a part of it.
    """

    stream: str
    what: str
    verdict: Verdict
    was_read: bool
    times: int = 1


class Report:
    """Collects skips and counts from all threads."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._began = monotonic()
        self._skips: dict[tuple[str, str, str], Skip] = {}
        self._not_in_plan: set[str] = set()
        self._closed: dict[tuple[str, str], Verdict] = {}
        self._counts: dict[str, Counts] = {}
        self._said: set[str] = set()
        self._found: Counter[str] = Counter()
        self._next_scan: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # ── skips ──────────────────────────────────────────────────────────────────────────────────

    def skip(
        self,
        stream: str,
        what: str,
        verdict: Verdict,
        *,
        workspace: str | None,
        was_read: bool = False,
    ) -> None:
        """Record that Asana refused `what` of `stream`, and warn of the first of its kind.

        What the plan does not include is nothing new at each sync: `close` lists it.

        Args:
            stream: stream name.
            what: the partition in words, such as `project 12`.
            verdict: the refusal.
            workspace: gid of the partition's workspace, where it has one.
            was_read: whether an earlier sync has read it.
        """
        reach = verdict.rule.reach
        place = what
        if reach is Reach.STREAM:
            place = "all of it"
        elif reach is not Reach.PARTITION and workspace is not None:
            place = f"workspace {workspace}"
        key = (stream, verdict.rule.reason, place)
        with self._lock:
            if reach is not Reach.PARTITION:
                self._closed[(self._what(stream, reach), self._where(workspace, reach))] = verdict
            known = self._skips.get(key)
            if known:
                known.times += 1
                known.was_read |= was_read
                return
            self._skips[key] = Skip(stream, place, verdict, was_read)
        if verdict.rule.is_plan:
            self.not_in_plan(stream)
            return
        LOGGER.warning(
            'Stream %s: skipped %s. Asana said (HTTP %s): "%s". To read it: %s.',
            stream,
            place,
            verdict.status,
            verdict.message,
            verdict.rule.remedy,
        )

    @staticmethod
    def _what(stream: str, reach: Reach) -> str:
        return "*" if reach is Reach.WHOLE_WORKSPACE else stream

    @staticmethod
    def _where(workspace: str | None, reach: Reach) -> str:
        return "*" if reach is Reach.STREAM else str(workspace)

    def not_in_plan(self, stream: str) -> None:
        """Record that the plan does not include a stream, its parents, or a part of them."""
        with self._lock:
            self._not_in_plan.add(stream)

    def fields_dropped(self, stream: str, fields: Iterable[str], verdict: Verdict) -> None:
        """Record that columns of a stream are skipped because the token lacks their scope."""
        self.skip(
            stream,
            f"the columns {', '.join(fields)}",
            replace(verdict, rule=FIELDS),
            workspace=None,
        )

    def closed(self, stream: str, workspace: str | None) -> Verdict | None:
        """Return the refusal that covers `stream` in `workspace`, None without one.

        With one, no further request is worth sending.
        """
        if not self._closed:
            return None
        with self._lock:
            for key in ((stream, str(workspace)), (stream, "*"), ("*", str(workspace))):
                if key in self._closed:
                    return self._closed[key]
        return None

    def once(self, level: int, text: str) -> None:
        """Log a line the first time it comes."""
        with self._lock:
            if text in self._said:
                return
            self._said.add(text)
        LOGGER.log(level, "%s", text)

    # ── counts ─────────────────────────────────────────────────────────────────────────────────

    def counts(self, stream: str) -> Counts:
        """Return the counters of a stream."""
        found = self._counts.get(stream)
        if found is None:
            with self._lock:
                found = self._counts.setdefault(stream, Counts())
        return found

    def found(self, by: str, tasks: int) -> None:
        """Count tasks that were checked for changes, by the way in which they were found."""
        with self._lock:
            self._found[by] += tasks

    def next_scan(self, hours: float) -> None:
        """Note in how many hours everything is read again."""
        self._next_scan = hours

    def start(self) -> None:
        """Begin to log progress every 30 seconds."""
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._thread.start()

    def _tick(self) -> None:
        while not self._stop.wait(PROGRESS_SECONDS):
            for line in self._progress():
                LOGGER.info("%s", line)

    def _progress(self) -> Iterable[str]:
        seconds = max(1.0, self._monotonic() - self._began)
        with self._lock:
            counts = dict(self._counts)
        busy = {name: c for name, c in counts.items() if c.done < c.known or not c.known}
        total = sum(c.requests for c in counts.values())
        yield (
            f"Progress: {sum(c.records for c in counts.values())} records, {total} requests, "
            f"{60 * total / seconds:.0f} requests a minute, {len(busy)} streams at work."
        )
        for name, count in sorted(busy.items()):
            left, known = "", count.known + count.ahead
            if count.done and known > count.done:
                minutes = seconds / count.done * (known - count.done) / 60
                left = f", about {minutes:.0f} min left of what is known"
            yield (
                f"Progress of {name}: {count.records} records, {count.requests} requests, "
                f"{count.done} of {known} known partitions{left}."
            )

    def close(self) -> None:
        """Stop the progress and log the summary and the table of skips."""
        self._stop.set()
        self._close_counts()
        self._close_skips()

    def _close_counts(self) -> None:
        seconds = self._monotonic() - self._began
        with self._lock:
            counts = dict(self._counts)
        requests = sum(count.requests for count in counts.values())
        LOGGER.info(
            "Summary: %d records with %d requests in %.1f s.",
            sum(count.records for count in counts.values()),
            requests,
            seconds,
        )
        if self._next_scan is not None:
            ways = ", ".join(
                f"{self._found[by]} by {by}" for by in ("search", "events", "listings")
            )
            LOGGER.info(
                "Summary: %d tasks checked: %s; next full scan in %s.",
                self._found.total(),
                ways,
                _duration(self._next_scan),
            )
        for name, count in sorted(counts.items()):
            if count.requests or count.records:
                LOGGER.info(
                    "Summary of %s: %d records, %d requests.", name, count.records, count.requests
                )
            if count.deleted or count.waiting:
                LOGGER.info(
                    "Summary of %s: %d records are deleted in Asana, %d await confirmation.",
                    name,
                    count.deleted,
                    count.waiting,
                )
            if count.unsaid_failures:
                LOGGER.error(
                    "Summary of %s: %d further partitions failed like those named above.",
                    name,
                    count.unsaid_failures,
                )

    def _close_skips(self) -> None:
        with self._lock:
            skips = sorted(self._skips.values(), key=lambda item: (item.stream, item.what))
            not_in_plan = sorted(self._not_in_plan)
        if not_in_plan:
            LOGGER.info(
                "The Asana plan does not include these streams, or parts of them: %s. Upgrade the "
                "plan to read them, or deselect them.",
                ", ".join(not_in_plan),
            )
        places: dict[str, list[str]] = {}
        for skip in skips:
            if skip.was_read and not skip.verdict.rule.gone:
                places.setdefault(skip.stream, []).append(skip.what)
        if places:
            LOGGER.warning(
                "Asana now refuses what earlier syncs read, so these rows are no longer updated: "
                "%s. The lines above say why.",
                "; ".join(f"{stream} ({_listed(found)})" for stream, found in places.items()),
            )
        if not skips:
            return
        LOGGER.info("Skipped in this sync (%d):", len(skips))
        for skip in skips[:ROWS_SHOWN]:
            LOGGER.info(
                'Skipped | %s | %s | %s | HTTP %s "%s" | %s%s',
                skip.stream,
                skip.what,
                skip.verdict.rule.reason,
                skip.verdict.status,
                skip.verdict.message,
                skip.verdict.rule.remedy,
                f" | {skip.times} times" if skip.times > 1 else "",
            )
        if len(skips) > ROWS_SHOWN:
            LOGGER.info(
                "Skipped | and %d more; the lines above name them.", len(skips) - ROWS_SHOWN
            )


def _duration(hours: float) -> str:
    """Return a time in words: `5 days`, `3 hours`."""
    days = round(hours / 24)
    number, unit = (days, "day") if days > 1 else (round(hours), "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _listed(places: list[str]) -> str:
    """Return the first places in words, and the number of the others."""
    more = len(places) - PLACES_SHOWN
    return ", ".join(places[:PLACES_SHOWN]) + (f" and {more} more" if more > 0 else "")
