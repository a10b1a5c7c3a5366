"""The account that `make try` reads, its cost, and what its user may do next."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

KEPT = Path("secrets", "config.json")
COST = re.compile(
    r"^(?:First|Usual) sync: (\d+) requests .*?, about ([\d.]+) minutes", re.MULTILINE
)


@dataclass(frozen=True)
class Estimate:
    """What `source-asana estimate` says of the sum of all streams.

    Attributes:
        first, usual: requests of a first sync and of a usual one.
        minutes: that a first sync takes.
        lines: the sentences as they were printed.
    """

    first: int
    usual: int
    minutes: float
    lines: tuple[str, ...]


def estimate(printed: str) -> Estimate:
    """Return what the command printed, without its table of streams."""
    (first, minutes), (usual, _) = COST.findall(printed)
    lines = printed[printed.index("First sync: ") :].splitlines()
    return Estimate(int(first), int(usual), float(minutes), tuple(lines))


def config(path: Path | None) -> Mapping[str, Any]:
    """Return the configuration in a file, or one with the token of the environment."""
    token = os.environ.get("ASANA_TOKEN")
    if path is None and token:
        return {"credentials": {"personal_access_token": token}}
    if path is None:
        sys.exit(
            "Give CONFIG=<file with a configuration>, or a personal access token in ASANA_TOKEN."
        )
    try:
        found: Mapping[str, Any] = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        sys.exit(
            f'{path} cannot be read ({error.strerror}); README, "Use it", says how to make it.'
        )
    except ValueError as error:
        sys.exit(f"{path} is not valid JSON ({error}); correct the file.")
    return found


def everything(path: Path | None) -> str:
    """Return the command that reads all of the account."""
    return " ".join(["make try", *([f"CONFIG={quote(str(path))}"] if path else []), "YES=1"])


def next_steps(path: Path | None) -> Iterator[str]:
    """Yield the lines that say what to do next, as commands that can be pasted.

    Args:
        path: the file with the configuration; without one the first command makes it.
    """
    content = '{"credentials": {"personal_access_token": "\'"$ASANA_TOKEN"\'"}}'
    name = quote(str(path or KEPT))
    yield ""
    yield "What to do next"
    if path is None:
        yield "  Keep the token in a file:"
        yield f"    mkdir -p {KEPT.parent} && (umask 077; echo '{content}' > {KEPT})"
    yield "  Read everything into a DuckDB file; a second run brings what changed:"
    yield "    make pyairbyte"
    yield f"    .venv-pyairbyte/bin/python examples/pyairbyte_duckdb.py {name} asana.duckdb"
    yield "  Run it in your Airbyte (docs/airbyte-cloud.md has each step):"
    yield "    make image"
    yield "  Tell us where your Asana differs (the report holds no names):"
    yield f"    make live CONFIG={name}"
    yield "  Choose projects, a start date, deletions, columns of custom fields: docs/asana.md"
    yield "  Tables for analysts: dbt/README.md"
