"""Asana's API as the reference files describe it, and what Asana has documented since.

The folder holds `asana_oas.json`, Asana's OpenAPI description, and `streams.yaml`, the catalogue of
streams; `newer_api.yaml`, beside this file, completes both.
"""

import json
from pathlib import Path
from typing import Any

import yaml

NEWER = Path(__file__).with_name("newer_api.yaml")

Json = dict[str, Any]


def newer() -> Json:
    """Return what Asana has documented since: streams, components, parameters and paths."""
    content: Json = yaml.safe_load(NEWER.read_text("utf-8"))
    return content


def completed(description: Json) -> Json:
    """Return a parsed OpenAPI description with the newer operations and their schemas."""
    more, components = newer(), description["components"]
    schemas = {**components["schemas"], **more["components"]}
    paths = {**description["paths"], **more["paths"]}
    for path, parameters in more["parameters"].items():
        get = paths[path]["get"]
        paths[path] = {
            **paths[path],
            "get": {**get, "parameters": [*get["parameters"], *parameters]},
        }
    return {**description, "components": {**components, "schemas": schemas}, "paths": paths}


def description(folder: Path) -> Json:
    """Return the OpenAPI description."""
    return completed(json.loads((folder / "asana_oas.json").read_text("utf-8")))


def catalogue(folder: Path) -> list[Json]:
    """Return the entries of all streams."""
    known: list[Json] = yaml.safe_load((folder / "streams.yaml").read_text("utf-8"))["streams"]
    return [*known, *newer()["streams"]]
