"""Faults on request: what networks and overloaded servers do, at chosen places and rates."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from sandbox.hooks import Where
from sandbox.refusals import EXPIRED_OFFSET, TRUNCATED, ApiError

# These spoil a reply after it was made; the others replace it with an error.
TRANSPORT = frozenset({"cut_json", "short_read", "drop", "slow", "empty", "half_emoji"})
SERVER_ERROR = "Server Error"
NOTHING = b'{"data":[],"next_page":null}'
KINDS = TRANSPORT | {
    "status",
    "html502",
    "empty_list",
    "errors_in_200",
    "rate_limited",
    "offset_expired",
    "truncation",
}


@dataclass(slots=True)
class Fault:
    """One rule that says which requests are hit, how often, and what happens then."""

    kind: str
    where: Where = field(default_factory=Where)
    times: int | None = 1
    share: float = 1.0
    status: int = 500
    body: Any = None
    message: str = ""
    seconds: float = 1.0
    retry_after: int | None = 1
    random: Random = field(default_factory=Random)
    skip: int = 0
    hits: int = 0

    def applies(self, path: str, template: str, params: dict[str, str]) -> bool:
        """Tell whether this request is hit, and count it if it is."""
        if self.times is not None and self.hits >= self.times:
            return False
        if not self.where.fits(path, template, params):
            return False
        if self.kind == "offset_expired" and "offset" not in params:
            return False
        if self.share < 1.0 and self.random.random() >= self.share:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def reply(self) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body of a fault that replaces the answer."""
        json = {"Content-Type": "application/json; charset=UTF-8"}
        if self.kind == "html502":
            return 502, {"Content-Type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>"
        if self.kind in {"empty_list", "errors_in_200"}:
            wrong = self.body_or(ApiError(200, self.message or SERVER_ERROR))
            return 200, json, NOTHING if self.kind == "empty_list" else wrong
        if self.kind == "rate_limited":
            headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            message = "You have made too many requests recently."
            return 429, {**json, **headers}, self.body_or(ApiError(429, message))
        if self.kind == "offset_expired":
            return 400, json, ApiError(400, EXPIRED_OFFSET).body()
        if self.kind == "truncation":
            return 400, json, self.body_or(ApiError(400, self.message or TRUNCATED))
        return self.status, json, self.body_or(ApiError(self.status, self.message or SERVER_ERROR))

    def body_or(self, error: ApiError) -> bytes:
        """Return the body that was given with the fault, or else that of `error`."""
        if self.body is None:
            return error.body()
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)


def halved(body: bytes) -> bytes:
    """Return JSON in which every text is cut inside its emoji: half of a surrogate pair is left."""
    return re.sub(rb"[\xf0-\xf4][\x80-\xbf]{3}", rb"\\ud83c", body)


def make(kind: str, path: str | None = None, **options: Any) -> Fault:
    """Return a fault; `path` is a template such as /projects/{project_gid}/sections, or a regex."""
    if kind not in KINDS:
        message = f"unknown fault {kind!r}, known: {', '.join(sorted(KINDS))}"
        raise ValueError(message)
    seed = options.pop("seed", 0)
    return Fault(kind, Where.named(path), **options, random=Random(seed))  # noqa: S311 - reproducible
