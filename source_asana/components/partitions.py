"""Partition routers: which slices a stream has, from the feeds of its parents.

The CDK's substream router reads parents itself, serially, once per child; these wait for what
others read. A slice's `partition` holds gids for path and parameters, its `extra_fields` what a
cursor needs: `key` (the state key), `begun` (when the listing that named the parent began,
milliseconds) and `item` (the parent's entry in its feed).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

from airbyte_cdk.sources.declarative.partition_routers import PartitionRouter
from airbyte_cdk.sources.types import StreamSlice, StreamState
from typing_extensions import override

from source_asana.components.feeds import ParentFailedError
from source_asana.components.runtime import Runtime


def value_at(item: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path of nested objects, None where something is missing."""
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


@dataclass
class AsanaRouter(PartitionRouter):
    """What the CDK asks of every router; subclasses say which slices there are."""

    config: Mapping[str, Any]
    parameters: InitVar[Mapping[str, Any]]

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Take nothing from the parameters."""
        self.runtime: Runtime | None = None

    def bind(self, runtime: Runtime) -> None:
        """Take what all streams share."""
        self.runtime = runtime

    @property
    def shared(self) -> Runtime:
        """Return what all streams share."""
        assert self.runtime is not None
        return self.runtime

    @abstractmethod
    def parents(self) -> Mapping[str, frozenset[str]]:
        """Return the parent streams and the fields of theirs that are needed.

        Stream name -> dotted opt_fields.
        """

    def reads_along(self) -> list[str]:
        """Return streams that are not parents but must be read too."""
        return []

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
    """One slice without a parent: workspaces, and lists of ids from the configuration.

    Attributes:
        ids: config key of a list of ids, one slice each.
        partition_field: name of the partition field that holds such an id.
    """

    ids: str | None = None
    partition_field: str = "gid"

    @override
    def parents(self) -> Mapping[str, frozenset[str]]:
        return {}

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        if self.ids is None:
            yield _slice({}, key="", begun=None, item={})
            return
        for gid in dict.fromkeys(getattr(self.shared.settings, self.ids)):
            yield _slice({self.partition_field: gid}, key=gid, begun=None, item={})


@dataclass
class ParentRouter(AsanaRouter):
    """One slice per item of one parent's feed.

    Attributes:
        parent: the parent stream.
        partition: partition field -> dotted path in the parent's item; `{"project_gid": "gid"}`.
        gate: dotted path that must be set, else the parent is not worth a request.
        also: fields of the parent that the cursor needs.
        setting: name of a setting that must be true, else there are no slices and no parents.
        variants: further partition fields, one slice for each of them (`[{"is_archived": "true"},
            ...]`).
        listed: whether slices begin only when every listing of the parent is over.
    """

    parent: str = ""
    partition: Mapping[str, Any] = field(default_factory=dict)
    gate: str | None = None
    also: list[str] = field(default_factory=list)
    setting: str | None = None
    variants: list[Mapping[str, Any]] = field(default_factory=list)
    listed: bool = False

    @override
    def parents(self) -> Mapping[str, frozenset[str]]:
        if not self._wanted():
            return {}
        paths = {*self.partition.values(), *self.also, *([self.gate] if self.gate else [])}
        return {self.parent: frozenset(path for path in paths if not path.endswith("_gid"))}

    def _wanted(self) -> bool:
        return (
            self.setting is None
            or self.runtime is None
            or bool(getattr(self.shared.settings, self.setting))
        )

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        if not self._wanted():
            return
        if self.listed:
            self.shared.feeds.of(self.parent).wait_until_listed()
        for item in self.shared.feeds.of(self.parent):
            if self.gate is None or value_at(item, self.gate):
                gids = {name: value_at(item, path) for name, path in self.partition.items()}
                key = "/".join(gids.values())
                for variant in self.variants or [{}]:
                    yield _slice({**gids, **variant}, key=key, begun=item["begun"], item=item)


@dataclass
class UnionRouter(AsanaRouter):
    """The slices of several routers, one after the other.

    Attributes:
        routers: the routers.
        companions: streams that must be read along, since they find further records of this one.
    """

    routers: list[PartitionRouter] = field(default_factory=list)
    companions: list[str] = field(default_factory=list)

    @override
    def bind(self, runtime: Runtime) -> None:
        super().bind(runtime)
        for router in self._all():
            router.bind(runtime)

    @override
    def reads_along(self) -> list[str]:
        return self.companions

    def _all(self) -> Iterator[AsanaRouter]:
        for router in self.routers:
            assert isinstance(router, AsanaRouter)
            yield router

    @override
    def parents(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for router in self._all():
            for parent, fields in router.parents().items():
                found[parent] = found.get(parent, frozenset()) | fields
        return found

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        failure: ParentFailedError | None = None
        for router in self._all():
            try:
                yield from router.stream_slices()
            except ParentFailedError as error:
                # What hangs on the other parents is there all the same.
                failure = failure or error
        if failure:
            raise failure


@dataclass
class InlineRouter(AsanaRouter):
    """A stream whose records arrive in a column of its parent's listing.

    No slices, only the wait for the parent.

    Attributes:
        parent: the parent stream; its retriever sends the records.
        column: the parent's column that holds them.
        parent_column: the parent column to fill with the parent's gid.
    """

    parent: str = ""
    column: str = ""
    parent_column: str = ""

    @override
    def parents(self) -> Mapping[str, frozenset[str]]:
        return {self.parent: frozenset()}

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        for _ in self.shared.feeds.of(self.parent):
            pass
        yield from ()


TASK_FIELDS = frozenset({"modified_at", "num_subtasks", "projects.gid", "parent.gid"})


@dataclass
class WalkRouter(AsanaRouter):
    """One slice per task that has subtasks, at every level: `{"task_gid"}`.

    The group travels along.
    """

    @override
    def parents(self) -> Mapping[str, frozenset[str]]:
        return {"tasks": TASK_FIELDS}

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        for gid, group, again in self.shared.feeds.tasks.walks:
            extra = {
                "key": group.key,
                "begun": group.begun,
                "item": group.item,
                "group": group,
                "again": again,
            }
            yield StreamSlice(partition={"task_gid": gid}, cursor_slice={}, extra_fields=extra)


@dataclass
class TaskRouter(AsanaRouter):
    """Groups of tasks and subtasks for child streams.

    The cursor chooses the tasks and makes the slices.

    Attributes:
        task_field: name of the partition field that holds the task's gid.
        own: dotted paths in the project's item whose gids are parents as well (`gid`,
            `project_brief.gid`).
    """

    task_field: str = "task_gid"
    own: list[str] = field(default_factory=list)

    @override
    def parents(self) -> Mapping[str, frozenset[str]]:
        found = {"tasks": TASK_FIELDS, "subtasks": TASK_FIELDS}
        return {**found, "projects": frozenset(self.own)} if self.own else found

    def own_gids(self, key: str, item: Mapping[str, Any]) -> list[str]:
        """Return the gids in a project's item that are parents as well; a listing by user has none.

        Args:
            key: the group's state key, `project` or `workspace/user`.
            item: the project's item in its feed.
        """
        if "/" in key:
            return []
        return [gid for gid in (value_at(item, path) for path in self.own) if gid]

    @override
    def stream_slices(self) -> Iterable[StreamSlice]:
        """Refuse: the slices of tasks are made by `ChildCursor`, group by group."""
        raise TypeError("the slices of tasks are made by ChildCursor, group by group")


def _slice(
    partition: dict[str, Any], *, key: str, begun: int | None, item: Mapping[str, Any]
) -> StreamSlice:
    return StreamSlice(
        partition=partition,
        cursor_slice={},
        extra_fields={"key": key, "begun": begun, "item": item},
    )
