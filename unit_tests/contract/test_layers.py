"""The order of imports in the connector, and that the commands stand beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "source_asana"
BESIDE = "source_asana_commands"
# From the lowest floor to the highest: a module imports from its own floor and from those below it.
# A name stands for a module or for a package with all its modules.
FLOORS = (
    ("config", "counts", "files", "masking"),
    ("core",),
    ("http",),
    ("fields", "report"),
    ("parents",),
    ("runtime",),
    ("cursors",),
    ("components",),
    ("tasks",),
    ("exports",),
    (
        "check",
        "discovery",
        "messages",
        "signals",
        "stream",
        "summary",
        "wiring",
        "source",
        "run",
        "entry",
        "__init__",
    ),
)
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def sources(folder: str) -> dict[str, Path]:
    """Return the files of a package by dotted name below it, `__init__` for its own."""
    files = sorted((ROOT / folder).rglob("*.py"))
    return {".".join(path.relative_to(ROOT / folder).with_suffix("").parts): path for path in files}


def parsed(folder: str) -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text("utf-8")) for name, path in sources(folder).items()}


MODULES = parsed(PACKAGE)
COMMANDS = parsed(BESIDE)

# What the core must not know: Airbyte, HTTP, threads, clocks, and a log.
UNKNOWN_TO_CORE = frozenset(
    {
        "airbyte_cdk",
        "asyncio",
        "concurrent",
        "datetime",
        "http",
        "logging",
        "multiprocessing",
        "queue",
        "requests",
        "socket",
        "threading",
        "time",
        "urllib",
        "urllib3",
    }
)


def part_of(module: str) -> str:
    """Return the package or module of the top level that a module belongs to."""
    return module.split(".", maxsplit=1)[0]


def names_in(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a module imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from a.b import c` names a module `a.b.c`, or something in the module `a.b`.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the connector's modules that one of them imports."""
    for name in names_in(tree):
        if part_of(name) == PACKAGE:
            yield _module(name.partition(".")[2])


def _module(name: str) -> str:
    """Return the module that a dotted name is, or that it stands in."""
    while name and name not in MODULES:
        if f"{name}.__init__" in MODULES:
            return f"{name}.__init__"
        name = name.rpartition(".")[0]
    return name or "__init__"


GRAPH = {name: sorted(set(imported(tree)) - {name}) for name, tree in MODULES.items()}


def test_every_module_has_a_floor() -> None:
    assert {part_of(name) for name in MODULES} == set(FLOOR)


@pytest.mark.parametrize("name", MODULES)
def test_no_import_leads_up(name: str) -> None:
    own = FLOOR[part_of(name)]
    assert [other for other in GRAPH[name] if FLOOR[part_of(other)] > own] == []


@pytest.mark.parametrize("name", [name for name in MODULES if part_of(name) == "core"])
def test_the_pure_core_imports_no_cdk_no_http_no_threads_no_clock(name: str) -> None:
    names = set(names_in(MODULES[name]))
    assert {part_of(name) for name in names} & UNKNOWN_TO_CORE == set()
    assert {name for name in names if part_of(name) == PACKAGE} == {
        name for name in names if name.startswith(f"{PACKAGE}.core.")
    }


def test_no_imports_form_a_circle() -> None:
    circle: list[str] = []
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_packages_of_one_floor_form_no_circle() -> None:
    parts: dict[str, set[str]] = {}
    for name, others in GRAPH.items():
        known = parts.setdefault(part_of(name), set())
        known.update(part_of(other) for other in others)
        known.discard(part_of(name))
    assert list(TopologicalSorter(parts).static_order())


def test_only_who_joins_the_parts_and_the_check_know_exports() -> None:
    knowing = {part_of(name) for name, others in GRAPH.items() if "exports" in map(part_of, others)}
    assert knowing - {"exports"} == {"wiring", "check"}


# A signal that comes while all others are loaded ends the process quietly.
BEFORE_ALL_OTHERS = frozenset({"__init__", "entry"})
EAGER = [
    (package, name)
    for package, modules in ((PACKAGE, MODULES), (BESIDE, COMMANDS))
    for name in sorted(modules.keys() - BEFORE_ALL_OTHERS)
]


@pytest.mark.parametrize(("package", "name"), EAGER)
def test_no_import_is_hidden(package: str, name: str) -> None:
    tree = (MODULES if package == PACKAGE else COMMANDS)[name]
    nested = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in tree.body
    ]
    relative = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    named = [
        n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "TYPE_CHECKING"
    ]
    assert (nested, relative, named) == ([], [], [])


# ── the commands ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", MODULES)
def test_the_connector_does_not_know_the_commands(name: str) -> None:
    # Nor as text, which `runpy` and `import_module` would take.
    assert BESIDE not in sources(PACKAGE)[name].read_text("utf-8")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def privates(tree: ast.AST) -> Iterator[str]:
    """Yield the private names of other modules and objects that a module uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in {"self", "os"}:
            yield from filter(is_private, [node.attr])
    yield from (name for name in names_in(tree) if any(map(is_private, name.split("."))))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_use_public_names(name: str) -> None:
    assert list(privates(COMMANDS[name])) == []


def test_a_private_name_is_found() -> None:
    text = "from source_asana.source import _retriever\nself._own = _retriever(stream)._plan"
    assert list(privates(ast.parse(text))) == ["_plan", "source_asana.source._retriever"]


@pytest.mark.parametrize("name", MODULES)
def test_slices_have_fields_with_names(name: str) -> None:
    assert "extra_fields[" not in sources(PACKAGE)[name].read_text("utf-8")
