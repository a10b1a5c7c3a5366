"""The commands `catalog` and `state`, which make the files of a read from what commands print.

source-asana discover --config config.json | source-asana catalog tasks > catalog.json
source-asana state --old state.json < sync.jsonl > new.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airbyte_cdk.models import AirbyteStateMessageSerializer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana import files
from source_asana.config import config_error


def run(args: Sequence[str]) -> None:
    """Run a command with its name and arguments, from the standard input to the standard output.

    A mistake of the user ends the process with exit code 1 and one sentence on standard error.
    """
    options = _parser().parse_args(args)
    content: Any
    try:
        if options.command == "catalog":
            content = catalog(sys.stdin, options.stream)
        else:
            content = states(sys.stdin, options.old)
    except AirbyteTracedException as mistake:
        sys.exit(mistake.message)
    except UnicodeDecodeError:
        sys.exit("The input is not UTF-8 text; provide what a command printed.")
    json.dump(content, sys.stdout, indent=1)
    sys.stdout.write("\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="source-asana")
    commands = parser.add_subparsers(dest="command", required=True)
    text = "Read what `discover` prints, and write the catalog that `read` takes."
    made = commands.add_parser("catalog", description=text)
    made.add_argument("stream", nargs="*", help="a stream to read; all when none is named")
    text = "Read what `read` prints, and write the states that the next `read` takes."
    kept = commands.add_parser("state", description=text)
    kept.add_argument(
        "--old",
        type=Path,
        metavar="FILE",
        help="the states of the read before, for streams without a new one; may be missing",
    )
    return parser


def catalog(lines: Iterable[str], names: Sequence[str]) -> dict[str, Any]:
    """Return the configured catalog of the named streams, of all when none is named.

    Args:
        lines: what `discover` printed.
        names: of streams.

    Raises:
        AirbyteTracedException: a config error, when there is no catalog or no such stream.
    """
    found = next(_messages(lines, "CATALOG"), None)
    if found is None:
        raise config_error("The input has no catalog: the last line of `discover` says why.")
    known = [stream["name"] for stream in found["streams"]]
    if unknown := sorted(set(names) - set(known)):
        raise config_error(
            f"There is no stream {', '.join(unknown)}; choose from {', '.join(known)}."
        )
    chosen = [stream for stream in found["streams"] if not names or stream["name"] in names]
    return configured({"streams": chosen})


def configured(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configured catalog of all discovered streams, incremental where that is offered."""
    return {
        "streams": [
            {
                "stream": stream,
                "sync_mode": (
                    "incremental"
                    if "incremental" in stream["supported_sync_modes"]
                    else "full_refresh"
                ),
                "destination_sync_mode": "append",
            }
            for stream in found["streams"]
        ]
    }


def states(lines: Iterable[str], old: Path | None = None) -> list[dict[str, Any]]:
    """Return the last state of each stream.

    Args:
        lines: what `read` printed.
        old: a file with the states of the read before, which stand where there is no new one; it
            need not exist.

    Raises:
        AirbyteTracedException: a config error, when there is no state or the file is not of states.
    """
    before = files.state(str(old)) if old and old.exists() else []
    new = list(_messages(lines, "STATE"))
    if not new:
        raise config_error("The input has no state: keep the file that you have.")
    found = [*map(AirbyteStateMessageSerializer.dump, before), *new]
    return list({_stream(state): state for state in found}.values())


def _stream(state: Mapping[str, Any]) -> str:
    return str((state.get("stream") or {}).get("stream_descriptor", {}).get("name"))


def _messages(lines: Iterable[str], kind: str) -> Iterator[dict[str, Any]]:
    """Yield the content of the messages of one kind; other lines are passed over."""
    for line in lines:
        try:
            message = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(message, dict) and message.get("type") == kind:
            yield message[kind.lower()]
