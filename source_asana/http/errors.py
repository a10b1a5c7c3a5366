"""Decides what an answer of Asana means: one table leads from status and message to an action.

The filters of the CDK's handlers look at status, headers and body, too, before they call a 2xx a
success; their answer is an action and a message. Here it also says how far a refusal reaches and
how to mend it, which report, feeds and state go by. The body is parsed once, and handed on to
paginator and retriever. The rules come from Asana's page "Errors", from the responses in its
OpenAPI description, and from the wordings that Asana is known to send.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import requests
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from source_asana.http.parsing import parse


class Action(Enum):
    """What `attempts.send` does with an answer."""

    SUCCESS = auto()
    RETRY = auto()
    WAIT = auto()  # a rate limit: does not use up tries
    REAUTHENTICATE = auto()  # once, with a fresh OAuth token; after that it ends the sync
    RESTART = auto()  # the offset has expired: read the partition from its first page
    NEW_SYNC_TOKEN = auto()
    SKIP = auto()  # leave out exactly what was refused, and report it
    FAIL = auto()  # this partition fails, the rest goes on
    ABORT = auto()  # the whole sync ends: the user must act


class Reach(Enum):
    """How far a refusal reaches."""

    PARTITION = "partition"
    WORKSPACE = "workspace"  # the stream in this workspace
    STREAM = "stream"
    WHOLE_WORKSPACE = "whole workspace"  # every stream in this workspace


@dataclass(frozen=True)
class Rule:
    """One row of the table; the first that matches an answer decides.

    Attributes:
        statuses: HTTP statuses; empty matches every status from 400 on.
        pattern: what Asana's message must contain, a case-insensitive regular expression; None
            matches all.
        action: what to do.
        reason: a word for the report. Whether a plan or a scope is missing is told by it, too.
        remedy: what the user can do, a clause.
        reach: for `SKIP`, how far the refusal reaches.
        deleted: for `SKIP`, whether the object does not exist (any more), so that nothing was left
            unread.
    """

    statuses: Sequence[int]
    pattern: str | None
    action: Action
    reason: str
    remedy: str = ""
    reach: Reach = Reach.PARTITION
    deleted: bool = False

    @property
    def takes_access(self) -> bool:
        """Whether what was readable before is withheld: no plan's limit, and not deleted."""
        return not (self.deleted or self.is_plan)

    @property
    def is_plan(self) -> bool:
        """Whether the plan does not include what was asked for."""
        return self.reason == "plan"

    def matches(self, status: int, message: str) -> bool:
        """Return whether an answer with this status and message belongs to this row."""
        if self.statuses and status not in self.statuses:
            return False
        return self.pattern is None or re.search(self.pattern, message, re.IGNORECASE) is not None


PLAN = "upgrade the Asana plan or deselect the stream"
SCOPE = (
    "grant the OAuth app the scope, use a full-permission app or a personal access token, or "
    "deselect the stream"
)
MEMBERSHIP = "give the token's user access, or exclude the object in the configuration"
SUPPORT = "try again later; if the problem stays, report it with this message"

RULES: tuple[Rule, ...] = (
    Rule((400,), r"offset.*(expired|invalid)|pagination token", Action.RESTART, "offset expired"),
    Rule((400, 412), r"sync token", Action.NEW_SYNC_TOKEN, "sync token"),
    Rule((412,), None, Action.NEW_SYNC_TOKEN, "sync token"),
    Rule(
        (400,),
        r"truncat",
        Action.FAIL,
        "truncated",
        "the list is too long for Asana to deliver whole: name fewer projects in `project_ids`, or "
        "deselect the stream",
    ),
    Rule((400,), r"too large", Action.FAIL, "too large", SUPPORT),
    Rule(
        (400,),
        r"does not have access|only available to|not available for|premium|upgrade",
        Action.SKIP,
        "plan",
        PLAN,
        Reach.WORKSPACE,
    ),
    Rule(
        (400,),
        r"missing input",
        Action.SKIP,
        "other parameters",
        "Asana does not offer this as it is documented: deselect the stream, and report it",
    ),
    Rule((400,), None, Action.FAIL, "bad request", SUPPORT),
    Rule(
        (401,),
        r"disabled|blocked|\badmin|not (been )?(allowed|approved|permitted)",
        Action.SKIP,
        "app disabled",
        "ask the workspace's admin to allow the app",
        Reach.WHOLE_WORKSPACE,
    ),
    Rule((401,), None, Action.REAUTHENTICATE, "token refused"),
    Rule((402,), None, Action.SKIP, "plan", PLAN, Reach.WORKSPACE),
    Rule(
        (403,),
        r"premium|upgrade|paid|not available (for|to|on)|only available|free users|business"
        r"|enterprise",
        Action.SKIP,
        "plan",
        PLAN,
        Reach.WORKSPACE,
    ),
    Rule((403,), r"scope", Action.SKIP, "scope", SCOPE, Reach.STREAM),
    Rule(
        (403,),
        r"service[_ ]account",
        Action.SKIP,
        "service account",
        "use the token of a service account, or deselect the stream",
        Reach.WORKSPACE,
    ),
    Rule((403,), None, Action.SKIP, "no access", MEMBERSHIP),
    Rule(
        (404,),
        r"no matching route",
        Action.SKIP,
        "no such endpoint",
        "the endpoint is not offered for this token: deselect the stream",
        Reach.STREAM,
    ),
    Rule(
        (404,),
        None,
        Action.SKIP,
        "deleted",
        "restore it in Asana, if it should not have been deleted",
        deleted=True,
    ),
    Rule((424, 429), None, Action.WAIT, "rate limit"),
    Rule(
        (451,),
        None,
        Action.ABORT,
        "legal block",
        "Asana refuses for legal reasons (HTTP 451): ask Asana's support why this account or "
        "IP address is blocked",
    ),
    Rule((408, 409, 425), None, Action.RETRY, "try again"),
    # Those above 504 come from networks in front of Asana.
    Rule(range(500, 600), None, Action.RETRY, "server error"),
    Rule((), None, Action.FAIL, "unexpected answer", SUPPORT),
)
FIELDS = Rule((), None, Action.SKIP, "scope", SCOPE)
UNREADABLE = Rule((), None, Action.RETRY, "body cut off or no JSON")
REDIRECT = Rule(
    (), None, Action.FAIL, "redirect", "check `api_url`: the token is never sent to another host"
)
# Asana gives its reason in the body. An answer without one comes from a proxy or was cut off, and
# is no reason to leave anything out.
BODY_DECIDES = frozenset({400, 402, 403, 404, 412})
OK = Rule((), None, Action.SUCCESS, "ok")


