"""Asks all questions and prints the report: `python -m tools.probe [--config FILE] [--wait N]`."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana import files
from source_asana.config import config_error, parse_config, plain
from source_asana.http.auth import AsanaOAuth, authenticator
from source_asana.http.client import Client, connector_version
from source_asana.source import SourceAsana
from tools.probe import answers, history, listings
from tools.probe.asker import MOST_REQUESTS, Asker, OutOfRequestsError
from tools.probe.question import Answer, Finding, Question, report, unknown
from tools.probe.sample import Sample

QUESTIONS: tuple[Question, ...] = (
    history.stamps,
    listings.modified_since,
    listings.search_shows,
    listings.subtasks_in_projects,
    listings.allocations_of_workspace,
    listings.offset_life,
    answers.unknown_opt_field,
    answers.fields,
    answers.versions,
    answers.ways,
    answers.gone,
    answers.hidden,
    answers.date_header,
    # The last one, as it may wait.
    history.silent_events,
)
CONTRADICTED, NOT_ASKED = 1, 2
# An outage is no reason to wait long here.
OUTAGE_SECONDS = 60.0


def main(args: list[str]) -> int:
    """Ask, print the report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.probe")
    parser.add_argument("--config", type=Path, help="a JSON file; without it, ASANA_TOKEN is used")
    parser.add_argument("--wait", type=float, default=0, help="minutes to make changes in Asana")
    options = parser.parse_args(args)
    # The connector's log goes to standard output, where the report is to stand alone.
    logging.disable(logging.CRITICAL)
    try:
        config = _config(options.config)
        text, contradictions = probe(config, options.wait, _keep(options.config))
    except AirbyteTracedException as error:
        say(str(error.message))
        return NOT_ASKED
    finally:
        logging.disable(logging.NOTSET)
    sys.stdout.write(text)
    return CONTRADICTED if contradictions else 0


def probe(
    config: Mapping[str, Any],
    minutes: float = 0,
    on_rotation: Callable[[Mapping[str, Any]], None] = lambda _: None,
    **options: Any,
) -> tuple[str, int]:
    """Return the report and the number of contradictions.

    Args:
        config: the configuration.
        minutes: how long to wait for changes.
        on_rotation: takes the configuration with a new refresh token.
        options: those of `Client`.

    Raises:
        AirbyteTracedException: nothing could be asked.
    """
    settings = parse_config(config)
    client = Client(settings, **{"outage_seconds": OUTAGE_SECONDS, **options})
    auth = authenticator(SourceAsana().resolved_manifest, plain(config), client)
    if isinstance(auth, AsanaOAuth):
        auth.on_rotation = on_rotation
    client.auth = auth
    asker = Asker(client)
    sample = Sample(asker, settings, minutes)
    answered = []
    for number, question in enumerate(QUESTIONS, 1):
        say(f"{number}/{len(QUESTIONS)} {question.title}")
        answered.append((question, _ask(question, asker, sample)))
    kind = "an organization" if sample.organization else "a workspace"
    about = (
        f"source-asana {connector_version()}. {asker.counts.requests} GETs; nothing was written. "
        f"Looked at: {kind}, projects: {len(sample.projects)}. It holds no names, texts or ids."
    )
    text = "\n".join(report(about, answered)) + "\n"
    return text, sum(finding.answer is Answer.CONTRADICTS for _, finding in answered)


def _ask(question: Question, asker: Asker, sample: Sample) -> Finding:
    try:
        return question.ask(asker, sample)
    except OutOfRequestsError:
        return unknown(f"The {MOST_REQUESTS} requests were used up before.")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The text of such an error may hold what Asana sent.
        return unknown(f"An answer has a form that nobody expected ({type(error).__name__}).")


def _config(path: Path | None) -> dict[str, Any]:
    if path:
        return files.config(str(path))
    token = os.environ.get("ASANA_TOKEN")
    if not token:
        raise config_error("Name a configuration with CONFIG=..., or set ASANA_TOKEN.")
    return {"credentials": {"personal_access_token": token}}


def _keep(path: Path | None) -> Callable[[Mapping[str, Any]], None]:
    """Return what writes a new refresh token into the configuration, as the old one is void."""

    def keep(config: Mapping[str, Any]) -> None:
        if path:
            content = orjson.loads(path.read_bytes())
            content["credentials"]["refresh_token"] = config["credentials"]["refresh_token"]
            path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            say("Asana has replaced the refresh token; the new one is in the configuration.")

    return keep


def say(line: str) -> None:
    """Print a line about the progress; the report alone is on standard output."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
