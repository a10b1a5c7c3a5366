"""Airbyte source for Asana."""

from source_asana.source import SourceAsana

__all__ = ["SourceAsana"]
