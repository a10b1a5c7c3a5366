"""Write a bill of materials in CycloneDX's form: `python -m tools.sbom [FILE]`.

It names the connector, the locked packages that come with it, with their licences, the hashes of
their files and who needs whom, and the image that ours is built on. It holds no time and nothing
random: the same lock file gives the same bytes on the same kind of system.
"""

import json
import sys
import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from tools.licences import licence
from tools.versions import ROOT, base_image, project

SPEC_VERSION = "1.6"
# Any fixed one will do: the serial number is made of it and of the content.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/airbytehq/airbyte/source-asana")

Json = dict[str, Any]


def locked() -> list[Json]:
    """Return the packages of the lock file's main group, as the lock file has them."""
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    return [package for package in lock["package"] if "main" in package["groups"]]


def _ref(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def component(package: Mapping[str, Any]) -> Json:
    """Return a package as a component."""
    name, version = package["name"], package["version"]
    found: Json = {
        "type": "library",
        "bom-ref": _ref(name, version),
        "name": name,
        "version": version,
        "purl": _ref(name, version),
        "scope": "required",
        "externalReferences": list(_files(package)),
    }
    if stated := _licence(name):
        found["licenses"] = [{"license": {"name": stated}}]
    return found


def _files(package: Mapping[str, Any]) -> Iterator[Json]:
    """Yield the files of a package, any of which may be the one that is installed."""
    for file in package["files"]:
        algorithm, _, digest = file["hash"].partition(":")
        if algorithm == "sha256":
            url = f"{_ref(package['name'], package['version'])}?file_name={file['file']}"
            hashes = [{"alg": "SHA-256", "content": digest}]
            yield {"type": "distribution", "url": url, "hashes": hashes}


def _licence(name: str) -> str:
    """Return the licence that a package states, empty where it is for other systems only."""
    try:
        return licence(distribution(name).metadata)
    except PackageNotFoundError:
        return ""


def _base() -> Json:
    address, _, digest = base_image().partition("@sha256:")
    name, _, version = address.rpartition(":")
    return {
        "type": "container",
        "bom-ref": base_image(),
        "name": name,
        "version": version,
        "description": "the image that the connector's image is built on",
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


def _connector() -> Json:
    about = project()
    return {
        "type": "application",
        "bom-ref": _ref(about["name"], about["version"]),
        "name": about["name"],
        "version": about["version"],
        "description": about["description"],
        "licenses": [{"license": {"id": about["license"]}}],
        "purl": _ref(about["name"], about["version"]),
    }


def dependencies(packages: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Return who needs whom; of a package with a version for each Python all of them."""
    refs: dict[str, list[str]] = {}
    for package in packages:
        refs.setdefault(package["name"], []).append(_ref(package["name"], package["version"]))

    def known(names: Sequence[str]) -> list[str]:
        plain = {name.lower().replace("_", "-") for name in names}
        return sorted(ref for name in plain for ref in refs.get(name, ()))

    about = project()
    own = _ref(about["name"], about["version"])
    wanted = [*known(list(about["dependencies"])), base_image()]
    return [
        {"ref": own, "dependsOn": wanted},
        *(
            {
                "ref": _ref(package["name"], package["version"]),
                "dependsOn": known(list(package.get("dependencies", ()))),
            }
            for package in packages
        ),
    ]


def bill() -> Json:
    """Return the bill of materials."""
    packages = locked()
    content: Json = {
        "metadata": {"component": _connector()},
        "components": [*map(component, packages), _base()],
        "dependencies": dependencies(packages),
    }
    serial = uuid.uuid5(NAMESPACE, json.dumps(content, sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": serial.urn,
        "version": 1,
        **content,
    }


def write(file: Path) -> Path:
    """Write the bill of materials into a file and return its path."""
    file.write_text(json.dumps(bill(), indent=1) + "\n", "utf-8")
    return file


def main(arguments: Sequence[str] | None = None) -> None:
    """Write to the file that is named, else to the standard output."""
    names = sys.argv[1:] if arguments is None else arguments
    if names:
        write(Path(names[0]))
    else:
        sys.stdout.write(json.dumps(bill(), indent=1) + "\n")


if __name__ == "__main__":
    main()
