"""The commands that make the files of a read: `source-asana catalog` and `source-asana state`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox, World
from source_asana_commands import shell
from unit_tests.sync import Sync, read

Filter = Callable[..., Any]


@pytest.fixture
def filtered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Filter:
    """Return what runs a command on an input; it returns the parsed output."""

    def run(text: str, *args: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        shell.run(args)
        return json.loads(capsys.readouterr().out)

    return run


def stream(name: str, *modes: str) -> dict[str, Any]:
    return {"name": name, "json_schema": {}, "supported_sync_modes": list(modes)}


TAGS = stream("tags", "full_refresh", "incremental")
USERS = stream("users", "full_refresh")
DISCOVERED = "\n".join(
    json.dumps(line)
    for line in (
        {"type": "LOG", "log": {"level": "INFO", "message": "x"}},
        {"type": "CATALOG", "catalog": {"streams": [TAGS, USERS]}},
    )
)


def test_a_catalog_of_all_streams_reads_what_changed_where_that_is_offered(
    filtered: Filter,
) -> None:
    assert filtered(f"a warning of Python\n{DISCOVERED}\n", "catalog") == {
        "streams": [
            {"stream": TAGS, "sync_mode": "incremental", "destination_sync_mode": "append"},
            {"stream": USERS, "sync_mode": "full_refresh", "destination_sync_mode": "append"},
        ]
    }


def test_a_catalog_has_the_streams_that_are_named(filtered: Filter) -> None:
    [entry] = filtered(DISCOVERED, "catalog", "users")["streams"]
    assert entry["stream"] == USERS


@pytest.fixture(scope="module")
def syncs() -> tuple[Sync, Sync]:
    """Return a read of two streams and one of a third."""
    with Sandbox(World.generate(tasks=5)) as asana:
        return (
            read(asana, ["tags", "users"], incremental=True),
            read(asana, ["projects"], incremental=True),
        )


def printed(sync: Sync) -> str:
    return "\n".join(json.dumps(message) for message in sync.messages)


def test_the_last_state_of_each_stream_is_kept(
    filtered: Filter, syncs: tuple[Sync, Sync], tmp_path: Path
) -> None:
    first, second = syncs
    assert filtered(printed(first), "state", "--old", str(tmp_path / "none")) == first.state
    old = tmp_path / "state.json"
    old.write_text(json.dumps(first.state), "utf-8")
    assert filtered(printed(second), "state", "--old", str(old)) == [*first.state, *second.state]
    again = filtered(printed(first), "state", "--old", str(old))
    assert again == first.state


@pytest.mark.parametrize(
    ("text", "args", "said"),
    [
        ("", ["catalog"], "The input has no catalog: the last line of `discover` says why."),
        ('{"type": "LOG"}', ["catalog"], "The input has no catalog: the last line of "),
        (DISCOVERED, ["catalog", "task"], "There is no stream task; choose from tags, users."),
        ("", ["state"], "The input has no state: keep the file that you have."),
        ("", ["state", "--old", "{broken}"], "is not valid JSON (line 1, column 2); correct "),
        ("", ["state", "--old", "{other}"], "is not a list of Airbyte state messages per stream"),
    ],
)
def test_a_mistake_is_one_sentence(
    filtered: Filter, tmp_path: Path, text: str, args: list[str], said: str
) -> None:
    files = {"broken": tmp_path / "broken.json", "other": tmp_path / "other.json"}
    files["broken"].write_text("{", "utf-8")
    files["other"].write_text('{"streams": []}', "utf-8")
    with pytest.raises(SystemExit) as stopped:
        filtered(text, *(arg.format(**files) for arg in args))
    assert said in str(stopped.value)
    assert "\n" not in str(stopped.value)
