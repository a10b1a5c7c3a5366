"""Make the files of a read from what the connector prints: `python -m tools.files catalog|state`.

    source-asana discover --config c.json | python -m tools.files catalog tasks > catalog.json
    python -m tools.files state --old state.json < sync.jsonl > new.json

`catalog` takes the output of discover and gives a configured catalog of the named streams, of all
when none is named; `state` takes the output of a read and gives the states for the next one: the
new ones, and of streams that printed none those of the file `--old`, which need not exist.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.connector import configured


def messages(lines: Iterable[str], kind: str) -> Iterator[Any]:
    """Yield the content of the messages of one kind; other lines are passed over."""
    for line in lines:
        try:
            message = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(message, dict) and message.get("type") == kind:
            yield message[kind.lower()]


def catalog(lines: Iterable[str], names: Sequence[str]) -> Any:
    """Return the configured catalog."""
    found = next(messages(lines, "CATALOG"), None)
    if found is None:
        sys.exit("The input has no catalog, so `discover` failed: its last line says why.")
    if unknown := set(names) - {stream["name"] for stream in found["streams"]}:
        sys.exit(f"There is no stream {', '.join(sorted(unknown))}.")
    chosen = [stream for stream in found["streams"] if not names or stream["name"] in names]
    return configured({"streams": chosen})


def states(lines: Iterable[str], old: Sequence[Any]) -> Any:
    """Return the last state of each stream, those of an earlier read where there is no new one."""
    new = list(messages(lines, "STATE"))
    if not new:
        sys.exit("The input has no state: keep the file that you have.")
    return list({_stream(state): state for state in [*old, *new]}.values())


def _stream(state: Any) -> str:
    return str(state["stream"]["stream_descriptor"]["name"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the standard input, write the standard output."""
    parser = argparse.ArgumentParser(description="Make the files of a read.")
    parser.add_argument("what", choices=["catalog", "state"])
    parser.add_argument("stream", nargs="*", help="streams of the catalog; all when left out")
    parser.add_argument("--old", type=Path, help="the states of the read before")
    options = parser.parse_args(arguments)
    if options.what == "catalog":
        content = catalog(sys.stdin, options.stream)
    else:
        has_old = options.old and options.old.exists()
        content = states(sys.stdin, json.loads(options.old.read_text("utf-8")) if has_old else [])
    json.dump(content, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
