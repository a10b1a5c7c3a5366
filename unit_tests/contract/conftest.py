"""The reference material beside the repository, for tests that compare the connector with it."""

import json
from pathlib import Path
from typing import Any

import pytest

import tools.reference

_FOLDER = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of the reference files; without it the test is skipped."""
    if not (_FOLDER / "asana_oas.json").exists():
        pytest.skip("the reference files (../shared) are not here")
    return _FOLDER


@pytest.fixture(scope="session")
def description(reference: Path) -> dict[str, Any]:
    """Return Asana's OpenAPI description."""
    return tools.reference.description(reference)


@pytest.fixture(scope="session")
def catalogue(reference: Path) -> dict[str, dict[str, Any]]:
    """Return the catalogue of streams: name -> entry."""
    return {stream["name"]: stream for stream in tools.reference.catalogue(reference)}


@pytest.fixture(scope="session")
def promised(reference: Path) -> dict[str, list[str]]:
    """Return the columns promised to users: stream -> dotted paths."""
    content: dict[str, list[str]] = _json(reference / "required_fields.json")
    return content


@pytest.fixture(scope="session")
def endpoints(reference: Path) -> list[dict[str, Any]]:
    """Return the GET operations with their lists of opt_fields."""
    content: list[dict[str, Any]] = _json(reference / "endpoints.json")["endpoints"]
    return content


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
