"""Commands in the documentation work when they are pasted: the gate runs each of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tools.sandbox_process import SandboxProcess

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(ROOT / name / "README.md" for name in ("dbt", "sandbox")),
    *sorted((ROOT / "docs").glob("*.md")),
]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
VARIABLE = re.compile(r"^[A-Z_]+=\S*$")
PROGRAMS = (
    *(".ci/run", ".venv/bin/", ".venv-pyairbyte/bin/", "make ", "python ", "python3 ", "export "),
    *("airbyte-cdk ", "dbt ", "poetry ", "source-asana ", "sha256sum "),
    *("apt-get ", "curl ", "docker ", "kind ", "mkdir ", "echo ", "podman "),
)

# The targets that need arguments to be run here.
MADE = (
    "make try CONFIG=config.json",
    "make live CONFIG=config.json",
    'make bench ARGS="requests --tasks 20 --no-write"',
)
CDK = ".venv/bin/airbyte-cdk connector test --no-creds"
# What the gate does not run, each with the reason.
UNRUN_TARGETS = {
    "quick": "a part of `make test`",
    "dashboard": "warehouse/test_dashboard.py draws it and looks at it",
    "image": "needs docker, podman or buildah",
    "release": "builds the image as well; test_release.py runs the rest",
    "test-lowest": "the tests once more, for before a release",
    "test-newest": "the tests once more, for before a release",
    "test-pyairbyte": "an environment more, for before a release",
}
UNRUN = {
    "docker ": "needs docker",
    "kind ": "needs a cluster",
    "podman ": "needs podman",
    "curl --proto-default https app.asana.com/": "needs an OAuth app",
    "apt-get install postgresql": ".ci/run does it where the programs are not there",
    ".venv/bin/airbyte-cdk image test ": "needs docker",
    "poetry lock": "needs poetry, which nothing else here does",
    "dbt deps": "needs Fivetran's package",
    "dbt source freshness": "is a command of Fivetran's package",
    "dbt build": "warehouse/test_truth.py and test_fivetran.py run dbt",
    "dbt run": "as above",
    "python -m integration_tests.warehouse.size": "takes minutes, for before a change of figures",
    ".venv/bin/python -m unit_tests.golden [COMMIT]": "takes minutes, and needs the history",
    "python -m benchmarks.cloud": "takes minutes, for before a change of the figures",
    ".venv/bin/python -m tools.schemas FOLDER": "make lint compares, where the description is",
    ".venv/bin/python -m sandbox --port 8700": "every test with a sandbox process starts it",
    ".venv-pyairbyte/bin/python examples/pyairbyte_duckdb.py ": "test_pyairbyte.py runs it",
    "sha256sum --check SHA256SUMS": "test_release.py compares the hashes",
    ".ci/run": "is the gate",
}


def told(page: Path) -> Iterator[str]:
    """Yield the commands that a page tells people to run: lines of blocks, and in the text."""
    text = page.read_text("utf-8")
    for language, block in BLOCK.findall(text):
        if language in ("", "shell"):
            yield from _commands(block.replace("\\\n", " ").splitlines(), language)
    yield from _commands(SPAN.findall(BLOCK.sub("", text)), "")


def _commands(lines: Iterable[str], language: str) -> Iterator[str]:
    for line in lines:
        command, _, comment = line.partition(" # ")
        # A comment may name another way to call the same.
        yield from _commands(re.findall(r"or: (.*)", comment), "")
        command = re.sub(r"^(?:[A-Z_]+=\S+ )+(?=make )", "", command.strip())
        if language == "shell" and command and not command.startswith("#"):
            assert command.startswith(PROGRAMS), f"add the program to the list: {command}"
        if command.startswith(PROGRAMS):
            yield command


COMMANDS = list(dict.fromkeys(command for page in PAGES for command in told(page)))


def targets(command: str) -> list[str]:
    """Return the targets of a call of make."""
    arguments = re.sub(r'[A-Z_]+="[^"]*"', "", command).split()[1:]
    return [one for one in arguments if not VARIABLE.match(one)]


def gate() -> set[str]:
    """Return the targets that `.ci/run` makes, with those that they need."""
    found: set[str] = set()
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    todo = [one for line in re.findall(r"^make .*", script, re.MULTILINE) for one in targets(line)]
    while todo:
        found.add(target := todo.pop())
        needed = re.search(rf"^{target}:([^#\n]*)", MAKEFILE, re.MULTILINE)
        todo += needed[1].split() if needed else []
    return found


def recipes() -> str:
    """Return what the gate's targets run."""
    return "".join(
        block
        for name, block in re.findall(r"^([\w-]+):.*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
        if name in gate()
    )


def made_by_tests() -> set[str]:
    """Return the targets that tests run, which the gate runs."""
    example = (ROOT / "integration_tests" / "warehouse" / "test_example.py").read_text("utf-8")
    return {targets(command)[0] for command in (*MADE, *re.findall(r'"(make .*?)"', example))}


def test_each_target_that_is_told_is_run_by_the_gate_or_has_a_reason() -> None:
    named = {one for line in COMMANDS if line.startswith("make ") for one in targets(line)}
    exist = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
    assert len(named) > 10
    assert named <= exist
    assert named - gate() - made_by_tests() - UNRUN_TARGETS.keys() == set()
    assert UNRUN_TARGETS.keys() & (gate() | made_by_tests()) == set(), "the gate runs these now"
    assert UNRUN_TARGETS.keys() - named == set(), "no page names these"


def test_each_other_command_that_is_told_is_run_by_the_gate_or_has_a_reason() -> None:
    others = [line for line in COMMANDS if not line.startswith("make ")]
    unknown = [
        line
        for line in others
        if line != CDK
        and not any(line in one for one in quick())
        and not line.startswith(tuple(UNRUN))
        and not _is_in_recipe(line)
    ]
    assert unknown == []
    unused = [start for start in UNRUN if not any(line.startswith(start) for line in others)]
    assert unused == [], "no page names these"


def _is_in_recipe(command: str) -> bool:
    module = re.search(r"python -m ([\w.]+)", command)
    return bool(module and f"-m {module[1]}" in recipes())


def quick() -> list[str]:
    """Return the commands of shell blocks that run here one after the other."""
    blocks = [
        line
        for page in PAGES
        for language, block in BLOCK.findall(page.read_text("utf-8"))
        if language == "shell"
        for line in _commands(block.replace("\\\n", " ").splitlines(), language)
    ]
    left_out = ("make ", *UNRUN)
    return [line for line in dict.fromkeys(blocks) if not line.startswith(left_out)]


def test_what_is_told_to_users_needs_no_tools_of_development() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## Use it")[2]
    assert re.findall(r"-m (?:tools|sandbox|benchmarks)\b.*", section.partition("\n## ")[0]) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_others_work(tmp_path: Path) -> None:
    for name in (".venv", "docs", "examples", "source_asana"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert len(quick()) >= 10
    with SandboxProcess("--tasks", "20", "--plan", "paid") as asana:
        environment = {**os.environ, "ASANA_TOKEN": asana.token, "NO_PROXY": "127.0.0.1"}
        for line in quick():
            done = _run(line, tmp_path, environment)
            assert '"FAILED"' not in done, line
            if '"credentials"' in line:
                _aim(tmp_path / line.rpartition("> ")[2].rstrip(")"), asana.url)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", MADE)
def test_a_target_works(command: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with SandboxProcess("--tasks", "20", "--plan", "paid") as asana:
        config = {"credentials": {"personal_access_token": asana.token}, "api_url": asana.url}
        path.write_text(json.dumps(config), "utf-8")
        _run(command.replace("config.json", str(path)), ROOT, os.environ)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_cdks_own_command_works(tmp_path: Path) -> None:
    tree = tmp_path / "source-asana"
    shutil.copytree(
        ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache")
    )
    (tree / ".venv").symlink_to(ROOT / ".venv")
    assert re.search(r"\d+ passed", _run(CDK, tree, os.environ))


def _run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run a command as pasted; return what it printed."""
    done = subprocess.run(  # noqa: S602  # the pages are this repository's own
        command,
        shell=True,
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        env=dict(environment),
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def _aim(path: Path, url: str) -> None:
    """Have a configuration that a command wrote read the sandbox."""
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**config, "api_url": url}), "utf-8")
