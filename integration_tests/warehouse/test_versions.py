"""The versions of dbt that the package declares: the lowest one builds it, dbt 2 parses it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from integration_tests.warehouse.asana import ROOT
from integration_tests.warehouse.dbt_runs import DBT, PACKAGE, Dbt
from integration_tests.warehouse.engines import DuckDb
from integration_tests.warehouse.scenario import History
from tools import bounds, install

VENV = ROOT / ".venv-dbt-lowest"
# dbt 2 in all but its name, which dbt-core 1 brings along.
DBT_2 = DBT.with_name("dbt-core-experimental-parser")


@pytest.fixture(scope="module")
def declared() -> str:
    """Return the range of versions that the package takes, as pip writes it."""
    project = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text("utf-8"))
    return ",".join(project["require-dbt-version"])


@pytest.fixture(scope="module")
def locked() -> dict[str, str]:
    """Return package -> version of what is in .venv-dbt."""
    text = Path(__file__).with_name("requirements.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w-]+)==(\S+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def lowest(declared: str, locked: dict[str, str]) -> Path:
    """Return the lowest version of dbt, in an environment that is made if need be."""
    python = install.make_venv(VENV)
    adapter = [f"{name}=={locked[name]}" for name in ("dbt-duckdb", "duckdb")]
    install.pip(python, f"dbt-core=={bounds.first(declared)}", *adapter)
    return python.with_name("dbt")


def test_the_versions_that_are_tested_may_be_used(declared: str, locked: dict[str, str]) -> None:
    allowed = SpecifierSet(declared, prereleases=True)
    for name in ("dbt-core", "dbt-core-experimental-parser"):
        assert locked[name] in allowed, name


def test_the_lowest_version_builds_it(duckdb: DuckDb, history: History, lowest: Path) -> None:
    duckdb.write(history.tables(deduped=True))
    dbt = Dbt(duckdb.folder / "lowest", duckdb.output(), variables=duckdb.variables, program=lowest)
    run = dbt.run("build")
    assert run.failed == {}
    assert run.warnings == []
    assert duckdb.table("asana_marts", "asana__task")
    variables = duckdb.variables | {"asana_airbyte_schema": "elsewhere"}
    wrong = Dbt(duckdb.folder / "wrong", duckdb.output(), variables=variables, program=lowest)
    assert "set the variable asana_airbyte_schema" in wrong.run("run").failed["dbt"]


def test_dbt_2_parses_it(tmp_path: Path) -> None:
    Dbt(tmp_path, {"type": "duckdb", "path": str(tmp_path / "none"), "schema": "none"})
    folders = {f"DBT_{name}_PATH": str(tmp_path / name) for name in ("TARGET", "LOG")}
    done = subprocess.run(
        [DBT_2, "parse", "--project-dir", PACKAGE, "--profiles-dir", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **folders, "DO_NOT_TRACK": "1"},
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    # dbt 1.10 knows only the older way to write metrics, which dbt 2 warns of once.
    told = re.findall(r"\[(?:warning|error)\] \[(\w+)", output)
    assert told == ["SemanticModelDeprecated"], output
