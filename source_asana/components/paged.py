"""Sends the requests of one stream: single ones, and a slice's list page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import requests
from airbyte_cdk.sources.declarative.requesters.paginators import Paginator
from airbyte_cdk.sources.declarative.requesters.requester import Requester

from source_asana.components.pages import next_offset, pages
from source_asana.components.shape import AskedFields, Raw, answered
from source_asana.http.attempts import limit_of
from source_asana.parents.slices import Slice

# Asana's next page as the manifest names it: so common that it is looked up without Jinja.
NEXT_OFFSET = "{{ (response.next_page or {}).offset }}"


class PagedList:
    """Asks for the pages of a stream's slices.

    Args:
        requester: the manifest's, bound.
        paginator: the manifest's.
        fields: what is asked for.
        room: held while a page is there.
    """

    def __init__(
        self,
        requester: Requester,
        paginator: Paginator,
        fields: AskedFields,
        room: AbstractContextManager[object],
    ) -> None:
        self._requester = requester
        self._paginator = paginator
        self._fields = fields
        self._room = room
        strategy = getattr(paginator, "pagination_strategy", None)
        self._by_offset = (
            getattr(strategy, "cursor_value", None) == NEXT_OFFSET
            and getattr(strategy, "stop_condition", None) is None
        )

    def pages(self, slice_: Slice) -> Iterator[list[Raw]]:
        """Yield a slice's pages; see `components.pages.pages`."""
        limit: int | None = None

        def ask(offset: str | None) -> requests.Response:
            nonlocal limit
            response = self._page(slice_, offset, limit)
            limit = limit_of(response)
            return response

        yield from pages(ask, self._following, self._room)

    def ask(
        self,
        slice_: Slice | None,
        token: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        path: str | None = None,
    ) -> requests.Response:
        """Return the answer to one request of this stream; see `AsanaRequester.send_request`."""
        response = self._requester.send_request(
            stream_slice=slice_, next_page_token=token, request_params=params, path=path
        )
        assert response is not None
        return response

    def _following(self, response: requests.Response, size: int, last: str | None) -> str | None:
        if self._by_offset:
            return next_offset(response)
        token = self._paginator.next_page_token(response, size, None, last)
        return token["next_page_token"] if token else None

    def first(self, slice_: Slice, path: str | None = None) -> requests.Response:
        """Return the answer to a single request, or to a slice's first page of one record.

        Raises:
            AsanaError: what the answer means.
        """
        return self._page(slice_, None, 1, path)

    def _page(
        self, slice_: Slice, offset: str | None, limit: int | None, path: str | None = None
    ) -> requests.Response:
        """Return the answer to one page, without the fields that the token has no scope for."""
        token = {"next_page_token": offset} if offset else None
        return answered(
            [self._fields], lambda: self.ask(slice_, token, self._params(token, limit), path)
        )

    def _params(self, token: Mapping[str, Any] | None, limit: int | None) -> Mapping[str, Any]:
        paging = self._paginator.get_request_params(next_page_token=token)
        params = {**paging, **self._fields.params}
        if limit is not None and "limit" in params:
            params["limit"] = limit
        return params
