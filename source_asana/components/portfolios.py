"""Reads portfolios: the token's own, those the configuration names, and those inside others.

Source: getPortfolios (only the token user's own, except for service accounts), getItemsForPortfolio
(projects and portfolios), getPortfolio.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.types import Record
from typing_extensions import override

from source_asana.components.pages import answered, rows
from source_asana.components.retriever import AsanaRetriever
from source_asana.cursors.sending import Raw, Stamp
from source_asana.http.attempts import body_of
from source_asana.http.errors import AsanaError, Refused
from source_asana.parents.feeds import Ending, Item, RecursiveFeed
from source_asana.parents.slices import Slice

# Columns of a portfolio that the listing of items does not offer: where they are selected, a nested
# portfolio is read by itself.
ONLY_SINGLY = frozenset({"created_by", "project_templates"})


@dataclass
class PortfolioRetriever(AsanaRetriever):
    """Reads portfolios by workspace, and single ones by gid.

    A service account may leave out the owner and gets all portfolios; others get their own, on some
    plans only if they name themselves as the owner.
    """

    @override
    def after_bind(self) -> None:
        self.runtime.feeds.provide(self.name, RecursiveFeed(self.name, self.runtime.stop))

    @override
    def pages(self, slice_: Slice) -> Iterator[list[Raw]]:
        if "portfolio_gid" in slice_.partition:
            yield self.single(slice_.partition["portfolio_gid"])
            return
        begun = False
        try:
            for page in self.paged.pages(slice_):
                begun = True
                yield page
        except AsanaError as error:
            # A list that broke off is not complete; the token user's own would only look like it.
            if begun or error.verdict.status not in (400, 403):
                raise
            mine = {**slice_.partition, "owner": "me"}
            yield from self.paged.pages(Slice(mine, key=slice_.key, item=slice_.item))

    def single(self, gid: str) -> list[Raw]:
        """Return the portfolio with this gid, in a list."""
        path = f"portfolios/{gid}"
        response = answered(
            [self.fields], lambda: self.requester.ask(None, self.fields.params, path)
        )
        return rows(body_of(response))

    def nested(self, record: Raw, slice_: Slice, stamp: Stamp) -> Iterator[Record]:
        """Yield a portfolio found among another's items, and the inline records in it."""
        columns = self.plan.columns
        if not self.plan.parent_only and (columns is None or columns & ONLY_SINGLY):
            whole = self._whole(record)
        else:
            whole = record
        for one in self.plan.inline:
            yield from self.inlined([whole or record], one, stamp)
        if self.plan.parent_only:
            return
        if whole is None and self.cursor.partition_of(record["gid"]) is not None:
            # It was sent with all of its columns: nulls would replace them.
            self.cursor.seen(record, slice_)
            return
        record = whole or record
        if columns is not None:
            own = {*columns, *(path.split(".")[0] for path in self.fields.names), "gid"}
            record = {name: value for name, value in record.items() if name in own}
        for sent in self.sent(record, slice_, stamp):
            yield Record(data=sent, stream_name=self.name)

    def _whole(self, record: Raw) -> Raw | None:
        """Return the record with the columns of a single read, None if that is refused."""
        try:
            [found] = self.single(record["gid"]) or [record]
        except Refused as refusal:
            what = f"{', '.join(sorted(ONLY_SINGLY))} of portfolio {record['gid']}"
            self.runtime.report.skip(self.name, what, refusal.verdict, workspace=None)
            return None
        return found


@dataclass
class ItemRetriever(AsanaRetriever):
    """Reads the items of one portfolio; portfolios among them have items of their own."""

    @property
    def portfolios(self) -> PortfolioRetriever:
        """The retriever of the portfolios, which are always read along."""
        [parent] = self.cursor.router.parents()
        found = self.others[parent]
        assert isinstance(found, PortfolioRetriever)
        return found

    @override
    def needs(self) -> frozenset[str]:
        return frozenset({"resource_type", *(self.portfolios.fields.names or ["gid"])})

    @override
    def begin(self, slice_: Slice) -> None:
        self.portfolios.cursor.expect(slice_.key)
        super().begin(slice_)

    @override
    def end(self, slice_: Slice, ending: Ending) -> None:
        if ending is Ending.COMPLETE:
            self.portfolios.cursor.completed(slice_.key)
        self.runtime.feeds.of_kind(RecursiveFeed, self.portfolios.name).walked(ending)
        super().end(slice_, ending)

    @override
    def given_up(self) -> None:
        self.runtime.feeds.of_kind(RecursiveFeed, self.portfolios.name).give_up()

    @override
    def publish(self, page: list[Raw], slice_: Slice) -> list[Item]:
        """Publish nothing; `read` gives the portfolios' feed what it needs."""
        return []

    @override
    def read(self, slice_: Slice) -> Iterator[Any]:
        for page in self.pages(slice_):
            stamp = self.cursor.stamp()
            # The same portfolio is a record of two streams, each with its own aliases.
            nested = [deepcopy(one) for one in page if one.get("resource_type") == "portfolio"]
            yield from self._nested(nested, slice_, stamp)
            if not self.plan.parent_only:
                for record in page:
                    yield from self.sent(record, slice_, stamp)

    def _nested(self, nested: list[Raw], slice_: Slice, stamp: Stamp) -> Iterator[Record]:
        if not nested:
            return
        parent = Slice({}, key=slice_.key, item={"workspace_gid": slice_.workspace})
        new = {found["gid"] for found in self.portfolios.publish(nested, parent)}
        for record in nested:
            if record["gid"] in new:
                yield from self.portfolios.nested(record, parent, stamp)
            else:
                self.portfolios.cursor.seen(record, parent)
