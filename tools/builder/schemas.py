"""The schemas, with the parts that several share named once."""

from typing import Any

from tools.builder import ours
from tools.builder.ours import Json


def shared() -> Json:
    """Return the shared parts: name -> schema."""
    return {name: _referring(node) for name, node in ours.shared_schemas().items()}


def schema(name: str) -> Json:
    """Return the schema of a stream."""
    made: Json = _referring(ours.schema(name))
    return made


def _referring(node: Any) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            name = node["$ref"].removeprefix("shared/").removesuffix(".json")
            return {**node, "$ref": f"#/definitions/shared/{name}"}
        return {key: _referring(value) for key, value in node.items()}
    return [_referring(value) for value in node] if isinstance(node, list) else node
