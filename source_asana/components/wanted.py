"""What a sync wants from one stream."""

from __future__ import annotations

from dataclasses import dataclass

from source_asana.components import records


@dataclass(frozen=True)
class Inline:
    """A stream whose records lie in a column of another stream's records: it costs no request.

    Attributes:
        stream: its name.
        column: the column that holds them.
        add: its parent column, filled with the gid of the record that holds them.
        fields: dotted opt_fields to ask for below the column.
        finish: what completes a record, see `records.shaper`.
    """

    stream: str
    column: str
    add: str
    fields: tuple[str, ...]
    finish: records.Shaper | None


@dataclass(frozen=True)
class Wanted:
    """What a sync wants from one stream.

    Attributes:
        columns: the selected top-level columns, None for all.
        also: dotted opt_fields that other streams need of its records.
        hidden: whether it is read for its children only, so that no record is sent.
        feeds: whether other streams wait for its records as parents.
        readers: the streams that do.
        inline: the selected streams that lie in its records.
    """

    columns: frozenset[str] | None = None
    also: frozenset[str] = frozenset()
    hidden: bool = False
    feeds: bool = False
    readers: frozenset[str] = frozenset()
    inline: tuple[Inline, ...] = ()
