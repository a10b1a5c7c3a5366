"""Decides what an answer of Asana means: filters of the manifest lead to an action and a reason.

The CDK's handler knows an action and a message. This one adds how far a refusal reaches and how to
mend it, which report, feeds and state go by; it has all conditions of a filter hold, where the CDK
takes any of them; and it takes a body that is not the data that was asked for as none. The body is
parsed once, for filters, paginator and retriever.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import requests
import yaml
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.interpolation.interpolated_boolean import InterpolatedBoolean
from airbyte_cdk.sources.declarative.models.declarative_component_schema import CustomErrorHandler
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import (
    ModelToComponentFactory,
)
from airbyte_cdk.sources.declarative.requesters.error_handlers import DefaultErrorHandler
from airbyte_cdk.sources.streams.http.error_handlers import ErrorResolution, ResponseAction
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from typing_extensions import override

from source_asana.http.parsing import parse

MANIFEST = Path(__file__).parents[1] / "manifest.yaml"
NO_PREDICATE = InterpolatedBoolean("", parameters={})
LIMIT = re.compile(r"[?&]limit=")


class Reach(Enum):
    """How far a refusal reaches."""

    PARTITION = "partition"
    WORKSPACE = "workspace"  # the stream in this workspace
    STREAM = "stream"
    WHOLE_WORKSPACE = "whole workspace"  # every stream in this workspace


@dataclass(frozen=True)
class Rule:
    """Why a part is not read: one of the `reasons` in the manifest.

    Attributes:
        reason: a word for the report.
        remedy: what the user can do, a clause.
        reach: how far a refusal reaches.
    """

    reason: str
    remedy: str = ""
    reach: Reach = Reach.PARTITION

    @property
    def takes_access(self) -> bool:
        """Whether what was readable before is withheld: no plan's limit, and not deleted."""
        return not (self.deleted or self.is_plan)

    @property
    def is_plan(self) -> bool:
        """Whether the plan does not include what was asked for."""
        return self.reason == "plan"

    @property
    def deleted(self) -> bool:
        """Whether the object does not exist (any more), so that nothing was left unread."""
        return self.reason == "deleted"


@dataclass(frozen=True)
class Verdict:
    """What one answer means.

    Attributes:
        rule: the reason, with its consequences.
        status: HTTP status, 0 without an answer.
        message: Asana's own words, else the status.
        body: the parsed JSON body, None when it was none.
        action: what the manifest says to do. `IGNORE` leaves out exactly what was refused, `FAIL`
            fails the partition.
        failure_type: with `config_error`, a failure ends the whole sync, as the user must act.
    """

    rule: Rule
    status: int
    message: str
    body: Any = None
    action: ResponseAction = ResponseAction.FAIL
    failure_type: FailureType | None = None

    @property
    def is_fatal(self) -> bool:
        """Whether the whole sync ends."""
        return (self.action, self.failure_type) == (ResponseAction.FAIL, FailureType.config_error)


@dataclass
class AsanaErrorHandler(DefaultErrorHandler):
    """Judges the answers of Asana by the filters of the manifest.

    Attributes:
        reasons: a filter's `error_message` → `reach`, how far its refusal reaches beyond the
            partition (`workspace`, `stream`, or `whole workspace` for all its streams), and
            `remedy`, what the user can do.
    """

    reasons: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Take the filters' statuses apart from their other conditions."""
        super().__post_init__(parameters)
        self._filters = [
            (one.http_codes, replace(one, http_codes=None, parameters={}))
            if one.predicate != NO_PREDICATE or one.error_message_contains
            else (one.http_codes, one)
            for one in self.response_filters or ()
        ]

    @override
    def interpret_response(
        self, response_or_exception: requests.Response | Exception | None
    ) -> ErrorResolution:
        answer = response_or_exception
        if not isinstance(answer, requests.Response):
            return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, "no answer")
        status = answer.status_code
        for statuses, one in self._filters:
            is_error_in_success = status < 300 and not one.http_codes
            if not statuses or status in statuses or is_error_in_success:
                found = one.matches(answer)
                if found:
                    return found
        return super().interpret_response(answer)

    def rule(self, reason: str) -> Rule:
        """Return a reason with its consequences."""
        told = self.reasons.get(reason, {})
        return Rule(reason, told.get("remedy", ""), Reach(told.get("reach", "partition")))

    def verdict(self, answer: requests.Response | Exception | None) -> Verdict:
        """Return what an answer means; its body is parsed here, once, and given by `json()` then.

        Args:
            answer: read to its end, or why there is none.
        """
        status, message = 0, f"no answer ({type(answer).__name__})"
        body: dict[str, Any] = {}
        if isinstance(answer, requests.Response):
            status = answer.status_code
            body, trouble = _read(answer)
            answer.json = lambda **_: body  # type: ignore[method-assign]  # what the filters look at
            message = message_of(body) or trouble
        found = self.interpret_response(answer)
        return Verdict(
            self.rule(found.error_message or ""),
            status,
            message,
            body,
            found.response_action or ResponseAction.RETRY,
            found.failure_type,
        )


@cache
def error_handler() -> AsanaErrorHandler:
    """Return the manifest's error handler, which judges all answers."""
    manifest = yaml.load(MANIFEST.read_bytes(), Loader=yaml.CSafeLoader)
    found: AsanaErrorHandler = ModelToComponentFactory().create_component(
        CustomErrorHandler, manifest["definitions"]["error_handler"], config={}
    )
    return found


def _read(answer: requests.Response) -> tuple[dict[str, Any], str]:
    """Return the body of an answer, empty where it is not what was asked for, and the status."""
    status = answer.status_code
    try:
        body = parse(answer.content)
    except ValueError:
        body = None
    if status >= 300:
        text = f"HTTP {status} {answer.reason or ''}".rstrip()
        return body if isinstance(body, dict) else {}, text
    if not isinstance(body, dict):
        return {}, f"HTTP {status} with a body that is not complete JSON"
    is_list = LIMIT.search(answer.url or "") is not None
    is_right = body.get("errors") or ("data" in body and _is_data(body, is_list=is_list))
    return body if is_right else {}, f"HTTP {status} without data"


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


def error_of(verdict: Verdict) -> AsanaError:
    """Return the error that an answer is for its partition."""
    if verdict.action is ResponseAction.IGNORE:
        return Refused(verdict)
    if verdict.action is not ResponseAction.RESET_PAGINATION:
        return PartitionFailed(verdict)
    is_token = verdict.rule.reason == "sync token"
    return SyncTokenExpired(verdict) if is_token else OffsetExpired(verdict)
