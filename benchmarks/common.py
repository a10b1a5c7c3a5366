"""What the measurements share: options, sandboxes, configurations, catalogs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks import process
from sandbox import Sandbox
from source_asana.fields.schemas import load_schema
from tools.sandbox_process import SandboxProcess

CONNECTOR = "benchmarks.driver"
PACED_CONNECTOR = "main"
STOCK = "benchmarks.stock"
TASK_STREAMS = ("tasks", "subtasks", "stories", "attachments")


@dataclass(frozen=True)
class Options:
    """What the command line may change.

    Attributes:
        tasks: size of the worlds of `requests`. rounds: repeats of what is paired or timed.
        minutes: length of each run of `quota`. together: runs of `quota` at once.
    """

    tasks: int = 2000
    rounds: int = 3
    minutes: float = 5.0
    together: int = 4


def config(asana: Sandbox | SandboxProcess, **settings: Any) -> process.Json:
    """Return a configuration that reads the sandbox."""
    token = {"personal_access_token": asana.token}
    return {"credentials": token, "api_url": asana.url, **settings}


def catalog(*names: str, incremental: bool = False) -> process.Json:
    """Return a configured catalog of these streams with all columns."""
    mode = "incremental" if incremental else "full_refresh"
    streams = [
        {
            "stream": {
                "name": name,
                "json_schema": load_schema(name),
                "supported_sync_modes": ["full_refresh", "incremental"],
            },
            "sync_mode": mode,
            "destination_sync_mode": "append",
        }
        for name in names
    ]
    return {"streams": streams}


def start_up(module: str) -> float:
    """Return the CPU seconds of `spec`: imports and manifest, which every command pays once."""
    return min(process.run(module, "spec").cpu_seconds for _ in range(2))


def megabytes(values: Iterable[float]) -> str:
    """Return a series of memory sizes in words."""
    return " ".join(f"{value:.0f}" for value in values)
