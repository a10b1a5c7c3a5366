"""The table of the manifest's keywords in CONTRIBUTING.md says what code and manifest do."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
CODE = ROOT / "source_asana"
CELLS = re.compile(r"(?<!\\)\|")
READER = re.compile(r"`([\w/]+\.py: \w+)`")

# What the CDK builds and hands to our classes, and what only tells it which class to build.
PARTS = {
    "$parameters",
    "$ref",
    "class_name",
    "config",
    "decoder",
    "http_method",
    "paginator",
    "parameters",
    "partition_router",
    "requester",
    "type",
}
# What `$parameters` give to the CDK's own classes.
STOCK = {"path", "url_base"}


class Keyword(NamedTuple):
    """One row; `reading.kind` is the key `kind` of the mapping `reading`."""

    name: str
    type: str
    default: str
    readers: tuple[str, ...]


def test_the_table_lists_every_keyword_as_the_code_has_it() -> None:
    assert sorted(_table()) == sorted([*_fields(), *_reading()])


def test_the_manifest_uses_every_keyword_and_no_other() -> None:
    listed = {row.name for row in _table()}
    used = set(_used(_manifest()["definitions"]))
    assert used - STOCK - listed == set()
    assert listed - used == set()


def test_every_keyword_has_a_meaning() -> None:
    assert [row[0] for row in _rows() if not row[-1]] == []


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def _rows() -> list[list[str]]:
    """Return the cells of the table's rows."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    block = page.partition("<!-- begin keywords -->")[2].partition("<!-- end keywords -->")[0]
    lines = [line for line in block.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in CELLS.split(line)[1:-1]] for line in lines]


def _table() -> list[Keyword]:
    return [
        Keyword(
            name.strip("`"),
            kind.strip("`").replace("\\|", "|"),
            default.strip("`"),
            tuple(sorted(READER.findall(readers))),
        )
        for name, kind, default, readers, _ in _rows()
    ]


# ── the code ────────────────────────────────────────────────────────────────────────────────────


def _fields() -> Iterator[Keyword]:
    """Yield the fields of the classes that the manifest names, and of those they derive from."""
    names = {name for node in _nodes(_manifest()["definitions"]) if (name := _class_name(node))}
    classes = {one for name in names for one in _class(name).__mro__ if _is_ours(one.__module__)}
    for one in classes:
        for field in dataclasses.fields(one):
            if field.name in inspect.get_annotations(one) and field.name not in PARTS:
                reader = f"{one.__module__.partition('.')[2].replace('.', '/')}.py: {one.__name__}"
                yield Keyword(field.name, str(field.type), _default(field), (reader,))


def _class(name: str) -> type[Any]:
    module, _, one = name.rpartition(".")
    found: type[Any] = getattr(import_module(module), one)
    return found


def _is_ours(name: str) -> bool:
    return name.startswith("source_asana.")


def _default(field: dataclasses.Field[Any]) -> str:
    """Return a field's default as YAML would write it."""
    if field.default_factory is not dataclasses.MISSING:
        return str(field.default_factory())
    return "required" if field.default is dataclasses.MISSING else _yaml(field.default)


def _yaml(value: Any) -> str:
    return {None: "none", True: "true", False: "false", "": '""'}.get(value, str(value))


def _reading() -> Iterator[Keyword]:
    """Yield the keys of `reading`: who looks them up, with what default, and what they are."""
    types = _types()
    found: dict[str, tuple[set[str], set[str]]] = {}
    for path in sorted(CODE.rglob("*.py")):
        file = str(path.relative_to(CODE))
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                for key, default in _lookups(node):
                    readers, defaults = found.setdefault(key, (set(), set()))
                    readers.add(f"{file}: {node.name}")
                    defaults.add(default)
    for key, (readers, defaults) in found.items():
        default = next(iter(sorted(defaults - {"required"})), "required")
        yield Keyword(f"reading.{key}", types.get(key, ""), default, tuple(sorted(readers)))


def _lookups(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield (key, default) of `….reading["key"]` and `….reading.get("key", default)`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and _is_reading(part.value):
            yield ast.literal_eval(part.slice), "required"
        elif (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr == "get"
            and _is_reading(part.func.value)
        ):
            key, *default = map(ast.literal_eval, part.args)
            yield key, _yaml(default[0] if default else None)


def _is_reading(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "reading") or (
        isinstance(node, ast.Name) and node.id == "reading"
    )


# ── the manifest ────────────────────────────────────────────────────────────────────────────────


def _manifest() -> Mapping[str, Any]:
    manifest: Mapping[str, Any] = yaml.safe_load((CODE / "manifest.yaml").read_text("utf-8"))
    return manifest


def _types() -> dict[str, str]:
    """Return the types of the values that the manifest gives the keys of `reading`."""
    found: dict[str, set[str]] = {}
    for node in _nodes(_manifest()["definitions"]):
        for key, value in (node.get("reading") or {}).items():
            found.setdefault(key, set()).add(type(value).__name__)
    return {key: " | ".join(sorted(names)) for key, names in found.items()}


def _used(definitions: Any) -> Iterator[str]:
    """Yield the keywords in the manifest: of `$parameters`, of our components, of `reading`."""
    for node in _nodes(definitions):
        yield from node.get("$parameters", {})
        yield from (f"reading.{key}" for key in node.get("reading") or {})
        if _class_name(_resolved(node, definitions)):
            yield from (key for key in node if key not in PARTS)


def _class_name(node: Mapping[str, Any]) -> str | None:
    """Return the class of ours that a node describes."""
    name = str(node.get("class_name", ""))
    return name if _is_ours(name) else None


def _resolved(node: Mapping[str, Any], definitions: Any) -> Mapping[str, Any]:
    """Return the node, or the first that it refers to, with a class."""
    while "class_name" not in node and "$ref" in node:
        target = definitions
        for step in str(node["$ref"]).removeprefix("#/definitions/").split("/"):
            target = target[step]
        node = target
    return node


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _nodes(part)
