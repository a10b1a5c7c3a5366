"""Says which fields and records a stream wants, and finishes a record on its way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from source_asana.config import Settings
from source_asana.cursors.sending import Raw
from source_asana.fields import custom
from source_asana.fields.columns import shaper
from source_asana.fields.opt_fields import opt_fields
from source_asana.fields.schemas import load_schema
from source_asana.parents.plan import StreamPlan
from source_asana.parents.slices import value_at

T = TypeVar("T")


class Filter:
    """Lets a stream's records through by the lists of ids in the configuration.

    Args:
        settings: the configuration.
        keep_only: setting (a list of ids) -> dotted path; with a list set, only records whose value
            is in it are kept.
        leave_out: setting -> dotted path; records whose value is in the list are left out.
    """

    def __init__(
        self, settings: Settings, keep_only: Mapping[str, str], leave_out: Mapping[str, str]
    ) -> None:
        self._only = _lists(settings, keep_only)
        self._without = _lists(settings, leave_out)
        self.is_set = bool(self._only or self._without)

    @property
    def fields(self) -> frozenset[str]:
        """The dotted fields that are looked at."""
        return frozenset(path for _, path in (*self._only, *self._without) if path != "gid")

    def keeps(self, record: Raw) -> bool:
        """Return whether a record is let through."""
        return all(value_at(record, path) in ids for ids, path in self._only) and not any(
            value_at(record, path) in ids for ids, path in self._without
        )


def _lists(settings: Settings, paths: Mapping[str, str]) -> list[tuple[frozenset[str], str]]:
    return [
        (frozenset(ids), path) for key, path in paths.items() if (ids := getattr(settings, key))
    ]


class Shape:
    """Finishes records: fills parent columns and aliases, and drops what is not selected.

    Args:
        plan: what the sync wants from the stream.
        parent_columns: column -> partition field.
        technical: dotted fields that are asked for and may not be selected; those of the streams
            that lie in this one's records are known from the plan.
        asks: whether `opt_fields` are sent; otherwise Asana decides what comes.
    """

    def __init__(
        self,
        plan: StreamPlan,
        parent_columns: Mapping[str, str],
        technical: frozenset[str],
        *,
        asks: bool,
    ) -> None:
        columns = frozenset({"gid"}) if plan.parent_only else plan.columns
        self._plan = plan
        self._fill = custom.filler(plan.custom)
        if self._fill and custom.COLUMN not in (columns or ()):
            technical |= custom.sources(plan.name, plan.custom)
        inline = {f"{one.column}.{path}" for one in plan.inline for path in one.fields}
        own = opt_fields(plan.name, columns, also=technical) if asks else ()
        self.asked = opt_fields(plan.name, columns, also=technical | inline) if inline else own
        # What is asked for on behalf of others is no part of this stream's records.
        self._own = {one.column: _tree(own, one.column) for one in plan.inline}
        technical |= inline
        self._parent_columns = dict(parent_columns)
        self._declared = (
            None if asks else columns or frozenset(load_schema(plan.name)["properties"])
        )
        extra = frozenset(path.split(".")[0] for path in technical) - (columns or frozenset())
        self._finish = shaper(
            plan.name, columns, extra - {"gid"} if columns is not None else frozenset()
        )

    def finished(self, record: Raw, partition: Mapping[str, Any]) -> Raw:
        """Return the record as it is sent, except for `synced_at`; the given one may be changed."""
        if self._declared is not None:
            record = {name: value for name, value in record.items() if name in self._declared}
        for column, field in self._parent_columns.items():
            record[column] = partition[field]
        for column, tree in self._own.items():
            if column in record:
                record[column] = _kept(record[column], tree)
        if self._fill:
            self._fill(record)
        if self._finish:
            self._finish(record, partition)
        return record

    def columns_of(self, fields: Iterable[str]) -> frozenset[str]:
        """Return the selected columns that are filled from any of these dotted fields."""
        plan, tops = self._plan, {path.split(".")[0] for path in fields}
        columns = plan.columns or load_schema(plan.name)["properties"]
        made = {one.name for one in plan.custom} if custom.COLUMN in tops else set[str]()
        own = (name for name in columns if not tops.isdisjoint(_tops(plan.name, name)))
        return frozenset(made.union(own))


def _tops(stream: str, column: str) -> set[str]:
    return {path.split(".")[0] for path in opt_fields(stream, {column})}


Tree = dict[str, Any]
"""Names of fields, each with the names below it."""
ALWAYS = frozenset({"gid", "resource_type"})


def _tree(paths: Iterable[str], column: str) -> Tree:
    tree: Tree = {}
    for path in paths:
        first, *names = path.split(".")
        if first == column:
            below = tree
            for name in names:
                below = below.setdefault(name, {})
    return tree


def _kept(value: Any, tree: Tree) -> Any:
    """Return a copy with the fields that a tree names; other streams' records share the value."""
    if not tree:
        return value
    if isinstance(value, list):
        return [_kept(one, tree) for one in value]
    if isinstance(value, dict):
        named = ((name, one) for name, one in value.items() if name in tree or name in ALWAYS)
        return {name: _kept(one, tree.get(name, {})) for name, one in named}
    return value
