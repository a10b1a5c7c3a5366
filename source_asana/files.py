"""The files that a command names, read by the CDK, with one sentence for each mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airbyte_cdk.connector import BaseConnector
from airbyte_cdk.models import AirbyteStateMessage, AirbyteStateType, ConfiguredAirbyteCatalog
from airbyte_cdk.sources.source import Source

from source_asana.config import config_error

WRONG: Mapping[str, str] = {
    "config": "is not a JSON object; provide an object with `credentials`",
    "catalog": (
        "is not a configured catalog; provide an object with a list `streams`, each item with "
        "`stream`, `sync_mode` and `destination_sync_mode`"
    ),
    "state": (
        "is not a list of Airbyte state messages per stream; provide the states that an earlier "
        "sync printed, each of type STREAM, or none"
    ),
}


def config(path: str) -> dict[str, Any]:
    """Return the object in a file."""
    with _mistakes(path, "config"):
        return dict(BaseConnector.read_config(path))


def catalog(path: str) -> ConfiguredAirbyteCatalog:
    """Return the configured catalog in a file."""
    with _mistakes(path, "catalog"):
        return Source.read_catalog(path)


def state(path: str) -> list[AirbyteStateMessage]:
    """Return the states in a file; an empty path means that there is none."""
    with _mistakes(path, "state"):
        return Source.read_state(path)


def per_stream(states: list[AirbyteStateMessage] | None) -> list[AirbyteStateMessage]:
    """Return the states that a sync was given, which are of type STREAM.

    Raises:
        AirbyteTracedException: a config error for one of another type, or of none.
    """
    for one in states or []:
        if one.type is not AirbyteStateType.STREAM or one.stream is None:
            raise config_error(f"The state {WRONG['state']}.")
    return list(states or [])


@contextmanager
def _mistakes(path: str, kind: str) -> Iterator[None]:
    """Say in one sentence what is wrong with a file."""
    try:
        yield
    except OSError as error:
        said = f"cannot be read ({error.strerror}); provide the path of a readable file"
    except Exception as error:  # noqa: BLE001  # the serializers raise whatever a value provokes
        said = WRONG[kind]
        if isinstance(flaw := error.__context__, json.JSONDecodeError):
            said = f"is not valid JSON (line {flaw.lineno}, column {flaw.colno}); correct the file"
    else:
        return
    raise config_error(f"The {kind} file {path} {said}.")
