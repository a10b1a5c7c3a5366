"""The command: its report, its exit codes, and what goes to which output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from source_asana.live.run import _keep, main
from unit_tests.conftest import NO_LIMIT
from unit_tests.live.probing import leaks
from unit_tests.mock_server.worlds import Small


@pytest.fixture(autouse=True)
def _unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.http.client.PAID_PER_MINUTE", NO_LIMIT)
    monkeypatch.setattr("source_asana.http.client.SEARCHES_PER_MINUTE", NO_LIMIT)
    monkeypatch.setattr("source_asana.live.asker.FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def asana() -> Iterator[Sandbox]:
    with Sandbox(Small().world) as sandbox:
        yield sandbox


def config(folder: Path, asana: Sandbox, **further: Any) -> str:
    path = folder / "config.json"
    credentials = {"personal_access_token": asana.token}
    path.write_text(json.dumps({"credentials": credentials, "api_url": asana.url, **further}))
    return str(path)


def test_the_report_alone_is_on_standard_output(
    asana: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # An unknown key is worth a warning, which must not get into the report.
    assert main(["--config", config(tmp_path, asana, mood="fine")]) == 0
    written = capsys.readouterr()
    assert written.out.startswith("# What Asana answers\n")
    assert '{"type"' not in written.out.replace("Error handling request", "")
    assert "1/" in written.err
    assert leaks(asana, written.out + written.err) == set()


def test_a_contradiction_is_the_exit_code(
    asana: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asana.api.strict_fields = True
    target = tmp_path / "report.md"
    assert main(["--config", config(tmp_path, asana), "--output", str(target)]) == 1
    assert "contradicts: 1" in target.read_text("utf-8")
    assert "What Asana answers" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not valid JSON"),
        ("{}", "Config key `credentials` is missing"),
        ('{"credentials": {"personal_access_token": "1/of-nobody"}}', "does not accept the token"),
    ],
    ids=["no JSON", "no credentials", "a wrong token"],
)
def test_what_cannot_be_asked_ends_with_one_sentence(
    content: str, said: str, asana: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    path.write_text(content.replace('"credentials"', f'"api_url": "{asana.url}", "credentials"'))
    lines: list[str] = []
    assert main(["--config", str(path)], lines.append) == 2
    [line] = lines
    assert said in line
    assert "of-nobody" not in line


def test_a_server_that_does_not_answer(tmp_path: Path, asana: Sandbox) -> None:
    asana.fault("html502", times=None)
    lines: list[str] = []
    assert main(["--config", config(tmp_path, asana)], lines.append) == 2
    assert lines == ["Asana does not answer properly (HTTP 502); nothing could be asked."]


def test_the_token_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASANA_TOKEN", raising=False)
    lines: list[str] = []
    assert main([], lines.append) == 2
    assert lines == ["Name a configuration with --config, or set ASANA_TOKEN."]


def test_a_new_refresh_token_is_kept(tmp_path: Path) -> None:
    path, lines = tmp_path / "config.json", []
    path.write_text(json.dumps({"credentials": {"refresh_token": "old"}, "num_workers": 3}))
    _keep(path, lines.append)("brand-new")
    assert json.loads(path.read_text()) == {
        "credentials": {"refresh_token": "brand-new"},
        "num_workers": 3,
    }
    assert "brand-new" not in lines[0]


def test_an_oauth_app_is_asked_with_too(asana: Sandbox, tmp_path: Path) -> None:
    app = asana.add_oauth_app(rotates=True)
    path = tmp_path / "config.json"
    credentials = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": app.refresh_token,
    }
    path.write_text(json.dumps({"credentials": credentials, "api_url": asana.url}))
    lines: list[str] = []
    target = tmp_path / "report.md"
    assert main(["--config", str(path), "--output", str(target)], lines.append) == 0
    kept = json.loads(path.read_text())["credentials"]["refresh_token"]
    assert kept != credentials["refresh_token"]
    written = target.read_text("utf-8") + "".join(lines)
    assert not [text for text in (*credentials.values(), kept) if text in written]
