"""Make the files of a read from what the connector prints: `python -m tools.files catalog|state`.

    source-asana discover --config c.json | python -m tools.files catalog tasks > catalog.json
    python -m tools.files state < sync.jsonl > state.json

`catalog` takes the output of discover and gives a configured catalog of the named streams, of all
when none is named; `state` takes the output of a read and gives the states for the next one.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
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
    [found] = messages(lines, "CATALOG")
    if unknown := set(names) - {stream["name"] for stream in found["streams"]}:
        sys.exit(f"There is no stream {', '.join(sorted(unknown))}.")
    chosen = [stream for stream in found["streams"] if not names or stream["name"] in names]
    return configured({"streams": chosen})


def states(lines: Iterable[str]) -> Any:
    """Return the last state of each stream."""
    last = {
        state["stream"]["stream_descriptor"]["name"]: state for state in messages(lines, "STATE")
    }
    return list(last.values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the standard input, write the standard output."""
    parser = argparse.ArgumentParser(description="Make the files of a read.")
    parser.add_argument("what", choices=["catalog", "state"])
    parser.add_argument("stream", nargs="*", help="streams of the catalog; all when left out")
    options = parser.parse_args(arguments)
    content = catalog(sys.stdin, options.stream) if options.what == "catalog" else states(sys.stdin)
    json.dump(content, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
