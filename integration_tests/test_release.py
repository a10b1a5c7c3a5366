"""What `make release` leaves in dist/: the same bytes each time, the bill of materials, hashes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import install, release, sbom, versions

ROOT = Path(__file__).parents[1]


def copied(folder: Path, *, permissions: int, moment: float) -> Path:
    """Return a copy of the source tree, whose files have other times and permissions."""
    leave_out = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=leave_out, symlinks=True)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(permissions)
            os.utime(path, (moment, moment))
    return folder


def released(tree: Path) -> dict[str, bytes]:
    """Return what a release of a tree consists of: name -> content."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.release"],
        capture_output=True,
        check=False,
        text=True,
        cwd=tree,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in (tree / "dist").iterdir()}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """Return two releases of the same tree, from elsewhere, at another time, by someone else."""
    folder = tmp_path_factory.mktemp("release")
    trees = (
        copied(folder / "one", permissions=0o644, moment=1_500_000_000),
        copied(folder / "two" / "deeper", permissions=0o600, moment=1_700_000_000),
    )
    return [released(tree) for tree in trees]


def test_the_same_tree_gives_the_same_bytes(twice: list[dict[str, bytes]]) -> None:
    one, two = twice
    assert [name for name in one if one[name] != two.get(name)] == []
    assert set(one) == set(two)


def test_a_release_has_all_its_parts_and_their_hashes(twice: list[dict[str, bytes]]) -> None:
    files = dict(twice[0])
    listed = files.pop(release.HASHES).decode().splitlines()
    assert {Path(name).suffix for name in files} == {".whl", ".gz", ".json"}
    assert listed == [
        f"{hashlib.sha256(files[line.split()[-1]]).hexdigest()}  {line.split()[-1]}"
        for line in listed
    ]
    assert {line.split()[-1] for line in listed} == set(files)


@pytest.mark.slow
def test_installing_the_source_tree_twice_leaves_the_same_files(tmp_path: Path) -> None:
    # The image's layers are to be the same bytes as well.
    installed = []
    for _ in range(2):
        python = install.make_venv(tmp_path / "venv")
        install.install(python, [], install.declared())
        [info] = (tmp_path / "venv" / "lib").rglob("source_asana_complete-*.dist-info")
        installed.append({path.name: path.read_bytes() for path in info.iterdir()})
        shutil.rmtree(tmp_path / "venv")
    assert installed[0] == installed[1]
    assert "entry_points.txt" in installed[0]


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.bill()


def test_the_bill_names_every_locked_package_with_the_hashes_of_its_files(
    bill: dict[str, Any],
) -> None:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    locked = {
        (package["name"], package["version"]): {file["hash"] for file in package["files"]}
        for package in lock["package"]
        if "main" in package["groups"]
    }
    named = {
        (one["name"], one["version"]): {
            f"sha256:{digest['content']}"
            for file in one["externalReferences"]
            for digest in file["hashes"]
        }
        for one in bill["components"]
        if one["type"] == "library"
    }
    assert named == locked
    assert ("airbyte-cdk", locked_version("airbyte-cdk")) in named


def locked_version(name: str) -> str:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    return next(str(one["version"]) for one in lock["package"] if one["name"] == name)


def test_the_bill_is_whole_in_itself(bill: dict[str, Any]) -> None:
    own = bill["metadata"]["component"]
    refs = [own["bom-ref"], *(one["bom-ref"] for one in bill["components"])]
    assert len(set(refs)) == len(refs)
    edges = {one["ref"]: set(one["dependsOn"]) for one in bill["dependencies"]}
    assert set(edges) <= set(refs)
    reached, todo = set[str](), [own["bom-ref"]]
    while todo:
        ref = todo.pop()
        todo += edges.get(ref, set()) - reached
        reached |= {ref, *edges.get(ref, set())}
    assert reached == set(refs), "nothing comes along that nobody needs"
    assert all("licenses" in one for one in bill["components"] if one["name"] == "airbyte-cdk")
    assert (bill["bomFormat"], bill["version"]) == ("CycloneDX", 1)


def test_the_bill_names_the_base_image_by_its_digest(bill: dict[str, Any]) -> None:
    [base] = [one for one in bill["components"] if one["type"] == "container"]
    [digest] = base["hashes"]
    assert f"{base['name']}:{base['version']}@sha256:{digest['content']}" == versions.base_image()


def test_a_release_is_refused_where_the_base_images_differ(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**versions.bases(), "Dockerfile, stage 1": "airbyte/python-connector-base:9"}
    monkeypatch.setattr(release, "bases", lambda: other)
    assert release.main() == 1
    assert "The base images do not agree." in capsys.readouterr().err


@pytest.mark.parametrize(
    "base", ["airbyte/python-connector-base:4.1.0", "airbyte/base:1@sha256:abc", ""]
)
def test_a_base_image_without_its_digest_is_refused(
    monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    monkeypatch.setattr(versions, "bases", lambda: {"metadata.yaml": base, "Dockerfile": base})
    with pytest.raises(ValueError, match="base image"):
        versions.base_image()


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    assert text.startswith("# Untested")
    found: dict[Any, Any] = yaml.safe_load(text)
    return found


def test_the_workflow_runs_for_tags_and_may_write_only_where_it_publishes(
    workflow: dict[Any, Any],
) -> None:
    # YAML 1.1 reads `on` as true.
    assert workflow[True] == {"push": {"tags": ["v*"]}}
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in workflow["jobs"].items() if "permissions" in job] == ["publish"]
    order = {name: job.get("needs") for name, job in workflow["jobs"].items()}
    assert order == {"test": None, "build": "test", "publish": "build"}


def test_the_workflow_calls_what_is_here(workflow: dict[Any, Any]) -> None:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    commands = "\n".join(step.get("run", "") for step in steps)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", commands)) <= targets
    modules = re.findall(r"python -m (tools\.\w+)", commands)
    assert modules
    assert all((ROOT / name.replace(".", "/")).with_suffix(".py").exists() for name in modules)
    assert release.HASHES in commands
    # The first section of the change log becomes the notes.
    assert re.search(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
