"""Reads events by sync token.

Source: getEvents. The answer to a first request, and to a token that is over a day old, is a 412
with a new token.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from typing_extensions import override

from source_asana.components.pages import pages
from source_asana.components.retriever import AsanaRetriever
from source_asana.cursors.partial import SyncTokenStrategy
from source_asana.cursors.sending import Raw
from source_asana.http.attempts import body_of
from source_asana.http.errors import PartitionFailed, Rule, SyncTokenExpired, Verdict
from source_asana.parents.slices import Slice

LOGGER = logging.getLogger("airbyte.source_asana.events")
NO_TOKEN = Rule("no sync token")


@dataclass
class EventRetriever(AsanaRetriever):
    """Reads what happened to one project since the sync token in the state."""

    @override
    def pages(self, slice_: Slice) -> Iterator[list[Raw]]:
        strategy = self.cursor.strategy
        assert isinstance(strategy, SyncTokenStrategy)
        first = strategy.token(slice_)

        def ask(token: str | None) -> requests.Response:
            sync = token or first
            params = {**self.fields.params, **({"sync": sync} if sync else {})}
            return self.requester.ask(slice_, params)

        def following(response: requests.Response) -> str | None:
            token = next_token(body_of(response))
            strategy.advance(slice_, token)
            return token if body_of(response).get("has_more") else None

        try:
            yield from pages(ask, following)
        except SyncTokenExpired as expired:
            self._start_again(slice_, expired)

    def _start_again(self, slice_: Slice, expired: SyncTokenExpired) -> None:
        """Take the token that comes with the error; warn of missing events if there was one."""
        strategy = self.cursor.strategy
        assert isinstance(strategy, SyncTokenStrategy)
        fresh = fresh_token(expired)
        if not fresh:
            raise expired
        if strategy.token(slice_):
            LOGGER.warning(
                "Stream %s: the events of %s since the last sync are missing, as Asana keeps them "
                "for a day. Sync more often than daily; other streams have the changes themselves.",
                self.name,
                slice_.place,
            )
        strategy.advance(slice_, fresh)


def fresh_token(expired: SyncTokenExpired) -> str:
    """Return the token that came instead of events, "" for none."""
    token: str = (expired.verdict.body or {}).get("sync") or ""
    return token


def next_token(body: Mapping[str, Any]) -> str:
    """Return the token of an answer.

    Raises:
        PartitionFailed: it has none, so what it shows would come again and again.
    """
    match body.get("sync"):
        case str() as token if token:
            return token
    raise PartitionFailed(Verdict(NO_TOKEN, 200, "an answer without a sync token"))
