"""Install the locked versions with python3 and pip alone: `python3 tools/install.py`.

Creates `.venv`, has pip install what `poetry.lock` names for the groups main and dev, every file
checked against its hash there, and puts this source tree with its `source-asana` command into it.
A stamp in `.venv` makes the next call instant. The image is built by the same means: `--venv
FOLDER --group main`. `--requirements FILE` takes another lock, of pip's kind, and leaves the source
tree out.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = {
    "main": "source_asana.run",
    "dev": "xdist, hypothesis, jsonschema, airbyte_cdk.test.entrypoint_wrapper",
    "pyairbyte": "airbyte.caches",
}
"""What is started again and again in an environment, by dependency group."""


def requirements(lock: Mapping[str, Any], groups: Collection[str]) -> Iterator[str]:
    """Yield a pip requirement line with marker and hashes for each locked package of the groups.

    Args:
        lock: content of poetry.lock, lock version 2.1.
        groups: names of dependency groups.
    """
    for package in lock["package"]:
        wanted = [group for group in package["groups"] if group in groups]
        if not wanted:
            continue
        line = f"{package['name']}=={package['version']}"
        marker = _marker(package.get("markers", ""), wanted)
        if marker:
            line += f" ; {marker}"
        yield " ".join([line, *(f"--hash={file['hash']}" for file in package["files"])])


def _marker(markers: str | Mapping[str, str], groups: list[str]) -> str:
    """Return the marker under which one of the groups wants a package, empty for always."""
    if isinstance(markers, str):
        return markers
    parts = [markers.get(group, "") for group in groups]
    return " or ".join(f"({part})" for part in parts) if all(parts) else ""


def editable_wheel(folder: Path, project: Mapping[str, Any]) -> Path:
    """Write a wheel that points at this source tree and return its path.

    The build backend would have to be downloaded first; this needs nothing, and pip makes the
    command, the metadata and a clean removal from it as from any other wheel.

    Args:
        folder: where to write.
        project: what `declared` returns.
    """
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    scripts = "".join(f"{key} = {value}\n" for key, value in project["scripts"].items())
    files = {
        f"{name}.pth": f"{ROOT}\n",
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
            f"Summary: {project['description']}\n"
        ),
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tools/install.py\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n"
        ),
        f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}",
    }
    record = f"{info}/RECORD"
    lines = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[record] = "\n".join([*lines, f"{record},,"]) + "\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def make_venv(folder: Path) -> Path:
    """Create a virtual environment unless it has the right Python; return its Python.

    It gets no pip: that of the calling Python installs into it, so ensurepip need not be there.
    """
    python = folder / "bin" / "python"
    if _version_of(python) != sys.version_info[:2]:
        venv.create(folder, clear=True, symlinks=True)
    return python


def _version_of(python: Path) -> tuple[int, ...] | None:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, done.stdout.split()))


def pip(python: Path, *arguments: str | Path) -> None:
    """Have pip install into the environment of `python`; its own output says what went wrong.

    Called with an environment of ours, which has no pip, the Python under it has one.
    """
    caller = Path(sys.executable)
    if find_spec("pip") is None:
        caller = Path(sys.base_prefix, "bin", "python{}.{}".format(*sys.version_info))
    command = [str(caller), "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = subprocess.run([*command, "--disable-pip-version-check", *arguments], check=False)
    if done.returncode:
        sys.exit("pip could not install the locked packages; its message is above.")


def install(python: Path, lines: list[str], project: Mapping[str, Any] | None) -> None:
    """Install the requirement lines, and the source tree if its project is given, for `python`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = folder / "requirements.txt"
        listed.write_text("\n".join(lines) + "\n", "utf-8")
        count = sum("==" in line for line in lines)
        sys.stdout.write(f"Installing up to {count} locked packages with pip\n")
        sys.stdout.flush()
        # Compiling everything takes longer than compiling what is imported when it is.
        pip(python, "--no-deps", "--require-hashes", "--no-compile", "-r", listed)
        if project:
            editable_wheel(folder, project)
            # By name: of a wheel that is named by its path pip would note the temporary folder.
            wanted = f"{project['name']}=={project['version']}"
            found = ("--no-index", "--find-links", folder)
            pip(python, "--no-deps", "--force-reinstall", "--no-compile", *found, wanted)


def compile_used(python: Path, groups: Collection[str]) -> None:
    """Compile what every start imports: a third of the time that `spec` takes.

    Where PYTHONDONTWRITEBYTECODE is set, as in many images, no later start would.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for names in (IMPORTED[group] for group in groups if group in IMPORTED):
        # What is not there yet (the image gets the source later) need not be compiled.
        subprocess.run(
            [python, "-c", f"import {names}"], env=environment, capture_output=True, check=False
        )


def locked(listed: Path | None, groups: Collection[str]) -> list[str]:
    """Return pip's lines for what is to be installed: those of a file, or of poetry.lock."""
    if listed:
        return listed.read_text("utf-8").splitlines()
    return list(requirements(tomllib.loads((ROOT / "poetry.lock").read_text("utf-8")), groups))


def declared() -> Mapping[str, Any]:
    """Return the table `tool.poetry` of pyproject.toml."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    poetry: Mapping[str, Any] = content["tool"]["poetry"]
    return poetry


def main() -> None:
    """Install, unless the stamp says that nothing changed."""
    parser = argparse.ArgumentParser(description="Install the locked versions.")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="where to")
    parser.add_argument("--group", action="append", help="dependency group; all when left out")
    parser.add_argument("--requirements", type=Path, help="another lock, without the source tree")
    options = parser.parse_args()
    groups = [] if options.requirements else options.group or ["main", "dev"]
    project = None if options.requirements else declared()
    lines = locked(options.requirements, groups)
    own = [project[key] for key in ("name", "version", "scripts")] if project else []
    state = _digest("\n".join([*lines, str(ROOT), *map(str, own)] if own else lines))
    python = make_venv(options.venv)
    stamp = options.venv / ".installed"
    if not stamp.exists() or stamp.read_text("utf-8") != state:
        install(python, lines, project)
        compile_used(python, groups)
    stamp.write_text(state, "utf-8")


if __name__ == "__main__":
    main()
