"""What tests are given: a configuration, and answers of Asana."""

from __future__ import annotations

from typing import Any

import orjson
import requests

from source_asana.config import Settings, parse_config

CONFIG: dict[str, Any] = {"credentials": {"personal_access_token": "the-token"}}


def settings(**further: Any) -> Settings:
    """Return the configuration of a token, with further keys."""
    return parse_config({**CONFIG, **further})


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
