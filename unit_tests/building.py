"""The source with the streams that a catalog needs: all of them take most of a short sync."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from typing_extensions import override

from source_asana import SourceAsana
from source_asana.components.retriever import AsanaRetriever
from source_asana.parents.feeds import Feeds
from source_asana.wiring import router_of
from unit_tests.given import settings


class FewStreams(SourceAsana):
    """A source that builds the streams of one catalog and their parents; all for other commands."""

    needed: frozenset[str] | None = None

    def build_for(self, catalog: Any) -> None:
        """Build what a configured catalog needs, all streams where it is none or names others."""
        try:
            names = frozenset(str(entry["stream"]["name"]) for entry in catalog["streams"])
        except (TypeError, KeyError):
            return
        self.needed = needed(names) if names and names <= parents().keys() else None

    @override
    def _retrievers(self, config: Mapping[str, Any]) -> dict[str, AsanaRetriever]:
        every = self._source_config["streams"]
        few = [one for one in every if self.needed is None or one["name"] in self.needed]
        self._source_config = {**self._source_config, "streams": few}
        return super()._retrievers(config)


@cache
def needed(names: frozenset[str]) -> frozenset[str]:
    """Return the streams with their parents, at every level."""
    found: set[str] = set()
    open_ = list(names)
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_.extend(parents()[name])
    return frozenset(found)


@cache
def parents() -> Mapping[str, Iterable[str]]:
    """Return all streams, each with those that must be read for it."""
    config = {"credentials": {"personal_access_token": "unused-token"}}
    chosen = settings()
    feeds = Feeds(stop=None)  # type: ignore[arg-type]  # nothing is read
    found = {}
    for name, retriever in SourceAsana()._retrievers(config).items():
        router = router_of(retriever)
        router.bind(chosen, feeds)
        found[name] = [*router.parents(), *router.reads_along()]
    return found