@dataclass(frozen=True)
class Verdict:
    """What one answer means.

    Attributes:
        rule: the row that decided.
        status: HTTP status.
        message: Asana's own words, else the status.
        body: the parsed JSON body, None when it was none.
    """

    rule: Rule
    status: int
    message: str
    body: Any = None


def classify(response: requests.Response, *, is_list: bool = False) -> Verdict:
    """Return what `response` means; its content is read and parsed here, once.

    Args:
        response: read to its end.
        is_list: whether a list was asked for, so that anything else is no answer to it.
    """
    status = response.status_code
    try:
        body = parse(response.content)
    except ValueError:
        body = None
    message = message_of(body) or f"HTTP {status} {response.reason or ''}".rstrip()
    if 300 <= status < 400:
        return Verdict(REDIRECT, status, message, body)
    if status < 300:
        return _classify_success(status, message, body, is_list=is_list)
    if isinstance(body, dict) and body.get("sync") and status in (400, 412):
        return Verdict(
            next(r for r in RULES if r.action is Action.NEW_SYNC_TOKEN), status, message, body
        )
    if status in BODY_DECIDES and not message_of(body):
        return Verdict(UNREADABLE, status, message, body)
    rule = next(rule for rule in RULES if rule.matches(status, message))
    return Verdict(rule, status, message, body)


def _classify_success(status: int, message: str, body: Any, *, is_list: bool) -> Verdict:
    if not isinstance(body, dict):
        return Verdict(UNREADABLE, status, f"HTTP {status} with a body that is not complete JSON")
    if not body.get("errors"):
        if "data" in body and _is_data(body, is_list=is_list):
            return Verdict(OK, status, "", body)
        return Verdict(UNREADABLE, status, f"HTTP {status} without data", body)
    # Asana's batch style: the error came with a 2xx, whatever data there is. What it says decides;
    # without a known wording it is retried.
    known = next(
        (rule for rule in RULES if rule.pattern and rule.matches(rule.statuses[0], message)), None
    )
    return Verdict(known or UNREADABLE, status, message, body)


def _is_data(body: dict[str, Any], *, is_list: bool) -> bool:
    """Return whether an answer's data are objects, and whether it may name the page after it."""
    data = body["data"]
    if not isinstance(data, list):
        return not is_list and (data is None or _is_object(data))
    return all(map(_is_object, data)) and isinstance(body.get("next_page"), dict | None)


def _is_object(value: Any) -> bool:
    """Return whether this is an object whose gid, if it has one, is a text."""
    return isinstance(value, dict) and isinstance(value.get("gid", ""), str)


def message_of(body: Any) -> str:
    """Return the messages of an error body, joined; an empty text where there are none.

    Asana's form is `{"errors": [{"message", "phrase"?, "error"?}]}`.
    """
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return ""
    texts = []
    for error in errors:
        if isinstance(error, dict) and error.get("message"):
            extra = [str(error[key]) for key in ("error", "phrase") if error.get(key)]
            texts.append(" ".join([str(error["message"]), *(f"({text})" for text in extra)]))
    # Asana may echo what it was sent.
    return str(filter_secrets("; ".join(texts)))


def retry_after(response: requests.Response) -> float | None:
    """Return how many seconds Asana asks to wait, None where it names no number of them."""
    try:
        seconds = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


class AsanaError(Exception):
    """An answer that ends a partition; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class Refused(AsanaError):
    """Asana refuses exactly this (plan, scope, membership), or it is deleted: skipped."""


class OffsetExpired(AsanaError):
    """The page's offset is no longer valid: the listing is walked again."""


class SyncTokenExpired(AsanaError):
    """The events' sync token is missing or too old; `verdict.body["sync"]` is a new one."""


class PartitionFailed(AsanaError):
    """This partition cannot be read now."""
