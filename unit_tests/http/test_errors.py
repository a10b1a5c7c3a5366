"""The error table: real bodies of every kind, and what each means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests
from airbyte_cdk.sources.declarative.requesters.error_handlers import HttpResponseFilter
from airbyte_cdk.sources.streams.http.error_handlers import ResponseAction as Action

from source_asana.http.errors import Reach, message_of
from source_asana.http.errors import error_handler as handler
from unit_tests.given import answer, refusal, verdict

TABLE: tuple[tuple[int, str, Action, str, Reach], ...] = (
    (
        400,
        "offset: Your pagination token has expired.",
        Action.RESET_PAGINATION,
        "offset expired",
        Reach.PARTITION,
    ),
    (
        400,
        "offset: Your pagination token is invalid.",
        Action.RESET_PAGINATION,
        "offset expired",
        Reach.PARTITION,
    ),
    (
        400,
        "The result is too large. You should use pagination (may require specifying a workspace)!",
        Action.FAIL,
        "too large",
        Reach.PARTITION,
    ),
    (400, "The results were truncated.", Action.FAIL, "truncated", Reach.PARTITION),
    (
        400,
        "project: Not a recognized ID: abc",
        Action.FAIL,
        "bad request",
        Reach.PARTITION,
    ),
    (
        400,
        "Must specify exactly one of project, tag, section, or assignee + workspace",
        Action.FAIL,
        "bad request",
        Reach.PARTITION,
    ),
    (
        400,
        "Sync token invalid or too old. You must fetch the full dataset for this query now.",
        Action.RESET_PAGINATION,
        "sync token",
        Reach.PARTITION,
    ),
    (401, "Not Authorized", Action.REFRESH_TOKEN_THEN_RETRY, "token refused", Reach.PARTITION),
    (
        401,
        "The bearer token has expired. If you have a refresh token, please use it.",
        Action.REFRESH_TOKEN_THEN_RETRY,
        "token refused",
        Reach.PARTITION,
    ),
    (
        401,
        "Your workspace administrator has disabled this app.",
        Action.IGNORE,
        "app disabled",
        Reach.WHOLE_WORKSPACE,
    ),
    (402, "Search is only available to premium users.", Action.IGNORE, "plan", Reach.WORKSPACE),
    (
        402,
        "Custom Fields are not available for free users or guests.",
        Action.IGNORE,
        "plan",
        Reach.WORKSPACE,
    ),
    (402, "Whatever", Action.IGNORE, "plan", Reach.WORKSPACE),
    (403, "You do not have access to this project.", Action.IGNORE, "no access", Reach.PARTITION),
    (403, "Forbidden", Action.IGNORE, "no access", Reach.PARTITION),
    (
        403,
        "Custom Field Settings are not available for free users.",
        Action.IGNORE,
        "plan",
        Reach.WORKSPACE,
    ),
    (
        403,
        "This is only available to Enterprise customers.",
        Action.IGNORE,
        "plan",
        Reach.WORKSPACE,
    ),
    (
        403,
        "Your token is missing the scope tasks:read.",
        Action.IGNORE,
        "scope",
        Reach.STREAM,
    ),
    (
        403,
        "only_service_account_can_access",
        Action.IGNORE,
        "service account",
        Reach.WORKSPACE,
    ),
    (404, "task: Unknown object: 12", Action.IGNORE, "deleted", Reach.PARTITION),
    (404, "No matching route for request", Action.IGNORE, "no such endpoint", Reach.STREAM),
    (412, "Sync token invalid or too old.", Action.RESET_PAGINATION, "sync token", Reach.PARTITION),
    (
        424,
        "You have made too many requests recently.",
        Action.RATE_LIMITED,
        "rate limit",
        Reach.PARTITION,
    ),
    (
        429,
        "You have made too many requests recently.",
        Action.RATE_LIMITED,
        "rate limit",
        Reach.PARTITION,
    ),
    (
        451,
        "This request was blocked for legal reasons.",
        Action.FAIL,
        "legal block",
        Reach.PARTITION,
    ),
    (
        400,
        "Portfolios are not available for your plan, please upgrade.",
        Action.IGNORE,
        "plan",
        Reach.WORKSPACE,
    ),
    (400, "project: Missing input", Action.IGNORE, "other parameters", Reach.PARTITION),
    (409, "Conflict", Action.RETRY, "try again", Reach.PARTITION),
    (412, "Precondition Failed", Action.RESET_PAGINATION, "sync token", Reach.PARTITION),
    (500, "Server Error", Action.RETRY, "server error", Reach.PARTITION),
    (501, "Bad Gateway", Action.RETRY, "server error", Reach.PARTITION),
    (503, "Service Unavailable", Action.RETRY, "server error", Reach.PARTITION),
    (418, "I am a teapot", Action.FAIL, "unexpected answer", Reach.PARTITION),
    (520, "Web server returns an unknown error", Action.RETRY, "server error", Reach.PARTITION),
)


@pytest.mark.parametrize(
    ("status", "message", "action", "reason", "reach"),
    TABLE,
    ids=[f"{row[0]}-{row[3]}-{number}" for number, row in enumerate(TABLE)],
)
def test_status_and_words_decide(
    status: int, message: str, action: Action, reason: str, reach: Reach
) -> None:
    found = verdict(refusal(status, message))
    assert found.action is action
    assert found.rule.reason == reason
    assert found.rule.reach is reach
    assert found.status == status
    assert found.message == message


BODIES = (
    *((status, {"errors": [{"message": message}]}) for status, message, *_ in TABLE),
    (200, {"data": []}),
    (200, {"errors": [{"message": "Server Error"}]}),
    (302, b""),
    (403, b""),
    (400, {"sync": "a", "errors": [{"message": "Too old"}]}),
)


@pytest.mark.parametrize("number", range(len(handler().response_filters or ())))
def test_every_filter_decides_about_some_body(number: int) -> None:
    judges = handler()
    fewer = [one for place, one in enumerate(judges.response_filters or ()) if place != number]
    without = replace(judges, response_filters=fewer, parameters={})
    assert any(
        (verdict(answer(status, body)), verdict(answer(status, body), without).action)
        for status, body in BODIES
        if verdict(answer(status, body)) != verdict(answer(status, body), without)
    )


def test_every_skip_and_failure_says_what_to_do() -> None:
    judges = handler()
    assert [
        one
        for one in judges.response_filters or ()
        if one.action in {Action.IGNORE, Action.FAIL}
        and not judges.rule(one.error_message.string).remedy  # type: ignore[union-attr]  # built
    ] == []


def test_no_reason_is_that_of_no_filter() -> None:
    judges = handler()
    named = {one.error_message.string for one in judges.response_filters or ()}  # type: ignore[union-attr]
    assert judges.reasons.keys() - named == set()
    assert {"plan", "deleted", "scope", "sync token"} <= named


def test_a_changed_rule_and_reach_of_the_manifest_act() -> None:
    busy = HttpResponseFilter(
        config={},
        parameters={},
        http_codes={403},
        error_message_contains="later",
        action="RETRY",
        error_message="busy",
    )
    judges = handler()
    changed = replace(
        judges,
        response_filters=[busy, *(judges.response_filters or ())],
        reasons={"no access": {"reach": "stream", "remedy": "ask"}},
        parameters={},
    )
    assert verdict(refusal(403, "Try later"), changed).action is Action.RETRY
    # Both conditions must hold.
    assert verdict(refusal(404, "Try later"), changed).action is Action.IGNORE
    found = verdict(refusal(403, "Forbidden"), changed)
    assert (found.rule.reach, found.rule.remedy) == (Reach.STREAM, "ask")


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (answer(200, b""), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, b'{"data": [{"gid": "1"'), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, b"<html></html>"), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, []), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, None), "HTTP 200 with a body that is not complete JSON"),
        (answer(200, {}), "HTTP 200 without data"),
        (answer(200, {"data": "tasks"}), "HTTP 200 without data"),
        (answer(200, {"data": 7}), "HTTP 200 without data"),
        (answer(204, b""), "HTTP 204 with a body that is not complete JSON"),
        (answer(502, b"<html>Bad Gateway</html>", "Bad Gateway"), "HTTP 502 Bad Gateway"),
        (answer(503, b"", "Service Unavailable"), "HTTP 503 Service Unavailable"),
        (answer(403, b"", "Forbidden"), "HTTP 403 Forbidden"),
        (answer(404, b"<html>Not here</html>", "Not Found"), "HTTP 404 Not Found"),
        (answer(402, {}, "Payment Required"), "HTTP 402 Payment Required"),
        (answer(400, {"errors": []}), "HTTP 400"),
        (answer(200, {"data": [None]}), "HTTP 200 without data"),
        (answer(200, {"data": [{"gid": "1"}, "2"]}), "HTTP 200 without data"),
        (answer(200, {"data": [{"gid": None}]}), "HTTP 200 without data"),
        (answer(200, {"data": {"gid": 1}}), "HTTP 200 without data"),
        (answer(200, {"data": [], "next_page": "abc"}), "HTTP 200 without data"),
        (answer(200, {"errors": [{"message": "Server Error"}]}), "Server Error"),
        (answer(200, {"data": [], "errors": [{"message": "Server Error"}]}), "Server Error"),
    ],
)
def test_what_cannot_be_trusted_is_tried_again(response: requests.Response, message: str) -> None:
    found = verdict(response)
    assert found.action is Action.RETRY
    assert found.message == message


@pytest.mark.parametrize("data", [[], {}, [{"gid": "1"}], {"gid": "1"}, None])
def test_data_is_success(data: Any) -> None:
    found = verdict(answer(200, {"data": data}))
    assert found.action is Action.SUCCESS
    assert found.body == {"data": data}


@pytest.mark.parametrize("data", [{}, {"gid": "1"}, None])
def test_no_list_is_no_answer_to_who_asked_for_one(data: Any) -> None:
    listed = answer(200, {"data": data})
    listed.url = "https://app.asana.com/api/1.0/tasks?project=1&limit=100"
    found = verdict(listed)
    assert found.action is Action.RETRY
    assert found.message == "HTTP 200 without data"


def test_an_error_in_a_200_counts_like_its_status() -> None:
    words = "Search is only available to premium users."
    assert verdict(refusal(200, words)).action is Action.IGNORE
    expired = "offset: Your pagination token has expired."
    assert verdict(refusal(200, expired)).action is Action.RESET_PAGINATION


@pytest.mark.parametrize("status", [400, 412])
def test_any_error_with_a_sync_token_is_one(status: int) -> None:
    found = verdict(refusal(status, "Too old", sync="abc"))
    assert found.action is Action.RESET_PAGINATION
    assert found.body["sync"] == "abc"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    found = verdict(answer(status, b""))
    assert found.action is Action.FAIL
    assert "api_url" in found.rule.remedy


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"errors": [{"message": "A"}, {"message": "B"}]}, "A; B"),
        ({"errors": [{"message": "A", "phrase": "6 sad squid"}]}, "A (6 sad squid)"),
        ({"errors": [{"message": "A", "error": "code"}]}, "A (code)"),
        ({"errors": [{"help": "H"}]}, ""),
        ({"errors": "A"}, ""),
        ({"errors": ["A", None, {"message": "B"}]}, "B"),
        ({"message": "A"}, ""),
        ([], ""),
        (None, ""),
        ("A", ""),
    ],
)
def test_message_of(body: Any, message: str) -> None:
    assert message_of(body) == message
