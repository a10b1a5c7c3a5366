"""A stream's requests: composed as the manifest says, and page after page.

`pages` is the one pager: it yields pages in order and every record once, whatever offsets expire.
`PagedList` pages the slices of a stream with it; check and events ask for a page in ways of their
own, and something else names the next one.
"""

from __future__ import annotations

import threading
from collections.abc import (
    Callable,
    Generator,
    Hashable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from airbyte_cdk.sources.declarative.decoders import JsonDecoder
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.paginators import Paginator
from airbyte_cdk.sources.declarative.requesters.paginators.strategies import (
    CursorPaginationStrategy,
)
from airbyte_cdk.sources.declarative.requesters.request_options import (
    InterpolatedRequestOptionsProvider,
)
from typing_extensions import override

from source_asana.counts import Counts
from source_asana.cursors.sending import Raw
from source_asana.fields.scopes import without_scope
from source_asana.http.attempts import body_of, limit_of, send
from source_asana.http.client import Client
from source_asana.http.errors import (
    OffsetExpired,
    PartitionFailed,
    Refused,
    Rule,
    Verdict,
)
from source_asana.parents.slices import Slice
from source_asana.report import Report


@dataclass
class AsanaRequester(HttpRequester):
    """Sends one request of a stream through the shared session, budget and authenticator.

    Attributes:
        request_parameters: query parameters; `{{ stream_partition.x }}` and
            `{{ stream_interval.since }}` are filled from the slice, and one without a value is left
            out.
        request_headers: headers, likewise.
    """

    request_parameters: Mapping[str, Any] | None = None
    request_headers: Mapping[str, Any] | None = None

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Build what the CDK builds for a stock requester from the two keys of the manifest."""
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config,
            parameters=parameters,
            request_parameters=self.request_parameters,
            request_headers=self.request_headers,
        )
        super().__post_init__(parameters)

    def bind(self, client: Client, counts: Counts) -> None:
        """Take the HTTP client, and the counter of the stream's requests."""
        self._client, self._counts = client, counts

    def ask(
        self, slice_: Slice | None, params: Mapping[str, Any], path: str | None = None
    ) -> requests.Response:
        """Return the answer to a GET, its body parsed.

        Args:
            slice_: fills the manifest's templates.
            params: further query parameters.
            path: in place of the manifest's.

        Raises:
            Refused, OffsetExpired, SyncTokenExpired, PartitionFailed: what the answer means for
                this partition.
            AirbyteTracedException: a config error that ends the sync.
        """
        return send(
            self._client,
            path or self.get_path(stream_slice=slice_),
            counts=self._counts,
            params={**self.get_request_params(stream_slice=slice_), **params},
            headers=self.get_request_headers(stream_slice=slice_),
        )


T = TypeVar("T")
Token = TypeVar("Token", bound=Hashable)
RESTARTS_WITHOUT_PROGRESS = 3
REPEATED_TOKEN = Rule("repeated offset")


def pages(
    ask: Callable[[Token | None], requests.Response],
    following: Callable[[requests.Response], Token | None],
    room: AbstractContextManager[object] | None = None,
) -> Iterator[list[Raw]]:
    """Yield the pages of a listing, no gid twice; a page is emptied when the next is asked for.

    An offset lives 15 minutes. When it has expired, the listing is read again from its first page,
    and what was handed on already is passed over.

    Args:
        ask: sends the request for the page that a token names, the first one for None.
        following: returns the next page's token of an answer, None after the last page.
        room: held from the request for a page until its records are handed on.

    Raises:
        AsanaError: what an answer means for the partition; a token that comes again fails it,
            unless the listing was started again in between.
    """
    seen: set[str] = set()
    named: set[Token] = set()
    token: Token | None = None
    restarts, known = 0, 0
    while True:
        with room or nullcontext():
            try:
                response = ask(token)
            except OffsetExpired as expired:
                restarts = 1 if len(seen) > known else restarts + 1
                known, token = len(seen), None
                named.clear()
                if restarts > RESTARTS_WITHOUT_PROGRESS:
                    raise PartitionFailed(expired.verdict) from expired
                continue
            page = rows(body_of(response))
            token = following(response)
            # The answer is released before its records are handed on, as a slow destination may
            # hold them for long.
            del response
            fresh = [record for record in page if _is_new(record, seen)]
            del page
            yield fresh
            # Whoever took it would keep it while the next page is asked for: with 20 workers, 20.
            fresh.clear()
        if token is None:
            return
        if token in named:
            text = "Asana names a page as the next one that it has named before"
            raise PartitionFailed(Verdict(REPEATED_TOKEN, 200, text))
        named.add(token)


def rows(body: Mapping[str, Any]) -> list[Raw]:
    """Return the records of a body: those of a list, or the one of a single read; none for null."""
    data = body["data"]
    if isinstance(data, list):
        return data
    return [] if data is None else [data]


def next_offset(response: requests.Response) -> str | None:
    """Return the offset that an answer names for the page after it, None after the last one."""
    offset: str | None = (body_of(response).get("next_page") or {}).get("offset")
    return offset or None


def _is_new(record: Raw, seen: set[str]) -> bool:
    """Return whether a record's gid was not seen yet, and remember it.

    One without a gid is new, but an empty one is dropped: the CDK takes it for the end of all.
    """
    gid = record.get("gid")
    if gid is None:
        return bool(record)
    if gid in seen:
        return False
    seen.add(gid)
    return True


class AskedFields:
    """Holds the `opt_fields` of a stream; those that the token has no scope for are left out.

    Args:
        stream: stream name.
        fields: dotted opt_fields; if there are none, Asana decides what comes.
        report: takes which columns are missing.
        refuse: takes the dotted fields that are left out, and the refusal, before any request
            leaves them out.

    Attributes:
        text: the fields that are asked for, separated by commas.
        columns: the columns that they belong to, and the gid.
    """

    def __init__(
        self,
        stream: str,
        fields: tuple[str, ...],
        report: Report,
        refuse: Callable[[frozenset[str], Verdict], None],
    ) -> None:
        self._stream = stream
        self._report = report
        self._refuse = refuse
        self._lock = threading.Lock()
        self._ask_for(",".join(fields))

    def _ask_for(self, text: str) -> None:
        self.text = text
        self.columns = frozenset({"gid", *(path.split(".")[0] for path in self.names)})

    @property
    def params(self) -> Mapping[str, str]:
        """The query parameter, if there is one."""
        return {"opt_fields": self.text} if self.text else {}

    @property
    def names(self) -> list[str]:
        """The dotted fields."""
        return self.text.split(",") if self.text else []

    def leave_out(self, sent: str, verdict: Verdict) -> bool:
        """Return whether the same request is worth sending with fewer fields.

        Args:
            sent: the text that was sent; what is left out is left out for all slices.
            verdict: the refusal.
        """
        with self._lock:
            if self.text != sent:
                # Meanwhile another slice was refused the same fields.
                return True
            fewer, dropped = without_scope(self._stream, sent, verdict)
            if dropped:
                self._report.fields_dropped(self._stream, dropped, verdict)
                self._refuse(frozenset(sent.split(",")) - frozenset(fewer.split(",")), verdict)
                self._ask_for(fewer)
            return bool(dropped)


def answered(asked: Sequence[AskedFields], ask: Callable[[], T]) -> T:
    """Return what `ask` returns, which is called again without the fields whose scope is missing.

    Args:
        asked: the fields that it asks for, of one or several streams.
        ask: sends the request.

    Raises:
        AsanaError: what the answer means; no fewer fields would help.
    """
    while True:
        sent = [fields.text for fields in asked]
        try:
            return ask()
        except Refused as refusal:
            pairs = zip(asked, sent, strict=True)
            left = [fields.leave_out(text, refusal.verdict) for fields, text in pairs]
            if not any(left):
                raise


class ParsedDecoder(JsonDecoder):
    """Gives the paginator the body as it is parsed already."""

    def __init__(self) -> None:
        super().__init__(parameters={})

    @override
    def decode(
        self, response: requests.Response
    ) -> Generator[MutableMapping[str, Any], None, None]:
        yield body_of(response)


class PagedList:
    """Asks for the pages of a stream's slices.

    Args:
        requester: the manifest's, bound.
        paginator: the manifest's.
        fields: what is asked for.
        room: held while a page is there.

    Attributes:
        requester, fields: as given.
    """

    def __init__(
        self,
        requester: AsanaRequester,
        paginator: Paginator,
        fields: AskedFields,
        room: AbstractContextManager[object],
    ) -> None:
        self.requester = requester
        self._paginator = paginator
        self.fields = fields
        self._room = room
        strategy = getattr(paginator, "pagination_strategy", None)
        if isinstance(strategy, CursorPaginationStrategy):
            strategy.decoder = ParsedDecoder()

    def pages(self, slice_: Slice) -> Iterator[list[Raw]]:
        """Yield a slice's pages; see `components.pages.pages`."""
        limit: int | None = None
        offset: str | None = None

        def ask(token: str | None) -> requests.Response:
            nonlocal limit, offset
            offset = token
            response = self._page(slice_, token, limit)
            limit = limit_of(response)
            return response

        def following(response: requests.Response) -> str | None:
            size = len(rows(body_of(response)))
            found = self._paginator.next_page_token(response, size, None, offset)
            return found["next_page_token"] if found else None

        yield from pages(ask, following, self._room)

    def first(self, slice_: Slice, path: str | None = None) -> requests.Response:
        """Return an object by its path, or without one a slice's first page of one record.

        Raises:
            AsanaError: what the answer means.
        """
        return self._page(slice_, None, 1, path)

    def _page(
        self, slice_: Slice, offset: str | None, limit: int | None, path: str | None = None
    ) -> requests.Response:
        """Return the answer to one page, without the fields that the token has no scope for."""

        def params() -> Mapping[str, Any]:
            # A single object has no pages; `limit` would have it be judged as a list.
            return self._params(offset, limit) if path is None else self.fields.params

        return answered([self.fields], lambda: self.requester.ask(slice_, params(), path))

    def _params(self, offset: str | None, limit: int | None) -> Mapping[str, Any]:
        token = {"next_page_token": offset} if offset else None
        paging = self._paginator.get_request_params(next_page_token=token)
        params = {**paging, **self.fields.params}
        if limit is not None and "limit" in params:
            params["limit"] = limit
        return params
