"""Make an environment with the oldest or newest versions: `python3 -m tools.bounds lowest|newest`.

The locked versions are installed into `.venv-lowest` or `.venv-newest`. Then what the connector
needs at run time is moved: to the first version that `pyproject.toml` allows, or, with all that it
needs in turn, to the last one that the package index has. This needs python3 and pip alone.

`pyairbyte` makes `.venv-pyairbyte-next` instead, of PyAirbyte's newest version with its release
candidates: the lock file has the last version before 1.0.
"""

import argparse
import re
from collections.abc import Mapping, Sequence

from tools import install

ENDS = ("lowest", "newest")
# A range that starts at a candidate allows candidates of this package, and of no other.
PYAIRBYTE = "airbyte>=1.0.0rc1,<2"


def allowed() -> dict[str, str]:
    """Return the packages that the connector needs at run time: name -> pip's range of versions."""
    needed: Mapping[str, str] = install.declared()["dependencies"]
    return {name: pip_range(text) for name, text in needed.items() if name != "python"}


def pip_range(text: str) -> str:
    """Return pip's way to say one of Poetry's ranges, of which we use carets and comparisons."""
    if not text.startswith("^"):
        return text
    return f">={text[1:]},<{int(text[1:].partition('.')[0]) + 1}"


def first(versions: str) -> str:
    """Return the first version of a range of pip's kind."""
    found = re.search(r">=\s*([\d.]+)", versions)
    if not found:
        message = f"the range {versions} has no lower end"
        raise ValueError(message)
    return found[1]


def arguments(end: str) -> list[str]:
    """Return what pip is asked for after the locked versions are there."""
    if end == "lowest":
        return [f"{name}=={first(versions)}" for name, versions in allowed().items()]
    wanted = [f"{name}{versions}" for name, versions in allowed().items()]
    return ["--upgrade", "--upgrade-strategy", "eager", *wanted]


def main(given: Sequence[str] | None = None) -> None:
    """Make the environment, again from the lock each time; PyAirbyte's has nothing of it."""
    parser = argparse.ArgumentParser(description="Install one end of the allowed versions.")
    parser.add_argument("end", choices=[*ENDS, "pyairbyte"])
    end = parser.parse_args(given).end
    if end == "pyairbyte":
        python = install.make_venv(install.ROOT / ".venv-pyairbyte-next")
        install.pip(python, "--upgrade", PYAIRBYTE)
        return
    python = install.make_venv(install.ROOT / f".venv-{end}")
    install.install(python, install.locked(None, ["main", "dev"]), install.declared())
    install.pip(python, *arguments(end))


if __name__ == "__main__":
    main()
