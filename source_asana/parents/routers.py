"""Derives the slices of a stream from the feeds of its parents.

The CDK's substream router reads parents itself, one after the other and once per child; these
partition routers wait for what others read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

from airbyte_cdk.sources.declarative.partition_routers import PartitionRouter
from airbyte_cdk.sources.types import StreamState
from typing_extensions import override

from source_asana.config import Settings
from source_asana.parents.feeds import Ending, Feed, Feeds, ParentFailedError
from source_asana.parents.slices import Slice, value_at

# Parent stream -> the dotted opt_fields of its records that are needed.
Needs = Mapping[str, frozenset[str]]


@dataclass
class AsanaRouter(PartitionRouter):
    """Answers what the CDK asks of every router; subclasses say which slices there are."""

    config: Mapping[str, Any]
    parameters: InitVar[Mapping[str, Any]]

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Take nothing from the parameters."""

    def bind(self, settings: Settings, feeds: Feeds) -> None:
        """Take the configuration and the feeds of this sync."""
        self.settings, self.feeds = settings, feeds

    @abstractmethod
    def parents(self) -> Needs:
        """Return the parent streams and the fields of theirs that slices need."""

    def reads_along(self) -> list[str]:
        """Return the streams that are no parents but must be read as well."""
        return []

    def skippable_parents(self) -> frozenset[str]:
        """Return the parents that need not be read in a workspace whose changes a search found."""
        return frozenset()

    def ending(self) -> Ending:
        """Return how the parents' listings ended, the worst of them."""
        endings = (self.feeds.of(parent).ending for parent in self.parents())
        return max(endings, default=Ending.COMPLETE)

    def is_complete(self) -> bool:
        """Return whether the parents' listings are complete: those they do not show are removed."""
        return self.ending() <= Ending.UNAVAILABLE

    def parent_of(self, partition: str) -> tuple[str, str] | None:
        """Return the parent stream and the gid in it that a partition's key names, if it does."""
        del partition
        return None

    def partition_of(self, partition: str) -> dict[str, str]:
        """Return the partition fields that a partition's key names."""
        del partition
        return {}

    @abstractmethod
    @override
    def stream_slices(self) -> Iterable[Slice]:
        """Yield the slices; the thread of the stream's generator calls this."""

    @override
    def get_stream_state(self) -> Mapping[str, StreamState] | None:
        return None

    @override
    def get_request_params(self, **_: Any) -> Mapping[str, Any]:
        return {}

    @override
    def get_request_headers(self, **_: Any) -> Mapping[str, Any]:
        return {}

    @override
    def get_request_body_data(self, **_: Any) -> Mapping[str, Any]:
        return {}

    @override
    def get_request_body_json(self, **_: Any) -> Mapping[str, Any]:
        return {}


@dataclass
class SingleRouter(AsanaRouter):
    """Has one slice without a parent, or one for each id of a list in the configuration.

    Attributes:
        ids: setting (a list of ids): a slice for each; without it, one slice.
        partition_field: partition field that holds such an id.
    """

    ids: str | None = None
    partition_field: str = "gid"

    @override
    def parents(self) -> Needs:
        return {}

    @override
    def stream_slices(self) -> Iterable[Slice]:
        if self.ids is None:
            yield Slice({}, key="")
            return
        for gid in dict.fromkeys(getattr(self.settings, self.ids)):
            yield Slice({self.partition_field: gid}, key=gid)


