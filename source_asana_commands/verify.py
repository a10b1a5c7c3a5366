"""`verify`: draws records that were sent, and compares them with what Asana shows now."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from source_asana.components.confirm import Existence
from source_asana.components.retriever import AsanaRetriever
from source_asana.core.partitions import ELSEWHERE
from source_asana.core.versions import Versions, version_of
from source_asana.cursors.sending import Raw
from source_asana.http.clock import to_millis
from source_asana.http.errors import AsanaError
from source_asana.parents.routers import InlineRouter, ParentRouter, UnionRouter
from source_asana.parents.slices import Row, Slice
from source_asana.report import amount
from source_asana_commands.prepared import Prepared

WORKERS = 8
SHOWN = 20


class Outcome(Enum):
    """What a record turned out to be."""

    EQUAL = auto()
    CHANGED = auto()
    DRIFT = auto()
    MISSING = auto()
    UNREADABLE = auto()


@dataclass
class Verified:
    """What was found.

    Attributes:
        outcomes: stream -> the outcome of each record.
        drifts: what the next sync will not notice, in words.
        requests: how many it took.
    """

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    drifts: list[str] = field(default_factory=list)
    requests: int = 0

    def note(self, stream: str, row: Row, outcome: Outcome) -> None:
        """Note what became of a record."""
        self.outcomes.setdefault(stream, []).append(outcome)
        if outcome is Outcome.DRIFT:
            self.drifts.append(f"{stream} {row[0]} (in {row[1] or 'the list'})")

    def lines(self) -> Iterator[str]:
        """Yield the answer in words."""
        for drift in self.drifts[:SHOWN]:
            yield f"Drift: {drift}"
        every = [one for found in self.outcomes.values() for one in found]
        number = {kind: every.count(kind) for kind in Outcome}
        text = (
            f"{amount(len(every), 'record')} of {amount(len(self.outcomes), 'stream')} checked, "
            f"{number[Outcome.EQUAL]} equal, {number[Outcome.CHANGED]} changed since (next sync), "
            f"{number[Outcome.DRIFT]} drift"
        )
        if number[Outcome.MISSING]:
            text += f", {number[Outcome.MISSING]} no longer shown"
        if number[Outcome.UNREADABLE]:
            text += f", {number[Outcome.UNREADABLE]} could not be read"
        yield f"{text}. {amount(self.requests, 'request')}."


def verified(made: Prepared, sample: int, seed: int | None = None) -> Verified:
    """Compare about so many records, of every stream that keeps track of what it sent.

    What differs is a drift if the next sync does not notice it, see `Prepared.brings`.

    Args:
        made: with the states of the last sync.
        sample: how many records; a list that is read completely may bring some more.
        seed: makes the choice the same each time.
    """
    chance = random.Random(seed)  # noqa: S311  # a sample
    found = Verified()
    ledgers = sorted(_ledgers(made), key=lambda one: len(one[1]))
    for position, (retriever, rows, check) in enumerate(ledgers):
        done = sum(map(len, found.outcomes.values()))
        share = max(1, (sample - done) // (len(ledgers) - position))
        for row, outcome in check(made, retriever, _shuffled(chance, rows), share):
            found.note(retriever.name, row, outcome)
    found.requests = made.requests
    return found


Check = Callable[[Prepared, AsanaRetriever, list[Row], int], Iterator[tuple[Row, Outcome]]]


def _ledgers(made: Prepared) -> Iterator[tuple[AsanaRetriever, list[Row], Check]]:
    """Yield each ledger's rows, with how they are compared."""
    for retriever in made.selected.values():
        cursor = retriever.cursor
        if not cursor.is_incremental or cursor.sender is None:
            continue
        versions = cursor.strategy.parts().get("tasks")
        if isinstance(versions, Versions):
            read = versions.rows.rows(lambda row: not row & 1)
            if read:
                yield retriever, read, _versions
        ledger = cursor.sender.ledger
        rows = [row for row in ledger.rows() if not ledger.is_missing(*row)]
        if rows and cursor.strategy.reads_all and not isinstance(cursor.router, UnionRouter):
            yield retriever, [r for r in rows if not r[1].startswith(ELSEWHERE)], _by_partition
        elif rows and retriever.lookup.object_path:
            yield retriever, rows, _by_key


