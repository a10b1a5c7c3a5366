"""Plans a sync: the selected streams, the parents they need, and the fields each must bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteStream, SyncMode

from source_asana.config import config_error
from source_asana.fields.columns import Shaper, shaper
from source_asana.fields.custom import CustomColumn, columns_in
from source_asana.fields.opt_fields import opt_fields
from source_asana.fields.schemas import SYNC_COLUMNS
from source_asana.parents.routers import AsanaRouter, InlineRouter


@dataclass(frozen=True)
class Inline:
    """Describes a stream whose records lie in a column of another stream's: it costs no request.

    Attributes:
        stream: its name.
        column: the column that holds them.
        partition_field: partition field that holds the gid of the record that holds them.
        parent_column: the column to fill with it.
        fields: dotted opt_fields to ask for below the column.
        finish: finishes a record in place, see `columns.shaper`; None where nothing is to be done.
    """

    stream: str
    column: str
    partition_field: str
    parent_column: str
    fields: tuple[str, ...]
    finish: Shaper | None

    def records(self, parent: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the finished records in one of the parents, None where it does not show them."""
        children = parent.get(self.column)
        if not isinstance(children, list):
            return None
        found = [{**child, self.parent_column: parent["gid"]} for child in children]
        if self.finish:
            for record in found:
                self.finish(record, {self.partition_field: parent["gid"]})
        return found


@dataclass(frozen=True)
class StreamPlan:
    """Says what a sync wants from one stream.

    Attributes:
        name: the stream.
        is_incremental: whether the catalog asks for an incremental sync.
        columns: the selected top-level columns, None for all.
        needed: dotted opt_fields that other streams need of its records.
        parent_only: whether it is read only for its children, so that no record is sent.
        readers: the streams that wait for its records as parents.
        inline: the selected streams that lie in its records.
        custom: the selected columns that show custom fields.
    """

    name: str
    is_incremental: bool = False
    columns: frozenset[str] | None = None
    needed: frozenset[str] = frozenset()
    parent_only: bool = False
    readers: frozenset[str] = frozenset()
    inline: tuple[Inline, ...] = ()
    custom: tuple[CustomColumn, ...] = ()

    @property
    def takes_tombstones(self) -> bool:
        """Whether the catalog has the columns of tombstones, and orders rows by `synced_at`."""
        return self.is_incremental and self.columns is not None and self.columns >= SYNC_COLUMNS

    @property
    def is_stamped(self) -> bool:
        """Whether records have `synced_at`: unless a full refresh leaves the column out."""
        return self.is_incremental or self.columns is None or "synced_at" in self.columns

    @property
    def is_parent(self) -> bool:
        """Whether other streams wait for its records."""
        return bool(self.readers)


def columns_of(configured: ConfiguredAirbyteStream) -> frozenset[str] | None:
    """Return the selected top-level columns of a catalog entry, None for one that names none."""
    schema = configured.stream.json_schema
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if properties is not None and not isinstance(properties, Mapping):
        raise config_error(
            f"The catalog's `json_schema` of stream `{configured.stream.name}` has no object "
            "`properties`: provide the schema that `discover` prints."
        )
    return frozenset(properties) if properties else None


def plan(
    catalog: ConfiguredAirbyteCatalog,
    routers: Mapping[str, AsanaRouter],
    further: Mapping[str, frozenset[str]],
) -> list[StreamPlan]:
    """Return the streams to read, parents before children.

    Args:
        catalog: what the user selected.
        routers: stream name -> its bound router, for every stream there is.
        further: stream name -> dotted fields of its parents that its cursor needs.

    Raises:
        AirbyteTracedException: a config error for a stream that does not exist or cannot be read as
            asked.
    """
    selected = {c.stream.name: _selected(c, routers) for c in catalog.streams}
    needs = _needs(selected, routers, further)
    inline = _inline(selected, routers)
    parent_only = {
        name: StreamPlan(name, parent_only=True) for name in needs if name not in selected
    }
    everyone = {*selected, *needs}
    return [
        replace(
            one,
            needed=needs.get(one.name, frozenset()),
            readers=frozenset(r for r in everyone if one.name in routers[r].parents()),
            inline=tuple(inline.get(one.name, ())),
        )
        for one in _ordered({**parent_only, **selected}, routers)
    ]


def _selected(
    configured: ConfiguredAirbyteStream, routers: Mapping[str, AsanaRouter]
) -> StreamPlan:
    name = configured.stream.name
    if name not in routers:
        raise config_error(
            f"The catalog names a stream `{name}` that Asana's source does not have: remove it."
        )
    incremental = configured.sync_mode == SyncMode.incremental
    columns = columns_of(configured)
    # With another cursor a destination would keep a row that is newer by that one.
    if columns and (configured.cursor_field or ["synced_at"]) != ["synced_at"]:
        columns -= {"_ab_cdc_deleted_at"}
    custom = columns_in(name, configured.stream.json_schema) if columns else ()
    return StreamPlan(name, is_incremental=incremental, columns=columns, custom=custom)


def _needs(
    selected: Iterable[str],
    routers: Mapping[str, AsanaRouter],
    further: Mapping[str, frozenset[str]],
) -> dict[str, frozenset[str]]:
    needs: dict[str, frozenset[str]] = {}
    open_, done = list(selected), set[str]()
    while open_:
        name = open_.pop()
        if name in done:
            continue
        done.add(name)
        for parent, fields in routers[name].parents().items():
            extra = further.get(name, frozenset())
            needs[parent] = needs.get(parent, frozenset()) | fields | extra
            open_.append(parent)
        for other in routers[name].reads_along():
            needs.setdefault(other, frozenset())
            open_.append(other)
    return needs


def _inline(
    selected: Mapping[str, StreamPlan], routers: Mapping[str, AsanaRouter]
) -> dict[str, list[Inline]]:
    found: dict[str, list[Inline]] = {}
    for name, one in selected.items():
        router = routers[name]
        if isinstance(router, InlineRouter):
            found.setdefault(router.stream, []).append(
                Inline(
                    stream=name,
                    column=router.column,
                    partition_field=router.partition_field,
                    parent_column=router.parent_column,
                    fields=opt_fields(name, one.columns),
                    finish=shaper(name, one.columns, frozenset()),
                )
            )
    return found


def _ordered(
    plans: Mapping[str, StreamPlan], routers: Mapping[str, AsanaRouter]
) -> list[StreamPlan]:
    order: dict[str, StreamPlan] = {}

    def visit(name: str) -> None:
        if name in order or name not in plans:
            return
        for parent in routers[name].parents():
            if parent != name:
                visit(parent)
        order[name] = plans[name]

    for name in plans:
        visit(name)
    return list(order.values())


def readers_of(plans: Iterable[StreamPlan]) -> dict[str, frozenset[str]]:
    """Return the streams that nobody selected, each with the selected ones that need it."""
    by_name = {one.name: one for one in plans}

    def selected(one: StreamPlan) -> frozenset[str]:
        direct = one.readers | {inline.stream for inline in one.inline}
        found = (by_name[name] for name in direct if name in by_name)
        return frozenset().union(
            *({it.name} if not it.parent_only else selected(it) for it in found)
        )

    return {name: selected(one) for name, one in by_name.items() if one.parent_only}
