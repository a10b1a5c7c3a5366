"""Condense the published API description into `sandbox/api.json`, the only data the sandbox reads.

Usage: `python -m tools.sandbox_api ENDPOINTS.json OPENAPI.json [--out sandbox/api.json]`

`OPENAPI.json` is Asana's OpenAPI file; `ENDPOINTS.json` adds what is newer than it (parameters of
later clients), `tools/reference.py` the newest operations. The output is sorted, so a second run
with the same input changes nothing.

Form of a schema: field name with flags -> node. Flags: `!` comes only when asked for, `~` present
only where it applies, `?` may be null. A node is a scalar ("string", "string=example", "date",
"date-time", "integer", "number", "boolean", "enum:a|b"), a reference "@Schema" (alternatives
"@A|B"), a list [node] or an object {...}.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from tools.reference import completed

# Accepted by the service, missing from the parameter lists of the description.
PROSE_PARAMETERS: dict[str, list[str]] = {
    "/tasks": ["tag", "user_task_list"],
    "/projects/{project_gid}/tasks": ["modified_since"],
    "/workspaces/{workspace_gid}/tasks/search": ["limit"],
    "/workspaces/{workspace_gid}/projects/search": ["limit"],
    "/projects/{project_gid}/events": ["sync", "opt_fields"],
}
# Left out of the description altogether: described as alternative to /events.
PROSE_PATHS: dict[str, dict[str, Any]] = {
    "/projects/{project_gid}/events": {"kind": "list", "schema": "EventResponse"},
}
PAGING_ARTEFACTS = frozenset({"offset", "path", "uri"})
LONGEST_EXAMPLE = 24


class Condenser:
    """Walks the description and collects the schemas reachable from the endpoints."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Keep the parsed OpenAPI `document`."""
        self.document = document
        self.components: dict[str, Any] = document["components"]["schemas"]
        self.schemas: dict[str, Any] = {}
        self.pending: list[str] = []

    def reference(self, node: dict[str, Any]) -> list[str]:
        """Return the names that `node` stands for, [] when it has properties of its own."""
        if "$ref" in node:
            return [str(node["$ref"]).rsplit("/", 1)[-1]]
        for key in ("oneOf", "anyOf"):
            if key in node:
                return [name for part in node[key] for name in self.reference(part)]
        parts = [part for part in node.get("allOf", []) if "$ref" in part or "oneOf" in part]
        extended = any("properties" in part for part in node.get("allOf", []))
        if len(parts) == 1 and not extended and "properties" not in node:
            return self.reference(parts[0])
        return []

    def fields(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return every property of `node`; parts of allOf and oneOf are merged, the later wins."""
        merged: dict[str, Any] = {}
        if "$ref" in node:
            merged.update(self.fields(self.components[self.reference(node)[0]]))
        for part in node.get("allOf", []):
            merged.update(self.fields(part))
        for part in (*node.get("oneOf", []), *node.get("anyOf", [])):
            for name, found in self.fields(part).items():
                merged[name] = self.union(merged[name], found) if name in merged else found
        merged.update(node.get("properties", {}))
        return merged

    def union(self, first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
        """Return the property that may be either: both when they are references, else the first."""
        if self.reference(first) and self.reference(second):
            return {"oneOf": [first, second], "description": first.get("description", "")}
        return first

    def flags(self, node: dict[str, Any]) -> str:
        """Return the flags of a property: opt-in, conditional, nullable."""
        parts = [node, *node.get("allOf", [])]
        text = " ".join(str(part.get("description", "")) for part in parts)
        opt_in = "[Opt In]" in text or "only returned when requesting it" in text
        nullable = any(part.get("nullable") for part in parts)
        conditional = text.lstrip(" -").startswith(("*Conditional*", "*Deprecated")) and (
            "*Conditional*" in text
        )
        return "!" * opt_in + "~" * conditional + "?" * nullable

    def node(self, node: dict[str, Any]) -> Any:
        """Return the condensed form of one property."""
        names = self.reference(node)
        if names:
            scalars = [name for name in names if not self.fields(self.components[name])]
            if scalars:
                return self.node(self.components[scalars[0]])
            self.pending.extend(names)
            return "@" + "|".join(dict.fromkeys(names))
        if "items" in node:
            return [self.node(node["items"])]
        fields = self.fields(node)
        if fields:
            return self.object(fields)
        return self.scalar(node)

    def scalar(self, node: dict[str, Any]) -> str:
        """Return the word for a scalar; parts of an allOf are looked through."""
        for part in node.get("allOf", []):
            if part.get("type") or part.get("enum"):
                return self.scalar(part)
        if node.get("enum"):
            return "enum:" + "|".join(str(value) for value in node["enum"] if value is not None)
        kind = str(node.get("type", "string"))
        if kind == "string":
            form = node.get("format")
            if form in {"date", "date-time"}:
                return str(form)
            example = node.get("example")
            if isinstance(example, str) and re.fullmatch(r"[A-Za-z_#.-]+", example):
                return f"string={example}" if len(example) <= LONGEST_EXAMPLE else "string"
        return kind

    def object(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the condensed form of a set of properties."""
        return {
            name + self.flags(node): self.node(node)
            for name, node in sorted(fields.items())
            if name not in PAGING_ARTEFACTS
        }

    def collect(self) -> None:
        """Condense every schema that was referred to, and the full form of each compact one."""
        while self.pending:
            name = self.pending.pop()
            if name in self.schemas or name not in self.components:
                continue
            component = self.components[name]
            self.schemas[name] = self.object(self.fields(component))
            self.pending.append(name.replace("Compact", "Response"))
            self.pending.append(name.replace("Response", "Compact"))
            for part in (*component.get("oneOf", []), *component.get("anyOf", [])):
                self.pending.extend(self.reference(part))

    def parameter_names(self, *groups: list[dict[str, Any]]) -> list[str]:
        """Return the names of the query parameters in the given lists."""
        known = self.document["components"]["parameters"]
        names = set()
        for parameter in (p for group in groups for p in group):
            resolved = (
                known[parameter["$ref"].rsplit("/", 1)[-1]] if "$ref" in parameter else parameter
            )
            if resolved["in"] == "query":
                names.add(str(resolved["name"]))
        return sorted(names)

    def endpoint(self, path: str) -> dict[str, Any] | None:
        """Return the entry of one GET operation, None where it answers no JSON object."""
        operation = self.document["paths"][path]["get"]
        content = (
            operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        )
        properties = self.fields(content.get("schema", {}))
        if "data" not in properties and "events" not in str(path):
            return None
        data = properties.get("data", {})
        listed = data.get("type") == "array" or "items" in data
        names = self.reference(data.get("items", data) if listed else data)
        names = names or (["EventResponse"] if "events" in path else [])
        self.pending.extend(names)
        parameters = self.parameter_names(
            self.document["paths"][path].get("parameters", []), operation.get("parameters", [])
        )
        scopes = [s for rule in operation.get("security", []) for s in rule.get("oauth2", [])]
        return {
            "kind": "list" if listed else "single",
            "paginated": {"limit", "offset"} <= set(parameters),
            "parameters": parameters,
            "schema": "|".join(names),
            "scopes": sorted(set(scopes)),
        }


def condense(endpoints: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return the contents of `sandbox/api.json`."""
    condenser = Condenser(document)
    newer = {
        item["path"]: [parameter["name"] for parameter in item.get("newer_than_spec") or []]
        for item in endpoints["endpoints"]
    }
    scopes = {item["path"]: item.get("oauth_scopes") or [] for item in endpoints["endpoints"]}
    table: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        entry = condenser.endpoint(path) if "get" in operations else None
        if entry is not None:
            table[path] = entry
    for path, entry in PROSE_PATHS.items():
        table[path] = {"paginated": False, "parameters": [], "scopes": [], **entry}
    for path, entry in table.items():
        extra = [*PROSE_PARAMETERS.get(path, []), *newer.get(path, [])]
        entry["parameters"] = sorted({*entry["parameters"], *extra})
        entry["scopes"] = entry["scopes"] or scopes.get(path, [])
    condenser.collect()
    return {
        "endpoints": dict(sorted(table.items())),
        "schemas": dict(sorted(condenser.schemas.items())),
    }


def main() -> None:
    """Read both files and write the condensed one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoints", type=Path)
    parser.add_argument("openapi", type=Path)
    parser.add_argument("--out", type=Path, default=Path("sandbox/api.json"))
    options = parser.parse_args()
    data = condense(
        json.loads(options.endpoints.read_text(encoding="utf-8")),
        completed(json.loads(options.openapi.read_text(encoding="utf-8"))),
    )
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)
    # One line per innermost list keeps the file readable and its diffs small.
    text = re.sub(
        r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text
    )
    options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
