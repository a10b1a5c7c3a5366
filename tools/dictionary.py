"""Write what each column means into the schemas: `python -m tools.dictionary [--check]`.

The texts and the order of columns are in `dictionary.yaml`, beside this file. With `--check`
nothing is written; the exit code is 1 when a column has no text, a text no column, or a file is not
current.
"""

import argparse
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tools.builder import ours

TEXTS = Path(__file__).with_name("dictionary.yaml")
SCHEMAS = Path(__file__).parent.parent / "source_asana" / "schemas"
NESTED_KEY = ("gid",)
"""The key of objects inside records."""

Json = dict[str, Any]
Entry = str | Mapping[str, Any]


class Dictionary:
    """The texts of all columns, and their order.

    Attributes:
        problems: what was found wrong while schemas were described, one sentence each.
    """

    def __init__(self, content: Mapping[str, Any], keys: Mapping[str, Sequence[str]]) -> None:
        """Take the file's content, and stream -> its primary key."""
        self._content = content
        self._keys = keys
        self._used: set[tuple[str, str]] = set()
        order = content["order"]
        steps = (order["names"], order["parents"], order["states"], order["instants"])
        self._steps: list[dict[str, int]] = [{n: at for at, n in enumerate(s)} for s in steps]
        self.problems: list[str] = []

    def stream(self, name: str, schema: Json) -> Json:
        """Return the schema of a stream with descriptions, its columns in order."""
        if name not in self._content["streams"]:
            self.problems.append(f"{name} is missing under `streams`")
            return schema
        words = self._content["streams"][name]
        texts = {column: self._text(name, column) for column in schema["properties"]}
        found = {column: text for column, text in texts.items() if text is not None}
        return self._object(name, schema, found, words, (*self._keys[name], *NESTED_KEY))

    def part(self, name: str, schema: Json) -> Json:
        """Return a shared object with descriptions, its fields in order."""
        self._used.add(("parts", name))
        texts = self._content["parts"].get(name, {})
        return self._object(f"parts.{name}", schema, texts, {}, NESTED_KEY)

    def unused(self) -> Iterator[str]:
        """Yield the texts that no schema has asked for, after all were described."""
        sections = [("parts", self._content["parts"]), ("common", self._content["common"])]
        for at, group in enumerate(self._content["groups"]):
            sections.append((f"groups[{at}]", group["columns"]))
        for name, stream in self._content["streams"].items():
            sections.append((name, stream.get("columns", {})))
        for section, texts in sections:
            for name in texts:
                if (section, name) not in self._used:
                    yield f"{section}.{name} is used nowhere"

    def _text(self, stream: str, column: str) -> Entry | None:
        """Return the text of a column, that of the stream before a group's and a common one."""
        groups = enumerate(self._content["groups"])
        sections = (
            (stream, self._content["streams"][stream].get("columns", {})),
            *((f"groups[{at}]", g["columns"]) for at, g in groups if stream in g["streams"]),
            ("common", self._content["common"]),
        )
        for section, texts in sections:
            if column in texts:
                self._used.add((section, column))
                text: Entry = texts[column]
                return text
        return None

    def _object(
        self,
        path: str,
        schema: Json,
        texts: Mapping[str, Entry],
        words: Mapping[str, Any],
        key: Sequence[str],
    ) -> Json:
        """Return an object's schema with descriptions, its fields in order."""
        fields = schema["properties"]
        self.problems += [f"{path}.{name} has no text" for name in fields if name not in texts]
        self.problems += [f"{path}.{name} is no field" for name in texts if name not in fields]
        described = {
            name: self._field(f"{path}.{name}", node, texts[name], words)
            for name, node in fields.items()
            if name in texts
        }
        ordered = sorted(described, key=lambda name: self._place(name, fields[name], key))
        return _in_order({**schema, "properties": {name: described[name] for name in ordered}})

    def _field(self, path: str, node: Json, entry: Entry, words: Mapping[str, Any]) -> Json:
        text, below = (entry, {}) if isinstance(entry, str) else (entry["text"], entry["fields"])
        try:
            described = {**node, "description": text.format_map(words)}
        except KeyError as missing:
            self.problems.append(f"{path} needs the word {missing.args[0]} of its stream")
            return node
        inner = node.get("items", node)
        if "properties" not in inner:
            self.problems += [f"{path}.{name} is no field" for name in below]
        elif inner is node:
            described = self._object(path, described, below, words, NESTED_KEY)
        else:
            described["items"] = self._object(path, inner, below, words, NESTED_KEY)
        return _in_order(described)

    def _place(self, name: str, node: Json, key: Sequence[str]) -> tuple[int, int, str]:
        """Return what a column is sorted by."""
        if name in key:
            return 0, key.index(name), name
        for step, names in enumerate(self._steps, start=1):
            if name in names:
                return step, names[name], name
        is_instant = node.get("format") in {"date", "date-time"}
        return len(self._steps) + (not is_instant), len(self._steps[-1]), name


def _in_order(node: Json) -> Json:
    return {key: node[key] for key in sorted(node)}


def described(files: Mapping[str, Json]) -> dict[str, Json]:
    """Return the schemas with the dictionary's descriptions, their columns in its order.

    Args:
        files: every schema file: path below the folder of schemas -> its content. Descriptions in
            it are replaced.

    Raises:
        ValueError: a column has no text, or a text no column; the message names them all.
    """
    content = yaml.safe_load(TEXTS.read_text("utf-8"))
    keys = {one.name: one.primary_key for one in ours.declared(ours.resolved())}
    dictionary = Dictionary(content, keys)
    found = {
        path: dictionary.part(Path(path).stem, schema)
        if "/" in path
        else dictionary.stream(Path(path).stem, schema)
        for path, schema in files.items()
    }
    problems = [*dictionary.problems, *dictionary.unused()]
    if problems:
        raise ValueError("\n".join(f"tools/dictionary.yaml: {one}" for one in problems))
    return found


def text_of(schema: Json) -> str:
    """Return the content of a schema file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def stale(files: Mapping[str, Json]) -> dict[Path, str]:
    """Return the schema files that differ from `files`: path -> the content it should have."""
    wanted = {SCHEMAS / name: text_of(schema) for name, schema in files.items()}
    return {p: text for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text}


def _without_descriptions(node: Any, *, names: bool = False) -> Any:
    """Return a schema without descriptions; `names` says that the keys are names of fields."""
    if isinstance(node, dict):
        return {
            key: _without_descriptions(value, names=key == "properties" and not names)
            for key, value in node.items()
            if names or key != "description"
        }
    return node


def current() -> dict[str, Json]:
    """Return the schema files as they are, without descriptions."""
    return {
        path.relative_to(SCHEMAS).as_posix(): _without_descriptions(json.loads(path.read_bytes()))
        for path in sorted(SCHEMAS.rglob("*.json"))
    }


def write(files: Mapping[Path, str]) -> None:
    """Write files, and make the folders that are missing."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def report(paths: Collection[Path]) -> None:
    """Say which schema files are not current."""
    for path in sorted(paths):
        sys.stderr.write(f"{path.relative_to(SCHEMAS)} is not current\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schemas, or compare them; return the process exit code."""
    parser = argparse.ArgumentParser(description="Write the data dictionary into the schemas.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on differences")
    options = parser.parse_args(arguments)
    try:
        changed = stale(described(current()))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.check:
        report(changed)
        return int(bool(changed))
    write(changed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
