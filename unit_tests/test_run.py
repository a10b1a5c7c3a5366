"""The command line as a platform runs it: exit codes, one message per mistake, no secrets."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import ConnectorSpecificationSerializer

from sandbox import Sandbox, World
from sandbox.spec import SCOPES
from source_asana import SourceAsana
from source_asana import run as running
from unit_tests.sync import catalog, streams

ROOT = Path(__file__).parents[1]
TERM = signal.SIGTERM
TOKEN = "2/1209876543210987:fedcba9876543210fedcba9876543210"


@dataclass
class Run:
    """What a process printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Return the printed messages; every line must be one."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of one type."""
        return [message for message in self.messages if message["type"] == kind]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Return the errors that were traced."""
        return [m["trace"]["error"] for m in self.of("TRACE") if m["trace"]["type"] == "ERROR"]


@pytest.fixture(scope="module")
def asana() -> Iterator[Sandbox]:
    world = World.empty()
    project = world.add_project("P")
    for number in range(3):
        world.add_task(f"T{number}", projects=[project])
    with Sandbox(world) as sandbox:
        sandbox.add_token(TOKEN)
        yield sandbox


@pytest.fixture
def config(asana: Sandbox) -> dict[str, Any]:
    return {"credentials": {"personal_access_token": TOKEN}, "api_url": asana.url}


def arguments(folder: Path, command: str, *flags: str, **files: Any) -> list[str]:
    """Return the command line, with the contents of these files written to `folder`."""
    args = [sys.executable, "main.py", command, *flags]
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        args += [f"--{name}", str(path)]
    return args


@pytest.fixture(autouse=True)
def _interruptible() -> None:
    """Have processes end on SIGINT, though a shell in the background has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run(folder: Path, command: str, *flags: str, **files: Any) -> Run:
    """Run a command to its end; nothing secret may be in what it prints."""
    done = subprocess.run(  # noqa: S603 - this repository's own program
        arguments(folder, command, *flags, **files),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


def test_spec(tmp_path: Path) -> None:
    done = run(tmp_path, "spec")
    assert done.code == 0
    [spec] = done.of("SPEC")
    said = SourceAsana().spec(logging.getLogger("airbyte"))
    wanted = ConnectorSpecificationSerializer.dump(said)
    assert {"supportsNormalization": False, "supportsDBT": False, **spec["spec"]} == wanted


def test_a_spec_that_nobody_reads(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(  # noqa: S603 - as above
        arguments(tmp_path, "spec"),
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "The output cannot be written: Broken pipe.\n")


AS_TEXT = {
    "num_workers": "10",
    "search_overlap_minutes": " 15 ",
    "full_scan_interval_hours": "0",
    "time_entries_lookback_days": "3650",
    "requests_per_minute": "1500",
    "bulk_export_timeout_minutes": "0.5",
    "include_archived_projects": "false",
    "track_deletions": "true",
    "change_detection": None,
    "start_date": None,
}


def test_a_check_takes_numbers_and_flags_as_texts_and_nulls(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    done = run(tmp_path, "check", config={**AS_TEXT, **config})
    assert done.code == 0
    [status] = done.of("CONNECTION_STATUS")
    assert status["connectionStatus"]["status"] == "SUCCEEDED", done.out


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"num_workers": "41"}, "`num_workers` has an invalid value; provide a whole number from "),
        ({"bulk_export": "yes"}, "`bulk_export` has an invalid value; provide true or false."),
    ],
)
def test_a_check_refuses_other_texts_with_one_sentence(
    tmp_path: Path, config: dict[str, Any], value: dict[str, Any], said: str
) -> None:
    done = run(tmp_path, "check", config={**config, **value})
    assert done.code == 0
    [status] = done.of("CONNECTION_STATUS")
    assert status["connectionStatus"]["status"] == "FAILED"
    assert status["connectionStatus"]["message"].startswith(f"Config key {said}")


