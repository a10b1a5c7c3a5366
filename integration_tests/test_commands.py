"""Commands in the documentation work when they are pasted: the quick ones are run here."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tools.sandbox_process import SandboxProcess

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```shell\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
# Not run here: what needs an engine, a cluster or an account, and what another test runs.
ELSEWHERE = (
    "docker ",
    "kind ",
    "curl --proto-default https app.asana.com/",
    ".venv-pyairbyte/bin/python examples/pyairbyte_duckdb.py ",
)
TARGETS = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def commands() -> list[str]:
    """Return the commands of all pages, each once, in order; comments are left out."""
    found = [
        re.sub(r"\s+#.*", "", line).strip()
        for page in PAGES
        for block in BLOCK.findall(page.read_text("utf-8"))
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return list(dict.fromkeys(filter(None, found)))


def test_targets_exist() -> None:
    made = [
        word
        for line in commands()
        if "make " in line and not line.startswith(ELSEWHERE)
        for word in line.partition("make ")[2].split()
        if "=" not in word
    ]
    assert made
    assert set(made) <= TARGETS


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_others_work(tmp_path: Path) -> None:
    for name in (".venv", "docs", "examples", "source_asana", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    quick = [line for line in commands() if not line.startswith(ELSEWHERE) and "make " not in line]
    assert len(quick) >= 10
    with SandboxProcess("--tasks", "20", "--plan", "paid") as asana:
        environment = {**os.environ, "ASANA_TOKEN": asana.token, "NO_PROXY": "127.0.0.1"}
        for line in quick:
            done = subprocess.run(  # noqa: S602  # the pages are this repository's own
                line,
                shell=True,
                capture_output=True,
                check=False,
                text=True,
                cwd=tmp_path,
                env=environment,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            assert '"FAILED"' not in done.stdout, line
            if '"credentials"' in line:
                _aim(tmp_path / line.rpartition("> ")[2].rstrip(")"), asana.url)


def _aim(path: Path, url: str) -> None:
    """Have a configuration that a command wrote read the sandbox."""
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**config, "api_url": url}), "utf-8")
