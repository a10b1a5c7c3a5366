"""The dashboard, opened as people open it: on a laptop and a phone, light and dark."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from integration_tests.warehouse import duckdb_files
from integration_tests.warehouse.asana import ROOT
from integration_tests.warehouse.dbt_runs import PYTHON
from integration_tests.warehouse.scenario import History

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHARTS = 8
# A page in a frame of the width that is asked for, as a window cannot be narrower than 500 pixels,
# and of either color scheme; it tells what the frame shows.
FRAME = """<!doctype html><body><iframe id="f" width="{width}" height="900" src="{page}"></iframe>
<script>
document.getElementById("f").addEventListener("load", event => {{
  const page = event.target.contentDocument, style = getComputedStyle(page.body);
  document.title = [page.body.dataset.drawn, page.querySelectorAll(".main-svg").length > 0,
    page.documentElement.scrollWidth <= {width}, style.backgroundColor,
    [...page.querySelectorAll(".chart")].every(one => one.querySelector(".trace"))
  ].join(" | ");
}});
</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, history: History) -> Path:
    folder = tmp_path_factory.mktemp("dashboard")
    duckdb_files.write(folder / "asana.duckdb", "main", history.tables(deduped=True))
    before = (folder / "asana.duckdb").read_bytes()
    target = folder / "dashboard.html"
    program: list[str | Path] = [PYTHON, ROOT / "examples" / "dashboard.py"]
    done = subprocess.run(
        [*program, folder / "asana.duckdb", target], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "asana.duckdb").read_bytes() == before
    return target


def test_it_needs_nothing_else(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", text)
    assert text.count('class="chart"') == CHARTS


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not here")
@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize(
    ("scheme", "background"), [(1, "rgb(244, 245, 247)"), (0, "rgb(20, 23, 26)")]
)
def test_a_browser_shows_it(page: Path, width: int, scheme: int, background: str) -> None:
    frame = page.with_name("frame.html")
    frame.write_text(FRAME.format(width=width, page=page.name), "utf-8")
    command = [
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
        *("--allow-file-access-from-files", "--virtual-time-budget=10000"),
        *(f"--blink-settings=preferredColorScheme={scheme}", f"--user-data-dir={page.parent}/c"),
        *(f"--window-size={width + 40},1000", frame.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    [title] = re.findall(r"<title>(.*?)</title>", done.stdout)
    assert title.split(" | ") == [str(CHARTS), "true", "true", background, "true"]


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    program: list[str | Path] = [PYTHON, ROOT / "examples" / "dashboard.py"]
    done = subprocess.run(
        [*program, tmp_path / "none", tmp_path / "page"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("There is no file ")
