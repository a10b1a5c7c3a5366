"""Where `source-asana` and `main.py` begin: our commands, or the connector with Airbyte's.

What a command needs is imported when it runs: `spec` takes a tenth of what the CDK takes to load.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

QUESTIONS = ("explain", "verify", "estimate")
FILES = ("catalog", "state")
USAGE = """\
usage: source-asana [-h] [--version] COMMAND ...

Airbyte's commands:
  spec       print what a configuration holds
  check      try a configuration
  discover   print the streams and their columns
  read       print records and states

Questions about a connection:
  explain    say where a record is, and what the next sync does
  verify     compare a sample of what was sent with what Asana shows
  estimate   say what a first sync and a usual one cost

What makes the files of a read from what these print:
  catalog    the catalog of a read, from what discover printed
  state      the states for the next read, from what read printed

Each has a --help of its own.
"""


def main() -> None:
    """Run one command with the arguments of the process; the connector has all but ours."""
    args = sys.argv[1:]
    match args[:1]:
        case []:
            sys.exit(USAGE)
        case ["-h" | "--help"]:
            sys.stdout.write(USAGE)
        case ["--version"]:
            _say_version()
        case [command] if command in (*QUESTIONS, *FILES):
            _run(args)
        case _:
            from source_asana.entry import main as run_airbytes  # noqa: PLC0415  # see above

            run_airbytes()


def _run(args: Sequence[str]) -> None:
    for sign in (signal.SIGTERM, signal.SIGINT):
        # A shell has what it puts into the background ignore SIGINT.
        if signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, _end)
    if args[0] in QUESTIONS:
        from source_asana_commands.questions import run  # noqa: PLC0415  # takes seconds
    else:
        from source_asana_commands.shell import run  # noqa: PLC0415
    run(args)


def _say_version() -> None:
    from source_asana.http.client import DISTRIBUTION, connector_version  # noqa: PLC0415

    sys.stdout.write(f"{DISTRIBUTION} {connector_version()}\n")


def _end(sign: int, _: object) -> None:
    """End the process with the shell's exit code, without a traceback: nothing is left to save."""
    os._exit(128 + sign)
