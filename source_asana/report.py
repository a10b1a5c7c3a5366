"""Tells the user of a sync what happened: the one place that decides the level of a message.

- ERROR: a part could not be read; once for each cause, with a count, when the sync is over.
- WARNING: new, or something to do about: a refusal that the last sync did not have.
- INFO: a stream that ended, progress, and what the last sync has reported already.

What the last sync has reported is in the streams' states, as digests.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.counts import Counts
from source_asana.http.errors import Reach, Verdict

LOGGER = logging.getLogger("airbyte.source_asana")
PROGRESS_SECONDS = 30.0
LOOK_SECONDS = 2.0
BUSY_SHOWN = 5
PLACES_SHOWN = 10
# Each digest takes eight characters of a state.
MOST_DIGESTS = 1000


class Incomplete(AirbyteTracedException):
    """A stream is not complete for a cause that the report logs once for all of them."""


@dataclass
class Skip:
    """Is one thing that was skipped, with the number of times.

    Attributes:
        place: the partition in words, or how much of the stream.
        is_new: whether the last sync has not reported it.
        was_read: whether an earlier sync has read it, or a part of it.
    """

    stream: str
    place: str
    verdict: Verdict
    is_new: bool
    was_read: bool
    times: int = 1

    @property
    def reason(self) -> str:
        """The word for why it was skipped."""
        return self.verdict.rule.reason

    @property
    def is_plan(self) -> bool:
        """Whether the plan does not include it."""
        return self.verdict.rule.is_plan

    @property
    def is_outdated(self) -> bool:
        """Whether rows that were read before are no longer updated."""
        return self.was_read and not self.verdict.rule.deleted


@dataclass
class Failure:
    """Is one cause for which partitions could not be read.

    Attributes:
        verdict: the first answer.
        places: stream -> the places in words, as the keys of a dict.
        times: how many partitions there were.
    """

    verdict: Verdict
    places: dict[str, dict[str, None]] = field(default_factory=dict)
    times: int = 0


def digest(stream: str, reason: str, place: str) -> str:
    """Return what stands for a refusal in a state: eight characters."""
    return blake2b(f"{stream}|{reason}|{place}".encode(), digest_size=4).hexdigest()


class Report:
    """Collects skips, failures and counts from all threads.

    Attributes:
        statuses: stream -> its last status, of the streams that the user selected.
        readers: stream that nobody selected -> the selected ones that need it.
        checked: tasks that were checked for changes, by the way in which they were found.
        on_look: called every two seconds, and with true every thirty, by a thread of its own.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.statuses: dict[str, str] = {}
        self.readers: Mapping[str, frozenset[str]] = {}
        self.on_look: Callable[[bool], None] = lambda _: None
        self._lock = threading.Lock()
        self._monotonic = monotonic
        self._began = monotonic()
        self._known: set[str] = set()
        self._digests: dict[str, set[str]] = {}
        self._warned: set[tuple[str, str]] = set()
        self._skips: dict[tuple[str, str, str], Skip] = {}
        self._failures: dict[tuple[str, int], Failure] = {}
        # Stream -> its parents, parts of which are missing.
        self._orphaned: dict[str, set[str]] = {}
        self._closed: dict[tuple[str, str], Verdict] = {}
        self._counts: dict[str, Counts] = {}
        self._said: set[str] = set()
        self._notices: set[str] = set()
        self.checked: Counter[str] = Counter()
        self._next_scan: float | None = None
        self._stop = threading.Event()

    @property
    def seconds(self) -> float:
        """How long the sync has taken so far."""
        return self._monotonic() - self._began

    # ── skips ──────────────────────────────────────────────────────────────────────────────────

    def remember(self, digests: Iterable[str]) -> None:
        """Take what the last sync has reported, as a state has it."""
        with self._lock:
            self._known.update(digests)

    def digests(self, stream: str) -> frozenset[str]:
        """Return what stands for the refusals of a stream, and of those that only it needs.

        Notices, which are of no stream, are among it.
        """
        with self._lock:
            parent_only = [name for name, readers in self.readers.items() if stream in readers]
            found = [self._digests.get(name, set()) for name in (stream, *parent_only)]
            return frozenset(self._notices).union(*found)

    def skip(
        self,
        stream: str,
        what: str,
        verdict: Verdict,
        *,
        workspace: str | None,
        was_read: bool = False,
    ) -> None:
        """Record that Asana refused `what` of `stream`; warn of the first new one of a reason.

        Args:
            stream: stream name.
            what: the partition in words, such as `project 12`.
            verdict: the refusal.
            workspace: gid of the partition's workspace, where it has one.
            was_read: whether an earlier sync has read it.
        """
        reach, reason = verdict.rule.reach, verdict.rule.reason
        place = what
        if reach is Reach.STREAM:
            place = "all of it"
        elif reach is not Reach.PARTITION and workspace is not None:
            place = f"workspace {workspace}"
        key = (stream, reason, place)
        with self._lock:
            if reach is not Reach.PARTITION:
                self._closed[(self._what(stream, reach), self._where(workspace, reach))] = verdict
            known = self._skips.get(key)
            if known:
                known.times += 1
                known.was_read |= was_read
                return
            mark = digest(*key)
            is_new = mark not in self._known
            self._skips[key] = Skip(stream, place, verdict, is_new, was_read)
            marks = self._digests.setdefault(stream, set())
            if len(marks) < MOST_DIGESTS:
                marks.add(mark)
            is_first = is_new and (stream, reason) not in self._warned
            if is_first:
                self._warned.add((stream, reason))
        if is_first and not verdict.rule.is_plan:
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

    def parents_missing(self, stream: str, parents: Iterable[str]) -> None:
        """Record that what belongs to refused parents is missing in a stream."""
        with self._lock:
            self._orphaned.setdefault(stream, set()).update(parents)

    def fields_dropped(self, stream: str, fields: Iterable[str], verdict: Verdict) -> None:
        """Record that columns of a stream are skipped for which the token has no scope."""
        names = tuple(fields)
        counts = self.counts(stream)
        counts.unreadable = tuple(sorted({*counts.unreadable, *names}))
        self.skip(
            stream,
            f"the columns {', '.join(names)}",
            replace(verdict, rule=replace(verdict.rule, reach=Reach.PARTITION)),
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

    @property
    def skips(self) -> list[Skip]:
        """What was skipped so far, sorted."""
        with self._lock:
            return sorted(self._skips.values(), key=lambda one: (one.stream, one.place))

    # ── failures ───────────────────────────────────────────────────────────────────────────────

    def fail(self, stream: str, place: str, verdict: Verdict) -> None:
        """Record that a partition of a stream could not be read."""
        with self._lock:
            key = (verdict.rule.reason, verdict.status)
            failure = self._failures.setdefault(key, Failure(verdict))
            failure.times += 1
            failure.places.setdefault(stream, {})[place] = None

    @property
    def failures(self) -> list[Failure]:
        """The causes for which partitions could not be read."""
        with self._lock:
            return list(self._failures.values())

    def once(self, level: int, text: str) -> None:
        """Log a line the first time it comes."""
        with self._lock:
            if text in self._said:
                return
            self._said.add(text)
        LOGGER.log(level, "%s", text)

    def tell(self, text: str) -> None:
        """Log what somebody should see to: a warning, unless the last sync has logged the same."""
        mark = digest("", "", text)
        with self._lock:
            self._notices.add(mark)
            level = logging.INFO if mark in self._known else logging.WARNING
        self.once(level, text)

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
            self.checked[by] += tasks

    def next_scan(self, hours: float) -> None:
        """Note in how many hours everything is read again."""
        self._next_scan = hours

    def all_counts(self) -> dict[str, Counts]:
        """Return the counters of all streams by name, sorted."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    # ── progress ───────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to log progress every 30 seconds."""
        threading.Thread(target=self._tick, name="progress", daemon=True).start()

    def _tick(self) -> None:
        seconds, looks = min(LOOK_SECONDS, PROGRESS_SECONDS), 0
        while not self._stop.wait(seconds):
            looks += 1
            is_due = looks % round(PROGRESS_SECONDS / seconds) == 0
            if is_due:
                LOGGER.info("%s", self._progress())
            self.on_look(is_due)

    def _progress(self) -> str:
        seconds, counts = max(1.0, self.seconds), self.all_counts()
        busy = {name: one for name, one in counts.items() if one.done < one.known or not one.known}
        total = sum(one.requests for one in counts.values())
        largest = sorted(busy, key=lambda name: -busy[name].requests)[:BUSY_SHOWN]
        shown = [_busy(name, busy[name], seconds) for name in largest]
        more = f" and {len(busy) - len(shown)} more" if len(busy) > len(shown) else ""
        return (
            f"Progress: {amount(sum(one.records for one in counts.values()), 'record')}, "
            f"{amount(total, 'request')}, {60 * total / seconds:.0f} a minute. At work: "
            f"{'; '.join(shown) or 'none'}{more}."
        )

    # ── the end ────────────────────────────────────────────────────────────────────────────────

    def ended(self, stream: str, status: str) -> None:
        """Note the last status of a selected stream, and log what it sent, if anything."""
        self.statuses[stream] = status
        counts = self.counts(stream)
        if counts.records or counts.waiting or status != "COMPLETE":
            LOGGER.info("Stream %s: %s.", stream, ", ".join(_sent(counts, status)))

    def close(self) -> None:
        """Stop the progress, and log what there is to say of the sync as a whole."""
        self._stop.set()
        quiet = sorted(
            name
            for name, status in self.statuses.items()
            if status == "COMPLETE" and not self.counts(name).records
        )
        if self._next_scan is not None:
            usual = ("search", "events", "listings")
            ways = [*usual, *(by for by in self.checked if by not in usual)]
            LOGGER.info(
                "Summary: %s checked: %s; next full scan in %s.",
                amount(self.checked.total(), "task"),
                ", ".join(f"{self.checked[by]} by {by}" for by in ways),
                _duration(self._next_scan),
            )
        if quiet:
            LOGGER.info("Nothing to send in %s: %s.", amount(len(quiet), "stream"), _all(quiet))
        for level, text in self._said_of_skips():
            LOGGER.log(level, "%s", text)
        for failure in self.failures:
            LOGGER.error("%s", _failed(failure))

    def _said_of_skips(self) -> Iterator[tuple[int, str]]:
        """Yield what to log of all skips together, with its level."""
        new: list[Skip] = []
        known: list[Skip] = []
        for skip in self.skips:
            (new if skip.is_new else known).append(skip)
        orphaned, plan = self._orphans(new), {one.stream for one in new if one.is_plan}
        if plan:
            # That is known when the plan is chosen, and nothing to do about.
            yield logging.INFO, _beyond(plan, orphaned)
        for text in (*_repeats(new), *_orphans(plan, orphaned), *_outdated(new)):
            yield logging.WARNING, text
        by_reason: dict[str, set[str]] = {}
        for skip in known:
            by_reason.setdefault(skip.reason, set()).add(skip.stream)
        if by_reason:
            listed = "; ".join(f"{why} ({_all(found)})" for why, found in by_reason.items())
            yield logging.INFO, f"Asana refuses the same as in the last sync: {listed}."

    def _orphans(self, skips: Iterable[Skip]) -> dict[str, set[str]]:
        """Return the streams that miss what belongs to these skips, each with whose it is."""
        refused = {skip.stream for skip in skips}
        with self._lock:
            orphaned = {name: set(parents) for name, parents in self._orphaned.items()}

        def roots(name: str) -> set[str]:
            parents = orphaned.get(name, set())
            return (parents & refused).union(*map(roots, parents))

        found = {name: roots(name) for name in orphaned}
        return {name: parents for name, parents in found.items() if parents}


def _duration(hours: float) -> str:
    """Return a time in words: `5 days`, `3 hours`."""
    days = round(hours / 24)
    number, unit = (days, "day") if days > 1 else (round(hours), "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def amount(number: int, what: str) -> str:
    """Return a number of things in words: `1 record`, `2 records`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _busy(name: str, count: Counts, seconds: float) -> str:
    left, known = "", count.known + count.ahead
    if count.done and known > count.done:
        left = f", about {seconds / count.done * (known - count.done) / 60:.0f} min left"
    return f"{name} ({count.done} of {known} known partitions{left})"


def _sent(counts: Counts, status: str) -> Iterator[str]:
    kinds = {
        "new": counts.new,
        "changed": counts.changed,
        "changed without a timestamp": counts.changed_silently,
        "repeated with their task": counts.repeated,
        "deleted": counts.deleted,
    }
    why = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
    yield amount(counts.records, "record") + (f" ({why})" if why else "")
    yield amount(counts.requests, "request")
    if counts.waiting:
        yield f"{counts.waiting} await confirmation"
    if counts.refused:
        yield f"{counts.refused} of {amount(counts.known, 'partition')} refused"
    if counts.failed:
        yield f"{counts.failed} of {amount(counts.known, 'partition')} failed"
    if status != "COMPLETE":
        yield "not complete"


def _failed(failure: Failure) -> str:
    """Return one cause in words, with the number of what it cost."""
    verdict = failure.verdict
    said = f"HTTP {verdict.status}" if verdict.status else "no answer"
    remedy = verdict.rule.remedy
    advice = f" {remedy[:1].upper()}{remedy[1:]}." if remedy else ""
    return (
        f'{amount(failure.times, "partition")} could not be read ({said}, "{verdict.message}"): '
        f"{_by_stream(failure.places)}. Everything else is read, and the next sync reads this "
        f"again.{advice}"
    )


def _beyond(plan: set[str], orphaned: Mapping[str, set[str]]) -> str:
    """Return which streams the plan costs, with what belongs to them."""
    belongs = {name for name, parents in orphaned.items() if parents & plan}
    return (
        f"The Asana plan does not include these streams, or parts of them: {_all(plan | belongs)}. "
        "Upgrade the plan to read them, or deselect them."
    )


def _orphans(plan: set[str], orphaned: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield what is missing as it belongs to what was refused for other reasons."""
    refused = {name: parents - plan for name, parents in orphaned.items() if parents - plan}
    if refused:
        yield (
            f"The contents of the refused parts of {_all(set().union(*refused.values()))} are "
            f"skipped as well, in these streams: {_all(refused)}."
        )


def _repeats(skips: list[Skip]) -> Iterator[str]:
    """Yield, for each reason, what was skipped in several places; one of them was warned of."""
    places: dict[str, dict[str, list[str]]] = {}
    for skip in skips:
        if not skip.is_plan:
            places.setdefault(skip.reason, {}).setdefault(skip.stream, []).append(skip.place)
    for reason, streams in places.items():
        several = {stream: found for stream, found in streams.items() if len(found) > 1}
        if several:
            number = sum(map(len, several.values()))
            yield f"Skipped {number} places for one reason, {reason}: {_by_stream(several)}."


def _outdated(skips: list[Skip]) -> Iterator[str]:
    """Yield which rows are no longer updated."""
    places: dict[str, list[str]] = {}
    for skip in skips:
        if skip.is_outdated:
            places.setdefault(skip.stream, []).append(skip.place)
    if places:
        yield (
            "Asana now refuses what earlier syncs read, so these rows are no longer updated: "
            f"{_by_stream(places)}. The lines above say why."
        )


def _by_stream(places: Mapping[str, Iterable[str]]) -> str:
    return "; ".join(f"{stream} ({_listed(found)})" for stream, found in places.items())


def _all(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _listed(found: Iterable[str]) -> str:
    """Return the first places in words, and the number of the others."""
    places = list(found)
    more = len(places) - PLACES_SHOWN
    return ", ".join(places[:PLACES_SHOWN]) + (f" and {more} more" if more > 0 else "")
