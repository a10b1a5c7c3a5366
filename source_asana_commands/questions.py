"""Questions about a connection: explain, verify and estimate.

They read what a sync would read with, and print sentences. None of them writes to Asana, and none
makes a state.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Sequence

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.http.errors import AsanaError
from source_asana_commands.estimate import estimated
from source_asana_commands.explain import explained
from source_asana_commands.prepared import Prepared, prepared
from source_asana_commands.verify import verified

SAMPLE = 500


def run(args: Sequence[str]) -> None:
    """Run a command with its name and arguments; print its answer to the standard output.

    Exit code 1 stands for a mistake of the user, for Asana not answering, and for a drift that
    `verify` has found.
    """
    options = _parser().parse_args(args)
    # What a sync reports as it goes on is no answer to a question.
    logging.getLogger("airbyte").setLevel(logging.ERROR)
    try:
        made = prepared(options.config, options.catalog, getattr(options, "state", ""))
        is_well = _say(options, made)
    except AirbyteTracedException as mistake:
        sys.exit(mistake.message)
    except AsanaError as error:
        sys.exit(f'Asana does not show what the command needs ("{error}"); try again later.')
    sys.exit(0 if is_well else 1)


def _say(options: argparse.Namespace, made: Prepared) -> bool:
    """Print the answer; return whether all is well."""
    if options.command == "explain":
        return _print(explained(made, options.stream, options.gid))
    if options.command == "estimate":
        return _print(estimated(made))
    found = verified(made, options.sample)
    return _print(found.lines()) and not found.drifts


def _print(lines: Iterable[str]) -> bool:
    for line in lines:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="source-asana")
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "explain": "Say what a state knows of a record, what Asana shows, and what comes next.",
        "verify": "Compare a sample of what was sent with what Asana shows now.",
        "estimate": "Say what a first sync and a usual one cost.",
    }
    made = {name: commands.add_parser(name, description=text) for name, text in texts.items()}
    for name, one in made.items():
        one.add_argument("--config", required=True, help="the configuration, as for `read`")
        one.add_argument("--catalog", required=True, help="the configured catalog, as for `read`")
        if name != "estimate":
            one.add_argument("--state", required=True, help="the states of the last sync")
    made["explain"].add_argument("stream", help="the stream, such as tasks")
    made["explain"].add_argument("gid", help="the record's gid")
    made["verify"].add_argument(
        "--sample", type=int, default=SAMPLE, help=f"how many records to compare ({SAMPLE})"
    )
    return parser
