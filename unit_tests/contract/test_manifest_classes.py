"""CONTRIBUTING.md says of each class that the manifest names which class of the CDK it extends."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([\w/]+)\.py: (\w+)` \| `(\w+)` \| [^|]+ \|$", re.MULTILINE)


def class_names(node: Any) -> Iterator[str]:
    """Yield each `class_name` of a manifest."""
    if isinstance(node, dict):
        if name := node.get("class_name"):
            yield name
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from class_names(one)


def table() -> dict[str, str]:
    """Return the table: class as the manifest names it -> base class."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = page.partition("\n## Classes that the manifest names\n")[2].partition("\n## ")[0]
    return {
        f"source_asana.{module.replace('/', '.')}.{name}": base
        for module, name, base in ROW.findall(section)
    }


def cdk_base(name: str) -> str:
    """Return the name of the nearest class of the CDK that a class extends."""
    module, _, made = name.rpartition(".")
    bases = getattr(importlib.import_module(module), made).__mro__
    return next(one.__name__ for one in bases if one.__module__.startswith("airbyte_cdk."))


def test_the_table_has_the_classes_of_the_manifest() -> None:
    manifest = yaml.safe_load((ROOT / "source_asana" / "manifest.yaml").read_text("utf-8"))
    assert set(table()) == set(class_names(manifest))


@pytest.mark.parametrize(("name", "base"), table().items())
def test_the_table_has_the_base_class(name: str, base: str) -> None:
    assert base == cdk_base(name)
