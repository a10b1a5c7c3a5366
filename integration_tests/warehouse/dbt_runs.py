"""dbt as a process, from its own environment."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration_tests.warehouse.asana import ROOT

DBT = ROOT / ".venv-dbt" / "bin" / "dbt"
PYTHON = DBT.with_name("python")
PACKAGE = ROOT / "dbt"
WARNING = re.compile(r"\[?WARN|Warning|deprecat", re.IGNORECASE)
# All but those of macros: the package warns where a stream has no table, as in many tests.
WARNINGS_AS_ERRORS = {"error": "all", "warn": ["JinjaLogWarning"]}


@dataclass
class Run:
    """What a command of dbt gave.

    Attributes:
        output: what it printed.
        statuses: how many nodes ended how: success, pass, error, fail, warn, skipped.
        warnings: lines of the output that warn of something.
        failed: nodes that did not end well, with their messages; `dbt`, with the output, where it
            failed without any.
    """

    output: str
    statuses: Counter[str]
    warnings: list[str]
    failed: dict[str, str]


class Dbt:
    """dbt on one target, with a project folder and files of its own."""

    def __init__(
        self,
        folder: Path,
        output: Mapping[str, Any],
        *,
        project: Path = PACKAGE,
        variables: Mapping[str, Any] | None = None,
        strict: bool = True,
        program: Path = DBT,
    ) -> None:
        """Take where to write, the profile's output, variables, whether warnings are errors."""
        folder.mkdir(exist_ok=True)
        self.folder, self.project, self.strict, self.program = folder, project, strict, program
        self.variables = dict(variables or {})
        profile = {
            "asana_airbyte": {"target": "test", "outputs": {"test": {"threads": 2, **output}}}
        }
        (folder / "profiles.yml").write_text(json.dumps(profile), "utf-8")

    def run(self, command: str, *arguments: str) -> Run:
        """Run a command and sum up its results; a failure is in them, not an exception."""
        results = self.folder / "target" / "run_results.json"
        results.unlink(missing_ok=True)
        options = ["--no-use-colors", "--no-send-anonymous-usage-stats", "--no-version-check"]
        if self.strict:
            options += ["--warn-error-options", json.dumps(WARNINGS_AS_ERRORS)]
        places = ["--project-dir", str(self.project), "--profiles-dir", str(self.folder)]
        variables = ["--vars", json.dumps(self.variables)]
        line = [str(self.program), *options, *command.split(), *places, *variables, *arguments]
        # Not every command takes these two as options.
        folders = {"TARGET": self.folder / "target", "LOG": self.folder / "logs"}
        environment = {**os.environ, "DO_NOT_TRACK": "1", "DBT_LOG_LEVEL_FILE": "none"}
        # Compiling dbt's modules at each start would take half of a run.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment |= {f"DBT_{name}_PATH": str(path) for name, path in folders.items()}
        done = subprocess.run(
            line, capture_output=True, text=True, check=False, cwd=self.folder, env=environment
        )
        output = done.stdout + done.stderr
        nodes = json.loads(results.read_text("utf-8"))["results"] if results.exists() else []
        good = {"success", "pass"}
        failed = {
            node["unique_id"]: str(node["message"]) for node in nodes if node["status"] not in good
        }
        return Run(
            output,
            Counter(node["status"] for node in nodes),
            [one for one in output.splitlines() if WARNING.search(one) and "WARN=0" not in one],
            failed or ({"dbt": output} if done.returncode else {}),
        )
