"""Leads from a slice to its records: what is asked for, who gets it, and how a slice may end.

The CDK's SimpleRetriever yields the records of one stream. This one also hands each page on to the
streams that wait for it, yields records of other streams from it, judges a refusal by its reach,
and asks about missing records. A listing whose offset has expired begins again without sending its
first records twice, and an answer is parsed once. Of the CDK it uses the requester and paginator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import InitVar, dataclass, field
from itertools import islice
from typing import Any

from airbyte_cdk.models import FailureType, StreamDescriptor
from airbyte_cdk.sources.declarative.partition_routers import PartitionRouter
from airbyte_cdk.sources.declarative.requesters.paginators import Paginator
from airbyte_cdk.sources.declarative.retrievers import Retriever
from airbyte_cdk.sources.types import Record, StreamSlice
from typing_extensions import override

from source_asana.components.confirm import Confirm, Lookup, object_path_of
from source_asana.components.pages import AsanaRequester, AskedFields, PagedList
from source_asana.components.shape import Filter, Shape
from source_asana.cursors.cursor import AsanaCursor
from source_asana.cursors.sending import Raw, Stamp
from source_asana.http.errors import AsanaError, Reach, Refused, Verdict
from source_asana.parents.feeds import Ending, Feed, Item
from source_asana.parents.plan import Inline, StreamPlan
from source_asana.parents.slices import ConfirmSlice, Slice
from source_asana.report import Incomplete
from source_asana.runtime import Runtime

FAILURES_SAID = 10
EXAMPLES = 3


@dataclass
class AsanaRetriever(Retriever):
    """Reads the slices of one stream; its keywords are explained in CONTRIBUTING.md.

    Attributes:
        name: the stream; names its schema too.
        primary_key: the columns of its key.
        incremental_sync: the strategy that says what a sync asks for, with the keys below; without
            it each sync reads all records.
        parent_columns: column → partition field that fills it.
        send_opt_fields: whether `opt_fields` are sent; without them Asana decides what comes.
        keep_only: setting (a list of ids) → dotted path: with ids set, only records with one of
            them there are kept.
        leave_out: setting (a list of ids) → dotted path: records with one of them there are left
            out.
        may_repeat: whether the same record may come in several slices; it is sent once.
        probe_first: whether a workspace's first slice goes ahead alone, so that what the plan
            refuses there is asked for once.
        object_path: path below which Asana has the objects by gid, where the path of the list does
            not say; several between spaces for records of several kinds; empty where there is none,
            so that no deletions are tracked.
        volatile: columns whose values change from answer to answer; they do not count as changes.
        lists_workspaces: whether these are the workspaces, which are listed before all else.
    """

    config: Mapping[str, Any]
    parameters: InitVar[Mapping[str, Any]]
    name: str
    primary_key: list[str]
    requester: AsanaRequester
    paginator: Paginator
    partition_router: PartitionRouter | None = None
    incremental_sync: Mapping[str, Any] = field(default_factory=dict)
    parent_columns: Mapping[str, Any] = field(default_factory=dict)
    send_opt_fields: bool = True
    keep_only: Mapping[str, Any] = field(default_factory=dict)
    leave_out: Mapping[str, Any] = field(default_factory=dict)
    may_repeat: bool = False
    probe_first: bool = False
    volatile: list[str] = field(default_factory=list)
    object_path: str | None = None
    lists_workspaces: bool = False

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Begin with nothing read."""
        self._ready: list[list[Raw]] | None = None
        self._failures = 0

    def bind(
        self,
        runtime: Runtime,
        plan: StreamPlan,
        cursor: AsanaCursor,
        others: Mapping[str, AsanaRetriever],
    ) -> None:
        """Take what the sync gives a stream.

        Args:
            runtime: what all streams share.
            plan: what the sync wants from this one.
            cursor: this stream's.
            others: the retrievers of the sync's other streams by name; parents are bound before
                their children.
        """
        self.runtime, self.plan, self.cursor, self.others = runtime, plan, cursor, others
        self.counts = runtime.report.counts(self.name)
        self.requester.bind(runtime.client, self.counts)
        self.filter = Filter(runtime.settings, self.keep_only, self.leave_out)
        self._item_fields = frozenset(path.split(".")[0] for path in plan.needed)
        technical = frozenset(plan.needed | self.filter.fields | self.needs())
        self.shape = Shape(plan, self.parent_columns, technical, asks=self.send_opt_fields)
        self.fields = AskedFields(self.name, self.shape.asked, runtime.report, self._refuse)
        self.paged = PagedList(self.requester, self.paginator, self.fields, runtime.backpressure)
        object_path = object_path_of(str(self.requester.path), self.object_path)
        self.lookup = Lookup(runtime, self.paged, cursor.router, self.counts, object_path)
        self.confirm = Confirm(
            cursor, lambda stream: others[stream].lookup, self.resent, self.counts
        )
        self.after_bind()

    def after_bind(self) -> None:
        """Take what only a subclass needs; everything else that the sync gives is there."""

    def needs(self) -> frozenset[str]:
        """Return the dotted opt_fields that reading itself needs."""
        cursor_field = self.incremental_sync.get("cursor_field")
        return frozenset({cursor_field} if cursor_field and self.send_opt_fields else ())

    # ── how a slice begins and ends ────────────────────────────────────────────────────────────

    @override
    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[Any]:
        slice_ = stream_slice
        assert isinstance(slice_, Slice)
        is_closed = False
        try:
            if isinstance(slice_, ConfirmSlice):
                yield from self.confirm.read(slice_)
            else:
                yield from self._read(slice_)
            is_closed = True
        finally:
            if not is_closed:
                # The CDK closes only what has ended without an error.
                self.cursor.open_slices.closed()

    def _read(self, slice_: Slice) -> Iterator[Any]:
        ending, counts = Ending.FAILED, self.counts
        try:
            self.begin(slice_)
            yield from self.read(slice_)
            ending, self.cursor.columns.is_read = Ending.COMPLETE, True
        except Refused as refusal:
            ending = self._refused(slice_, refusal.verdict)
        except AsanaError as error:
            if not self.runtime.stop.is_set():
                self.runtime.report.fail(self.name, slice_.place, error.verdict)
            if self._fails(slice_):
                raise failure(self.name, slice_, error.verdict) from error
        except Exception:
            if self._fails(slice_):
                raise
        finally:
            counts.end()
            self.end(slice_, ending)
            if slice_.ended:
                slice_.ended.set()

    def _refused(self, slice_: Slice, verdict: Verdict) -> Ending:
        cursor, place, workspace = self.cursor, slice_.place, slice_.workspace
        reach = verdict.rule.reach
        was_read = cursor.was_read(slice_, reach)
        is_alone = slice_.is_one_of_many and reach is Reach.PARTITION
        self.counts.refuse(withdrawn=was_read and verdict.rule.takes_access and not is_alone)
        cursor.refused(slice_, verdict)
        self.runtime.report.skip(self.name, place, verdict, workspace=workspace, was_read=was_read)
        if verdict.rule.deleted:
            return Ending.COMPLETE
        return Ending.UNAVAILABLE if verdict.rule.is_plan else Ending.REFUSED

    def _fails(self, slice_: Slice) -> bool:
        """Return whether a failure is raised, so that the CDK logs it.

        After many failures, and in an aborted sync after the first, it is not: the report has it.
        Either way the slice counts as not read.
        """
        self._failures += 1
        is_aborted = self.runtime.stop.is_set()
        if not is_aborted:
            self.counts.fail()
        is_raised = self._failures <= (1 if is_aborted else FAILURES_SAID)
        if not is_raised:
            slice_.is_incomplete = True
        return is_raised

    def begin(self, slice_: Slice) -> None:
        """Note that a slice begins; raise `Refused` for what was refused before."""
        refusal = self.runtime.report.closed(self.name, slice_.workspace)
        if refusal:
            raise Refused(refusal)
        slice_.began = slice_.began or self.runtime.clock.instant()

    def end(self, slice_: Slice, ending: Ending) -> None:
        """Tell the feed how the listing ended."""
        del slice_
        if self.plan.is_parent:
            self.runtime.feeds.of(self.name).ended(ending)

    def given_up(self) -> None:
        """Tell who waits for these slices that not all of them were handed out."""

    # ── what is read ───────────────────────────────────────────────────────────────────────────

    def read(self, slice_: Slice) -> Iterator[Any]:
        """Yield the slice's finished records, and those of inline streams that lie in them."""
        for page in self.pages(slice_):
            stamp = self.cursor.stamp()
            kept = [r for r in page if self.filter.keeps(r)] if self.filter.is_set else page
            if self.plan.is_parent:
                self.publish(kept, slice_)
            for one in self.plan.inline:
                yield from self.inlined(kept, one, stamp)
            if not self.plan.parent_only:
                for record in kept:
                    yield from self.sent(record, slice_, stamp)

    def sent(self, record: Raw, slice_: Slice, stamp: Stamp) -> Iterable[Raw]:
        """Return the finished record, if the cursor sends it, else nothing."""
        if not self.cursor.is_in_scope(record, slice_):
            return ()
        is_shared = self.is_shared(record)
        record = self.shape.finished(record, slice_.partition)
        return self.cursor.sent(record, slice_, stamp, is_shared=is_shared)

    def is_shared(self, record: Raw) -> bool:
        """Return whether other slices may show a record, too."""
        del record
        return self.may_repeat

    def resent(self, record: Raw, partition: str) -> Iterator[Raw]:
        """Return a record that a lookup brought as that of a partition, if the cursor sends it."""
        slice_ = Slice(self.cursor.router.partition_of(partition), key=partition)
        slice_.found_by = "lookup"
        record = self.shape.finished(record, slice_.partition)
        stamp = self.cursor.stamp()
        return self.cursor.sent(record, slice_, stamp, is_shared=True, partition=partition)

    def publish(self, page: list[Raw], slice_: Slice) -> list[Item]:
        """Hand a page's records to the stream's feed; return the items that are new there."""
        workspace = slice_.workspace
        items: list[Item] = [
            {
                **{name: record.get(name) for name in self._item_fields},
                "gid": record["gid"],
                "workspace_gid": workspace or record["gid"],
            }
            for record in page
        ]
        return self.runtime.feeds.of_kind(Feed, self.name).add(items)

    def inlined(self, page: list[Raw], one: Inline, stamp: Stamp) -> Iterator[Record]:
        """Yield the records of an inline stream that lie in a page of this one."""
        cursor = self.others[one.stream].cursor
        for parent in page:
            slice_ = Slice({one.partition_field: parent["gid"]}, key=parent["gid"])
            cursor.expect(slice_.key)
            found = one.records(parent)
            if found is None:
                # The column was not read, so it shows neither what is there nor what is missing.
                continue
            for record in found:
                for sent in cursor.sent(record, slice_, stamp, is_shared=self.may_repeat):
                    yield Record(data=sent, stream_name=one.stream)
            cursor.completed(slice_.key)
        cursor.progressed()

    # ── columns that the token may not read ────────────────────────────────────────────────────

    def _refuse(self, fields: frozenset[str], verdict: Verdict) -> None:
        """Note which columns need refused fields, here and in streams that lie in this one."""
        self._refuse_columns(self.shape.columns_of(fields))
        for one in self.plan.inline:
            start = f"{one.column}."
            below = {path.removeprefix(start) for path in fields if path.startswith(start)}
            if below:
                self.others[one.stream].refuse_inline(frozenset(below), verdict)

    def refuse_inline(self, fields: frozenset[str], verdict: Verdict) -> None:
        """Note the fields that are refused of a stream that lies in another one's records."""
        columns = self.shape.columns_of(fields)
        self.runtime.report.fields_dropped(self.name, sorted(columns), verdict)
        self._refuse_columns(columns)

    def _refuse_columns(self, columns: frozenset[str]) -> None:
        with self.cursor.lock:
            self.cursor.columns.refuse(columns)

    def notice_columns(self) -> None:
        """Have all records read again where columns were added, or a scope was granted for some.

        One request tells whether the token may read them, as a quiet sync may send no other.
        Called before anything is planned.
        """
        columns, strategy = self.cursor.columns, self.cursor.strategy
        is_asked = (columns.unreadable or columns.further) and not strategy.reads_all
        if is_asked and self._is_answered(self.examples()):
            with self.cursor.lock:
                columns.grant()
        if strategy.was_refused:
            refused = [(slice_, None) for slice_ in islice(strategy.refused_slices(), EXAMPLES)]
            if not refused or self._is_answered(refused):
                with self.cursor.lock:
                    strategy.granted()
        self.cursor.stream_state.notice_columns()

    def _is_answered(self, examples: Iterable[tuple[Slice, str | None]]) -> bool:
        """Return whether the token may read one of these slices."""
        for slice_, path in examples:
            with suppress(AsanaError):
                self.paged.first(slice_, path)
                return True
        return False

    def examples(self) -> Iterator[tuple[Slice, str | None]]:
        """Yield some of what was read before: a slice, and its path where the list has another."""
        sender = self.cursor.sender
        if sender and self.lookup.object_path:
            for key, _ in islice(sender.ledger.rows(), EXAMPLES):
                yield Slice({}, key=key), self.lookup.path_of(key)

    # ── pages ──────────────────────────────────────────────────────────────────────────────────

    def preload(self, slice_: Slice) -> list[Raw]:
        """Read a slice ahead of its turn and return its records; the next `read` takes them."""
        self._ready = [list(page) for page in self.paged.pages(slice_)]
        return [record for page in self._ready for record in page]

    def pages(self, slice_: Slice) -> Iterator[list[Raw]]:
        """Yield the slice's pages; see `components.pages.pages`."""
        if self._ready is not None:
            yield from self._ready
        else:
            yield from self.paged.pages(slice_)


def failure(stream: str, slice_: Slice, verdict: Verdict) -> Incomplete:
    """Return the error of a stream one of whose partitions could not be read."""
    remedy = verdict.rule.remedy
    advice = f" {remedy[:1].upper()}{remedy[1:]}." if remedy else ""
    return Incomplete(
        message=(
            f'Stream {stream}: {slice_.place} could not be read: "{verdict.message}". Everything '
            f"else is read, and the next sync reads this again.{advice}"
        ),
        internal_message=f"HTTP {verdict.status}, {verdict.rule.reason}",
        failure_type=FailureType.transient_error,
        stream_descriptor=StreamDescriptor(name=stream),
    )