def _shuffled(chance: random.Random, rows: Sequence[Row]) -> list[Row]:
    return chance.sample(rows, len(rows))


def _by_key(
    made: Prepared, retriever: AsanaRetriever, rows: list[Row], share: int
) -> Iterator[tuple[Row, Outcome]]:
    """Ask for records one by one."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="verify") as pool:
        chosen = rows[:share]
        yield from zip(chosen, pool.map(partial(_one, made, retriever), chosen), strict=True)


def _one(made: Prepared, retriever: AsanaRetriever, row: Row) -> Outcome:
    existence, record = retriever.lookup.record(row[0])
    if existence is not Existence.EXISTS:
        return Outcome.MISSING if existence is Existence.DELETED else Outcome.UNREADABLE
    if made.was_sent(retriever, record, row[1]):
        return Outcome.EQUAL
    return _differing(made, retriever.name, record, row[1])


def _by_partition(
    made: Prepared, retriever: AsanaRetriever, rows: list[Row], share: int
) -> Iterator[tuple[Row, Outcome]]:
    """Read lists again, as the next sync will, until they have shown enough records."""
    sender, left = retriever.cursor.sender, share
    assert sender is not None
    for partition in dict.fromkeys(partition for _, partition in rows):
        if left <= 0:
            return
        wanted = [row for row in rows if row[1] == partition]
        left -= len(wanted)
        try:
            records = list(_listed(made, retriever, partition))
        except AsanaError:
            yield from ((row, Outcome.UNREADABLE) for row in wanted)
            continue
        shown = {sender.key_of(one): sender.was_sent(one, partition) for one in records}
        for row in wanted:
            is_equal = shown.get(row[0])
            known = Outcome.EQUAL if is_equal else Outcome.CHANGED
            yield row, Outcome.MISSING if is_equal is None else known


def _listed(made: Prepared, retriever: AsanaRetriever, partition: str) -> Iterator[Raw]:
    """Yield the finished records that a partition has now."""
    router = retriever.cursor.router
    if isinstance(router, InlineRouter):
        parent = made.retrievers[router.stream]
        [one] = [one for one in parent.plan.inline if one.stream == retriever.name]
        yield from one.records(parent.lookup.record(partition)[1]) or ()
        return
    fields = made.partition_fields(retriever, partition)
    for variant in (isinstance(router, ParentRouter) and router.variants) or [{}]:
        for page in retriever.pages(Slice({**fields, **variant}, key=partition)):
            for record in page:
                yield retriever.shape.finished(record, fields)


def _differing(made: Prepared, stream: str, record: Raw, partition: str) -> Outcome:
    return Outcome.CHANGED if made.brings(stream, record, partition) else Outcome.DRIFT


def _versions(
    made: Prepared, retriever: AsanaRetriever, rows: list[Row], share: int
) -> Iterator[tuple[Row, Outcome]]:
    """Compare the versions of tasks whose children were read."""
    versions = retriever.cursor.strategy.parts()["tasks"]
    assert isinstance(versions, Versions)
    lookup = made.retrievers["tasks"].lookup

    def one(row: Row) -> Outcome:
        existence, task = lookup.record(row[0])
        if existence is not Existence.EXISTS:
            return Outcome.MISSING if existence is Existence.DELETED else Outcome.UNREADABLE
        modified = to_millis(task.get("modified_at")) or 0
        known = versions.rows.fingerprint(row[0], "")
        if known is not None and known >> 1 == version_of(modified):
            return Outcome.EQUAL
        return _differing(made, retriever.name, task, row[1])

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="verify") as pool:
        yield from zip(rows[:share], pool.map(one, rows[:share]), strict=True)
