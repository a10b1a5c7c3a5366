"""The package in the dialects of warehouses that are not here: compiled and parsed, not run."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from integration_tests.warehouse.dbt_runs import PYTHON, Dbt

OUTPUTS: dict[str, dict[str, Any]] = {
    "snowflake": {"account": "none", "user": "u", "password": "p", "warehouse": "w"},
    "bigquery": {"method": "oauth-secrets", "token": "none", "project": "db"},
    "redshift": {"host": "127.0.0.1", "port": 1, "user": "u", "password": "p", "dbname": "db"},
    "databricks": {"host": "127.0.0.1", "http_path": "/none", "token": "none", "catalog": "db"},
}
PARSE = Path(__file__).with_name("parse.py")


@pytest.mark.parametrize("dialect", OUTPUTS)
def test_it_compiles_and_parses(tmp_path: Path, dialect: str) -> None:
    output = {"type": dialect, "schema": "asana", "database": "db", **OUTPUTS[dialect]}
    if dialect in {"bigquery", "redshift", "databricks"}:
        output.pop("database")
    dbt = Dbt(
        tmp_path,
        output,
        variables={
            "asana_airbyte_look_at_tables": False,
            "asana_airbyte_track_deletions": True,
        },
    )
    run = dbt.run("compile", "--no-populate-cache", "--no-introspect")
    assert run.failed == {}
    assert run.warnings == []
    compiled = tmp_path / "target" / "compiled" / "asana_airbyte" / "models"
    texts = [file.read_text("utf-8") for file in compiled.rglob("*.sql")]
    assert any("_ab_cdc_deleted_at" in text.lower() for text in texts)
    command: list[str | Path] = [PYTHON, PARSE, dialect, compiled]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(texts)
    # What runs first, to look for the tables, gives one more.
    assert run.statuses == {"success": len(texts) + 1}
