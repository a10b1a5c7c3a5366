"""Airbyte source for Asana."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_asana.source import SourceAsana

__all__ = ["SourceAsana"]


def __getattr__(name: str) -> Any:
    """Return the source, which takes seconds to import: a signal may come before it is there."""
    if name != "SourceAsana":
        raise AttributeError(name)
    from source_asana.source import SourceAsana  # noqa: PLC0415  # see above

    return SourceAsana
