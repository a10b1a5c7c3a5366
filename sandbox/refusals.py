"""Refusals in the words that Asana's users report; source: the error table of the fact sheet.

Texts marked "own wording" are not known from reports, so tests should match their status only.
"""

from __future__ import annotations

from typing import Any

import orjson

HELP = "See https://developers.asana.com/docs/errors"
TOO_LARGE = (
    "The result is too large. You should use pagination (may require specifying a workspace)!"
)
EXPIRED_OFFSET = "offset: Your pagination token has expired."
INVALID_OFFSET = "offset: Your pagination token is invalid."
EXACTLY_ONE = (
    "Must specify exactly one of project, tag, section, user task list, or assignee + workspace"
)
NO_ROUTE = "No matching route for request"
NO_PROJECT_ACCESS = "You do not have access to this project."
STALE_SYNC = (
    "Sync token invalid or too old. If you are attempting to keep resources in sync, "
    "you must fetch the full dataset for this query now."
)
EXPIRED_BEARER = (
    "The bearer token has expired. If you have a refresh token, please use it to request a new one."
)
TRUNCATED = "The result was truncated."  # own wording


class ApiError(Exception):
    """An answer with an `errors` body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        """Keep the parts; `extra` goes into the body next to `errors`."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.extra = extra

    def body(self) -> bytes:
        """Return the JSON body; only a 500 has a `phrase`."""
        error: dict[str, Any] = {"message": self.message, "help": HELP}
        if self.status == 500:
            error["phrase"] = "6 sad squid snuggle softly"
        return orjson.dumps({"errors": [error], **self.extra})


def unknown_object(resource: str, gid: str) -> ApiError:
    """Return the 404 for a gid that nothing has, or no longer has."""
    return ApiError(404, f"{resource}: Unknown object: {gid}")


def not_a_gid(resource: str, value: str) -> ApiError:
    """Return the 400 for something that is not a gid."""
    return ApiError(400, f"{resource}: Not a recognized ID: {value}")


def missing(parameter: str) -> ApiError:
    """Return the 400 for a required parameter that was not sent."""
    return ApiError(400, f"{parameter}: Missing input")


def paid_only(what: str, status: int = 402) -> ApiError:
    """Return the refusal of a feature above the plan, in the form reported for search."""
    return ApiError(status, f"{what} is only available to premium users.")
