"""What tests are given: a configuration, and answers of Asana."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
import requests

from source_asana.config import Settings, parse_config, plain
from source_asana.http.auth import authenticator
from source_asana.http.client import Client
from source_asana.http.errors import AsanaErrorHandler, Verdict, error_handler
from source_asana.source import SourceAsana

CONFIG: dict[str, Any] = {"credentials": {"personal_access_token": "the-token"}}


def settings(**further: Any) -> Settings:
    """Return the configuration of a token, with further keys."""
    return parse_config({**CONFIG, **further})


@cache
def manifest() -> Mapping[str, Any]:
    """Return the resolved manifest."""
    return SourceAsana().resolved_manifest


def client(*, further: Mapping[str, Any] | None = None, **options: Any) -> Client:
    """Return a client that signs its requests, with further keys of the configuration."""
    config = {**CONFIG, **(further or {})}
    made = Client(parse_config(config), **options)
    made.auth = authenticator(manifest(), plain(config), made)
    return made


def answer(status: int, body: Any = None, reason: str = "") -> requests.Response:
    """Return an answer with a body: bytes as they are, the rest as JSON."""
    response = requests.Response()
    response.status_code = status
    response.reason = reason
    response._content = body if isinstance(body, bytes) else orjson.dumps(body)
    return response


def refusal(status: int, message: str, **extra: Any) -> requests.Response:
    """Return an answer with Asana's form of an error."""
    error = {"message": message, "help": "For more information ..."}
    return answer(status, {"errors": [error], **extra})


def verdict(response: requests.Response, judges: AsanaErrorHandler | None = None) -> Verdict:
    """Return what the manifest's error handler, or another one, says of an answer."""
    return (judges or error_handler()).verdict(response)
