"""Events by sync token.

Source: getEvents; its first answer, and that to a token over a day old, is a 412 with a new one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from airbyte_cdk.sources.types import StreamSlice
from typing_extensions import override

from source_asana.components.attempts import body_of
from source_asana.components.cursors_lists import TokenCursor
from source_asana.components.errors import PartitionFailed, SyncTokenExpired, Verdict
from source_asana.components.pieces import Raw, place, rows
from source_asana.components.requester import AsanaRequester
from source_asana.components.retriever import REPEATED_OFFSET, AsanaRetriever

LOGGER = logging.getLogger("airbyte.source_asana.events")


@dataclass
class EventRetriever(AsanaRetriever):
    """What happened to one project since the token kept in the state.

    The first read only gets a token.
    """

    @override
    def pages(self, piece: StreamSlice) -> Iterator[list[Raw]]:
        assert isinstance(self.requester, AsanaRequester)
        assert isinstance(self.cursor, TokenCursor)
        token = self.cursor.token(piece)
        more = True
        while more:
            params = {**self.params, "sync": token} if token else self.params
            try:
                body = body_of(
                    self.requester.send_request(stream_slice=piece, request_params=params)
                )
            except SyncTokenExpired as expired:
                fresh = (expired.verdict.body or {}).get("sync")
                if not fresh:
                    raise
                if token:
                    LOGGER.warning(
                        "Stream %s: the events of %s since the last sync are lost (tokens live a "
                        "day): there is a gap; "
                        "sync more often, and read the tasks for what changed.",
                        self.name,
                        place(piece),
                    )
                self.cursor.advance(piece, fresh)
                return
            yield rows(body)
            more = bool(body.get("has_more"))
            if more and body["sync"] == token:
                raise PartitionFailed(
                    Verdict(REPEATED_OFFSET, 200, "there is more, but the sync token is the same")
                )
            token = body["sync"]
            self.cursor.advance(piece, token)
