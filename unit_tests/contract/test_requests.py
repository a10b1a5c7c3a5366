"""Every request of whole syncs against Asana's API description: paths, parameters, fields."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sandbox import Entry, Sandbox, World
from unit_tests.conftest import quicken
from unit_tests.sync import read, streams

DEEPEST = 5
IN_PROSE = {
    ("/workspaces/{workspace_gid}/tasks/search", "limit"),
    ("/events", "resource.target.gid"),
}
"""Parameters and fields that the description explains in its text and leaves out of its list."""


class Description:
    """Asana's API description, asked about requests."""

    def __init__(self, content: Mapping[str, Any], full: Mapping[str, set[str]]) -> None:
        """Take the description, and the schemas of whole records by path with blanks."""
        self._content = content
        self._full = full
        self._known: dict[str, set[str]] = {}

    def complaints(self, entry: Entry) -> Iterator[str]:
        """Yield what the description does not know of a request."""
        path = entry.path.removeprefix("/api/1.0")
        templates = [t for t in self._content["paths"] if re.fullmatch(blank(t, "[^/]+"), path)]
        # What is written out comes before a blank.
        template = min(templates, key=lambda name: name.count("{"), default=None)
        if template is None or entry.method != "GET":
            yield f"{entry.method} {path}"
            return
        operation = self._content["paths"][template]
        named = (*operation.get("parameters", ()), *operation["get"].get("parameters", ()))
        parameters = {p["name"]: p for p in map(self._resolved, named) if p["in"] == "query"}
        for name, value in entry.params.items():
            if name not in parameters and (template, name) not in IN_PROSE:
                yield f"{template}: {name}"
            if name == "opt_fields":
                listed = parameters[name]["schema"]["items"]["enum"]
                known = self._fields(template)
                yield from (
                    f"{template}: {field}"
                    for field in value.split(",")
                    if field not in listed and field not in known
                    if (template, field) not in IN_PROSE
                )

    def _fields(self, template: str) -> set[str]:
        """Return the fields of an operation's answer, whole records included."""
        if template not in self._known:
            answer = self._resolved(self._content["paths"][template]["get"]["responses"]["200"])
            [media] = answer["content"].values()
            schema = self._resolved(media["schema"])
            nodes = [schema.get("properties", {}).get("data", schema)]
            nodes += [
                self._content["components"]["schemas"][name]
                for name in self._full.get(blank(template, "{}"), ())
            ]
            self._known[template] = {name for node in nodes for name in self._walk(node, "", 0)}
        return self._known[template]

    def _walk(self, node: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
        node = self._resolved(node)
        for part in (
            *node.get("allOf", ()),
            *node.get("anyOf", ()),
            *node.get("oneOf", ()),
            *([node["items"]] if "items" in node else ()),
        ):
            yield from self._walk(part, prefix, depth)
        if depth < DEEPEST:
            for name, below in node.get("properties", {}).items():
                yield f"{prefix}{name}"
                yield from self._walk(below, f"{prefix}{name}.", depth + 1)

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            target: Any = self._content
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node


def blank(template: str, instead: str) -> str:
    """Return a path with something instead of its parameters."""
    return re.sub(r"{\w*}", lambda _: instead, template)


@pytest.fixture(scope="session")
def known(description: dict[str, Any], catalogue: dict[str, dict[str, Any]]) -> Description:
    """Return the API description; listings give the same fields as the detail of their records."""
    full: dict[str, set[str]] = {"/workspaces/{}/tasks/search": {"TaskResponse"}}
    for stream in catalogue.values():
        names = stream["schema"] if isinstance(stream["schema"], list) else [stream["schema"]]
        full.setdefault(blank(stream.get("path", ""), "{}"), set()).update(names)
    return Description(description, full)


@pytest.mark.parametrize("mode", ["listing", "auto"])
@pytest.mark.parametrize("plan", ["free", "advanced", "service"])
def test_nothing_is_asked_that_the_description_lacks(
    known: Description, plan: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch)
    world = World.generate(tasks=30)
    with Sandbox(world, plan=plan) as asana:
        exports = [export["gid"] for export in world.of_kind("organization_export")]
        options = {
            "change_detection": mode,
            "organization_export_ids": exports if asana.service else exports[:1],
        }
        first = read(asana, streams(), incremental=True, **options)
        asana.clock.advance(4000)
        read(asana, streams(), state=first.state, incremental=True, **options)
        assert len(asana.log) > 100
        found = {line for entry in asana.log for line in known.complaints(entry)}
        assert sorted(found) == []


def test_complaints_are_made(known: Description) -> None:
    def complaints(path: str, **params: str) -> list[str]:
        entry = Entry(0.0, "GET", f"/api/1.0{path}", "", params, 200, "")
        return list(known.complaints(entry))

    assert complaints("/nothing") == ["GET /nothing"]
    assert complaints("/workspaces", colour="red") == ["/workspaces: colour"]
    assert complaints("/projects", opt_fields="owner.name,owner.age") == ["/projects: owner.age"]
