"""The data dictionary: every column is described, in our own words, and stands in its order."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from source_asana import SourceAsana
from source_asana.fields.columns import ALIASES, ALWAYS_NULL
from source_asana.fields.opt_fields import PARENT_COLUMNS
from tools import dictionary
from tools.builder import ours
from tools.docs import CONFIG

Json = dict[str, Any]
WORD = re.compile(r"[^\W_]+(?:[_.'-][^\W_]+)*")
SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n\s*\n|\n\s*[-*+]\s|</p>")
MADE = re.compile(
    r"added by the connector|the connector (copies|translates)|^Copy of|as text|as a list"
)
ARTICLES = {"a", "an", "the"}


@cache
def streams() -> dict[str, Json]:
    """Return the schemas of a discovered catalog, with the column of deletions."""
    config = {**CONFIG, "track_deletions": True}
    found = SourceAsana().discover(logging.getLogger("test"), config).streams
    return {stream.name: dict(stream.json_schema) for stream in found}


def fields(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Json]]:
    """Yield every field below a schema by dotted path."""
    for name, field in node.get("items", node).get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without markup and articles."""
    return [word for word in WORD.findall(text.lower()) if word not in ARTICLES]


@pytest.mark.parametrize("stream", sorted(streams()))
def test_every_field_has_a_description_of_5_to_25_words(stream: str) -> None:
    wrong = {
        path: node.get("description")
        for path, node in fields(streams()[stream], stream)
        if not 5 <= len(node.get("description", "").split()) <= 25
    }
    assert wrong == {}


@pytest.mark.parametrize("stream", sorted(streams()))
def test_descriptions_are_sentences_of_a_kind(stream: str) -> None:
    wrong = {
        path: text
        for path, node in fields(streams()[stream], stream)
        if not (text := node["description"]).endswith(".")
        or not re.match(r"[A-Z`]", text)
        or text.count("`") % 2
        or "  " in text
        or "{" in text
    }
    assert wrong == {}


def test_no_two_columns_of_a_stream_share_a_description() -> None:
    for stream, schema in streams().items():
        texts = [node["description"] for node in schema["properties"].values()]
        assert len(set(texts)) == len(texts), stream


@pytest.mark.parametrize("stream", sorted(streams()))
def test_instants_say_utc_and_days_say_that_they_are_days(stream: str) -> None:
    wrong = {
        path: node["description"]
        for path, node in fields(streams()[stream], stream)
        if not node["description"].startswith(("Always null", "Null in this stream"))
        and {
            "date-time": "UTC" not in node["description"],
            "date": not re.search(r"\b([Dd]ay|due_on)\b", node["description"]),
        }.get(node.get("format", ""))
    }
    assert wrong == {}


def test_streams_that_descriptions_name_exist() -> None:
    found = {path.split(".")[-1] for s, node in streams().items() for path, _ in fields(node, s)}
    unknown = {
        (path, name)
        for stream, schema in streams().items()
        for path, node in fields(schema, stream)
        for name in re.findall(r"\bin (?:columns )?`(\w+)`", node["description"])
        if name not in streams().keys() | found
    }
    assert unknown == set()


@pytest.mark.parametrize("stream", sorted(streams()))
def test_columns_come_in_a_useful_order(stream: str) -> None:
    columns = list(streams()[stream]["properties"])
    key = next(one.primary_key for one in ours.declared(ours.resolved()) if one.name == stream)
    node = streams()[stream]["properties"]

    def step(column: str) -> int:
        if column in {*key, "gid"}:
            return 0
        if column in {"name", "title", "display_name"}:
            return 1
        if column.endswith("_id") or column in {"parent", "workspace", "project"}:
            return 2
        if column in {"resource_subtype", "status", "state", "completed", "archived"}:
            return 3
        return 4 if node[column].get("format") else 5

    assert columns[: len(key)] == list(key)
    assert columns[-1] == "synced_at"
    made = {"synced_at", "_ab_cdc_deleted_at"}
    known = [step(c) for c in columns if c not in made and not _may_be_anywhere(c, step(c))]
    assert known == sorted(known)


def _may_be_anywhere(column: str, step: int) -> bool:
    """Return whether the rule of this test does not know what a column is."""
    return step == 5 and column != "resource_type"


def test_columns_that_are_always_null_say_so_and_no_others_do() -> None:
    for stream, schema in streams().items():
        said = {
            path.partition(".")[2]
            for path, node in fields(schema, stream)
            if node["description"].startswith("Always null")
        }
        assert said == set(ALWAYS_NULL.get(stream, ())), stream


def test_columns_that_the_connector_fills_say_so() -> None:
    for stream, schema in streams().items():
        by_path = {path.partition(".")[2]: node for path, node in fields(schema, stream)}
        made = {alias.column for alias in ALIASES.get(stream, ())}
        made |= {path for path in by_path if path in PARENT_COLUMNS}
        silent = {path for path in made if not MADE.search(by_path[path]["description"])}
        assert silent == set(), stream


def test_no_description_repeats_a_sentence_of_asana_s(description: dict[str, Any]) -> None:
    theirs = {
        tuple(words(sentence))
        for text in texts(description)
        for sentence in SENTENCE_END.split(text)
    }
    theirs = {sentence for sentence in theirs if len(sentence) >= 3}
    assert len(theirs) > 1_000
    repeated = {
        (path, " ".join(sentence))
        for stream, schema in streams().items()
        for path, node in fields(schema, stream)
        for sentence in theirs & set(runs(words(node["description"])))
    }
    assert repeated == set()


def texts(node: Any) -> Iterator[str]:
    """Yield every description and summary of the API description."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"description", "summary"} and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def runs(found: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield every run of words."""
    for begin in range(len(found)):
        for end in range(begin + 1, len(found) + 1):
            yield tuple(found[begin:end])


def test_schemas_are_current() -> None:
    assert dictionary.main(["--check"]) == 0, "run `make docs`"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"description": {"type": ["null", "string"]}}, "workspaces.description has no text"),
        ({"is_organization": None}, "workspaces.is_organization is used nowhere"),
    ],
    ids=["column without text", "text without column"],
)
def test_a_column_without_text_and_a_text_without_column_are_named(
    change: Json, problem: str
) -> None:
    files = dictionary.current()
    schema = files["workspaces.json"]
    columns = {**schema["properties"], **change}
    kept = {name: node for name, node in columns.items() if node}
    with pytest.raises(ValueError, match=rf"^tools/dictionary.yaml: {re.escape(problem)}$"):
        dictionary.described({**files, "workspaces.json": {**schema, "properties": kept}})
