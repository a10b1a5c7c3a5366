"""The order of imports that `sandbox/__init__.py` states, and the sizes of files and functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

import sandbox

FOLDER = Path(sandbox.__file__).parent
TREES = {path.stem: ast.parse(path.read_text()) for path in sorted(FOLDER.glob("*.py"))}
MOST_LINES = 300
MEDIAN_LINES = 8
# They stand above all: the package's face and its command.
ENTRIES = ("__init__", "__main__")


def layers() -> list[list[str]]:
    """Return the lines of the stated order, lowest first."""
    lines = (sandbox.__doc__ or "").splitlines()
    return [line.split() for line in lines if line.startswith("    ")]


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the sandbox's modules that one of them imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (
                alias.name.partition(".")[2] or "__init__"
                for alias in node.names
                if alias.name.split(".")[0] == "sandbox"
            )
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sandbox"):
            within = (node.module or "").partition(".")[2]
            if within:
                yield within
            else:
                names = (alias.name for alias in node.names)
                yield from (name if name in TREES else "__init__" for name in names)


GRAPH = {name: sorted(set(imported(tree))) for name, tree in TREES.items()}


def test_every_module_has_a_layer() -> None:
    stated = [name for line in layers() for name in line]
    assert sorted([*stated, *ENTRIES]) == sorted(TREES)


@pytest.mark.parametrize("name", sorted(set(TREES) - set(ENTRIES)))
def test_no_import_leads_up(name: str) -> None:
    floor = {module: number for number, line in enumerate(layers()) for module in line}
    top = len(floor)
    assert [up for up in GRAPH[name] if floor.get(up, top) > floor[name]] == []


def test_no_imports_form_a_circle() -> None:
    assert list(TopologicalSorter(GRAPH).static_order())


def test_no_relative_import_escapes_the_test() -> None:
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    assert not [n for n in nodes if isinstance(n, ast.ImportFrom) and n.level]


def test_files_and_functions_stay_short() -> None:
    lengths = {path.name: path.read_text().count("\n") for path in FOLDER.glob("*.py")}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}
    functions = [
        node.end_lineno - node.lineno + 1
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert median(functions) <= MEDIAN_LINES
