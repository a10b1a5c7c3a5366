"""The version and the base image, wherever they are written down."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
# The page of this version, in the repository.
IN_ADDRESS = r"^https://\S+/v(\d\S+)/docs/asana\.md$"
# Stands in addresses for the owner of the public repository, until there is one.
NO_OWNER = "/OWNER/"


def project() -> Mapping[str, Any]:
    """Return the table `tool.poetry` of pyproject.toml."""
    content: Mapping[str, Any] = tomllib.loads(_text("pyproject.toml"))["tool"]["poetry"]
    return content


def versions() -> dict[str, str]:
    """Return place -> the version that it names; empty where it names none."""
    page = _text("docs/asana.md").partition("## Changelog")[2]
    metadata = yaml.safe_load(_text("metadata.yaml"))["data"]
    spec = yaml.safe_load(_text("source_asana/manifest.yaml"))["spec"]
    return {
        "pyproject.toml": project()["version"],
        "metadata.yaml": metadata["dockerImageTag"],
        "metadata.yaml, documentationUrl": _first(IN_ADDRESS, metadata["documentationUrl"]),
        "manifest.yaml, documentation_url": _first(IN_ADDRESS, spec["documentation_url"]),
        "CHANGELOG.md": _first(r"^## (\d\S+)", _text("CHANGELOG.md")),
        "docs/asana.md": _first(r"^\| (\d\S+) \|", page),
        "docs/airbyte-cloud.md": _all(r"[:`](\d+\.\d+\.\d+)\b", _text("docs/airbyte-cloud.md")),
        "docs/operate.md": _first(r'^  "version": "([^"]+)"', _text("docs/operate.md")),
        "dbt/README.md": _first(r"^ +revision: v(\S+)", _text("dbt/README.md")),
        "dbt/CHANGELOG.md": _first(r"^## (\d\S+)", _text("dbt/CHANGELOG.md")),
        "dbt/dbt_project.yml": yaml.safe_load(_text("dbt/dbt_project.yml"))["version"],
        "Dockerfile, io.airbyte.version": _first(r"airbyte\.version=(\S+)", _text("Dockerfile")),
        "Dockerfile, image.version": _first(r"image\.version=(\S+)", _text("Dockerfile")),
    }


def bases() -> dict[str, str]:
    """Return place -> the image that ours is built on, with its digest."""
    stages = re.findall(r"^FROM (\S+)", _text("Dockerfile"), re.MULTILINE)
    data = yaml.safe_load(_text("metadata.yaml"))["data"]
    return {
        "metadata.yaml": data["connectorBuildOptions"]["baseImage"],
        **{f"Dockerfile, stage {number}": base for number, base in enumerate(stages, 1)},
    }


def base_image() -> str:
    """Return the one base image: name, version and digest.

    Raises:
        ValueError: when the places differ, or name no digest.
    """
    found = bases()
    [base, *others] = set(found.values())
    if others or not re.fullmatch(r"\S+:[\w.-]+@sha256:[0-9a-f]{64}", base):
        message = f"The base image is not the same everywhere, or has no digest: {found}"
        raise ValueError(message)
    return base


def without_owner() -> list[str]:
    """Return the files whose addresses of the repository name no owner yet."""
    files = ("metadata.yaml", "source_asana/manifest.yaml", "dbt/README.md")
    return [file for file in files if NO_OWNER in _text(file)]


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _all(pattern: str, text: str) -> str:
    """Return what is found, once; different ones side by side."""
    return ", ".join(sorted(set(re.findall(pattern, text))))


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else ""
