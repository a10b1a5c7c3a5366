"""Portfolios.

The token's own, those the configuration names, and those that lie in others at any depth.

Source: getPortfolios (only the token user's own, except for service accounts), getItemsForPortfolio
(projects and portfolios), getPortfolio.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.types import Record, StreamSlice
from typing_extensions import override

from source_asana.components.attempts import body_of
from source_asana.components.errors import AsanaError, Refused
from source_asana.components.feeds import Ending
from source_asana.components.pieces import Raw, rows, workspace_of
from source_asana.components.requester import AsanaRequester
from source_asana.components.retriever import AsanaRetriever

# What a portfolio has and the items listing does not offer: a nested portfolio is read singly where
# these are selected.
ONLY_SINGLY = frozenset({"created_by", "project_templates"})


@dataclass
class PortfolioRetriever(AsanaRetriever):
    """Portfolios by workspace, and single ones by gid.

    A service account may leave out the owner and gets all; others get their own, on some plans only
    when they say so.
    """

    @override
    def pages(self, piece: StreamSlice) -> Iterator[list[Raw]]:
        if "portfolio_gid" in piece.partition:
            yield self.single(piece.partition["portfolio_gid"])
            return
        begun = False
        try:
            for page in self._pages(piece):
                begun = True
                yield page
        except AsanaError as error:
            # A list that broke off is not whole; the token user's own would only look like it.
            if begun or error.verdict.status not in (400, 403):
                raise
            mine = StreamSlice(
                partition={**piece.partition, "owner": "me"},
                cursor_slice={},
                extra_fields=piece.extra_fields,
            )
            yield from self._pages(mine)

    def single(self, gid: str) -> list[Raw]:
        """Return the portfolio with this gid."""
        assert isinstance(self.requester, AsanaRequester)
        response = self.requester.send_request(path=f"portfolios/{gid}", request_params=self.params)
        return rows(body_of(response))

    def found(self, record: Raw) -> Iterator[Record]:
        """Yield a portfolio that was found among another's items, and the inline records in it."""
        if self._was_sent(record):
            return
        columns, hidden = self.wanted.columns, self.wanted.hidden
        if not hidden and (columns is None or columns & ONLY_SINGLY):
            record = self._whole(record)
        for one in self.wanted.inline:
            yield from self.inlined([record], one)
        if hidden:
            return
        if columns is not None:
            record = {
                name: value for name, value in record.items() if name in columns or name == "gid"
            }
        if self.finish:
            self.finish(record, {})
        self.runtime.report.counts(self.name).records += 1
        yield Record(data=record, stream_name=self.name)

    def _whole(self, record: Raw) -> Raw:
        """Return the record with the columns of a single read, without them where it is refused."""
        try:
            [found] = self.single(record["gid"]) or [record]
        except Refused as refusal:
            what = f"{', '.join(sorted(ONLY_SINGLY))} of portfolio {record['gid']}"
            self.runtime.report.skip(self.name, what, refusal.verdict, workspace=None)
            return record
        return found


@dataclass
class ItemRetriever(AsanaRetriever):
    """The items of one portfolio.

    Portfolios among them are portfolios too, and have items of their own.
    """

    parent_retriever: PortfolioRetriever | None = None

    @override
    def needs(self) -> frozenset[str]:
        needed = frozenset({"resource_type"})
        parent = self.parent_retriever
        if parent is None:
            return needed
        asked = frozenset(parent.params.get("opt_fields", "gid").split(","))
        return needed | asked

    @override
    def end(self, piece: StreamSlice, ending: Ending) -> None:
        self.runtime.feeds.of("portfolios").walked(ending)
        super().end(piece, ending)

    @override
    def publish(self, page: list[Raw], piece: StreamSlice, begun: int | None) -> list[Raw]:
        """Take no items: the portfolios' feed gets them in `read`."""
        return []

    @override
    def read(self, piece: StreamSlice) -> Iterator[Any]:
        begun = self.runtime.clock.bound()
        for page in self.pages(piece):
            # The same portfolio is a record of two streams, each with its own aliases.
            nested = [deepcopy(one) for one in page if one.get("resource_type") == "portfolio"]
            yield from self._nested(nested, piece, begun)
            if not self.wanted.hidden:
                for record in page:
                    yield from self.emit(record, piece)

    def _nested(self, nested: list[Raw], piece: StreamSlice, begun: int | None) -> Iterator[Record]:
        parent = self.parent_retriever
        if parent is None or not nested:
            return
        item = {"workspace_gid": workspace_of(piece)}
        place = StreamSlice(partition={}, cursor_slice={}, extra_fields={"item": item})
        new = {found["gid"] for found in parent.publish(nested, place, begun)}
        for record in nested:
            if record["gid"] in new:
                yield from parent.found(record)
