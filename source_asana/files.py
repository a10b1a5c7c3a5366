"""The files that a command names: config, catalog and state, with one sentence for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    AirbyteStateType,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_asana.config import Unusable, config_error, plain


def config(path: str) -> dict[str, Any]:
    """Return the object in a file, or a stand-in that raises the mistake when it is used."""
    try:
        content = _json(path, "config")
    except AirbyteTracedException as mistake:
        return Unusable(mistake)
    return content if isinstance(content, dict) else usable(content)


def usable(content: Any) -> dict[str, Any]:
    """Return a plain configuration, or a stand-in that raises its mistake when it is used."""
    try:
        return plain(content)
    except AirbyteTracedException as mistake:
        return Unusable(mistake)


def catalog(path: str) -> ConfiguredAirbyteCatalog:
    """Return the configured catalog in a file."""
    content = _json(path, "catalog")
    try:
        return ConfiguredAirbyteCatalogSerializer.load(content)
    except Exception as error:  # noqa: BLE001  # the serializer raises whatever a value provokes
        raise config_error(
            f"The catalog in {path} is not a configured catalog; provide an object with a list "
            "`streams`, each item with `stream`, `sync_mode` and `destination_sync_mode`.",
            internal=type(error).__name__,
        ) from None


def state(path: str) -> list[AirbyteStateMessage]:
    """Return the states in a file; an empty path means that there is none."""
    content = _json(path, "state") if path else None
    if not content:
        return []
    try:
        messages = [AirbyteStateMessageSerializer.load(item) for item in content]
    except Exception as error:  # noqa: BLE001  # as above
        raise _no_states(f"The state in {path}", error) from None
    return per_stream(messages)


def per_stream(states: list[AirbyteStateMessage] | None) -> list[AirbyteStateMessage]:
    """Return the states that a sync was given, which are of type STREAM.

    Raises:
        AirbyteTracedException: a config error for one of another type, or of none.
    """
    for one in states or []:
        kind = getattr(one, "type", None)
        if kind is not AirbyteStateType.STREAM:
            raise _no_states(f"A state of type {kind.value if kind else 'LEGACY'}")
        if one.stream is None:
            raise _no_states("A state without a stream")
    return list(states or [])


def _no_states(found: str, error: Exception | None = None) -> Exception:
    return config_error(
        f"{found} is not a list of Airbyte state messages per stream; provide the states that an "
        "earlier sync printed, each of type STREAM, or none.",
        internal=type(error).__name__ if error else "",
    )


def _json(path: str, kind: str) -> Any:
    try:
        # Editors of Windows put a mark in front.
        content = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise config_error(
            f"The {kind} file {path} cannot be read ({error.strerror}); provide the path of a "
            "readable file."
        ) from None
    except UnicodeDecodeError:
        raise config_error(
            f"The {kind} file {path} is not UTF-8 text; provide a JSON file."
        ) from None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise config_error(f"The {kind} file {path} {_flaw(content, error)}.") from None


def _flaw(content: str, error: Exception) -> str:
    """Return what is wrong with a file that is no JSON, and the remedy."""
    if not content.strip():
        return "is empty; provide a JSON file"
    if content.startswith('{"type":'):
        return (
            "holds the output of a command; make a catalog or the states of it, as the README "
            'says under "Use it"'
        )
    where = ""
    if isinstance(error, json.JSONDecodeError):
        where = f" (line {error.lineno}, column {error.colno})"
    return f"is not valid JSON{where}; correct the file"
