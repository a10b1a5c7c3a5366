"""JSON as Asana sends it: a text may be cut inside an emoji, and half of the emoji is left."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

# Of the halves that `json` has read, it has joined those that belong together.
HALVES = re.compile("[\ud800-\udfff]")


def parse(content: bytes) -> Any:
    r"""Return the value that JSON stands for, with U+FFFD where a character was cut in half.

    JSON can name half of a surrogate pair (`"\ud83c"`), but UTF-8 can hold none, so that neither
    records nor states could be printed.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        try:
            text = json.dumps(json.loads(content), ensure_ascii=False)
        except (ValueError, RecursionError):
            raise error from None
    # Once more, as `json` takes numbers that JSON does not have.
    return orjson.loads(HALVES.sub("\ufffd", text))