@dataclass
class ParentRouter(AsanaRouter):
    """Has one slice per item of one parent's feed.

    The first four keywords are those of the CDK's `ParentStreamConfig`. That would hold the parent
    stream itself, which the CDK resolves and builds once more for every child.

    Attributes:
        stream: name of the parent stream: a slice for each of its records.
        parent_key: the column of the parent's record that names the partition.
        partition_field: partition field that holds its value.
        extra_fields: paths in the parent's record of further partition fields, each named by its
            path, joined by `_`; those of a gid are part of the partition's key in the state.
        parent_slice: partition fields of the parent that are also this one's, ahead of its own.
        require: dotted path that must be set, else the parent gets no slice.
        setting: name of a setting that must be true, else there are no slices and no parents.
        variants: further partition fields, one slice for each of them (`[{"is_archived": "true"},
            ...]`).
        after_listing: whether slices begin only when every listing of the parent is over.
        unless_searched: whether the parent need not be read in a workspace that was searched.
    """

    stream: str = ""
    parent_key: str = ""
    partition_field: str = ""
    extra_fields: list[list[str]] = field(default_factory=list)
    parent_slice: list[str] = field(default_factory=list)
    require: str | None = None
    setting: str | None = None
    variants: list[Mapping[str, Any]] = field(default_factory=list)
    after_listing: bool = False
    unless_searched: bool = False

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Know no partition yet that has more fields than its key names."""
        super().__post_init__(parameters)
        self._with_more: dict[str, dict[str, Any]] = {}
        extra = {"_".join(path): ".".join(path) for path in self.extra_fields}
        self._own = {self.partition_field: self.parent_key, **extra}
        # Partition field -> its dotted path in an item of the parent's feed.
        self.fields = {**{name: name for name in self.parent_slice}, **self._own}

    @override
    def parents(self) -> Needs:
        if not self._applies():
            return {}
        return {self.stream: frozenset(filter(None, [*self._own.values(), self.require]))}

    @override
    def skippable_parents(self) -> frozenset[str]:
        return frozenset({self.stream} if self.unless_searched else ())

    @override
    def parent_of(self, partition: str) -> tuple[str, str] | None:
        return self.stream, self.partition_of(partition)[self.partition_field]

    @override
    def partition_of(self, partition: str) -> dict[str, str]:
        names = (name for name in self.fields if name.endswith("_gid"))
        gids = dict(zip(names, partition.split("/"), strict=False))
        return self._with_more.get(partition, gids)

    def fields_in(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the partition fields of an item of the parent's feed."""
        return {name: value_at(item, path) for name, path in self.fields.items()}

    def _applies(self) -> bool:
        return self.setting is None or bool(getattr(self.settings, self.setting))

    @override
    def stream_slices(self) -> Iterable[Slice]:
        if not self._applies():
            return
        feed = self.feeds.of_kind(Feed, self.stream)
        if self.after_listing:
            feed.wait_until_listed()
        for item in feed:
            if self.require is None or value_at(item, self.require):
                gids = self.fields_in(item)
                key = "/".join(gid for name, gid in gids.items() if name.endswith("_gid"))
                if not all(name.endswith("_gid") for name in gids):
                    self._with_more[key] = gids
                variants = self.variants or [{}]
                for variant in variants:
                    slice_ = Slice({**gids, **variant}, key=key, item=item)
                    slice_.is_last = variant is variants[-1]
                    yield slice_


@dataclass
class UnionRouter(AsanaRouter):
    """Has the slices of several routers, one after the other.

    Attributes:
        partition_routers: routers whose slices come one after the other.
        read_along: streams that must be read as well, as they find further records of this one.
    """

    partition_routers: list[PartitionRouter] = field(default_factory=list)
    read_along: list[str] = field(default_factory=list)

    @override
    def bind(self, settings: Settings, feeds: Feeds) -> None:
        super().bind(settings, feeds)
        for router in self._all():
            router.bind(settings, feeds)

    @override
    def reads_along(self) -> list[str]:
        return self.read_along

    def _all(self) -> Iterator[AsanaRouter]:
        for router in self.partition_routers:
            assert isinstance(router, AsanaRouter)
            yield router

    @override
    def parents(self) -> Needs:
        found: dict[str, frozenset[str]] = {}
        for router in self._all():
            for parent, fields in router.parents().items():
                found[parent] = found.get(parent, frozenset()) | fields
        return found

    @override
    def skippable_parents(self) -> frozenset[str]:
        return frozenset[str]().union(*(router.skippable_parents() for router in self._all()))

    @override
    def stream_slices(self) -> Iterable[Slice]:
        failure: ParentFailedError | None = None
        for router in self._all():
            try:
                yield from router.stream_slices()
            except ParentFailedError as error:
                # The children of the other parents can be read all the same.
                failure = failure or error
        if failure:
            raise failure


@dataclass
class InlineRouter(AsanaRouter):
    """Has no slices: the records arrive in a column of the parent's listing.

    The stream's generator only waits for the parent.

    Attributes:
        stream: name of the parent stream; its retriever sends the records.
        partition_field: partition field that holds the parent's gid.
        expand_records_from_field: path of the parent's column that holds them, a single name.
        parent_columns: as in the retriever: the column to fill with that field.
    """

    stream: str = ""
    partition_field: str = ""
    expand_records_from_field: list[str] = field(default_factory=list)
    parent_columns: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Know the columns of either stream."""
        super().__post_init__(parameters)
        [self.column], [self.parent_column] = self.expand_records_from_field, self.parent_columns

    @override
    def parents(self) -> Needs:
        return {self.stream: frozenset()}

    @override
    def parent_of(self, partition: str) -> tuple[str, str] | None:
        return self.stream, partition

    @override
    def partition_of(self, partition: str) -> dict[str, str]:
        return {self.partition_field: partition}

    @override
    def stream_slices(self) -> Iterable[Slice]:
        for _ in self.feeds.of_kind(Feed, self.stream):
            pass
        yield from ()
