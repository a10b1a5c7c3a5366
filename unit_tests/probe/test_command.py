"""The command: its report, its exit codes, and what goes to which output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tools.probe.__main__ import _keep, main
from unit_tests.conftest import NO_LIMIT
from unit_tests.mock_server.worlds import Small
from unit_tests.probe.probing import leaks


@pytest.fixture(autouse=True)
def _unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_asana.http.client.PAID_PER_MINUTE", NO_LIMIT)
    monkeypatch.setattr("source_asana.http.client.SEARCHES_PER_MINUTE", NO_LIMIT)


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
    assert main(["--config", config(tmp_path, asana)]) == 1
    assert "contradicts: 1" in capsys.readouterr().out


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
    content: str, said: str, asana: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_text(content.replace('"credentials"', f'"api_url": "{asana.url}", "credentials"'))
    assert main(["--config", str(path)]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    [line] = written.err.splitlines()
    assert said in line
    assert "of-nobody" not in line


def test_a_server_that_does_not_answer(
    tmp_path: Path,
    asana: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tools.probe.__main__.OUTAGE_SECONDS", 0.1)
    asana.fault("html502", times=None)
    assert main(["--config", config(tmp_path, asana)]) == 2
    assert "Asana could not be reached for too long" in capsys.readouterr().err


def test_the_token_may_be_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ASANA_TOKEN", raising=False)
    assert main([]) == 2
    assert capsys.readouterr().err == "Name a configuration with CONFIG=..., or set ASANA_TOKEN.\n"


def test_a_new_refresh_token_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"credentials": {"refresh_token": "old"}, "num_workers": 3}))
    _keep(path)({"credentials": {"refresh_token": "brand-new"}})
    assert json.loads(path.read_text()) == {
        "credentials": {"refresh_token": "brand-new"},
        "num_workers": 3,
    }
    assert "brand-new" not in capsys.readouterr().err


def test_an_oauth_app_is_asked_with_too(
    asana: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = asana.add_oauth_app(rotates=True)
    path = tmp_path / "config.json"
    credentials = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": app.refresh_token,
    }
    path.write_text(json.dumps({"credentials": credentials, "api_url": asana.url}))
    assert main(["--config", str(path)]) == 0
    kept = json.loads(path.read_text())["credentials"]["refresh_token"]
    assert kept != credentials["refresh_token"]
    written = capsys.readouterr()
    shown = written.out + written.err
    assert not [text for text in (*credentials.values(), kept) if text in shown]