def test_a_record_says_which_column_the_token_may_not_read(
    asana: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    narrow = "2/1209876543210987:a-token-without-a-scope"
    asana.add_token(narrow, scopes=SCOPES - {"custom_fields:read"})
    config["credentials"]["personal_access_token"] = narrow
    wanted = catalog(["tasks", "workspaces"], incremental=True)
    done = run(tmp_path, "read", config=config, catalog=wanted)
    assert done.code == 0
    records = [message["record"] for message in done.of("RECORD")]
    told = {"field": "custom_fields", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}
    meta: dict[str, list[Any]] = {}
    for record in records:
        meta.setdefault(record["stream"], []).append(record.get("meta"))
        if record["stream"] == "tasks":
            assert record["data"].get("custom_fields") is None
    assert meta["tasks"] == [{"changes": [told]}] * 3
    assert meta["workspaces"] == [None]


def test_a_check_that_fails_is_a_status_and_no_error(tmp_path: Path) -> None:
    done = run(tmp_path, "check", config={"credentials": {"personal_acces_token": TOKEN}})
    assert done.code == 0
    assert done.errors == []
    [status] = done.of("CONNECTION_STATUS")
    assert status["connectionStatus"]["status"] == "FAILED"
    assert status["connectionStatus"]["message"].startswith("Config key `credentials` has an inv")


def test_a_wrong_token_with_debug(tmp_path: Path, config: dict[str, Any]) -> None:
    config["credentials"]["personal_access_token"] = TOKEN[:-1] + "1"
    done = run(tmp_path, "read", "--debug", config=config, catalog=catalog(["tags"]))
    assert TOKEN[:-1] not in done.out + done.err
    assert done.code == 1
    [error] = done.errors
    assert error["failure_type"] == "config_error"
    assert error["message"].startswith("Asana does not accept the token (HTTP 401, ")


def test_a_wrong_catalog(tmp_path: Path, config: dict[str, Any]) -> None:
    done = run(tmp_path, "read", config=config, catalog="{")
    assert done.code == 1
    [error] = done.errors
    assert error["failure_type"] == "config_error"
    assert error["message"].endswith("is not valid JSON (line 1, column 2); correct the file.")
    assert done.of("RECORD") == []


def test_a_discover_with_a_wrong_config(tmp_path: Path) -> None:
    done = run(tmp_path, "discover", config={"credentials": {"personal_access_token": 5}})
    assert done.code == 1
    [error] = done.errors
    assert error["failure_type"] == "config_error"
    assert done.of("CATALOG") == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run(tmp_path, "discover", "--config", str(tmp_path / "none.json"))
    assert done.code == 1
    [error] = done.errors
    assert error["message"].endswith(
        "cannot be read (No such file or directory); provide the path of a readable file."
    )


def test_a_read_with_debug_whose_server_echoes_the_token(
    asana: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    words = f"Bearer {TOKEN} may not do this"
    fault = asana.fault("status", "/tags", times=None, status=403, message=words)
    failing = asana.fault(
        "status", "/projects/{project_gid}/sections", times=None, status=400, message=words
    )
    try:
        names = ["tags", "sections", "tasks"]
        wanted = catalog(names, incremental=True)
        done = run(tmp_path, "read", "--debug", config=config, catalog=wanted)
    finally:
        asana.clear_faults()
    assert fault.hits
    assert failing.hits
    assert done.code == 1
    assert len(done.of("RECORD")) == 3
    assert "may not do this" in done.out
    assert {error["failure_type"] for error in done.errors} == {"transient_error"}
    assert done.of("STATE")


def test_reads_with_debug_print_no_secret(asana: Sandbox, tmp_path: Path) -> None:
    app = asana.add_oauth_app()
    oauth = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "refresh_token": app.refresh_token,
    }
    service = "2/1209999999999999:00112233445566778899aabbccddeeff"
    asana.add_token(service, service=True)
    wanted = catalog(["tasks", "stories"], incremental=True)
    for credentials in (oauth, {"personal_access_token": service}):
        config = {
            "credentials": credentials,
            "api_url": asana.url,
            "oauth_token_url": f"{asana.origin}/-/oauth_token",
            "bulk_export": True,
        }
        done = run(tmp_path, "read", "--debug", config=config, catalog=wanted)
        assert (done.code, len(done.of("RECORD"))) == (0, 3)
        assert "Debug logs enabled" in done.out
        printed = done.out + done.err
        secrets = [app.client_secret, app.refresh_token, service, "access-", "X-Amz-Signature"]
        assert [secret for secret in secrets if secret in printed] == []
    assert asana.exports.downloads


def test_a_reader_that_goes_away_ends_it(
    asana: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    del asana
    args = arguments(tmp_path, "read", config=config, catalog=catalog(["tasks"]))
    with subprocess.Popen(  # noqa: S603 - as above
        args, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        said = process.stderr.read()
        code = process.wait()
        watchdog.cancel()
    assert code == 1
    assert "The output cannot be written: Broken pipe." in said
    assert TOKEN not in said


def is_listening(process: int, sign: signal.Signals) -> bool:
    """Return whether a process handles a signal itself, as Linux says."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    caught = int(re.findall(r"SigCgt:\s*(\w+)", status)[0], 16)
    return bool(caught >> (sign - 1) & 1)


def signaled(args: list[str], sign: signal.Signals, seconds: float) -> Run:
    """Signal a process some seconds after its first line of code; return what it printed."""
    with subprocess.Popen(  # noqa: S603 - as above
        args, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        # Python's own start takes as long as the machine needs, and handles SIGINT in its own way.
        while process.poll() is None and not is_listening(process.pid, TERM):
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(sign)
        out, err = process.communicate(timeout=30)
    return Run(process.returncode, out, err)


def interrupted(args: list[str], sign: signal.Signals) -> tuple[Run, Run]:
    """Signal a read after its first state; return what it printed before, and afterwards."""
    with subprocess.Popen(  # noqa: S603 - as above
        args, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        before = []
        for line in process.stdout:
            before.append(line)
            if '"STATE"' in line:
                break
        process.send_signal(sign)
        try:
            # Half of what the slowest request takes.
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    return Run(0, "".join(before), ""), Run(process.returncode, out, err)


def assert_quiet(done: Run) -> None:
    """Assert that a stop is one line of information, and no error of anything."""
    assert done.err == ""
    assert done.errors == []
    logs = [message["log"] for message in done.of("LOG")]
    # What Asana refused before is a warning.
    assert {log["level"] for log in logs} <= {"INFO", "WARN"}
    [line] = [log for log in logs if "told to stop" in log["message"]]
    assert line["level"] == "INFO"
    assert line["message"].endswith("; the next one resumes from the states it printed.")
    for words in ("Exception", "Traceback", "failed"):
        assert words not in done.out


def test_an_interrupt_ends_it_while_a_request_is_under_way(
    asana: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    asana.fault("slow", "/tags", times=None, seconds=60)
    args = arguments(tmp_path, "read", config=config, catalog=catalog(["tags", "tasks"]))
    try:
        _, done = interrupted(args, signal.SIGINT)
    finally:
        asana.clear_faults()
    assert_quiet(done)
    assert done.code == 130


def test_a_signal_ends_a_read_with_its_last_states(
    asana: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    asana.fault("slow", times=None, seconds=0.3)
    names = streams()
    wanted = catalog(names, incremental=True)
    try:
        _, done = interrupted(arguments(tmp_path, "read", config=config, catalog=wanted), TERM)
    finally:
        asana.clear_faults()
    assert_quiet(done)
    assert done.code == 143
    statuses = {
        m["trace"]["stream_status"]["stream_descriptor"]["name"]: m["trace"]["stream_status"]
        for m in done.of("TRACE")
        if m["trace"]["type"] == "STREAM_STATUS"
    }
    states = {m["state"]["stream"]["stream_descriptor"]["name"] for m in done.of("STATE")}
    cut = {name for name, status in statuses.items() if status["status"] == "INCOMPLETE"}
    assert len(cut) > 30
    assert cut <= states


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", [0.05, 0.3])
def test_a_signal_before_anything_is_loaded_is_one_line(
    tmp_path: Path, config: dict[str, Any], sign: signal.Signals, seconds: float
) -> None:
    args = arguments(tmp_path, "check", config=config)
    done = signaled(args, sign, seconds)
    assert done.err == ""
    assert done.code == 128 + sign
    [line] = done.of("LOG")
    assert line["log"]["level"] == "INFO"
    assert "told to stop before it began" in line["log"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", [1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8])
def test_a_signal_at_any_moment_is_no_error(
    asana: Sandbox, tmp_path: Path, config: dict[str, Any], sign: signal.Signals, seconds: float
) -> None:
    # So slow that no sync is over by then, however fast the machine is.
    asana.fault("slow", times=None, seconds=1.5)
    args = arguments(tmp_path, "read", config=config, catalog=catalog(streams(), incremental=True))
    done = signaled(args, sign, seconds)
    asana.clear_faults()
    assert (done.code, done.err, done.errors) == (128 + sign, "", [])
    assert {message["log"]["level"] for message in done.of("LOG")} <= {"INFO", "WARN"}
    assert len([m for m in done.of("LOG") if "told to stop" in m["log"]["message"]]) == 1


@pytest.mark.timeout(20)
@pytest.mark.parametrize("begun", [False, True])
def test_a_signal_ends_what_begins_or_sleeps(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *, begun: bool
) -> None:
    monkeypatch.setattr(running, "GRACE_SECONDS", 3600)
    source = SourceAsana()
    before = {sign: signal.getsignal(sign) for sign in (TERM, signal.SIGINT)}
    runtime = source._runtime(config) if begun else None
    running._stop_on_signals(source)
    try:
        if runtime:
            # What a thread holds on its way into and out of the sleep.
            with runtime.stop._event._cond:  # type: ignore[attr-defined]  # unknown to typeshed
                signal.raise_signal(signal.SIGTERM)
        else:
            signal.raise_signal(signal.SIGTERM)
            while not source._told_to_stop:
                pass
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
    runtime = runtime or source._runtime(config)
    assert runtime.stop._event.wait(5)
    assert runtime.stop.fatal
    assert runtime.stop.fatal.message
    assert runtime.stop.fatal.message.startswith("The sync was told to stop before its end;")


MISTAKEN = """
from source_asana import run

def write(line, write=run.PRINT_BUFFER.write):
    if '"STATE"' in line:
        raise RuntimeError("nobody expected this")
    write(line)

run.PRINT_BUFFER.write = write
run.run()
"""


def test_a_mistake_of_ours_ends_it_while_a_request_is_under_way(
    asana: Sandbox, tmp_path: Path, config: dict[str, Any]
) -> None:
    asana.fault("slow", "/tags", times=None, seconds=60)
    args = arguments(tmp_path, "read", config=config, catalog=catalog(["tags", "tasks"]))
    try:
        done = subprocess.run(  # noqa: S603 - as above
            [args[0], "-c", MISTAKEN, *args[2:]],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    finally:
        asana.clear_faults()
    ended = Run(done.returncode, done.stdout, done.stderr)
    assert ended.code == 1
    [error] = ended.errors
    assert error["internal_message"] == "nobody expected this"
    assert [m["log"]["message"] for m in ended.of("LOG") if m["log"]["level"] == "FATAL"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_ends_it(tmp_path: Path, config: dict[str, Any]) -> None:
    args = arguments(tmp_path, "read", config=config, catalog=catalog(["tasks"]))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603 - as above
            args, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=30
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1:] == [
        "The output cannot be written: No space left on device."
    ]
