"""From a slice to its records.

Pages in order, each record once, parents handed to their feed as they arrive.

The CDK's SimpleRetriever restarts an expired walk by sending its first records twice, walks the
whole answer to find the records, parses it twice and calls what it could not read the end; this one
shares its requester and paginator.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

import requests
from airbyte_cdk.sources.declarative.decoders import Decoder
from airbyte_cdk.sources.declarative.partition_routers import PartitionRouter
from airbyte_cdk.sources.declarative.requesters.paginators import Paginator
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.declarative.retrievers import Retriever
from airbyte_cdk.sources.types import Record, StreamSlice
from typing_extensions import override

from source_asana.components import records
from source_asana.components.attempts import body_of, limit_of
from source_asana.components.cursors import AsanaCursor
from source_asana.components.errors import (
    Action,
    AsanaError,
    OffsetExpired,
    PartitionFailed,
    Refused,
    Rule,
    Verdict,
)
from source_asana.components.feeds import Ending, Item
from source_asana.components.opt_fields import opt_fields
from source_asana.components.partitions import value_at
from source_asana.components.pieces import Raw, failure, new, place, rows, workspace_of
from source_asana.components.requester import AsanaRequester
from source_asana.components.retriever_search import Holders
from source_asana.components.runtime import Runtime
from source_asana.components.schemas import load_schema
from source_asana.components.scopes import without_scope
from source_asana.components.wanted import Inline, Wanted

RESTARTS_WITHOUT_PROGRESS = 3
FAILURES_SAID = 10
# Asana's next page as the manifest names it: so common that it is looked up without Jinja.
NEXT_OFFSET = "{{ (response.next_page or {}).offset }}"
REPEATED_OFFSET = Rule((), None, Action.FAIL, "repeated offset")


@dataclass
class AsanaRetriever(Retriever):
    """Reads the slices of one stream.

    Attributes:
        change: the stream's cursor, `{"kind", ...}`; None for full refresh only.
        add: parent columns, column -> partition field.
        ask: whether `opt_fields` are sent.
        only: setting (a list) -> dotted path: with a list set, only records whose value is in it
            are kept.
        without: setting (a list) -> dotted path: records whose value is in it are left out.
        inline: streams that lie in this stream's records: `[{"stream", "column", "add"}]`.
        unique: whether the same record may come in several slices; it is sent once.
        scout: whether a workspace's first slice goes ahead alone: what the plan refuses there, is
            asked for once.
    """

    config: Mapping[str, Any]
    parameters: InitVar[Mapping[str, Any]]
    name: str
    requester: Requester
    paginator: Paginator
    decoder: Decoder
    partition_router: PartitionRouter | None = None
    change: Mapping[str, Any] | None = None
    add: Mapping[str, Any] = field(default_factory=dict)
    ask: bool = True
    only: Mapping[str, Any] = field(default_factory=dict)
    without: Mapping[str, Any] = field(default_factory=dict)
    inline: list[Mapping[str, Any]] = field(default_factory=list)
    unique: bool = False
    scout: bool = False

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Give the paginator the body that is already parsed."""
        strategy = getattr(self.paginator, "pagination_strategy", None)
        if strategy is not None:
            strategy.decoder = self.decoder
        self._by_offset = (
            getattr(strategy, "cursor_value", None) == NEXT_OFFSET
            and getattr(strategy, "stop_condition", None) is None
        )
        self._lock = threading.Lock()
        self._sent: set[str] = set()
        self._ready: list[list[Raw]] | None = None
        self._failures = 0

    def bind(self, runtime: Runtime, wanted: Wanted, cursor: AsanaCursor) -> None:
        """Take what all streams share, what this sync wants, and the stream's cursor."""
        assert isinstance(self.requester, AsanaRequester)
        self.requester.bind(runtime)
        self.runtime = runtime
        self.wanted = wanted
        self.cursor = cursor
        settings = runtime.settings
        self._only = [
            (frozenset(ids), path)
            for key, path in self.only.items()
            if (ids := getattr(settings, key))
        ]
        self._without = [
            (frozenset(ids), path)
            for key, path in self.without.items()
            if (ids := getattr(settings, key))
        ]
        self._items = frozenset(path.split(".")[0] for path in wanted.also)
        inline = {f"{one.column}.{path}" for one in wanted.inline for path in one.fields}
        filters = {path for _, path in (*self._only, *self._without) if path != "gid"}
        also = wanted.also | inline | filters | self.needs()
        columns = frozenset({"gid"}) if wanted.hidden else wanted.columns
        asked = opt_fields(self.name, columns, also=also) if self.ask else ()
        self.params: Mapping[str, Any] = {"opt_fields": ",".join(asked)} if asked else {}
        # Where no opt_fields are sent, Asana decides what comes.
        self._declared = (
            None if self.ask else columns or frozenset(load_schema(self.name)["properties"])
        )
        extra = frozenset(path.split(".")[0] for path in also) - (columns or frozenset())
        self.finish = records.shaper(
            self.name, columns, extra - {"gid"} if columns is not None else frozenset()
        )

    def needs(self) -> frozenset[str]:
        """Return the dotted opt_fields that reading itself needs."""
        stamp = (self.change or {}).get("field")
        return frozenset({stamp}) if stamp and self.ask else frozenset()

    # ── one slice ──────────────────────────────────────────────────────────────────────────────

    @override
    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[Any]:
        assert stream_slice is not None
        ending = Ending.FAILED
        counts = self.runtime.report.counts(self.name)
        try:
            self.begin(stream_slice)
            for record in self.read(stream_slice):
                if not record:
                    # The CDK takes an empty record for the end of everything, and waits for ever.
                    continue
                # Records of other streams among them were counted where they were made. No call may
                # stand between reading and writing the count, or other threads' records get lost.
                if not isinstance(record, Record):
                    counts.records += 1
                yield record
            ending = Ending.COMPLETE
        except Refused as refusal:
            counts.refuse(
                lost=self.cursor.was_readable(stream_slice) and refusal.verdict.rule.takes_access
            )
            self.cursor.refused(stream_slice, refusal.verdict)
            ending = Ending.COMPLETE if refusal.verdict.rule.gone else Ending.REFUSED
            self.runtime.report.skip(
                self.name,
                place(stream_slice),
                refusal.verdict,
                workspace=workspace_of(stream_slice),
            )
        except AsanaError as error:
            self.cursor.failed(stream_slice, lasting=True)
            if self._is_said(stream_slice):
                raise failure(self.name, stream_slice, error.verdict) from error
        except Exception:
            self.cursor.failed(stream_slice, lasting=False)
            if self._is_said(stream_slice):
                raise
        finally:
            counts.end()
            self.end(stream_slice, ending)
            if self.scout and "ended" in stream_slice.extra_fields:
                stream_slice.extra_fields["ended"].set()

    def _is_said(self, piece: StreamSlice) -> bool:
        """Return whether a failure is raised, so that the CDK says it.

        After many it only counts, and keeps its bound.
        """
        with self._lock:
            self._failures += 1
            said = self._failures <= (1 if self.runtime.fatal else FAILURES_SAID)
        if not said:
            self.cursor.abandon(piece)
            self.runtime.report.failed(self.name)
        return said

    def begin(self, piece: StreamSlice) -> None:
        """Note that reading a slice starts; refuse what was refused before without asking again."""
        refusal = self.runtime.report.closed(self.name, workspace_of(piece))
        if refusal:
            raise Refused(refusal)
        self.cursor.begin(piece)

    def end(self, piece: StreamSlice, ending: Ending) -> None:
        """Tell the feed how the listing ended."""
        del piece
        if self.wanted.feeds:
            self.runtime.feeds.of(self.name).ended(ending)

    def read(self, piece: StreamSlice) -> Iterator[Any]:
        """Yield the slice's records, finished."""
        begun = self.runtime.clock.bound()
        for page in self.pages(piece):
            kept = (
                [record for record in page if self.kept(record)]
                if self._only or self._without
                else page
            )
            if self.wanted.feeds:
                self.publish(kept, piece, begun)
            fresh = (
                [record for record in kept if not self._was_sent(record)] if self.unique else kept
            )
            for one in self.wanted.inline:
                yield from self.inlined(fresh, one)
            if not self.wanted.hidden:
                for record in fresh:
                    if self.cursor.wanted(record, piece):
                        yield from self.emit(record, piece)

    def emit(self, record: Raw, piece: StreamSlice) -> Iterator[Any]:
        """Yield the finished record, unless it is known to be unchanged."""
        record = self.finished(record, piece)
        if self.cursor.changed(record, piece):
            yield record

    def finished(self, record: Raw, piece: StreamSlice) -> Raw:
        """Return the record with its parent columns and aliases.

        Without what only the connector needed.
        """
        partition = piece.partition
        if self._declared is not None:
            record = {name: value for name, value in record.items() if name in self._declared}
        for column, source in self.add.items():
            record[column] = partition[source]
        if self.finish:
            self.finish(record, partition)
        return record

    def kept(self, record: Raw) -> bool:
        """Return whether the configured lists of ids let a record through."""
        return all(value_at(record, path) in ids for ids, path in self._only) and not any(
            value_at(record, path) in ids for ids, path in self._without
        )

    def publish(self, page: list[Raw], piece: StreamSlice, begun: int | None) -> list[Item]:
        """Hand a page's records to the stream's feed; returns the items that are new there."""
        workspace = workspace_of(piece)
        items: list[Item] = [
            {
                **{name: record.get(name) for name in self._items},
                "gid": record["gid"],
                "workspace_gid": workspace or record["gid"],
                "begun": begun,
            }
            for record in page
        ]
        return self.runtime.feeds.of(self.name).add(items)

    def _was_sent(self, record: Raw) -> bool:
        gid = record["gid"]
        with self._lock:
            if gid in self._sent:
                return True
            self._sent.add(gid)
            return False

    def inlined(self, page: list[Raw], one: Inline) -> Iterator[Record]:
        """Yield the records of an inline stream that lie in a page of this one."""
        counts = self.runtime.report.counts(one.stream)
        for parent in page:
            for child in parent.get(one.column) or ():
                record = {**child, one.add: parent["gid"]}
                if one.finish:
                    one.finish(record, {one.add: parent["gid"]})
                counts.records += 1
                yield Record(data=record, stream_name=one.stream)

    def holders(self, workspace: str) -> Holders:
        """Return the search for those tasks of a workspace that have children of this stream."""
        assert isinstance(self.requester, AsanaRequester)
        return Holders(
            self.runtime,
            workspace,
            stream=self.name,
            path=(self.change or {})["holders"],
            headers=dict(self.requester.get_request_headers()),
        )

    # ── pages ──────────────────────────────────────────────────────────────────────────────────

    def preload(self, piece: StreamSlice) -> list[Raw]:
        """Read a slice ahead of its turn and return its records.

        The next `read` takes them from here.
        """
        self._ready = [list(page) for page in self._pages(piece)]
        return [record for page in self._ready for record in page]

    def pages(self, piece: StreamSlice) -> Iterator[list[Raw]]:
        """Yield the slice's pages; see `_pages`."""
        if self._ready is not None:
            yield from self._ready
        else:
            yield from self._pages(piece)

    def _pages(self, piece: StreamSlice) -> Iterator[list[Raw]]:
        """Yield the pages of a slice, no gid twice; a page is emptied when the next is asked for.

        An offset lives 15 minutes: when it has expired the listing is walked again from its first
        page, and what was handed on already is passed over.
        """
        seen: set[str] = set()
        token: Mapping[str, Any] | None = None
        limit: int | None = None
        restarts, known = 0, 0
        while True:
            with self.runtime.room:
                try:
                    response = self._page(piece, token, limit)
                except OffsetExpired as expired:
                    restarts = 1 if len(seen) > known else restarts + 1
                    known, token = len(seen), None
                    if restarts > RESTARTS_WITHOUT_PROGRESS:
                        raise PartitionFailed(expired.verdict) from expired
                    continue
                page = rows(body_of(response))
                last, limit = token and token["next_page_token"], limit_of(response)
                token = self._next(response, len(page), last)
                # The answer is let go before its records are handed on: a slow destination may hold
                # them for long.
                del response
                fresh = [record for record in page if new(record, seen)]
                del page
                yield fresh
                # Whoever took it keeps it while the next page is asked for: 20 workers, 20 pages.
                fresh.clear()
            if not token:
                return
            if token["next_page_token"] == last:
                raise PartitionFailed(
                    Verdict(REPEATED_OFFSET, 200, "the next page has the offset of this one")
                )

    def _next(self, response: requests.Response, size: int, last: Any) -> Mapping[str, Any] | None:
        """Return the token of the page after this answer, None after the last one."""
        if not self._by_offset:
            return self.paginator.next_page_token(response, size, None, last)
        offset = (body_of(response).get("next_page") or {}).get("offset")
        return {"next_page_token": offset} if offset else None

    def _page(
        self, piece: StreamSlice, token: Mapping[str, Any] | None, limit: int | None
    ) -> requests.Response:
        """Return one page's answer.

        Fields that the token has no scope for are left out and said.
        """
        while True:
            sent = self.params.get("opt_fields", "")
            try:
                response = self.requester.send_request(
                    stream_slice=piece,
                    next_page_token=token,
                    request_params=self._page_params(token, limit),
                )
            except Refused as refusal:
                if not self._leave_out(sent, refusal.verdict):
                    raise
                continue
            assert response is not None
            return response

    def _leave_out(self, sent: str, verdict: Verdict) -> bool:
        """Return whether the same request with fewer fields is worth it; they go for all slices."""
        with self._lock:
            if self.params.get("opt_fields", "") != sent:
                # Another slice was refused the same fields meanwhile.
                return True
            fewer, dropped = without_scope(self.name, sent, verdict)
            if dropped:
                self.runtime.report.fields_dropped(self.name, dropped, verdict)
                self.params = {**self.params, "opt_fields": fewer}
            return bool(dropped)

    def _page_params(self, token: Mapping[str, Any] | None, limit: int | None) -> Mapping[str, Any]:
        params = {**self.paginator.get_request_params(next_page_token=token), **self.params}
        if limit is not None and "limit" in params:
            params["limit"] = limit
        return params
