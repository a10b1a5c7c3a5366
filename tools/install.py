"""Install the locked versions with python3 and pip alone: `python3 tools/install.py [--export]`.

Creates `.venv`, has pip install what `poetry.lock` names for the groups main and dev, every file
checked against its hash there, and puts this source tree with its `source-asana` command into it.
A stamp in `.venv` makes the next call instant. With `--export` it prints pip's requirement lines of
the group main and installs nothing; the Dockerfile uses that.
"""

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"


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
        project: the table `tool.poetry` of pyproject.toml.
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


def make_venv() -> None:
    """Create `.venv`, or create it anew when its Python is gone or another one than this."""
    if _version_of(PYTHON) != sys.version_info[:2]:
        # Where Python comes without ensurepip, pip of the calling Python installs into it.
        has_pip = importlib.util.find_spec("ensurepip") is not None
        venv.create(VENV, clear=True, symlinks=True, with_pip=has_pip)


def _version_of(python: Path) -> tuple[int, ...] | None:
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, done.stdout.split()))


def pip(*arguments: str | Path) -> None:
    """Run pip for `.venv`; its own output says what went wrong."""
    probe = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False)
    own = probe.returncode == 0
    command: list[str | Path] = [PYTHON] if own else [sys.executable]
    target: list[str | Path] = [] if own else ["--python", PYTHON]
    quiet = ["--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "-m", "pip", *target, "install", *quiet, *arguments], check=False
    )
    if done.returncode:
        sys.exit("pip could not install the locked packages; its message is above.")


def install(lines: list[str], project: Mapping[str, Any]) -> None:
    """Install the requirement lines and the source tree into `.venv`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = folder / "requirements.txt"
        listed.write_text("\n".join(lines) + "\n", "utf-8")
        sys.stdout.write(f"Installing up to {len(lines)} locked packages into .venv\n")
        sys.stdout.flush()
        # Compiling everything takes longer than compiling what is imported when it is.
        pip("--no-deps", "--require-hashes", "--no-compile", "-r", listed)
        pip("--no-deps", "--no-index", "--force-reinstall", editable_wheel(folder, project))


def main() -> None:
    """Install, unless the stamp says that nothing changed; or print the requirement lines."""
    parser = argparse.ArgumentParser(description="Install the locked versions into .venv.")
    parser.add_argument("--export", action="store_true", help="print pip's lines of the group main")
    options = parser.parse_args()
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["poetry"]
    if options.export:
        sys.stdout.writelines(f"{line}\n" for line in requirements(lock, ["main"]))
        return
    lines = list(requirements(lock, ["main", "dev"]))
    make_venv()
    parts = [*lines, str(ROOT), project["version"], str(project["scripts"])]
    state = _digest("\n".join(parts))
    if not STAMP.exists() or STAMP.read_text("utf-8") != state:
        install(lines, project)
    STAMP.write_text(state, "utf-8")


if __name__ == "__main__":
    main()
