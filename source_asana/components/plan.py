"""What a sync reads.

The selected streams, the parents they need besides, and the fields each must bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteStream, SyncMode

from source_asana.components import records
from source_asana.components.opt_fields import opt_fields
from source_asana.components.partitions import AsanaRouter, InlineRouter
from source_asana.components.wanted import Inline, Wanted
from source_asana.config import config_error


@dataclass(frozen=True)
class Step:
    """One stream of a sync.

    Attributes:
        name: stream name.
        wanted: what is wanted from it.
        incremental: whether the catalog asks for an incremental sync.
    """

    name: str
    wanted: Wanted
    incremental: bool


def columns_of(configured: ConfiguredAirbyteStream) -> frozenset[str] | None:
    """Return the selected top-level columns of a catalog entry.

    None (all) for an entry without columns.
    """
    schema = configured.stream.json_schema
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if properties is not None and not isinstance(properties, Mapping):
        raise config_error(
            f"The catalog's `json_schema` of stream `{configured.stream.name}` has no object "
            "`properties`: give the schema that `discover` prints."
        )
    return frozenset(properties) if properties else None


def plan(catalog: ConfiguredAirbyteCatalog, routers: Mapping[str, AsanaRouter]) -> list[Step]:
    """Return the streams to read, parents before children.

    Args:
        catalog: what the user selected.
        routers: stream name -> its bound router, for every stream there is.

    Raises:
        AirbyteTracedException: a config error for a stream that does not exist or cannot be read as
            asked.
    """
    selected: dict[str, Step] = {}
    for configured in catalog.streams:
        name = configured.stream.name
        if name not in routers:
            raise config_error(
                f"The catalog names a stream `{name}` that Asana's source does not have: remove it."
            )
        incremental = configured.sync_mode == SyncMode.incremental
        selected[name] = Step(name, Wanted(columns=columns_of(configured)), incremental)
    needs = _needs(selected, routers)
    inline = _inline(selected, routers)
    return [
        replace(
            step,
            wanted=replace(
                step.wanted,
                also=needs.get(name, frozenset()),
                hidden=name not in selected,
                feeds=name in needs,
                readers=frozenset(
                    reader for reader in {*selected, *needs} if name in routers[reader].parents()
                ),
                inline=tuple(inline.get(name, ())),
            ),
        )
        for name, step in _ordered(
            {**{n: Step(n, Wanted(), incremental=False) for n in needs}, **selected}, routers
        )
    ]


def _needs(
    selected: Iterable[str], routers: Mapping[str, AsanaRouter]
) -> dict[str, frozenset[str]]:
    needs: dict[str, frozenset[str]] = {}
    open_, done = list(selected), set[str]()
    while open_:
        name = open_.pop()
        if name in done:
            continue
        done.add(name)
        for parent, fields in routers[name].parents().items():
            needs[parent] = needs.get(parent, frozenset()) | fields
            open_.append(parent)
        for other in routers[name].reads_along():
            needs.setdefault(other, frozenset())
            open_.append(other)
    return needs


def _inline(
    selected: Mapping[str, Step], routers: Mapping[str, AsanaRouter]
) -> dict[str, list[Inline]]:
    found: dict[str, list[Inline]] = {}
    for name, step in selected.items():
        router = routers[name]
        if isinstance(router, InlineRouter):
            columns = step.wanted.columns
            found.setdefault(router.parent, []).append(
                Inline(
                    stream=name,
                    column=router.column,
                    add=router.parent_column,
                    fields=opt_fields(name, columns),
                    finish=records.shaper(name, columns, frozenset()),
                )
            )
    return found


def _ordered(
    steps: Mapping[str, Step], routers: Mapping[str, AsanaRouter]
) -> list[tuple[str, Step]]:
    order: dict[str, Step] = {}

    def visit(name: str) -> None:
        if name in order or name not in steps:
            return
        for parent in routers[name].parents():
            if parent != name:
                visit(parent)
        order[name] = steps[name]

    for name in steps:
        visit(name)
    return list(order.items())
