"""Syncs as a user sees them: through the CDK's entrypoint, everything as printed."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from airbyte_cdk.models import AirbyteMessageSerializer
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, ExpectedOutcome, _run_command

from sandbox import Sandbox
from source_asana.core.codec import decode_numbers
from source_asana.core.ledger import Ledger
from unit_tests.building import FewStreams

Record = dict[str, Any]


@dataclass
class Sync:
    """What one command printed; `failures` are the errors of the log, `errors` the traces."""

    records: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    states: list[Record] = field(default_factory=list)
    statuses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    errors: list[Record] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    connection: Record | None = None
    catalog: Record | None = None
    messages: list[Record] = field(default_factory=list)

    @property
    def state(self) -> list[Record]:
        """Return the last state of each stream, as it is handed to the next sync."""
        last = {state["stream"]["stream_descriptor"]["name"]: state for state in self.states}
        return list(last.values())

    def state_of(self, stream: str) -> Record:
        """Return the last state of one stream."""
        [state] = [s for s in self.state if s["stream"]["stream_descriptor"]["name"] == stream]
        return dict(state["stream"]["stream_state"])

    def instants_of(self, stream: str) -> dict[str, int]:
        """Return the instants and watermarks in a stream's last state: key -> milliseconds."""
        return instants_in(self.state_of(stream))

    def tasks_of(self, stream: str) -> dict[str, str]:
        """Return the tasks in the last state of their children: gid -> `read` or `due`."""
        return tasks_in(self.state_of(stream))

    def gids(self, stream: str) -> list[str]:
        """Return the gids of a stream's records, sorted."""
        return sorted(record["gid"] for record in self.records[stream])

    def complete(self, stream: str) -> bool:
        """Return whether the stream's last status is COMPLETE."""
        return self.statuses[stream][-1:] == ["COMPLETE"]

    @property
    def summary(self) -> Record:
        """Return the summary, which is the last line of the log."""
        kind, _, text = self.logs[-1].partition("{")
        assert kind == "Sync summary "
        found: Record = json.loads("{" + text)
        return found

    @property
    def mistake(self) -> str:
        """Return the message of the one error, which is the user's to mend."""
        [error] = self.errors
        assert error["failure_type"] == "config_error", error
        return str(error["message"])

    @property
    def text(self) -> str:
        """Return everything that was printed."""
        return json.dumps(self.messages)


def instants_in(state: Record) -> dict[str, int]:
    """Return the instants and watermarks in a stream's state: key -> milliseconds."""
    found: dict[str, int] = {}
    for name in ("listings", "watermarks"):
        if name in state:
            found |= {key: at for key, at in decode_numbers(state[name]).items() if at}
    return found


def tasks_in(state: Record) -> dict[str, str]:
    """Return the tasks in the state of their children: gid -> `read` or `due`."""
    if "tasks" not in state:
        return {}
    found: dict[str, str] = {}
    ledger = Ledger.load(state["tasks"])
    for gid, listing in ledger.rows():
        found[gid] = "due" if (ledger.fingerprint(gid, listing) or 0) & 1 else "read"
    return found


@cache
def streams(*, track_deletions: bool = False) -> dict[str, Record]:
    """Return the discovered streams by name."""
    config = {
        "credentials": {"personal_access_token": "unused-token"},
        "track_deletions": track_deletions,
    }
    found = command("discover", config).catalog
    assert found
    return {stream["name"]: stream for stream in found["streams"]}


def catalog(
    names: Iterable[str],
    *,
    incremental: bool = False,
    columns: Mapping[str, Sequence[str]] | None = None,
    track_deletions: bool = False,
) -> Record:
    """Return a configured catalog; streams without a cursor stay full refresh."""
    entries = []
    for name in names:
        stream = dict(streams(track_deletions=track_deletions)[name])
        mode = (
            "incremental"
            if incremental and "incremental" in stream["supported_sync_modes"]
            else "full_refresh"
        )
        if columns and name in columns:
            properties = stream["json_schema"]["properties"]
            stream["json_schema"] = {
                "type": "object",
                "properties": {c: properties[c] for c in columns[name]},
            }
        entries.append({"stream": stream, "sync_mode": mode, "destination_sync_mode": "append"})
    return {"streams": entries}


def config_for(asana: Sandbox, **settings: Any) -> Record:
    """Return a configuration that reads the sandbox."""
    return {
        "credentials": {"personal_access_token": asana.token},
        "api_url": asana.url,
        "num_workers": 8,
        **settings,
    }


def read(
    asana: Sandbox,
    names: Iterable[str],
    *,
    incremental: bool = False,
    state: Sequence[Record] | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
    **settings: Any,
) -> Sync:
    """Read streams from the sandbox."""
    return command(
        "read",
        config_for(asana, **settings),
        catalog=catalog(
            names,
            incremental=incremental,
            columns=columns,
            track_deletions=bool(settings.get("track_deletions")),
        ),
        state=state,
    )


def command(name: str, config: Any, *, catalog: Any = None, state: Any = None) -> Sync:
    """Run a command with these files; strings are written as they are, the rest as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        args = [name]
        for key, content in (("config", config), ("catalog", catalog), ("state", state)):
            if content is not None:
                path = Path(folder) / f"{key}.json"
                path.write_text(content if isinstance(content, str) else json.dumps(content))
                args += [f"--{key}", str(path)]
        source = FewStreams()
        source.build_for(catalog)
        output = _run_command(source, args, expected_outcome=ExpectedOutcome.ALLOW_ANY)
    return _parse(output)


def _parse(output: EntrypointOutput) -> Sync:
    sync = Sync()
    for message in output._messages or []:
        raw = AirbyteMessageSerializer.dump(message)
        if raw["type"] == "RECORD":
            sync.records[raw["record"]["stream"]].append(raw["record"]["data"])
            continue
        sync.messages.append(raw)
        if raw["type"] == "STATE":
            sync.states.append(json.loads(json.dumps(raw["state"])))
        elif raw["type"] == "TRACE":
            _trace(sync, raw["trace"])
        elif raw["type"] == "LOG":
            sync.logs.append(raw["log"]["message"])
            if raw["log"]["level"] == "WARN":
                sync.warnings.append(raw["log"]["message"])
            elif raw["log"]["level"] in {"ERROR", "FATAL"}:
                sync.failures.append(raw["log"]["message"])
        else:
            sync.connection = raw.get("connectionStatus") or sync.connection
            sync.catalog = raw.get("catalog") or sync.catalog
    return sync


def _trace(sync: Sync, trace: Record) -> None:
    if trace["type"] == "STREAM_STATUS":
        status = trace["stream_status"]
        sync.statuses[status["stream_descriptor"]["name"]].append(status["status"])
    elif trace["type"] == "ERROR":
        sync.errors.append(trace["error"])
