"""The table of the manifest's keywords in CONTRIBUTING.md: what the code reads, and what it says.

A keyword is a field of a class that the manifest names, explained under `Attributes:` of that class
or of one that it derives from, or a key of `incremental_sync`, explained here.
"""

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CODE = Path(__file__).resolve().parent.parent / "source_asana"
ENTRY = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n        +\S.*)*)", re.MULTILINE)

# What the CDK builds and hands to our classes, and what only tells it which class to build.
PARTS = frozenset(
    {
        "$parameters",
        "$ref",
        "class_name",
        "config",
        "http_method",
        "paginator",
        "parameters",
        "partition_router",
        "primary_key",
        "requester",
        "type",
    }
)
INCREMENTAL: Mapping[str, str] = {
    "strategy": (
        "`everything`, `newest_child`, `lookback_window`, `append_only`, `sync_token`, `tasks`, "
        "`subtasks` or `task_children`"
    ),
    "cursor_field": (
        "the column that start date and instants are compared with; a log's cursor field in the "
        "catalog, where other streams have `synced_at`"
    ),
    "datetime_format": "`lookback_window`: how the parameter is written, where it is a date",
    "full_scan": "`lookback_window`: whether a full scan reads everything",
    "lookback_window": (
        "`lookback_window`, `append_only`: how far a window steps back behind the last sync, an "
        "ISO 8601 duration; in its template, `config` has the defaults, too"
    ),
    "newest_child": (
        "`newest_child`: dotted path in the parent's record to the gid of its newest child"
    ),
    "noted_later": "`append_only`: whether Asana filters by an instant after the cursor field",
    "resource": (
        "task streams: the kind of the records in events, `task`, `subtask`, `story` or "
        "`attachment`"
    ),
    "start_datetime": (
        "`lookback_window`: what a first read asks for without a start date, where the parameter "
        "is required"
    ),
}


class Keyword(NamedTuple):
    """One row; `incremental_sync.strategy` is the key `strategy` of `incremental_sync`."""

    name: str
    type: str
    default: str
    readers: tuple[str, ...]
    meaning: str

    def cells(self) -> list[str]:
        """Return the row's cells in Markdown."""
        default = self.default if self.default in ("none", "required") else f"`{self.default}`"
        readers = ", ".join(f"`{reader}`" for reader in self.readers)
        return [f"`{self.name}`", f"`{self.type}`", default, readers, self.meaning]


def keywords() -> list[Keyword]:
    """Return all keywords, by who reads them.

    Raises:
        KeyError: one is explained nowhere.
    """
    return [*_fields(), *_incremental()]


def used_keywords() -> set[str]:
    """Return the keywords in the manifest: of `$parameters`, our components, `incremental_sync`."""
    return set(_used(_manifest()["definitions"]))


# ── the code ────────────────────────────────────────────────────────────────────────────────────


def _fields() -> Iterator[Keyword]:
    """Yield the fields of the classes that the manifest names, and of those they derive from."""
    names = {name for node in _nodes(_manifest()["definitions"]) if (name := _class_name(node))}
    classes = {one for name in names for one in _class(name).__mro__ if _is_ours(one.__module__)}
    for one in sorted(classes, key=_reader):
        meanings = _meanings(one)
        for field in dataclasses.fields(one):
            if field.name in inspect.get_annotations(one) and field.name not in PARTS:
                meaning = meanings[field.name]
                yield Keyword(
                    field.name, str(field.type), _default(field), (_reader(one),), meaning
                )


def _reader(one: type[Any]) -> str:
    return f"{one.__module__.partition('.')[2].replace('.', '/')}.py: {one.__name__}"


def _meanings(one: type[Any]) -> dict[str, str]:
    """Return what a class says under `Attributes:`, by name."""
    text = inspect.getdoc(one) or ""
    found = ENTRY.findall(text.partition("Attributes:\n")[2])
    return {
        name: " ".join(meaning.split()).removesuffix(".")
        for names, meaning in found
        for name in names.split(", ")
    }


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


def _incremental() -> Iterator[Keyword]:
    """Yield the keys of `incremental_sync`: who looks them up, the default, and the meaning."""
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
    for key, (readers, defaults) in sorted(found.items()):
        default = next(iter(sorted(defaults - {"required"})), "required")
        name, kind = f"incremental_sync.{key}", types.get(key, "")
        yield Keyword(name, kind, default, tuple(sorted(readers)), INCREMENTAL[key])


def _lookups(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield (key, default) of `….incremental_sync["key"]` and `….get("key", default)`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and _is_incremental(part.value):
            yield ast.literal_eval(part.slice), "required"
        elif (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr == "get"
            and _is_incremental(part.func.value)
        ):
            key, *default = map(ast.literal_eval, part.args)
            yield key, _yaml(default[0] if default else None)


def _is_incremental(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "incremental_sync") or (
        isinstance(node, ast.Name) and node.id == "incremental_sync"
    )


# ── the manifest ────────────────────────────────────────────────────────────────────────────────


def _manifest() -> Mapping[str, Any]:
    manifest: Mapping[str, Any] = yaml.safe_load((CODE / "manifest.yaml").read_text("utf-8"))
    return manifest


def _types() -> dict[str, str]:
    """Return the types of the values that the manifest gives the keys of `incremental_sync`."""
    found: dict[str, set[str]] = {}
    for node in _nodes(_manifest()["definitions"]):
        for key, value in (node.get("incremental_sync") or {}).items():
            found.setdefault(key, set()).add(type(value).__name__)
    return {key: " | ".join(sorted(names)) for key, names in found.items()}


def _used(definitions: Any) -> Iterator[str]:
    for node in _nodes(definitions):
        yield from node.get("$parameters", {})
        yield from (f"incremental_sync.{key}" for key in node.get("incremental_sync") or {})
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
