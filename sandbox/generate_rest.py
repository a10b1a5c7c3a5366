"""Objects of the rarer kinds for the default world; a few of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.generate import Generator


def build_rest(g: Generator) -> None:
    """Add to the generator's world what the core has not."""
