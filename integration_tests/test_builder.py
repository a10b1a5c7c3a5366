"""The manifest for the Connector Builder, run by the CDK's own command against the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox, World
from source_asana import SourceAsana
from source_asana.fields.opt_fields import opt_fields
from tools import builder, connector

COMMAND = Path(sys.executable).with_name("source-declarative-manifest")
# Asked for without opt_fields: Asana's own choice of columns.
UNASKED = {"audit_log_events", "budgets", "rates"}
# Served afresh with each answer.
VOLATILE = {"download_url"}

Record = dict[str, Any]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def asana() -> Iterator[Sandbox]:
    """Return the sandbox of a service account, which sees every stream."""
    world = World.generate(tasks=40)
    with Sandbox(world, plan="service") as asana:
        yield asana


def run(tmp_path: Path, command: str, config: Mapping[str, Any], **files: Any) -> list[Record]:
    """Run a command of the CDK's low-code connector; return its messages."""
    arguments = [str(COMMAND), command, "--manifest-path", str(builder.FILE)]
    for name, content in {"config": config, **files}.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content), "utf-8")
        arguments += [f"--{name}", str(path)]
    env = {**os.environ, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(arguments, capture_output=True, check=False, text=True, env=env)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def answers(messages: list[Record], kind: str, key: str) -> list[Any]:
    return [message[key] for message in messages if message["type"] == kind]


@pytest.fixture(scope="module")
def config(asana: Sandbox) -> Record:
    return {
        "credentials": {
            "option_title": "PAT Credentials",
            "personal_access_token": asana.token,
        },
        "portfolio_owner": "",
        "organization_export_ids": [one["gid"] for one in asana.truth("organization_exports")],
        "api_url": asana.url,
    }


def test_the_file_is_current() -> None:
    assert builder.main(["--check"]) == 0, "run `make builder`"


def test_it_has_stock_parts_only() -> None:
    text = builder.FILE.read_text("utf-8")
    assert "class_name" not in text
    types = {node["type"] for node in _nodes(builder.manifest())}
    assert not {name for name in types if name.startswith("Custom")}


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if isinstance(node.get("type"), str):
            yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def test_it_has_every_stream_but_those_it_says() -> None:
    ours = {stream["name"] for stream in SourceAsana().resolved_manifest["streams"]}
    assert set(builder.manifest()["schemas"]) == ours - builder.LEFT_OUT


def test_it_signs_in_with_oauth(tmp_path: Path, asana: Sandbox) -> None:
    app = asana.add_oauth_app()
    credentials = {
        "option_title": "OAuth Credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": app.refresh_token,
    }
    text = builder.FILE.read_text("utf-8")
    assert f"token_refresh_endpoint: {builder.HOST}/-/oauth_token" in text
    # The address of the token is fixed: here it leads to the sandbox.
    manifest = builder.manifest()
    kinds = manifest["definitions"]["authenticator"]["authenticators"]
    kinds["OAuth Credentials"]["token_refresh_endpoint"] = f"{asana.origin}/-/oauth_token"
    config = {
        "credentials": credentials,
        "api_url": asana.url,
        "__injected_declarative_manifest": manifest,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), "utf-8")
    done = subprocess.run(
        [COMMAND, "check", "--config", path], capture_output=True, check=True, text=True
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [
        one["status"] for one in answers(messages, "CONNECTION_STATUS", "connectionStatus")
    ] == ["SUCCEEDED"]


def test_a_bad_token_fails_the_check(tmp_path: Path, config: Record) -> None:
    credentials = {**config["credentials"], "personal_access_token": "no-such-token"}
    messages = run(tmp_path, "check", {**config, "credentials": credentials})
    [status] = answers(messages, "CONNECTION_STATUS", "connectionStatus")
    assert status["status"] == "FAILED"


def test_it_reads_what_the_workspace_holds(tmp_path: Path, asana: Sandbox, config: Record) -> None:
    [status] = answers(run(tmp_path, "check", config), "CONNECTION_STATUS", "connectionStatus")
    assert status["status"] == "SUCCEEDED"
    [catalog] = answers(run(tmp_path, "discover", config), "CATALOG", "catalog")
    names = [stream["name"] for stream in catalog["streams"]]
    assert set(names) == set(builder.manifest()["schemas"])
    asana.reset_log()
    configured = connector.configured(catalog)
    keys = {
        stream["name"]: [path[0] for path in stream["source_defined_primary_key"]]
        for stream in catalog["streams"]
    }
    messages = run(tmp_path, "read", config, catalog=configured)
    read: dict[str, dict[tuple[str, ...], Record]] = {name: {} for name in names}
    for record in answers(messages, "RECORD", "record"):
        name, data = record["stream"], record["data"]
        read[name][tuple(data[key] for key in keys[name])] = _cleaned(data)
    assert asana.unknown_params == []
    assert asana.unknown_fields == []
    assert all(read.values()), "the world lacks a stream's records"
    reached = _reached(asana)
    for name in names:
        fields = None if name in UNASKED else ",".join(opt_fields(name, None))
        truth = {
            tuple(record[key] for key in keys[name]): _cleaned(record)
            for record in asana.truth(name, fields=fields)
            if name not in reached or record[reached[name][0]] in reached[name][1]
        }
        assert set(read[name]) == set(truth), name
        assert read[name] == truth, name


def _cleaned(record: Record) -> Record:
    """Leave out what has no value: the CDK drops it, and what is volatile."""
    return {k: v for k, v in record.items() if v is not None and k not in VOLATILE}


def _reached(asana: Sandbox) -> Mapping[str, tuple[str, set[str]]]:
    """Return what stock parts read of streams that hang on tasks: they go one level down.

    Stream -> the column that names the parent, and the parents below which records are read.
    """
    tasks = {record["gid"] for record in asana.truth("tasks", fields="gid")}
    below = asana.truth("subtasks", fields="gid")
    known = tasks | {one["gid"] for one in below if one["task_id"] in tasks}
    deep = {one["gid"] for one in below} - known
    assert deep, "the world has no subtask of a subtask"
    others = {one["parent_id"] for one in asana.truth("attachments", fields="gid")} - deep
    return {
        "subtasks": ("task_id", tasks),
        "stories": ("task_id", known),
        "attachments": ("parent_id", known | others),
    }
