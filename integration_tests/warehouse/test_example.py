"""`make example` draws the picture of the docs, from nothing but what it makes itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from integration_tests.warehouse.asana import ROOT


def test_the_picture_is_the_one_in_the_docs(tmp_path: Path) -> None:
    drawn = tmp_path / "flow.svg"
    command = "make example"
    done = subprocess.run(
        [*command.split(), f"ARGS={drawn}"], capture_output=True, check=False, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert drawn.read_text("utf-8") == (ROOT / "docs" / "flow.svg").read_text("utf-8")
