"""The command `source-asana-live`: asks all questions and prints the report."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana import files
from source_asana.config import PersonalAccessToken, Settings, config_error, parse_config
from source_asana.http.client import Client
from source_asana.live.answers import today
from source_asana.live.asker import MOST_REQUESTS, Asker, OutOfRequestsError, UnansweredError
from source_asana.live.question import Finding, Question, unknown
from source_asana.live.questions import QUESTIONS
from source_asana.live.report import Answered, Circumstances, contradicted, markdown
from source_asana.live.sample import Sample

CONTRADICTED, NOT_ASKED = 1, 2
DESCRIPTION = (
    "Ask a real workspace where Asana differs from what this connector believes. It sends at most "
    f"{MOST_REQUESTS} GETs and writes nothing. The report names nothing of the workspace."
)
EPILOG = (
    "Exit code: 0 if nothing contradicts the connector, 1 if something does, 2 if the questions "
    "could not be asked."
)


def run() -> None:
    """Run the command with the arguments of the process."""
    sys.exit(main(sys.argv[1:]))


def main(args: list[str], say: Callable[[str], object] | None = None) -> int:
    """Ask, write the report, and return the exit code.

    Args:
        args: of the command line.
        say: takes the lines about the progress; by default they go to standard error.
    """
    options = _parser().parse_args(args)
    say = say or _complain
    # The connector's log goes to standard output, where the report is to stand alone.
    logging.disable(logging.CRITICAL)
    try:
        settings = parse_config(_config(options.config))
        text, contradictions = probe(settings, say, _keep(options.config, say))
        if options.output:
            options.output.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)
    except AirbyteTracedException as error:
        say(str(error.message))
        return NOT_ASKED
    except UnansweredError as error:
        say(f"{error}; nothing could be asked.")
        return NOT_ASKED
    except OSError as error:
        say(f"The report cannot be written: {error.strerror}.")
        return NOT_ASKED
    finally:
        logging.disable(logging.NOTSET)
    return CONTRADICTED if contradictions else 0


def probe(
    settings: Settings,
    say: Callable[[str], object],
    on_rotation: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> tuple[str, int]:
    """Return the report and the number of contradictions.

    Args:
        settings: the configuration.
        say: takes a line about the progress.
        on_rotation: called with a new refresh token.
        options: those of `Client`, for tests.

    Raises:
        UnansweredError, AirbyteTracedException: nothing could be asked.
    """
    asker = Asker(Client(settings, on_rotation=on_rotation, **options), _secret(settings))
    sample = Sample(asker, settings)
    answered = list(_answered(asker, sample, say))
    about = Circumstances(
        today(asker),
        asker.sent,
        asker.alias(sample.workspace),
        sample.organization,
        len(sample.projects),
        len(sample.tasks),
    )
    return markdown(answered, about), contradicted(answered)


def _secret(settings: Settings) -> str:
    credentials = settings.credentials
    if isinstance(credentials, PersonalAccessToken):
        return credentials.personal_access_token
    return credentials.client_secret


def _answered(asker: Asker, sample: Sample, say: Callable[[str], object]) -> Iterator[Answered]:
    for number, question in enumerate(QUESTIONS, 1):
        say(f"{number}/{len(QUESTIONS)} {question.title}")
        yield question, _ask(question, asker, sample)


def _ask(question: Question, asker: Asker, sample: Sample) -> Finding:
    try:
        return question.ask(asker, sample)
    except OutOfRequestsError:
        return unknown(f"The {MOST_REQUESTS} requests were used up before.")
    except UnansweredError as error:
        return unknown(f"{error}.")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The text of such an error may hold what Asana sent.
        return unknown(f"An answer has a form that nobody expected ({type(error).__name__}).")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="source-asana-live", description=DESCRIPTION, epilog=EPILOG
    )
    parser.add_argument(
        "--config",
        type=Path,
        help="the configuration, a JSON file; without it, ASANA_TOKEN is used",
    )
    parser.add_argument("--output", type=Path, help="the file to write the report to")
    return parser


def _config(path: Path | None) -> dict[str, Any]:
    if path is None:
        token = os.environ.get("ASANA_TOKEN")
        if not token:
            raise config_error("Name a configuration with --config, or set ASANA_TOKEN.")
        return files.usable({"credentials": {"personal_access_token": token}})
    return files.config(str(path))


def _keep(path: Path | None, say: Callable[[str], object]) -> Callable[[str], None]:
    """Return what writes a new refresh token into the configuration, as the old one is void."""

    def keep(token: str) -> None:
        if path:
            content = orjson.loads(path.read_bytes())
            content["credentials"]["refresh_token"] = token
            path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            say("Asana has replaced the refresh token; the new one is in the configuration.")

    return keep


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
