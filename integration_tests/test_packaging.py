"""What Airbyte reads beside the code: metadata, icon, image, acceptance tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import tools.metadata
from source_asana.config import KEYS, parse_config
from source_asana.http.client import DISTRIBUTION
from tools import connector
from tools.versions import base_image

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
    page = (ROOT / "docs" / "asana.md").read_text("utf-8").partition("## IP allow list")[2]
    first, *others = data["allowedHosts"]["hosts"]
    assert first == urlsplit(KEYS["api_url"]["default"]).hostname
    assert all(f"`{host}`" in page.partition("\n## ")[0] for host in (first, *others))
    assert (ROOT / data["icon"]).exists()


def test_suggested_streams_exist(metadata: dict[str, Any]) -> None:
    config = {"credentials": {"personal_access_token": "unused-token"}}
    found = {s["name"] for s in connector.run("discover", config=config).catalog["streams"]}
    assert set(metadata["data"]["suggestedStreams"]["streams"]) <= found


def test_external_pages_come_in_the_order_of_airbytes_guide(metadata: dict[str, Any]) -> None:
    pages = metadata["data"]["externalDocumentationUrls"]
    kinds = [page["type"] for page in pages]
    assert kinds[0] == "api_release_history"
    assert len(set(kinds)) == len(kinds)
    assert {"data_model_reference", "developer_community", "api_reference", "rate_limits"} <= {
        *kinds
    }
    hosts = {urlsplit(page["url"]).hostname for page in pages}
    assert hosts == {"developers.asana.com", "forum.asana.com", "github.com", "status.asana.com"}
    # Airbyte's repository has pages of its own source only.
    assert "airbytehq/airbyte/" not in json.dumps(metadata, default=str)


def test_no_deadline_is_set_for_anybody(metadata: dict[str, Any]) -> None:
    assert "upgradeDeadline" not in json.dumps(metadata, default=str)


def test_the_package_is_not_the_one_of_airbytes_own_source(metadata: dict[str, Any]) -> None:
    # An upgrade would replace this connector by the other.
    name = metadata["data"]["remoteRegistries"]["pypi"]["packageName"]
    assert name != "airbyte-source-asana"
    assert name == DISTRIBUTION
    assert version(DISTRIBUTION) == metadata["data"]["dockerImageTag"]


def test_memory_asked_for_is_what_was_measured(metadata: dict[str, Any]) -> None:
    measured = (ROOT / "docs" / "performance.md").read_text("utf-8")
    peaks = [int(found) for found in re.findall(r"reader: peak \| (\d+) MB", measured)]
    wanted = metadata["data"]["resourceRequirements"]
    [sync] = [one for one in wanted["jobSpecific"] if one["jobType"] == "sync"]
    request, limit = (
        int(sync["resourceRequirements"][key].removesuffix("Mi")) * 1024**2 / 1000**2
        for key in ("memory_request", "memory_limit")
    )
    assert 1.25 * max(peaks) <= request <= 2 * max(peaks), "neither tight nor wasted"
    [largest] = map(int, re.findall(r"subtasks took (\d+) MB", measured))
    assert 1.25 * largest <= limit <= 2 * largest
    # As what users are told to set.
    page = (ROOT / "docs" / "airbyte-cloud.md").read_text("utf-8")
    told = re.findall(r"\| (\w+Mi) \| (\d+) MB \|", page)
    limits = sync["resourceRequirements"]
    assert told == [
        (limits["memory_request"], str(max(peaks))),
        (limits["memory_limit"], str(largest)),
    ]


def test_smoke_scenarios_are_what_they_say(metadata: dict[str, Any]) -> None:
    suites = {one["suite"]: one for one in metadata["data"]["connectorTestSuitesOptions"]}
    scenarios = {one["name"]: one for one in suites["smokeTests"]["scenarios"]}
    assert scenarios["default"]["suggestedStreamsOnly"]
    for scenario in scenarios.values():
        path = scenario.get("configFile", "")
        assert not path or path == "secrets/config.json" or (ROOT / path).exists()
    incomplete = json.loads((ROOT / scenarios["incomplete_config"]["configFile"]).read_text())
    assert connector.run("check", config=incomplete).connection["status"] == "FAILED"
    # These fail, or not, by Asana's answer and not by their form.
    for name in ("unknown_token", "custom_field_columns"):
        settings = scenarios[name]["configSettings"]
        parse_config({"credentials": {"personal_access_token": "unused-token"}, **settings})


def test_image_is_built_on_the_declared_base_and_carries_the_version(
    metadata: dict[str, Any],
) -> None:
    assert base_image() == metadata["data"]["connectorBuildOptions"]["baseImage"]
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    found = set(re.findall(r"\.version=(\S+)", dockerfile))
    assert found == {metadata["data"]["dockerImageTag"]}


def test_wheel_image_and_program_have_all_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["poetry"]
    packages = {one["include"] for one in project["packages"]}
    assert packages == {path.parent.name for path in ROOT.glob("source_asana*/__init__.py")}
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert set(copied) == packages
    seen = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {f"!{name}" for name in packages} <= set(seen)
    assert connector.COMMAND.name in project["scripts"]


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
