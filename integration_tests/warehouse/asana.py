"""The only module here that touches the rest of the repository: the sandbox and the connector.

Both run as processes, `python -m sandbox` and `python main.py`: what is tested is what users start.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.sandbox_process import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]
SYNC_SECONDS = 600.0

Json = dict[str, Any]


@dataclass
class Sync:
    """What one read printed: records and states by stream."""

    records: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    states: dict[str, Json] = field(default_factory=dict)


class Asana(SandboxProcess):
    """A sandbox with a connector that reads it, sync by sync."""

    def __init__(self, *arguments: str) -> None:
        """Take arguments for the sandbox."""
        super().__init__(*arguments)
        self._catalog: Json = {}
        self._states: dict[str, Json] = {}

    @property
    def config(self) -> Json:
        """Return the connector's configuration."""
        return {"credentials": {"personal_access_token": self.token}, "api_url": self.url}

    @property
    def schemas(self) -> dict[str, Json]:
        """Return stream -> its JSON schema, as discover answers."""
        return {
            one["stream"]["name"]: one["stream"]["json_schema"]
            for one in self._configured()["streams"]
        }

    @property
    def keys(self) -> dict[str, list[str]]:
        """Return stream -> the columns of its primary key."""
        return {
            one["stream"]["name"]: [path[0] for path in one["primary_key"]]
            for one in self._configured()["streams"]
        }

    @property
    def incremental(self) -> set[str]:
        """Return the streams that are read incrementally."""
        return {
            one["stream"]["name"]
            for one in self._configured()["streams"]
            if one["sync_mode"] == "incremental"
        }

    def sync(self) -> Sync:
        """Read all streams, from the state of the sync before."""
        result = Sync()
        messages = _run(
            "read",
            config=self.config,
            catalog=self._configured(),
            state=list(self._states.values()),
        )
        for message in messages:
            if message["type"] == "RECORD":
                record = message["record"]
                result.records[record["stream"]].append(record["data"])
            elif message["type"] == "STATE":
                state = message["state"]
                result.states[state["stream"]["stream_descriptor"]["name"]] = state
        self._states |= result.states
        return result

    def change(self, percent: int, seed: int) -> None:
        """Edit that share of the tasks."""
        self.post("change", {"percent": percent, "seed": seed})

    def _configured(self) -> Json:
        """Return a catalog of all streams, incremental and deduplicated where that is offered."""
        if not self._catalog:
            messages = _run("discover", config=self.config)
            [catalog] = [one["catalog"] for one in messages if one["type"] == "CATALOG"]
            self._catalog = {"streams": [_chosen(stream) for stream in catalog["streams"]]}
        return self._catalog


def _chosen(stream: Json) -> Json:
    incremental = "incremental" in stream["supported_sync_modes"]
    return {
        "stream": stream,
        "sync_mode": "incremental" if incremental else "full_refresh",
        "destination_sync_mode": "append_dedup" if incremental else "overwrite",
        "cursor_field": stream.get("default_cursor_field", []),
        "primary_key": stream.get("source_defined_primary_key") or [],
    }


def _run(
    command: str, **files: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Run a command of the connector and return its messages; it must not fail."""
    with tempfile.TemporaryDirectory() as name:
        arguments = [sys.executable, str(ROOT / "main.py"), command]
        for option, content in files.items():
            path = Path(name) / f"{option}.json"
            path.write_text(json.dumps(content), "utf-8")
            arguments += [f"--{option}", str(path)]
        done = subprocess.run(
            arguments, capture_output=True, text=True, cwd=ROOT, check=False, timeout=SYNC_SECONDS
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in lines]
