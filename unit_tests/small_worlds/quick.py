"""Syncs in little time: the retrievers of a configuration are built once and copied after that."""

from __future__ import annotations

import copyreg
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
from typing_extensions import override

from source_asana.components.retriever import AsanaRetriever
from source_asana.cursors import states
from source_asana.http import client
from unit_tests.conftest import NO_LIMIT
from unit_tests.properties import runs

HANGS_AFTER_SECONDS = 30.0


class QuickSource(runs.Source):
    """The source with copies of built retrievers, which ends by itself if it hangs."""

    built: Mapping[str, dict[str, AsanaRetriever]] = {}
    hung = False

    @override
    def _retrievers(self, config: Mapping[str, Any]) -> dict[str, AsanaRetriever]:
        assert self.needed
        key = json.dumps([config, sorted(self.needed)], sort_keys=True)
        if key not in self.built:
            QuickSource.built = {**self.built, key: super()._retrievers(config)}
        return deepcopy(self.built[key])

    @override
    def read(self, *args: Any, **options: Any) -> Iterator[Any]:
        watch = threading.Timer(HANGS_AFTER_SECONDS, self._end_hung)
        watch.start()
        try:
            yield from super().read(*args, **options)
        finally:
            watch.cancel()

    def _end_hung(self) -> None:
        QuickSource.hung = True
        self.end()


@contextmanager
def quick_syncs() -> Iterator[None]:
    """Have syncs wait for nothing, log nothing, and print a state whenever something has ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "PAID_PER_MINUTE", NO_LIMIT)
        patch.setattr(states, "SHORTEST_SILENCE_SECONDS", 0.0)
        patch.setattr(states, "LONG_SILENCE_SECONDS", 0.0)
        patch.setattr(runs, "Source", QuickSource)
        patch.setattr(QuickSource, "hung", False)
        # Components hold locks, which a copy has anew.
        for kind in (threading.Lock, threading.RLock):
            patch.setitem(copyreg.dispatch_table, type(kind()), lambda _, kind=kind: (kind, ()))
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
