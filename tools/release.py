"""Build what a release consists of into dist/: `python -m tools.release`.

That is wheel, sdist, the bill of materials in CycloneDX's form and the hashes of the three; the
licences are listed in docs/licences.md. Refuses where versions or base images do not agree, or the
wheel lacks or has what it should not. The same commit gives the same bytes, whenever and wherever
it is built. `make release` also builds the image.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from poetry.core.masonry import api

from tools import licences, sbom
from tools.versions import ROOT, bases, project, versions, without_owner

DIST = ROOT / "dist"
HASHES = "SHA256SUMS"
DEVELOPMENT = ("sandbox/", "tools/", "unit_tests/", "integration_tests/", "benchmarks/")


def problems(wheel: Path) -> list[str]:
    """Return what is wrong with a wheel."""
    names = zipfile.ZipFile(wheel).namelist()
    wanted = [
        str(path.relative_to(ROOT))
        for package in project()["packages"]
        for path in (ROOT / package["include"]).rglob("*")
        if path.suffix in {".py", ".json", ".yaml"}
    ]
    missing = [f"{name} is missing in the wheel" for name in wanted if name not in names]
    alien = [f"{name} does not belong into it" for name in names if name.startswith(DEVELOPMENT)]
    return missing + alien


def disagreements() -> list[str]:
    """Return where versions or base images differ, a line each; empty when all agree."""
    lines: list[str] = []
    for what, found in (("version", versions()), ("base image", bases())):
        if len(set(found.values())) != 1:
            lines += [f"{place}: {value or f'no {what}'}" for place, value in found.items()]
            lines.append(f"The {what}s do not agree.")
    return lines


def build(folder: Path) -> list[Path]:
    """Build wheel, sdist and bill of materials into a folder; return their paths.

    Times inside the archives are that of the commit, unless SOURCE_DATE_EPOCH says another one;
    a source tree without a history gets the build backend's fixed time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (time := _commit_time()) and "SOURCE_DATE_EPOCH" not in os.environ:
        os.environ["SOURCE_DATE_EPOCH"] = time
    wheel, sdist = api.build_wheel(str(folder)), api.build_sdist(str(folder))
    name = f"{project()['name']}-{project()['version']}.cdx.json"
    return [folder / wheel, folder / sdist, sbom.write(folder / name)]


def _commit_time() -> str:
    command = ["git", "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=ROOT)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def write_hashes(files: Iterable[Path], listed: Path) -> None:
    """Write the files' SHA-256 in the form that `sha256sum --check` takes."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files]
    listed.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> int:
    """Build; return the process exit code."""
    if lines := disagreements():
        sys.stderr.write("\n".join(lines) + "\n")
        return 1
    if unset := without_owner():
        sys.stderr.write(f"Before you publish, replace OWNER in {', '.join(unset)}.\n")
    licences.main([])
    files = build(DIST)
    write_hashes(files, DIST / HASHES)
    for line in (wrong := problems(files[0])):
        sys.stderr.write(f"{line}\n")
    for name in (*(file.name for file in files), HASHES):
        sys.stdout.write(f"dist/{name}\n")
    sys.stdout.write("docs/licences.md\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
