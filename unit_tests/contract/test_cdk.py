"""The connector uses public names of others, which an upgrade does not move without a word."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from types import ModuleType

from unit_tests.contract.test_layers import sources


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def attributes(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Yield where a module or a class names a private attribute of an object."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node


def methods(tree: ast.ClassDef) -> set[str]:
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def foreign_names(module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """Yield the private names of others in a module: of other objects, bases and imports."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    own = {name for made in classes for name in methods(made)}
    own |= {one.attr for one in attributes(tree) if ast.unparse(one.value) == "self"}
    for one in attributes(tree):
        holder = ast.unparse(one.value)
        if holder not in {"self", "cls", "os"} and one.attr not in own:
            yield one.attr
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and "source_asana" not in node.module:
            names = (*node.module.split("."), *(alias.name for alias in node.names))
            yield from filter(is_private, names)
    for made in classes:
        yield from inherited_names(getattr(module, made.name), made)


def inherited_names(made: type, tree: ast.ClassDef) -> Iterator[str]:
    """Yield the private names in a class that a base of it in the CDK has, too."""
    bases = [base for base in made.__mro__ if base.__module__.startswith("airbyte_cdk")]
    known = {name for base in bases for name in vars(base)}
    for base in bases:
        known.update(re.findall(r"\bself\.(_\w+)", inspect.getsource(base)))
    named = methods(tree) | {one.attr for one in attributes(tree)}
    yield from (name for name in named & known if is_private(name))


def test_no_private_name_of_others_is_used() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for name, path in sources("source_asana").items():
        if name.endswith("__init__") or name == "entry":
            continue
        module = importlib.import_module(f"source_asana.{name}")
        for one in foreign_names(module, ast.parse(path.read_text("utf-8"))):
            found[name].add(one)
    assert dict(found) == {}


def test_a_private_name_of_each_kind_is_found() -> None:
    text = """
from airbyte_cdk.sources._hidden import _Thing, Other

class SourceAsana:
    def _validate_source(self):
        self._own, self._config = other._config, other._own
        return self._slice_logger, other._deep._deeper
"""
    module = importlib.import_module("source_asana.source")
    found = set(foreign_names(module, ast.parse(text)))
    of_others = {"_deep", "_deeper", "_hidden", "_Thing"}
    assert found == of_others | {"_config", "_slice_logger", "_validate_source"}
