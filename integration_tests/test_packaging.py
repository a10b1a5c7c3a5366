"""What Airbyte reads beside the code: metadata, icon, image, acceptance tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import tools.metadata
from source_asana.config import DEFAULT_API_URL
from tools import connector

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    return tools.metadata.metadata()


def test_metadata_has_the_form_of_airbytes_registry(capfd: pytest.CaptureFixture[str]) -> None:
    assert tools.metadata.main() == 0, capfd.readouterr().err


def test_metadata_agrees_with_the_other_files(metadata: dict[str, Any]) -> None:
    data = metadata["data"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["poetry"]
    assert data["license"] == project["license"]
    assert data["remoteRegistries"]["pypi"]["packageName"] == project["name"]
    assert data["allowedHosts"]["hosts"] == [urlsplit(DEFAULT_API_URL).hostname]
    assert (ROOT / data["icon"]).exists()


def test_suggested_streams_exist(metadata: dict[str, Any]) -> None:
    config = {"credentials": {"personal_access_token": "unused-token"}}
    found = {s["name"] for s in connector.run("discover", config=config).catalog["streams"]}
    assert set(metadata["data"]["suggestedStreams"]["streams"]) <= found


def test_image_is_built_on_the_declared_base_and_carries_the_version(
    metadata: dict[str, Any],
) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    assert bases == {metadata["data"]["connectorBuildOptions"]["baseImage"]}
    versions = set(re.findall(r"\.version=(\S+)", dockerfile))
    assert versions == {metadata["data"]["dockerImageTag"]}


def test_no_address_without_tls_but_on_loopback() -> None:
    # As Airbyte's check reads the files; tests are left out there too.
    kinds = ["*.py", "*.md", "*.yaml", "*.yml", "*.json", "*.toml", "Dockerfile"]
    listed = subprocess.run(
        ["git", "ls-files", *kinds],  # noqa: S607  # git is wherever the system has it
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
    ).stdout.split()
    found = [
        f"{name}:{number}"
        for name in listed
        if not name.startswith(("unit_tests/", "integration_tests/"))
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1)
        if "http://" in re.sub("http://(json-schema.org|localhost)", "", line)
        and "# ignore-https-check" not in line
        and not line.lstrip().startswith("#")
    ]
    assert not found


def test_main_py_and_the_console_script_are_the_same_connector() -> None:
    commands = [[sys.executable, str(ROOT / "main.py")], [str(connector.COMMAND)]]
    specs = [_spec(command) for command in commands]
    assert specs[0] == specs[1]
    assert specs[0]["connectionSpecification"]["required"] == ["credentials"]


def _spec(command: list[str]) -> dict[str, Any]:
    done = subprocess.run([*command, "spec"], capture_output=True, check=True, text=True)
    [spec] = [
        message["spec"]
        for message in map(json.loads, done.stdout.splitlines())
        if message["type"] == "SPEC"
    ]
    return dict(spec)
