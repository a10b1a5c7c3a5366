"""Both specs, ours and the Builder's, as Airbyte's form reads them: it casts by one word alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from source_asana import SourceAsana
from tools import builder

TYPES = {"array", "boolean", "integer", "number", "object", "string"}
# Words that are written with capitals within a title.
NAMES = {"API", "Asana", "ID", "IDs", "OAuth", "URL"}
SPECS = ("ours", "builder")


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    """Return the connection specifications: name -> schema."""
    source = SourceAsana()
    found = {"ours": source.resolved_manifest, "builder": builder.manifest(source)}
    return {name: one["spec"]["connection_specification"] for name, one in found.items()}


@pytest.fixture(params=SPECS)
def spec(request: pytest.FixtureRequest, specs: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = specs[request.param]
    return found


def nested(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields below a property that is a choice of objects."""
    for name, node in spec["properties"].items():
        for kind in node.get("oneOf", ()):
            yield from ((f"{name}.{key}", field) for key, field in kind["properties"].items())


def every(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all fields: path -> schema."""
    return {**spec["properties"], **dict(nested(spec))}


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema with a type, however deep."""
    if isinstance(node, dict):
        if "type" in node and not isinstance(node["type"], dict):
            yield node
        for value in node.values():
            yield from schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas(value)


def test_each_type_is_a_word(spec: dict[str, Any]) -> None:
    found = [node["type"] for node in schemas(spec)]
    assert len(found) > len(every(spec))
    assert all(isinstance(kind, str) and kind in TYPES for kind in found), found


def test_no_choice_is_empty(spec: dict[str, Any]) -> None:
    choices = {name: node["enum"] for name, node in every(spec).items() if "enum" in node}
    assert choices
    for name, values in choices.items():
        assert all(isinstance(value, str) and value for value in values), name


def test_defaults_and_examples_are_valid(spec: dict[str, Any]) -> None:
    checked = 0
    for name, node in every(spec).items():
        validator = Draft7Validator(node)
        for value in node.get("examples", []) + [node[key] for key in node if key == "default"]:
            assert validator.is_valid(value), (name, value)
            checked += 1
    assert checked > len(spec["properties"])


def test_numbers_have_a_range(spec: dict[str, Any]) -> None:
    numbers = {k: v for k, v in every(spec).items() if v["type"] in {"integer", "number"}}
    assert len(numbers) >= 3
    assert all(node["minimum"] < node["maximum"] for node in numbers.values())


def test_each_field_is_described_and_has_its_place(spec: dict[str, Any]) -> None:
    groups = {group["id"] for group in spec["groups"]}
    for name, node in every(spec).items():
        assert node["title"], name
        assert node["description"].endswith("."), name
        assert isinstance(node["order"], int), name
    for name, node in spec["properties"].items():
        assert node["group"] in groups, name
    orders = [node["order"] for node in spec["properties"].values()]
    assert orders == list(range(len(orders)))
    for kind in spec["properties"]["credentials"]["oneOf"]:
        inner = [node["order"] for node in kind["properties"].values()]
        assert inner == list(range(len(inner)))


def test_titles_are_in_one_style(spec: dict[str, Any]) -> None:
    titles = [node["title"] for node in every(spec).values()]
    titles += [kind["title"] for kind in spec["properties"]["credentials"]["oneOf"]]
    titles += [group["title"] for group in spec["groups"] if "title" in group]
    for title in titles:
        first, *others = re.findall(r"[A-Za-z]+", title)
        assert first[0].isupper(), title
        assert all(word.islower() or word in NAMES for word in others), title
        assert title == title.strip(" ."), title


def test_lists_of_ids_take_texts_with_a_pattern(spec: dict[str, Any]) -> None:
    lists = {name: node for name, node in every(spec).items() if node["type"] == "array"}
    assert len(lists) >= 5
    for name, node in lists.items():
        items = node["items"]
        assert set(items) == {"type", "pattern", "pattern_descriptor"}, name
        assert items["type"] == "string", name


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("1201234567890123", True),
        (" 12\n", True),
        ("https://app.asana.com/0/12/list", True),
        (" https://app.asana.com/1/12/project/34 ", True),
        ("", False),
        ("12 34", False),
        ("http://app.asana.com/0/12", False),
        ("https://app.asana.com.example.com/0/12", False),
    ],
)
def test_the_pattern_of_ids(specs: dict[str, Any], value: str, *, good: bool) -> None:
    items = specs["ours"]["properties"]["project_ids"]["items"]
    assert Draft7Validator(items).is_valid(value) is good


def test_the_pattern_of_ids_is_one_for_javascript_too(specs: dict[str, Any]) -> None:
    # Nothing that only Python has: named groups, \A, \Z, flags, possessive repetition.
    for name in SPECS:
        for node in schemas(specs[name]):
            pattern = node.get("pattern", "^$")
            assert not re.search(r"\(\?|\\[AZz]|[+*?}]\+", pattern), pattern
            assert pattern.startswith("^"), pattern
            assert pattern.endswith("$"), pattern
